//! Numbers that the operator or the cloud sets.

use crate::Millis;
use crate::pool::Limits;

/// Settings of the port reconciler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    pub pool: Limits,
    /// Whether each pod's port has security groups of its own, told by [`World::dress`](super::World::dress), and those that wait
    /// have none.
    pub groups_by_pod: bool,
    /// A pool is not made smaller before it was left alone for so long, and then by one batch
    /// in each such time, milliseconds.
    pub linger: Millis,
    /// A port given back is not used again for so long, milliseconds.
    pub cooldown: Millis,
    /// A port of ours that nobody wants and that we did not just make is deleted
    /// after so long, milliseconds.
    pub orphan_grace: Millis,
    /// Bulk creates under way at once. Two keep Neutron's workers busy and let a pod
    /// that comes late be part of the next call.
    pub creates_at_once: usize,
    /// Deletes under way at once; Neutron has no bulk delete.
    pub deletes_at_once: usize,
    /// First wait between two looks at ports that are not ACTIVE yet.
    pub look_first: Millis,
    /// Longest such wait.
    pub look_longest: Millis,
    /// A pod whose port is not ACTIVE is told of after so long, milliseconds.
    pub slow_port: Millis,
    /// A pod's port that is not ACTIVE is taken off its trunk and put on again after so long, and each further time after
    /// twice as long, milliseconds.
    pub rewire_port: Millis,
    /// A node whose addresses are gone keeps its trunk for so long, milliseconds.
    pub node_grace: Millis,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            pool: Limits::NONE,
            groups_by_pod: false,
            linger: 0,
            cooldown: 10_000,
            orphan_grace: 60_000,
            creates_at_once: 2,
            deletes_at_once: 4,
            look_first: 150,
            look_longest: 5_000,
            slow_port: 20_000,
            rewire_port: 90_000,
            node_grace: 60_000,
        }
    }
}
