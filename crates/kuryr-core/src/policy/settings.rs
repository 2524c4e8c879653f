//! What the operator sets.

use std::collections::BTreeSet;

use ipnet::IpNet;

use super::model::{Family, Id};
use crate::Millis;

/// Settings of policies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// IP versions that pods have addresses of: no rules are made for others.
    pub families: BTreeSet<Family>,
    /// The operator's own groups for pods: what they let pass in a direction holds where no policy isolates it.
    pub operator: Vec<Id>,
    /// The networks that VIPs of Services are in. Egress rules for addresses leave them out, and VIPs are allowed one by one.
    pub services: Vec<IpNet>,
    /// What may be asked of the cloud.
    pub limits: Limits,
    /// What would let more pass waits for ports that are to let less pass, and what would let less pass for members that are to be
    /// let in, but for none of them longer than this, milliseconds: a port that can't be changed must not hold up a policy.
    pub patience: Millis,
    /// Failures in a row after which pods go without a group, closed to what it would let pass; at once where the quota is reached.
    pub failures: u32,
}

/// Sizes that are not exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Rules of one security group: what needs more is several groups.
    pub rules_per_group: usize,
    /// Security groups of one port: the policy that needs more is complained of, and what does not fit stays closed.
    pub groups_per_port: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            rules_per_group: 1_000,
            groups_per_port: 200,
        }
    }
}
