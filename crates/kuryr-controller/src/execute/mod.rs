//! One action, carried out: calls go out, an outcome comes back. Nothing is decided here.

mod kubernetes;
mod neutron;
mod turns;

use std::sync::Arc;

use kube::Client;
use kuryr_core::port::{Action, Answer, Outcome, Port};
use kuryr_core::reconcile::Failure;
use kuryr_openstack::{Neutron, OwnershipMark};

use crate::events::Events;
use crate::lease::Fence;
use crate::networks::Networks;

pub(crate) use turns::Turns;

/// What carrying out needs; shared by all calls under way.
pub(crate) struct Executor {
    pub(crate) client: Client,
    pub(crate) neutron: Neutron,
    pub(crate) networks: Networks,
    pub(crate) mark: OwnershipMark,
    pub(crate) tags: Vec<String>,
    pub(crate) node_subnets: Vec<String>,
    pub(crate) project: Option<String>,
    pub(crate) port_debug: bool,
    pub(crate) events: Events,
    pub(crate) fence: Fence,
    pub(crate) turns: Turns,
}

impl Executor {
    /// Carries out an action. `port` is the port that it gives to a pod, if it does.
    pub(crate) async fn run(self: Arc<Self>, action: &Action, port: Option<&Port>) -> Outcome {
        let _turn = self.turns.wait(action).await;
        if is_write(action) && !self.fence.open() {
            return Err(Failure::not_leader());
        }
        match action {
            Action::CreateClaim { .. } => kubernetes::create_claim(&self, action, port).await,
            Action::WriteVif { pod, vif, .. } => kubernetes::write_vif(&self, pod, vif, port).await,
            Action::DropClaim { pod, deleting, .. } => {
                kubernetes::drop_claim(&self, pod, *deleting).await
            }
            Action::DropPodFinalizer { pod, uid } => {
                kubernetes::drop_pod_finalizer(&self, pod, uid).await
            }
            Action::Report {
                pod,
                uid,
                reason,
                message,
            } => kubernetes::report(&self, pod, uid, *reason, message).await,
            Action::ReportNode {
                node,
                reason,
                message,
            } => {
                let reason = reason.to_string();
                self.events.warn_node(node, &reason, message).await;
                Ok(Answer::Done)
            }
            Action::FindTrunks { .. } => neutron::find_trunks(&self).await,
            Action::Refresh => neutron::refresh(&self).await,
            Action::CreatePorts { orders } => neutron::create(&self, orders).await,
            Action::AddSubports { trunk, ports } => neutron::add(&self, trunk, ports).await,
            Action::RemoveSubports { trunk, ports } => neutron::remove(&self, trunk, ports).await,
            Action::DeletePort { port } => neutron::delete(&self, port).await,
            Action::SetSecurityGroups { port, kind } => {
                neutron::set_groups(&self, port, kind).await
            }
            Action::Adopt { port, .. } => neutron::adopt(&self, port).await,
            Action::Look { ports } => neutron::look(&self, ports).await,
        }
    }
}

/// Whether an action changes anything.
fn is_write(action: &Action) -> bool {
    !matches!(
        action,
        Action::FindTrunks { .. } | Action::Refresh | Action::Look { .. }
    )
}
