//! Node to addresses.

use std::net::IpAddr;

use k8s_openapi::api::core::v1::Node;

/// The addresses by which the node's trunk is found: its InternalIPs.
#[must_use]
pub fn addresses(node: &Node) -> Vec<IpAddr> {
    let all = node.status.as_ref().and_then(|s| s.addresses.as_ref());
    all.into_iter()
        .flatten()
        .filter(|a| a.type_ == "InternalIP")
        .filter_map(|a| a.address.parse().ok())
        .collect()
}
