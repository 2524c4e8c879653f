//! One action, carried out: calls go out, an outcome comes back. Nothing is decided here.

mod neutron;

use std::sync::Arc;

use kuryr_core::policy::{Action, Failure, Outcome};
use kuryr_openstack::{Neutron, OwnershipMark};

use crate::events::Events;
use crate::lease::Fence;

/// What carrying out needs; shared by all calls under way.
pub(super) struct Executor {
    pub(super) neutron: Neutron,
    /// The cluster's.
    pub(super) mark: OwnershipMark,
    /// `resource_tags`.
    pub(super) tags: Vec<String>,
    /// `[neutron_defaults] project`; the token's project if none.
    pub(super) project: Option<String>,
    pub(super) events: Events,
    pub(super) fence: Fence,
}

impl Executor {
    /// Carries out an action.
    pub(super) async fn run(self: Arc<Self>, action: &Action) -> Outcome {
        let reads = matches!(action, Action::List);
        if !reads && !self.fence.open() {
            return Outcome::Failed(Failure::NotLeader);
        }
        match action {
            Action::List => neutron::list(&self).await,
            Action::CreateGroup { key, group } => neutron::create(&self, *key, group).await,
            Action::CreateRules { group, rules } => neutron::rules(&self, group, rules).await,
            Action::DeleteRule { rule, .. } => neutron::delete_rule(&self, rule).await,
            Action::DeleteGroup { group } => neutron::delete(&self, group).await,
            Action::Report {
                policy,
                uid,
                complaint,
            } => {
                self.events.of_policy(policy, uid, complaint).await;
                Outcome::Done
            }
        }
    }
}
