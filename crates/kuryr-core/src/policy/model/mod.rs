//! NetworkPolicies, as networking.k8s.io/v1 defines them, reduced to what decisions need.

mod cluster;
mod selector;

use std::collections::BTreeSet;
use std::fmt;

use ipnet::IpNet;

pub use self::cluster::{
    Backend, Facts, Family, NamedPort, Namespace, Node, Pod, Service, ServicePort,
};
pub use self::selector::{Labels, Requirement, Selector, Test};
pub use crate::Id;
pub use crate::port::PodKey;
pub use crate::service::{Protocol, ServiceKey};

/// A NetworkPolicy's namespace and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolicyKey {
    pub namespace: Id,
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

/// A NetworkPolicy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
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
    /// Whether the pods that it selects are isolated in this direction. Where `policyTypes` is not given it is ingress always,
    /// and egress if there is a rule for it.
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allow {
    /// `from` or `to`; empty: everything, inside the cluster and outside.
    pub peers: Vec<Peer>,
    /// `ports`; empty: all ports of all protocols.
    pub ports: Vec<PolicyPort>,
}

/// A peer of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peer {
    Pods {
        /// `namespaceSelector`; none: the policy's own namespace.
        namespaces: Option<Selector>,
        /// `podSelector`; absent is the same as empty beside a `namespaceSelector`.
        pods: Selector,
    },
    /// `ipBlock`: addresses, whoever has them.
    Block {
        cidr: IpNet,
        /// `except`.
        except: Vec<IpNet>,
    },
    /// It can't be read, and allows nobody. It must not be left out: without peers a rule allows everybody.
    Unreadable(String),
}

/// A port of a rule, always the destination's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyPort {
    /// TCP if not given.
    pub protocol: Protocol,
    pub ports: Ports,
}

/// Which ports of a protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ports {
    /// `port` is absent: all.
    All,
    /// From `port` to `endPort`, both included; without `endPort` both are the same.
    Range(u16, u16),
    /// Those that the destination pod's containers have under this name with this protocol.
    Named(Id),
    /// It can't be read, and allows nothing. It must not be left out: without ports a rule allows all.
    Unreadable(String),
}
