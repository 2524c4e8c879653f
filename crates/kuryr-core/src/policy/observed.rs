//! What Neutron has.

use std::collections::BTreeSet;

use super::group::{GroupKey, Rule};
use super::model::{Id, PodKey};

/// A security group of ours: it carries the cluster's tag and [`GroupKey::tag`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenGroup {
    /// Id.
    pub id: Id,
    /// What its tag says.
    pub key: GroupKey,
    /// Its rules.
    pub rules: Vec<SeenRule>,
}

/// A rule of such a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenRule {
    /// Id.
    pub id: Id,
    /// What it says; none if it is nothing that we would ever ask for (a protocol that
    /// Kubernetes has no word for, an address group).
    pub rule: Option<Rule<Id>>,
}

/// A port of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenPort {
    /// Id.
    pub id: Id,
    /// The pod that has it; none: it waits in a pool.
    pub pod: Option<PodKey>,
    /// All its security groups, ours or not.
    pub groups: BTreeSet<Id>,
}
