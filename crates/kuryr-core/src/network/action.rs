//! What is to be done, and what came of it: effects as data.

use std::collections::BTreeMap;

use super::model::{Claim, Network, Own, Status, Subnet};
use super::room::PoolRoom;
use crate::Id;
use crate::port::Reason;
use crate::reconcile::{Effect, Failure, Lane};

/// One call to Kubernetes or Neutron, or a few that belong together. Each is safe to repeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// List all networks that carry our mark, with their subnets and legs.
    List,
    /// Create the namespace's KuryrNetwork.
    CreateClaim {
        namespace: Id,
        project: Id,
        labels: BTreeMap<String, String>,
    },
    /// Write what there is into the KuryrNetwork.
    WriteStatus {
        namespace: Id,
        labels: BTreeMap<String, String>,
        /// Labels that it has and the namespace has no more.
        gone_labels: Vec<String>,
        status: Status,
    },
    /// Take the finalizer off the KuryrNetwork, which is being deleted: by somebody, or by Kubernetes with its namespace.
    ReleaseClaim { namespace: Id },
    /// Read the network that a namespace brings.
    ReadOwn { namespace: Id, own: Own },
    /// Mark a network that a KuryrNetwork names as ours. The network itself must show that it was made for this namespace.
    Adopt { namespace: Id, uid: Id, network: Id },
    /// `POST /networks`.
    CreateNetwork { namespace: Id, uid: Id, project: Id },
    /// `POST /subnets`, with a prefix from a pool.
    CreateSubnet {
        namespace: Id,
        network: Id,
        /// Its name, the network's.
        name: String,
        project: Id,
        pool: Id,
        /// 4 or 6.
        version: u8,
    },
    /// `PUT /routers/ID/add_router_interface`.
    AddLeg {
        namespace: Id,
        network: Id,
        router: Id,
        subnet: Id,
    },
    /// `PUT /routers/ID/remove_router_interface`.
    RemoveLeg {
        namespace: Id,
        network: Id,
        router: Id,
        subnet: Id,
    },
    /// `DELETE /networks/ID`, its subnets with it.
    DeleteNetwork { namespace: Id, network: Id },
    /// Tag a network and its subnets.
    Tag {
        namespace: Id,
        network: Id,
        subnets: Vec<Id>,
    },
    /// Tell the namespace's owner what keeps its network.
    Report {
        namespace: Id,
        uid: Id,
        /// Why.
        reason: Reason,
        /// The sentence.
        message: String,
    },
}

impl Action {
    /// The namespace that it is about.
    #[must_use]
    pub fn namespace(&self) -> Option<&Id> {
        match self {
            Self::List => None,
            Self::CreateClaim { namespace, .. }
            | Self::WriteStatus { namespace, .. }
            | Self::ReleaseClaim { namespace, .. }
            | Self::ReadOwn { namespace, .. }
            | Self::Adopt { namespace, .. }
            | Self::CreateNetwork { namespace, .. }
            | Self::CreateSubnet { namespace, .. }
            | Self::AddLeg { namespace, .. }
            | Self::RemoveLeg { namespace, .. }
            | Self::DeleteNetwork { namespace, .. }
            | Self::Tag { namespace, .. }
            | Self::Report { namespace, .. } => Some(namespace),
        }
    }
}

impl Effect for Action {
    fn name(&self) -> &'static str {
        match self {
            Self::List => "list_networks",
            Self::CreateClaim { .. } => "create_kuryrnetwork",
            Self::WriteStatus { .. } => "write_kuryrnetwork",
            Self::ReleaseClaim { .. } => "release_kuryrnetwork",
            Self::ReadOwn { .. } => "read_own_network",
            Self::Adopt { .. } => "adopt_network",
            Self::CreateNetwork { .. } => "create_network",
            Self::CreateSubnet { .. } => "create_subnet",
            Self::AddLeg { .. } => "add_router_interface",
            Self::RemoveLeg { .. } => "remove_router_interface",
            Self::DeleteNetwork { .. } => "delete_network",
            Self::Tag { .. } => "tag_network",
            Self::Report { .. } => "report_namespace",
        }
    }

    fn subject(&self) -> String {
        self.namespace()
            .map_or_else(String::new, |namespace| format!("namespace {namespace}"))
    }

    fn lane(&self) -> Lane {
        match self {
            Self::List | Self::ReadOwn { .. } => Lane::Read,
            Self::CreateClaim { .. } | Self::ReleaseClaim { .. } => Lane::Urgent,
            Self::WriteStatus { .. } | Self::Report { .. } => Lane::Patient,
            Self::Adopt { .. }
            | Self::CreateNetwork { .. }
            | Self::CreateSubnet { .. }
            | Self::AddLeg { .. }
            | Self::RemoveLeg { .. }
            | Self::DeleteNetwork { .. }
            | Self::Tag { .. } => Lane::Cloud,
        }
    }
}

/// What came of an action.
pub type Outcome = Result<Answer, Failure>;

/// What an action brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Done; nothing to tell.
    Done,
    /// The KuryrNetwork as the API server answered it.
    Claim(Claim),
    /// A network, as it is now.
    Network(Network),
    /// A subnet that was made.
    Subnet(Subnet),
    /// Everything, as it was at one moment.
    All {
        /// All networks that carry our mark.
        networks: Vec<Network>,
        /// The pools that subnets are cut from.
        pools: Vec<PoolRoom>,
    },
}
