//! NetworkPolicies: what passes by the security groups that come of them.

mod claims;
mod crash;
mod life;
mod table;
mod told;
