//! One action, carried out: calls go out, an outcome comes back. Nothing is decided here.

mod floating;
mod kubernetes;
mod octavia;
mod seen;
mod status;
mod wanted;

use kube::Client;
use kuryr_core::service::{Action, Outcome, World};
use kuryr_openstack::{Neutron, Octavia, OwnershipMark};

use crate::events::Events;
use crate::lease::Fence;
use crate::reconcile::Hands;

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
}

impl Executor {
    /// Tags of a load balancer: the cluster's and the operator's.
    fn all_tags(&self) -> Vec<String> {
        let mut tags = vec![self.mark.tag.clone()];
        tags.extend(self.tags.iter().filter(|t| **t != self.mark.tag).cloned());
        tags
    }
}

impl Hands<World> for Executor {
    async fn carry_out(&self, action: &Action) -> Outcome {
        match action {
            Action::List => octavia::list(self).await,
            Action::Look { lb } => octavia::look(self, lb).await,
            Action::CreateBalancer { tree, .. } => octavia::create(self, tree).await,
            Action::Change { lb, change, .. } => octavia::change(self, lb, change).await,
            Action::CreateFloatingIp {
                service,
                network,
                subnet,
                port,
            } => floating::create(self, service, network, subnet.as_ref(), port).await,
            Action::FindFloatingIp { address, .. } => floating::find(self, *address).await,
            Action::AssociateFloatingIp { id, port, .. } => {
                floating::associate(self, id, port.as_ref()).await
            }
            Action::DeleteFloatingIp { id, .. } => floating::delete(self, id).await,
            on_kubernetes => kubernetes::run(self, on_kubernetes).await,
        }
    }
}
