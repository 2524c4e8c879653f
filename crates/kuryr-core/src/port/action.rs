//! What is to be done, and what came of it: effects as data.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use super::model::{Claim, Id, PodKey, Port, PortKind, PortStatus, Trunk};
use crate::reconcile::{Effect, Failure, Lane};

/// One call to Kubernetes or Neutron. Each is safe to repeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Create the pod's KuryrPort, with its port if there is one already.
    CreateClaim {
        pod: PodKey,
        uid: Id,
        node: Id,
        /// Whether it is a static pod.
        is_static: bool,
        /// The port.
        vif: Option<Assignment>,
    },
    /// Write the port into the pod's KuryrPort, or that it became active.
    WriteVif {
        pod: PodKey,
        uid: Id,
        /// The port.
        vif: Assignment,
    },
    /// Delete the KuryrPort and take our finalizer off it.
    DropClaim {
        pod: PodKey,
        /// Uid of the pod that the KuryrPort is for.
        uid: Id,
        /// Whether it is being deleted already.
        deleting: bool,
    },
    /// Take upstream's finalizer off a pod that is over.
    DropPodFinalizer {
        pod: PodKey,
        uid: Id,
    },
    /// Find the trunks of these nodes by their addresses.
    FindTrunks {
        /// Node names and their addresses.
        nodes: Vec<(Id, Vec<IpAddr>)>,
    },
    /// One `POST /ports` with all of these ports; its size is the sum of the orders' counts.
    CreatePorts {
        /// How many of which kind for which node.
        orders: Vec<(Id, Arc<PortKind>, usize)>,
    },
    /// One `PUT /trunks/ID/add_subports`.
    AddSubports {
        trunk: Id,
        /// Ports and their segmentation ids.
        ports: Vec<(Id, u16)>,
    },
    RemoveSubports {
        trunk: Id,
        ports: Vec<Id>,
    },
    /// Delete a port that is on no trunk.
    DeletePort {
        port: Id,
    },
    /// Set a port's security groups.
    SetSecurityGroups {
        port: Id,
        /// What it is to be.
        kind: Arc<PortKind>,
    },
    /// Mark a port as ours again: a KuryrPort names it, and it is in its place. The port itself must show that it was
    /// made for such a pod, see [`adoptable`](super::adoptable).
    Adopt {
        port: Id,
        trunk: Id,
        /// Its segmentation id there.
        vlan: u16,
        /// Whose port it is to be.
        pod_uid: Id,
        /// What the pod's port is to be.
        kind: Arc<PortKind>,
    },
    /// One list of ports that are not ACTIVE yet.
    Look {
        ports: Vec<Id>,
    },
    /// List all our ports and trunks anew: an answer was lost.
    Refresh,
    /// Tell the node's owner why fewer ports than wanted wait there.
    ReportNode {
        node: Id,
        /// Why.
        reason: Reason,
        /// The sentence.
        message: String,
    },
    /// Tell the pod's owner what of it is not kept, though it does not wait for that.
    Warn {
        pod: PodKey,
        uid: Id,
        /// What.
        reason: Reason,
        /// The sentence.
        message: String,
    },
    /// Tell the pod's owner why it waits.
    Report {
        pod: PodKey,
        uid: Id,
        /// Why.
        reason: Reason,
        /// The sentence.
        message: String,
    },
}

