//! The facts that Kubernetes has, reduced to what decisions need.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

use super::annotations::Annotations;
use super::complaint::Complaint;
pub use crate::Id;

/// A Service's namespace and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceKey {
    pub namespace: Id,
    pub name: Id,
}

impl ServiceKey {
    /// A key from its parts.
    pub fn new(namespace: impl Into<Id>, name: impl Into<Id>) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
        }
    }
}

impl fmt::Display for ServiceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// A transport protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    Tcp,
    Udp,
    Sctp,
}

impl Protocol {
    /// From Kubernetes' or Octavia's word for it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Tcp, Self::Udp, Self::Sctp]
            .into_iter()
            .find(|p| p.word() == text)
    }

    /// The word that both Kubernetes and Octavia have for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
            Self::Sctp => "SCTP",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// An address family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::V4, Self::V6];

    /// The family of an address.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        if address.is_ipv4() {
            Self::V4
        } else {
            Self::V6
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Self::V4 { "IPv4" } else { "IPv6" })
    }
}

/// `spec.type` of a Service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Reached at its cluster addresses.
    ClusterIp,
    /// Also at a port of every node.
    NodePort,
    /// Also from outside.
    LoadBalancer,
    /// A name for something elsewhere.
    ExternalName,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Namespace and name.
    pub key: ServiceKey,
    /// Uid: a re-created Service of the same name has another.
    pub uid: Id,
    /// `spec.type`.
    pub kind: Kind,
    /// `spec.clusterIPs`, the primary family's first; none if headless or not given yet.
    pub cluster_ips: Vec<IpAddr>,
    /// Whether `spec.clusterIP` is `None`.
    pub headless: bool,
    /// Whether a label gives it to another proxy, or to none (Kubernetes' well-known labels `service-proxy-name` and `headless`).
    pub left_to_others: bool,
    /// `spec.ports`.
    pub ports: Vec<ServicePort>,
    /// `sessionAffinity: ClientIP`, with its timeout in seconds.
    pub affinity: Option<u32>,
    /// `spec.loadBalancerSourceRanges`, as written.
    pub source_ranges: Vec<Id>,
    /// `spec.loadBalancerIP`, as written.
    pub load_balancer_ip: Option<Id>,
    /// `spec.loadBalancerClass`.
    pub class: Option<Id>,
    /// `externalTrafficPolicy: Local`.
    pub external_local: bool,
    /// `internalTrafficPolicy: Local`.
    pub internal_local: bool,
    /// `spec.publishNotReadyAddresses`.
    pub publish_not_ready: bool,
    /// Whether Kubernetes finds the endpoints by a selector.
    pub has_selector: bool,
    /// What its annotations say.
    pub annotations: Annotations,
    /// Annotations that could not be read.
    pub complaints: Vec<Complaint>,
    /// Whether it is being deleted.
    pub deleting: bool,
    /// Whether upstream's finalizer is on it, which we never set.
    pub finalizer: bool,
    /// Addresses in `status.loadBalancer.ingress`.
    pub ingress: Vec<IpAddr>,
    /// Order of creation: where two want the same, the older has it.
    pub age: u64,
}

/// One of `spec.ports`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServicePort {
    /// Name; empty if it has none.
    pub name: Id,
    pub protocol: Protocol,
    /// Port of the Service.
    pub port: u16,
    /// `targetPort`, a number or a name, as text. Slices say what it comes to.
    pub target: Id,
}

/// An EndpointSlice, or a subset of an Endpoints object where the cluster has no slices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice {
    /// Namespace of the slice and of its Service.
    pub namespace: Id,
    /// The slice's own name.
    pub name: Id,
    /// Label `kubernetes.io/service-name`.
    pub service: Id,
    /// Family of all addresses in it; none for names (FQDN).
    pub family: Option<Family>,
    pub ports: Vec<SlicePort>,
    pub endpoints: Vec<Endpoint>,
}

impl Slice {
    /// The Service that it is of.
    #[must_use]
    pub fn service_key(&self) -> ServiceKey {
        ServiceKey::new(self.namespace.clone(), self.service.clone())
    }
}

/// A port of all endpoints of a slice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlicePort {
    /// Name of the Service's port; empty if it has none.
    pub name: Id,
    pub protocol: Protocol,
    /// Number; none means any, which a load balancer can't do.
    pub port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Its addresses, each as good as the other: the first is used, as kube-proxy does.
    pub addresses: Vec<IpAddr>,
    /// Condition `ready`; absent means true.
    pub ready: bool,
    /// Condition `serving`: as ready, but for terminating; absent means as ready.
    pub serving: bool,
    /// Condition `terminating`.
    pub terminating: bool,
    /// Namespace and name of the pod behind it.
    pub pod: Option<(Id, Id)>,
}

/// A KuryrLoadBalancer: that a Service has, or had, a load balancer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The Service: both have the same name.
    pub service: ServiceKey,
    /// Its own uid.
    pub uid: Id,
    /// Uid of the Service that owns it.
    pub owner: Option<Id>,
    /// Whether it is being deleted, and waits for its finalizer.
    pub deleting: bool,
    /// Whether the finalizer is on it.
    pub finalizer: bool,
    /// Version of the object: an older one never replaces a newer.
    pub version: u64,
    pub spec: ClaimSpec,
    /// The load balancer in its status.
    pub record: Option<Record>,
    /// The floating IP in its status.
    pub floating: Option<ClaimedAddress>,
}

/// The spec of a KuryrLoadBalancer, without upstream's copy of the endpoints.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClaimSpec {
    /// `ip`: the VIP.
    pub ip: Option<IpAddr>,
    /// `lb_ip`: the floating IP asked for.
    pub lb_ip: Option<IpAddr>,
    /// `ports`.
    pub ports: Vec<ServicePort>,
    /// `project_id`.
    pub project: Option<Id>,
    /// `security_groups_ids`.
    pub security_groups: Vec<Id>,
    /// `subnet_id`: the VIP's.
    pub subnet: Option<Id>,
    /// `type`: whether it is `LoadBalancer`; else it is `ClusterIP`.
    pub external: bool,
    /// `provider`.
    pub provider: Option<Id>,
    /// `timeout_client_data`, milliseconds.
    pub timeout_client: Option<u32>,
    /// `timeout_member_data`, milliseconds.
    pub timeout_member: Option<u32>,
}

/// What the status of a KuryrLoadBalancer says of the load balancer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub balancer: Id,
    pub provider: Option<Id>,
    /// Its VIP.
    pub address: Option<IpAddr>,
    /// Ids of all listeners, pools and members.
    pub children: BTreeSet<Id>,
}

/// A floating IP and how it was come by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimedAddress {
    /// Id of the floating IP.
    pub id: Id,
    pub address: IpAddr,
    /// Whether we took it from the pool (`alloc_method`): only then it is given back.
    pub from_pool: bool,
}

/// A Neutron floating IP that can be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FloatingIp {
    pub id: Id,
    pub address: IpAddr,
    /// The port that it leads to.
    pub port: Option<Id>,
    /// The Service that we made it for; none if it is not ours.
    pub made_for: Option<ServiceKey>,
}
