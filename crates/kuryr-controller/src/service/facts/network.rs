//! A KuryrNetwork, as far as Services need it.

use kube::ResourceExt;
use kube::core::DynamicObject;
use kuryr_core::service::{Id, Subnet};

/// The namespace, and the subnet of its network once there is one.
#[must_use]
pub(crate) fn namespace_subnet(object: &DynamicObject) -> Option<(Id, Option<Subnet>)> {
    let namespace = object.namespace().filter(|n| *n == object.name_any())?;
    let claim = crate::facts::network_claim(object);
    let subnet = claim.status.subnet.zip(claim.status.cidr);
    let subnet = subnet.and_then(|(id, cidr)| {
        let cidr = cidr.parse().ok()?;
        Some(Subnet { id, cidr })
    });
    Some((namespace.into(), subnet))
}
