//! What of ours is on a node.

use super::sides::{NodeSide, ours};
use super::vlan;
use crate::bpf::Trunk;
use crate::{Method, NetError, Node, OwnedInterface};

/// The pod interfaces of ours on this node's uplink, for a daemon's start and the CNI spec's
/// GC. veth pairs are the node's; one that this uplink's trunk does not know has no VLAN.
/// vlan links are looked for in every namespace that can be seen (see [`Node`]).
///
/// # Errors
/// The node's namespace, uplink or links could not be read.
pub fn list(node: &Node, uplink: &str) -> Result<Vec<OwnedInterface>, NetError> {
    let node = NodeSide::open(node)?;
    let uplink = node.uplink(uplink)?;
    let entries = match Trunk::find(&node.links, uplink.index, &uplink.name)? {
        Some(trunk) => trunk.all()?,
        None => vec![],
    };
    let veths = node
        .links
        .all()?
        .into_iter()
        .filter(|link| link.kind == "veth" && ours(link));
    let mut interfaces: Vec<OwnedInterface> = veths
        .map(|link| OwnedInterface {
            method: Method::Bpf,
            vlan: entries
                .iter()
                .find(|entry| entry.link == link.index)
                .map(|entry| entry.vlan),
            link_name: link.name,
            alias: link.alias,
            netns: None,
        })
        .collect();
    let vlans = vlan::find(&node, &uplink, None)?
        .into_iter()
        .filter(|found| ours(&found.link));
    interfaces.extend(vlans.map(|found| OwnedInterface {
        method: Method::Vlan,
        vlan: found.link.vlan,
        link_name: found.link.name,
        alias: found.link.alias,
        netns: Some(found.path),
    }));
    Ok(interfaces)
}
