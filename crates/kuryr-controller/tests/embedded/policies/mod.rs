//! NetworkPolicies: what passes by the security groups that come of them.

mod crash;
mod life;
mod table;
mod told;
