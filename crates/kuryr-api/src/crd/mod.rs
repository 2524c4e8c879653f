//! The custom resources of group `openstack.org/v1`.
//!
//! As upstream's, none has a status subresource: status is written through the object
//! itself. Adding one would make upstream's controller lose its writes.

// Each printer column repeats `type_`, which is no repetition of an attribute.
#![allow(clippy::duplicated_attributes)]

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
    let mut all = vec![
        KuryrPort::crd(),
        KuryrNetwork::crd(),
        KuryrLoadBalancer::crd(),
        KuryrNetworkPolicy::crd(),
    ];
    // The derivation adds the subresource to whatever has a status.
    for version in all.iter_mut().flat_map(|crd| crd.spec.versions.iter_mut()) {
        version.subresources = None;
    }
    all
}

/// A definition as YAML, as it is checked in and applied.
///
/// # Errors
/// Never for our own definitions; a type that YAML can't hold would give one.
pub fn to_yaml(crd: &CustomResourceDefinition) -> Result<String, serde_yaml_ng::Error> {
    serde_yaml_ng::to_string(crd)
}

#[cfg(test)]
mod tests {
    #[test]
    fn status_is_written_through_the_object_itself() {
        for crd in super::all() {
            assert!(crd.spec.versions.iter().all(|v| v.subresources.is_none()));
        }
    }
}
