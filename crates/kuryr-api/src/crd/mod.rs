//! The custom resources of group `openstack.org/v1`.
//!
//! As upstream's, none has a status subresource: status is written through the object
//! itself. Adding one would make upstream's controller lose its writes.

mod load_balancer;
mod network;
mod network_policy;
mod port;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;

pub use load_balancer::*;
pub use network::*;
pub use network_policy::*;
pub use port::*;

/// All four definitions, in the order in which `kuryr crds` prints them.
#[must_use]
pub fn all() -> Vec<CustomResourceDefinition> {
    vec![
        KuryrPort::crd(),
        KuryrNetwork::crd(),
        KuryrLoadBalancer::crd(),
        KuryrNetworkPolicy::crd(),
    ]
}

/// A definition as YAML, as it is checked in and applied.
///
/// # Errors
/// Never for our own definitions; a type that YAML can't hold would give one.
pub fn to_yaml(crd: &CustomResourceDefinition) -> Result<String, serde_yaml_ng::Error> {
    serde_yaml_ng::to_string(crd)
}
