//! One action, carried out: calls go out, an outcome comes back. Nothing is decided here.

mod claims;
mod kubernetes;
mod network;
mod neutron;
mod policy;
mod policy_claims;

use kube::Client;
use kuryr_core::pods::{Action, Answer, World};
use kuryr_core::reconcile::Outcome;
use kuryr_core::{network as networks, port};
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
    /// `[neutron_defaults] project`.
    pub(crate) project: Option<String>,
    /// The project that the token is for.
    pub(crate) own_project: String,
    /// Tags of networks and of policies' security groups besides the cluster's.
    pub(crate) network_tags: Vec<String>,
    pub(crate) port_debug: bool,
    pub(crate) events: Events,
    pub(crate) fence: Fence,
}

impl Hands<World> for Executor {
    async fn carry_out(&self, action: &Action) -> Outcome<World> {
        match action {
            Action::Port(action) => self.for_ports(action).await.map(Answer::Port),
            Action::Network(action) => self.for_networks(action).await.map(Answer::Network),
            Action::Policy(action) => policy::run(self, action).await.map(Answer::Policy),
        }
    }
}

impl Executor {
    async fn for_ports(&self, action: &port::Action) -> port::Outcome {
        use port::Action;
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

    async fn for_networks(&self, action: &networks::Action) -> networks::Outcome {
        use networks::Action;
        match action {
            Action::CreateClaim { .. }
            | Action::WriteStatus { .. }
            | Action::ReleaseClaim { .. }
            | Action::Report { .. } => claims::run(self, action).await,
            on_neutron => network::run(self, on_neutron).await,
        }
    }
}
