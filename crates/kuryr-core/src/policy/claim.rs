//! KuryrNetworkPolicies: what a policy came to, for people, for `kuryr doctor`, and for the Python implementation.

use std::collections::BTreeSet;

use super::group::Rule;
use super::model::{Direction, Id, PolicyKey, Selector};
use crate::reconcile::Versioned;

/// Rules that a KuryrNetworkPolicy lists at most: an object of the API server's has 1.5 MB at most.
pub const MOST_RULES: usize = 1_000;

/// A KuryrNetworkPolicy, which has its policy's namespace and name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    pub policy: PolicyKey,
    /// `status.securityGroupId`.
    pub group: Option<Id>,
    /// What it says; none if it does not say it as we would.
    pub content: Option<Content>,
    /// Whether it is being deleted.
    pub deleting: bool,
    /// Whether it has our finalizer, which is upstream's too.
    pub finalizer: bool,
    /// `metadata.resourceVersion`.
    pub version: u64,
}

impl Versioned for Claim {
    fn version(&self) -> u64 {
        self.version
    }
}

/// What a KuryrNetworkPolicy says when its policy's groups have all their rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// `spec.podSelector`, `status.podSelector`.
    pub pods: Selector,
    /// `spec.policyTypes`: what the policy isolates.
    pub types: BTreeSet<Direction>,
    /// `status.securityGroupRules`; the spec has the same rules, of which each direction has its list.
    pub rules: BTreeSet<ListedRule>,
}

impl Content {
    /// `status.securityGroupId`: upstream has one group for a policy, we the first of several.
    #[must_use]
    pub fn group(&self) -> Option<&Id> {
        self.rules.first().map(|listed| &listed.group)
    }
}

/// A rule as Neutron has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListedRule {
    pub rule: Rule<Id>,
    pub group: Id,
    pub id: Id,
}

impl Claim {
    /// The group that it names and that we never made, as far as it shows: upstream's.
    #[must_use]
    pub fn old_group(&self) -> Option<&Id> {
        self.group.as_ref().filter(|_| self.content.is_none())
    }
}
