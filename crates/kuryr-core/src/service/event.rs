//! News of the Services' side of Kubernetes.

use super::model::{Claim, Id, Service, ServiceKey, Slice};
use super::settings::Subnet;
use crate::reconcile::Watched;

/// Namespace and name.
pub type ObjectName = (Id, Id);

/// News from a watch.
#[derive(Clone, Debug)]
pub enum Event {
    /// Services.
    Service(Watched<ServiceKey, Box<Service>>),
    /// EndpointSlices.
    Slice(Watched<ObjectName, Slice>),
    /// Endpoints, where the cluster has no slices: each subset as a slice.
    Endpoints(Watched<ObjectName, (ObjectName, Vec<Slice>)>),
    /// Subnets of namespaces' networks.
    Subnet(Watched<Id, (Id, Option<Subnet>)>),
    /// KuryrLoadBalancers.
    Claim(Watched<ServiceKey, Box<Claim>>),
}
