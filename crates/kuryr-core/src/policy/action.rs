//! What is to be done, and what came of it: effects as data.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::claim::{Claim, Content};
use super::complaint::News;
use super::group::{GroupKey, Rule};
use super::mark::Mark;
use super::model::{Id, PolicyKey};
use crate::reconcile::{Effect, Failure, Lane};

/// One call to Neutron or Kubernetes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// List all security groups of ours with their rules, and those of the operator.
    List,
    /// Create a security group named [`Mark::name`]. The rules that Neutron gives it are in the answer, and are taken away by
    /// actions of their own before any port carries it.
    CreateGroup {
        key: GroupKey,
    },
    /// Create rules of a group by one call.
    CreateRules {
        group: Id,
        rules: Vec<Rule<Id>>,
    },
    DeleteRule {
        group: Id,
        rule: Id,
    },
    /// Delete a group that no port carries and no rule names.
    DeleteGroup {
        group: Id,
    },
    /// Tell a policy's owner something, by an Event.
    Report {
        policy: PolicyKey,
        uid: Id,
        news: News,
    },
    /// Create a policy's KuryrNetworkPolicy, owned by the policy with this uid.
    CreateClaim {
        policy: PolicyKey,
        uid: Id,
        content: Content,
    },
    /// Write what a policy came to into its KuryrNetworkPolicy.
    WriteClaim {
        policy: PolicyKey,
        content: Content,
    },
    /// Delete a KuryrNetworkPolicy, where that was not done yet, and take the finalizer off.
    ReleaseClaim {
        policy: PolicyKey,
        deleting: bool,
    },
    /// Delete the group that upstream made for a policy and that no port carries. The group itself must show that it was made for
    /// this policy; another's is left alone.
    DeleteOld {
        policy: PolicyKey,
        group: Id,
    },
}

impl Effect for Action {
    fn name(&self) -> &'static str {
        match self {
            Self::List => "list_security_groups",
            Self::CreateGroup { .. } => "create_security_group",
            Self::CreateRules { .. } => "create_security_group_rules",
            Self::DeleteRule { .. } => "delete_security_group_rule",
            Self::DeleteGroup { .. } => "delete_security_group",
            Self::Report { .. } => "report_network_policy",
            Self::CreateClaim { .. } => "create_kuryrnetworkpolicy",
            Self::WriteClaim { .. } => "write_kuryrnetworkpolicy",
            Self::ReleaseClaim { .. } => "release_kuryrnetworkpolicy",
            Self::DeleteOld { .. } => "delete_old_security_group",
        }
    }

    fn subject(&self) -> String {
        match self {
            Self::List => String::new(),
            Self::CreateGroup { key } => key.to_string(),
            Self::CreateRules { group, rules } => {
                format!("{} rules of security group {group}", rules.len())
            }
            Self::DeleteRule { group, rule } => format!("rule {rule} of security group {group}"),
            Self::DeleteGroup { group } => format!("security group {group}"),
            Self::Report { policy, .. }
            | Self::CreateClaim { policy, .. }
            | Self::WriteClaim { policy, .. }
            | Self::ReleaseClaim { policy, .. } => format!("network policy {policy}"),
            Self::DeleteOld { policy, group } => {
                format!("upstream's security group {group} of network policy {policy}")
            }
        }
    }

    fn lane(&self) -> Lane {
        match self {
            Self::List => Lane::Read,
            // A namespace that ends waits for it.
            Self::ReleaseClaim { .. } => Lane::Urgent,
            Self::Report { .. } | Self::CreateClaim { .. } | Self::WriteClaim { .. } => {
                Lane::Patient
            }
            _ => Lane::Cloud,
        }
    }
}

/// A security group of ours, as Neutron has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenGroup {
    pub id: Id,
    /// The mark in its name.
    pub mark: Mark,
    pub rules: Vec<SeenRule>,
}

/// A rule of such a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenRule {
    pub id: Id,
    /// What it says; none if it is nothing that we would ever ask for, such as one with an address group.
    pub rule: Option<Rule<Id>>,
}

/// What came of an action.
pub type Outcome = Result<Answer, Failure>;

/// What an action brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Done; nothing to tell. Deleting what is gone already is done too.
    Done,
    /// All groups of ours, and what each of the operator's lets pass, as they were at one moment.
    All {
        groups: Vec<SeenGroup>,
        operator: BTreeMap<Id, BTreeSet<Rule>>,
    },
    /// The group that was created.
    Created(SeenGroup),
    /// The rules that were created.
    Rules(Vec<SeenRule>),
    /// The KuryrNetworkPolicy as the API server answered it.
    Claim(Claim),
}

/// Why a policy is not in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trouble {
    /// The project may have no more security groups or rules.
    QuotaReached,
    /// Neutron refused or failed.
    NeutronFailed,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
