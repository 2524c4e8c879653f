//! What is to be done, and what came of it: effects as data.

use std::sync::Arc;

use super::complaint::Complaint;
use super::group::{Group, GroupKey, Rule};
use super::model::{Id, PolicyKey};
use super::observed::{SeenGroup, SeenRule};
use crate::Millis;

/// One call to Kubernetes or Neutron.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// List all security groups of ours with their rules.
    List,
    /// Create a security group without rules of ours, tagged with its key. Never sent twice: an
    /// answer that was lost is followed by a list. The rules that Neutron gives it are in the
    /// answer, and are taken away by actions of their own before any port carries it.
    CreateGroup {
        /// Its key.
        key: GroupKey,
        /// What it is to be; [`Group::about`] is its description.
        group: Arc<Group>,
    },
    /// Create rules of a group, by one call.
    CreateRules {
        /// The group's id.
        group: Id,
        /// The rules.
        rules: Vec<Rule<Id>>,
    },
    /// Delete a rule.
    DeleteRule {
        /// The group's id.
        group: Id,
        /// The rule's id.
        rule: Id,
    },
    /// Delete a group that no port carries and no rule names.
    DeleteGroup {
        /// Its id.
        group: Id,
    },
    /// Tell the policy's owner.
    Report {
        /// The policy.
        policy: PolicyKey,
        /// Its uid.
        uid: Id,
        /// What.
        complaint: Complaint,
    },
}

/// Why an action did not do what it was to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Nothing was changed; try again, not before this wait if the other side named one.
    Again {
        /// What came back.
        message: String,
        /// Milliseconds that the other side asked for.
        after: Option<Millis>,
    },
    /// It may have been carried out: no answer came.
    Unknown {
        /// What happened instead.
        message: String,
    },
    /// The project may have no more of it.
    Quota {
        /// What came back.
        message: String,
    },
    /// Neutron's picture is another than ours: the group is gone or in use (404, 409), a rule is
    /// there already.
    Stale {
        /// What came back.
        message: String,
    },
    /// This process is not the leader any more; nothing was sent.
    NotLeader,
}

impl Failure {
    /// What came back, for an Event.
    #[must_use]
    pub fn message(&self) -> &str {
        match self {
            Self::Again { message, .. }
            | Self::Unknown { message }
            | Self::Quota { message }
            | Self::Stale { message } => message,
            Self::NotLeader => "not the leader",
        }
    }
}

/// What an action brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done; nothing to tell. Deleting what is gone already is done too.
    Done,
    /// All groups of ours, as they were at one moment.
    Listed(Vec<SeenGroup>),
    /// The group that was created, with the rules that Neutron gave it.
    Created(SeenGroup),
    /// The rules that were created.
    Rules(Vec<SeenRule>),
    /// It did not work.
    Failed(Failure),
}
