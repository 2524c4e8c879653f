//! One action, carried out: calls go out, an outcome comes back. Nothing is decided here.

mod kubernetes;
mod neutron;

use kube::Client;
use kuryr_core::port::{Action, Outcome, World};
use kuryr_openstack::{Neutron, OwnershipMark};

use super::networks::Networks;
use crate::events::Events;
use crate::lease::Fence;
use crate::reconcile::Hands;

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
}

impl Hands<World> for Executor {
    async fn carry_out(&self, action: &Action) -> Outcome {
        match action {
            Action::FindTrunks { .. } => neutron::find_trunks(self).await,
            Action::Refresh => neutron::refresh(self).await,
            Action::CreatePorts { orders } => neutron::create(self, orders).await,
            Action::AddSubports { trunk, ports } => neutron::add(self, trunk, ports).await,
            Action::RemoveSubports { trunk, ports } => neutron::remove(self, trunk, ports).await,
            Action::DeletePort { port } => neutron::delete(self, port).await,
            Action::SetSecurityGroups { port, kind } => neutron::set_groups(self, port, kind).await,
            Action::Adopt {
                port,
                pod_uid,
                kind,
                ..
            } => neutron::adopt(self, port, pod_uid, kind).await,
            Action::Look { ports } => neutron::look(self, ports).await,
            on_kubernetes => kubernetes::run(self, on_kubernetes).await,
        }
    }
}
