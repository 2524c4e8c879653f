//! What policies are about: pods, namespaces, nodes, and Services.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use super::{Id, Labels, PodKey, Policy, PolicyKey, Protocol, ServiceKey};
use crate::policy::group::Rule;
pub use crate::service::Family;

/// A pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    pub key: PodKey,
    pub uid: Id,
    pub labels: Labels,
    /// Its addresses, as far as they are known.
    pub addresses: Vec<IpAddr>,
    /// Ports of its containers that have a name.
    pub ports: BTreeSet<NamedPort>,
    /// The node it is bound to; none: not yet.
    pub node: Option<Id>,
    /// Whether it is on the host's network: then policies don't see it, and its address is its node's.
    pub host_network: bool,
    /// Whether it has completed: then it has no address any more.
    pub over: bool,
}

impl Pod {
    /// Whether policies select it, as subject or as peer.
    #[must_use]
    pub fn counts(&self) -> bool {
        !self.host_network && !self.over
    }

    /// The numbers that a named port has.
    pub fn numbers(&self, name: &Id, protocol: Protocol) -> impl Iterator<Item = u16> {
        let named = self.ports.iter();
        let named = named.filter(move |p| p.name == *name && p.protocol == protocol);
        named.map(|p| p.number)
    }
}

/// A named port of a container.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NamedPort {
    pub name: Id,
    pub protocol: Protocol,
    /// `containerPort`.
    pub number: u16,
}

/// A namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespace {
    pub name: Id,
    /// Labels; the API server sets `kubernetes.io/metadata.name`.
    pub labels: Labels,
}

/// A node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    pub name: Id,
    /// The addresses from which it reaches its pods: those of its trunk's parent port.
    pub addresses: BTreeSet<IpAddr>,
}

/// A Service with a load balancer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    pub key: ServiceKey,
    /// Whether the load balancer is on the hypervisor, as Octavia's OVN provider has it: then a client's egress is judged with the
    /// VIP as destination for a connection's first packet and with the backend for all others, backends see the client's address,
    /// and a pod that calls itself comes from the VIP. Another's packets come from an address of the load balancer's own.
    pub on_hypervisor: bool,
    /// Addresses at which it is served.
    pub vips: BTreeSet<IpAddr>,
    pub ports: Vec<ServicePort>,
}

/// A port of such a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServicePort {
    pub protocol: Protocol,
    /// At the VIP.
    pub port: u16,
    /// Where it leads to.
    pub backends: BTreeSet<Backend>,
}

/// A member of a load balancer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Backend {
    pub address: IpAddr,
    pub port: u16,
}

/// All that is known of the cluster.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    pub policies: BTreeMap<PolicyKey, Arc<Policy>>,
    pub pods: BTreeMap<PodKey, Arc<Pod>>,
    pub namespaces: BTreeMap<Id, Arc<Namespace>>,
    pub nodes: BTreeMap<Id, Arc<Node>>,
    pub services: BTreeMap<ServiceKey, Arc<Service>>,
    /// Rules of the operator's own groups for pods, by the group's id.
    pub operator: BTreeMap<Id, Arc<BTreeSet<Rule>>>,
}
