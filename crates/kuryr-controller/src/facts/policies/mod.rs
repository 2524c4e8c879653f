//! What policies are about: NetworkPolicies, pods, and Neutron's security groups; and KuryrNetworkPolicies, which say what came of that.

mod claim;
mod group;
mod pod;
mod policy;
mod selector;

pub use claim::{body, claim, claim_key, patch};
pub use group::{new_rule, operators_rules, seen_group, seen_rule};
pub use pod::pod;
pub use policy::{policy, policy_key};
