//! The facts that Kubernetes has, reduced to what decisions need.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use super::selector::{Labels, Selector};
pub use crate::port::{Id, PodKey};
use crate::service::ServiceKey;
pub use crate::service::{Cidr, Family, Protocol};

/// A NetworkPolicy's namespace and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolicyKey {
    /// Namespace.
    pub namespace: Id,
    /// Name.
    pub name: Id,
}

impl PolicyKey {
    /// A key from its parts.
    pub fn new(namespace: impl Into<Id>, name: impl Into<Id>) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
        }
    }
}

impl fmt::Display for PolicyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// A direction, seen from the pod that a policy selects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// To the pod.
    Ingress,
    /// From the pod.
    Egress,
}

impl Direction {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::Ingress, Self::Egress];

    /// Neutron's word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Ingress => "ingress",
            Self::Egress => "egress",
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A NetworkPolicy of networking.k8s.io/v1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Namespace and name.
    pub key: PolicyKey,
    /// Uid: a re-created policy of the same name has another.
    pub uid: Id,
    /// `spec.podSelector`.
    pub pods: Selector,
    /// `spec.policyTypes`; empty if not given.
    pub types: BTreeSet<Direction>,
    /// `spec.ingress`.
    pub ingress: Vec<Allow>,
    /// `spec.egress`.
    pub egress: Vec<Allow>,
}

impl Policy {
    /// Whether the pods that it selects are isolated in this direction. Where `policyTypes` is
    /// not given it is ingress always, and egress if there is a rule for it.
    #[must_use]
    pub fn isolates(&self, direction: Direction) -> bool {
        if !self.types.is_empty() {
            return self.types.contains(&direction);
        }
        direction == Direction::Ingress || !self.egress.is_empty()
    }

    /// Its rules for a direction; none where it does not isolate.
    #[must_use]
    pub fn rules(&self, direction: Direction) -> &[Allow] {
        match direction {
            _ if !self.isolates(direction) => &[],
            Direction::Ingress => &self.ingress,
            Direction::Egress => &self.egress,
        }
    }
}

/// One of a policy's rules: traffic with any of the peers through any of the ports is allowed.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Allow {
    /// `from` or `to`; empty: everything, inside the cluster and outside.
    pub peers: Vec<Peer>,
    /// `ports`; empty: all ports of all protocols.
    pub ports: Vec<PolicyPort>,
}

/// A peer of a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Peer {
    /// Pods.
    Pods {
        /// `namespaceSelector`; none: the policy's own namespace.
        namespaces: Option<Selector>,
        /// `podSelector`; absent is the same as empty beside a `namespaceSelector`.
        pods: Selector,
    },
    /// `ipBlock`: addresses, whoever has them.
    Block {
        /// `cidr`.
        cidr: Cidr,
        /// `except`.
        except: Vec<Cidr>,
    },
    /// It can't be read, and allows nobody. It must not be left out: without peers a rule
    /// allows everybody.
    Unreadable(String),
}

/// A port of a rule, always the destination's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PolicyPort {
    /// Protocol; TCP if not given.
    pub protocol: Protocol,
    /// Which ports of it.
    pub ports: Ports,
}

/// Which ports of a protocol.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ports {
    /// `port` is absent: all.
    All,
    /// From `port` to `endPort`, both included; without `endPort` both are the same.
    Range(u16, u16),
    /// Those that the destination pod's containers have under this name with this protocol.
    Named(Id),
    /// It can't be read, and allows nothing. It must not be left out: without ports a rule
    /// allows all.
    Unreadable(String),
}

/// A pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    /// Namespace and name.
    pub key: PodKey,
    /// Uid.
    pub uid: Id,
    /// Labels.
    pub labels: Labels,
    /// Its addresses, as far as they are known; at most one of each family counts.
    pub addresses: Vec<IpAddr>,
    /// Ports of its containers that have a name.
    pub ports: BTreeSet<NamedPort>,
    /// The node it is bound to; none: not yet.
    pub node: Option<Id>,
    /// Whether it is on the host's network: then policies don't see it, and its address is
    /// its node's.
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
    /// Name.
    pub name: Id,
    /// Protocol.
    pub protocol: Protocol,
    /// `containerPort`.
    pub number: u16,
}

/// A namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespace {
    /// Name.
    pub name: Id,
    /// Labels; the API server sets `kubernetes.io/metadata.name`.
    pub labels: Labels,
}

/// A node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Name.
    pub name: Id,
    /// The addresses from which it reaches its pods: InternalIPs.
    pub addresses: BTreeSet<IpAddr>,
}

/// A Service with a load balancer that is on the hypervisor: a packet of a client is seen by
/// its egress rules with the VIP as destination (the OVN provider). Services of other providers
/// are none of these: a client talks to the load balancer's own port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Namespace and name.
    pub key: ServiceKey,
    /// Addresses at which it is served.
    pub vips: BTreeSet<IpAddr>,
    /// Its ports.
    pub ports: Vec<ServicePort>,
}

/// A port of such a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServicePort {
    /// Protocol.
    pub protocol: Protocol,
    /// Port at the VIP.
    pub port: u16,
    /// Where it leads to.
    pub backends: BTreeSet<Backend>,
}

/// A member of a load balancer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Backend {
    /// Its address.
    pub address: IpAddr,
    /// Its port.
    pub port: u16,
}

/// All that is known of the cluster.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Policies.
    pub policies: BTreeMap<PolicyKey, Arc<Policy>>,
    /// Pods.
    pub pods: BTreeMap<PodKey, Arc<Pod>>,
    /// Namespaces.
    pub namespaces: BTreeMap<Id, Arc<Namespace>>,
    /// Nodes.
    pub nodes: BTreeMap<Id, Arc<Node>>,
    /// Services whose load balancers are on the hypervisor.
    pub services: BTreeMap<ServiceKey, Arc<Service>>,
}
