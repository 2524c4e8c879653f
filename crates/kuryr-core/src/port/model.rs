//! The facts, reduced to what decisions need.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use super::action::Reason;
use crate::Millis;

pub use crate::Id;

/// A pod's namespace and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PodKey {
    pub namespace: Id,
    pub name: Id,
}

impl PodKey {
    /// A key from its parts.
    pub fn new(namespace: impl Into<Id>, name: impl Into<Id>) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
        }
    }
}

impl fmt::Display for PodKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// Ports of one kind can stand in for each other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortKind {
    /// OpenStack project.
    pub project: Id,
    /// Neutron network.
    pub network: Id,
    /// Subnets from which the port has an address each, sorted.
    pub subnets: Vec<Id>,
    /// Security groups, sorted.
    pub security_groups: Vec<Id>,
}

impl PortKind {
    /// Whether the two differ in their security groups at most.
    #[must_use]
    pub fn same_place(&self, other: &Self) -> bool {
        let place = |k: &Self| (k.project.clone(), k.network.clone(), k.subnets.clone());
        place(self) == place(other)
    }
}

/// A pod that was bound to a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    /// Namespace and name.
    pub key: PodKey,
    /// Uid: a re-created pod of the same name has another.
    pub uid: Id,
    /// The node it is bound to.
    pub node: Id,
    /// What it needs of us.
    pub want: Want,
    /// How far it has come.
    pub life: PodLife,
    /// Whether upstream's pod finalizer is on it, which we never set and always remove.
    pub finalizer: bool,
    /// Whether a kubelet made it from a file.
    pub is_static: bool,
    /// Whether one of its containers asks for a port of its node (`hostPort`).
    pub has_host_port: bool,
    /// Order of creation: older pods are served first.
    pub age: u64,
}

/// What a pod needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Want {
    /// A port of this kind.
    Port(Arc<PortKind>),
    /// Nothing: it is on the host's network.
    Nothing,
    /// A port, of which it can't be said yet what it is to be: because of this, or only for a moment.
    Unknown(Option<(Reason, String)>),
}

/// Whether a pod still uses its network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PodLife {
    /// Waiting, running, or ending.
    Alive,
    /// Completed, or its kubelet is done with it.
    Over,
}

impl Pod {
    /// The kind of port that it is to have now.
    #[must_use]
    pub fn wanted_kind(&self) -> Option<&Arc<PortKind>> {
        match &self.want {
            Want::Port(kind) if self.life == PodLife::Alive => Some(kind),
            _ => None,
        }
    }
}

/// A KuryrPort: the port that a pod has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    pub pod: PodKey,
    pub pod_uid: Id,
    /// The node on which it is plugged.
    pub node: Id,
    /// The port, once there is one.
    pub vif: Option<ClaimedVif>,
    /// Whether it is being deleted, and waits for our finalizer.
    pub deleting: bool,
    /// Whether our finalizer is on it.
    pub finalizer: bool,
    /// Version of the object: an older one never replaces a newer.
    pub version: u64,
}

/// The port of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimedVif {
    /// Neutron port.
    pub port: Id,
    /// Segmentation id with which it is plugged.
    pub vlan: u16,
    /// Whether the daemon was told that it is ACTIVE.
    pub active: bool,
}

/// A Neutron trunk of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trunk {
    /// Trunk id.
    pub id: Id,
    /// Addresses of the parent port: the node's.
    pub addresses: Vec<IpAddr>,
    /// All its subports, ours or not, by segmentation id.
    pub subports: BTreeMap<u16, Id>,
}

/// A Neutron port of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// Port id.
    pub id: Id,
    /// What it can be used for.
    pub kind: Arc<PortKind>,
    /// MAC address.
    pub mac: Id,
    /// Addresses, with the subnet of each.
    pub addresses: Vec<(Id, IpAddr)>,
    /// Neutron's status.
    pub status: PortStatus,
    /// Where it is.
    pub place: Place,
}

/// A port's status, as far as it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortStatus {
    /// Wired on the hypervisor.
    Active,
    /// Anything else.
    Down,
}

/// Where a port is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// On no trunk.
    Loose,
    /// A subport.
    On {
        trunk: Id,
        /// Segmentation id.
        vlan: u16,
    },
}

/// What only we know of a port.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PortNotes {
    /// A call about it is under way.
    pub(crate) busy: bool,
    /// It is to be taken away, whatever else happens.
    pub(crate) doomed: bool,
    /// How often it was put on a trunk again since it was last ACTIVE.
    pub(crate) rewired: u32,
    /// Node for which it was made; orphans of an earlier life have none.
    pub(crate) made_for: Option<Id>,
    /// Uid of the pod that had it last.
    pub(crate) last_pod: Option<Id>,
    /// When it was last given back, or first seen without a user.
    pub(crate) free_since: Millis,
    /// Last change by us, to tell old lists from new facts.
    pub(crate) touched: u64,
}
