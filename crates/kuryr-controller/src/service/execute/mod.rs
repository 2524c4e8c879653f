//! One action, carried out: calls go out, an outcome comes back. Nothing is decided here.

mod floating;
mod kubernetes;
mod octavia;
mod seen;
mod status;
mod wanted;

use std::sync::Arc;

use kube::Client;
use kuryr_core::reconcile::Failure;
use kuryr_core::service::{Action, Outcome};
use kuryr_openstack::{Neutron, Octavia, OwnershipMark};
use tokio::sync::Semaphore;

use crate::events::Events;
use crate::lease::Fence;

/// Calls to Kubernetes under way at once.
const KUBERNETES_AT_ONCE: usize = 16;

/// What carrying out needs; shared by all calls under way.
pub(crate) struct Executor {
    pub(crate) client: Client,
    pub(crate) octavia: Octavia,
    pub(crate) neutron: Neutron,
    /// The cluster's.
    pub(crate) mark: OwnershipMark,
    /// `resource_tags`.
    pub(crate) tags: Vec<String>,
    /// Id of the project.
    pub(crate) project: String,
    pub(crate) events: Events,
    pub(crate) fence: Fence,
    pub(crate) turns: Semaphore,
}

impl Executor {
    /// Calls to Kubernetes that may be under way at once.
    pub(crate) fn turns() -> Semaphore {
        Semaphore::new(KUBERNETES_AT_ONCE)
    }

    /// Tags of a load balancer: the cluster's and the operator's.
    fn all_tags(&self) -> Vec<String> {
        let mut tags = vec![self.mark.tag.clone()];
        tags.extend(self.tags.iter().filter(|t| **t != self.mark.tag).cloned());
        tags
    }

    /// Carries out an action.
    pub(crate) async fn run(self: Arc<Self>, action: &Action) -> Outcome {
        let _turn = match is_kubernetes(action) {
            true => self.turns.acquire().await.ok(),
            false => None,
        };
        if is_write(action) && !self.fence.open() {
            return Err(Failure::not_leader());
        }
        match action {
            Action::List => octavia::list(&self).await,
            Action::Look { lb } => octavia::look(&self, lb).await,
            Action::CreateBalancer { tree, .. } => octavia::create(&self, tree).await,
            Action::Change { lb, change, .. } => octavia::change(&self, lb, change).await,
            Action::CreateFloatingIp {
                service,
                network,
                subnet,
                port,
            } => floating::create(&self, service, network, subnet.as_ref(), port).await,
            Action::FindFloatingIp { address, .. } => floating::find(&self, *address).await,
            Action::AssociateFloatingIp { id, port, .. } => {
                floating::associate(&self, id, port.as_ref()).await
            }
            Action::DeleteFloatingIp { id, .. } => floating::delete(&self, id).await,
            on_kubernetes => kubernetes::run(&self, on_kubernetes).await,
        }
    }
}

/// Whether an action is a call to Kubernetes; OpenStack's client has a limit of its own.
fn is_kubernetes(action: &Action) -> bool {
    matches!(
        action,
        Action::CreateClaim { .. }
            | Action::WriteClaim { .. }
            | Action::DropClaim { .. }
            | Action::WriteServiceStatus { .. }
            | Action::DropServiceFinalizer { .. }
            | Action::Report { .. }
    )
}

/// Whether an action changes anything.
fn is_write(action: &Action) -> bool {
    !matches!(
        action,
        Action::List | Action::Look { .. } | Action::FindFloatingIp { .. }
    )
}
