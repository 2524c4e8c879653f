//! What of an interface is there.

use ipnet::IpNet;

use super::sides::{NodeSide, PodSide};
use crate::bpf::Trunk;
use crate::links::{Link, Route, Side};
use crate::{InterfaceSpec, NetError};

/// Everything that [`super::diff`] needs to know.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Observed {
    /// The link of the interface's name in the pod.
    pub(super) pod: Option<Link>,
    /// Whether the pod's loopback is up.
    pub(super) loopback_up: bool,
    pub(super) addresses: Vec<IpNet>,
    pub(super) routes: Vec<Route>,
    /// The link of the host name in the node.
    pub(super) host: Option<Link>,
    pub(super) uplink: Link,
    /// The node's namespace, as the pod's numbers it; needed of vlan links only.
    pub(super) node_nsid: Option<i32>,
    /// Whether the bpf trunk leads the VLAN to the node's end of the veth, and back.
    pub(super) led: bool,
}

pub(super) fn observe(
    node: &NodeSide<'_>,
    uplink: &Link,
    pod: &PodSide,
    spec: &InterfaceSpec,
) -> Result<Observed, NetError> {
    let mut observed = Observed {
        pod: pod.links.get(&spec.ifname)?,
        loopback_up: pod.links.get("lo")?.is_some_and(|lo| lo.up),
        host: node.links.get(&spec.host_name)?,
        uplink: uplink.clone(),
        ..Observed::default()
    };
    let Some(link) = &observed.pod else {
        return Ok(observed);
    };
    observed.addresses = pod
        .links
        .addresses(link.index)?
        .into_iter()
        .map(|(_, address)| address)
        .collect();
    observed.routes = pod.links.routes(link.index)?;
    if link.kind == "vlan" {
        observed.node_nsid = pod.links.nsid(&node.file()?)?;
    }
    if let Some(host) = &observed.host
        && let Some(trunk) = Trunk::find(&node.links, uplink.index, &uplink.name)?
    {
        let there = trunk
            .get(spec.vlan)?
            .is_some_and(|taken| taken.link == host.index);
        let filtered = !node.links.filters(host.index, Side::Ingress)?.is_empty();
        observed.led = there && filtered && trunk.leads_back(host.index, spec.vlan)?;
    }
    Ok(observed)
}
