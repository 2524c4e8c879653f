//! What policies are about: NetworkPolicies, pods, and Neutron's security groups.

mod group;
mod pod;
mod policy;
mod selector;

pub use group::{new_rule, operators_rules, seen_group, seen_rule};
pub use pod::pod;
pub use policy::{policy, policy_key};