impl Effect for Action {
    fn name(&self) -> &'static str {
        match self {
            Self::CreateClaim { .. } => "create_kuryrport",
            Self::WriteVif { .. } => "write_vif",
            Self::DropClaim { .. } => "drop_kuryrport",
            Self::DropPodFinalizer { .. } => "drop_pod_finalizer",
            Self::FindTrunks { .. } => "find_trunks",
            Self::CreatePorts { .. } => "create_ports",
            Self::AddSubports { .. } => "add_subports",
            Self::RemoveSubports { .. } => "remove_subports",
            Self::DeletePort { .. } => "delete_port",
            Self::SetSecurityGroups { .. } => "set_security_groups",
            Self::Adopt { .. } => "adopt",
            Self::Look { .. } => "look",
            Self::Refresh => "refresh",
            Self::Warn { .. } => "warn",
            Self::Report { .. } => "report",
            Self::ReportNode { .. } => "report_node",
        }
    }

    fn subject(&self) -> String {
        match self {
            Self::CreateClaim {
                pod,
                vif: Some(vif),
                ..
            }
            | Self::WriteVif { pod, vif, .. } => format!("pod {pod}, port {}", vif.port),
            Self::CreateClaim { pod, .. }
            | Self::DropClaim { pod, .. }
            | Self::DropPodFinalizer { pod, .. }
            | Self::Warn { pod, .. }
            | Self::Report { pod, .. } => format!("pod {pod}"),
            Self::AddSubports { trunk, ports } => {
                format!("{} subports of trunk {trunk}", ports.len())
            }
            Self::RemoveSubports { trunk, ports } => {
                format!("{} subports of trunk {trunk}", ports.len())
            }
            Self::CreatePorts { orders } => {
                format!("{} ports", orders.iter().map(|(_, _, n)| n).sum::<usize>())
            }
            Self::DeletePort { port }
            | Self::SetSecurityGroups { port, .. }
            | Self::Adopt { port, .. } => format!("port {port}"),
            Self::Look { ports } => format!("{} ports", ports.len()),
            Self::ReportNode { node, .. } => format!("node {node}"),
            Self::FindTrunks { nodes } => format!("{} nodes", nodes.len()),
            Self::Refresh => String::new(),
        }
    }

    fn lane(&self) -> Lane {
        match self {
            Self::FindTrunks { .. } | Self::Look { .. } | Self::Refresh => Lane::Read,
            // Those that bring a pod nearer to its end don't wait behind the others.
            Self::CreateClaim { vif: None, .. }
            | Self::Warn { .. }
            | Self::Report { .. }
            | Self::ReportNode { .. } => Lane::Patient,
            Self::CreateClaim { .. }
            | Self::WriteVif { .. }
            | Self::DropClaim { .. }
            | Self::DropPodFinalizer { .. } => Lane::Urgent,
            Self::CreatePorts { .. }
            | Self::AddSubports { .. }
            | Self::RemoveSubports { .. }
            | Self::DeletePort { .. }
            | Self::SetSecurityGroups { .. }
            | Self::Adopt { .. } => Lane::Cloud,
        }
    }
}

/// A port and its VLAN, given to a pod: all that its KuryrPort says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// Neutron port.
    pub port: Id,
    /// Segmentation id.
    pub vlan: u16,
    /// Whether it is ACTIVE.
    pub active: bool,
    /// MAC address.
    pub mac: Id,
    /// Addresses, with the subnet of each.
    pub addresses: Vec<(Id, IpAddr)>,
}

impl Assignment {
    /// A port that is a subport with this segmentation id.
    #[must_use]
    pub fn of(port: &Port, vlan: u16) -> Self {
        Self {
            port: port.id.clone(),
            vlan,
            active: port.status == PortStatus::Active,
            mac: port.mac.clone(),
            addresses: port.addresses.clone(),
        }
    }
}

/// Why a pod waits, or a pool is too small; the `reason` of the Event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// The node's address is no trunk's parent port.
    NoTrunk,
    /// 4,094 subports are on the node's trunk.
    TrunkFull,
    /// The project's quota is used up.
    QuotaReached,
    /// The subnet has no address left.
    SubnetFull,
    /// It can't be said yet which network the pod is to be on.
    NoPodSubnetFound,
    /// Neutron refused or failed.
    NeutronFailed,
    /// The pod's port is gone from Neutron.
    PortMissing,
    /// The pod's port is on its trunk, and Neutron does not show it ACTIVE.
    PortNotActive,
    /// A container's `hostPort` is not opened.
    HostPortNotServed,
    /// The network of a namespace that ends is used by something that is none of ours.
    NetworkInUse,
    /// Few subnets are left for networks of namespaces.
    SubnetPoolLow,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::NoTrunk,
        Self::TrunkFull,
        Self::QuotaReached,
        Self::SubnetFull,
        Self::NoPodSubnetFound,
        Self::NeutronFailed,
        Self::PortMissing,
        Self::PortNotActive,
        Self::HostPortNotServed,
        Self::NetworkInUse,
        Self::SubnetPoolLow,
    ];
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// What came of an action.
pub type Outcome = Result<Answer, Failure>;

/// What an action brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Done; nothing to tell.
    Done,
    /// The KuryrPort as the API server answered it.
    Claim(Claim),
    /// The port as it is now.
    Adopted(Port),
    /// Ports that were created, in the order of the request.
    Created(Vec<Port>),
    /// Status of the ports looked at; those absent are gone.
    Seen(Vec<(Id, PortStatus)>),
    /// Trunks that have one of the addresses asked for.
    Trunks(Vec<Trunk>),
    /// Everything, as it was at one moment.
    All {
        /// All ports of ours.
        ports: Vec<Port>,
        /// All trunks that can be seen.
        trunks: Vec<Trunk>,
    },
}
