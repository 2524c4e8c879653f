//! News of the pods' side of Kubernetes.

use std::net::IpAddr;

use super::model::{Claim, Id, Pod, PodKey};
use crate::reconcile::Watched;

/// News from a watch.
#[derive(Clone, Debug)]
pub enum Event {
    /// Pods that are bound to a node.
    Pod(Watched<PodKey, Pod>),
    /// KuryrPorts.
    Claim(Watched<PodKey, Claim>),
    /// Nodes: name, and the addresses by which the trunk is found.
    Node(Watched<Id, (Id, Vec<IpAddr>)>),
}
