//! What the operator sets.

use std::collections::BTreeSet;

use super::model::Family;
use crate::Millis;

/// Settings of the policy reconciler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Families that pods have addresses of: no rules are made for others.
    pub families: BTreeSet<Family>,
    /// What may be asked of the cloud.
    pub limits: Limits,
    /// Changing calls to Neutron under way at once.
    pub calls_at_once: usize,
    /// A group that nobody wants is deleted after so long without a user: a policy that was
    /// changed back meanwhile finds it.
    pub linger: Millis,
    /// Whatever would let more pass waits for ports that are to let less pass, but for none of them
    /// longer than this: a port that can't be changed must not hold up all others.
    pub patience: Millis,
    /// Failures of a group in a row before its policies' owners are told.
    pub quiet: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            families: [Family::V4].into(),
            limits: Limits::default(),
            calls_at_once: 4,
            linger: 0,
            patience: 30_000,
            quiet: 3,
        }
    }
}

/// Sizes that are not exceeded. A policy that would is complained of, and its pods are isolated
/// without what did not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Rules of one security group.
    pub rules_per_group: usize,
    /// Security groups of one port.
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
