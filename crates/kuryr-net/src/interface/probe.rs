//! What a node can do, and which of its links is the trunk.

use std::net::IpAddr;

use super::sides::{GROUP, NodeSide};
use crate::bpf;
use crate::links::{Link, NewLink};
use crate::{Capabilities, Method, NetError, Node, Uplink};

/// The temporary link's name.
const PROBE_NAME: &str = "kuryr-probe";
/// VLAN 0 is no VLAN of Neutron's, so no pod can have it.
const PROBE_VLAN: u16 = 0;

/// Which methods work here; each is really tried: a vlan link is made on the uplink and
/// deleted, the bpf programs are loaded and dropped. A vlan link needs one too, see bpf/guard.c.
///
/// # Errors
/// The node's namespace or uplink is not there.
pub fn probe(node: &Node, uplink: &str) -> Result<Capabilities, NetError> {
    let node = NodeSide::open(node)?;
    let uplink = node.uplink(uplink)?;
    let vlan = probe_vlan(&node, &uplink).and_then(|()| bpf::guard::probe());
    let vlan = vlan.map_err(|e| e.to_string());
    let bpf = bpf::probe().map_err(|e| e.to_string());
    let (chosen, reason) = choose(&vlan, &bpf);
    Ok(Capabilities {
        vlan,
        bpf,
        chosen,
        reason,
    })
}

/// tc-bpf where it works: what a pod's frames are tagged with is out of the pod's reach there. Of a vlan link the pod with
/// `CAP_NET_ADMIN` is the master (bpf/guard.c).
fn choose(vlan: &Result<(), String>, bpf: &Result<(), String>) -> (Option<Method>, String) {
    match (vlan, bpf) {
        (_, Ok(())) => (Some(Method::Bpf), "tc-bpf works".to_owned()),
        (Ok(()), Err(bpf)) => (
            Some(Method::Vlan),
            format!("tc-bpf does not work ({bpf}); the kernel has 8021q"),
        ),
        (Err(vlan), Err(bpf)) => (
            None,
            format!("neither works: vlan link: {vlan}; tc-bpf: {bpf}"),
        ),
    }
}

fn probe_vlan(node: &NodeSide<'_>, uplink: &Link) -> Result<(), NetError> {
    let _turn = node.turn()?;
    // What a probe that was killed left behind.
    if let Some(link) = node.links.get(PROBE_NAME)? {
        node.links.delete(link.index)?;
    }
    let link = NewLink {
        name: PROBE_NAME,
        group: Some(GROUP),
        ..NewLink::default()
    };
    match node.links.add_vlan(&link, uplink.index, PROBE_VLAN) {
        // Someone has a link of VLAN 0; so vlan links can be made.
        Err(error) if error.errno() == Some(libc::EEXIST) => Ok(()),
        Err(error) => Err(error),
        Ok(()) => node.links.delete(node.links.require(PROBE_NAME)?.index),
    }
}

/// The node's link that has the address.
///
/// # Errors
/// [`NetError::NoLinkWithAddress`] if none has.
pub fn find_uplink(node: &Node, address: IpAddr) -> Result<Uplink, NetError> {
    let node = NodeSide::open(node)?;
    let missing = || NetError::NoLinkWithAddress { address };
    let addresses = node.links.addresses(0)?;
    let (index, _) = addresses
        .into_iter()
        .find(|(_, a)| a.addr() == address)
        .ok_or_else(missing)?;
    let link = node.links.by_index(index)?.ok_or_else(missing)?;
    Ok(Uplink {
        name: link.name,
        ifindex: link.index,
        mtu: link.mtu,
        mac: link.mac,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_vlan_link_is_taken_where_nothing_else_can_be_made() {
        assert_eq!(choose(&Ok(()), &Ok(())).0, Some(Method::Bpf));
        assert_eq!(choose(&Ok(()), &Err("no".into())).0, Some(Method::Vlan));
        assert_eq!(choose(&Err("no".into()), &Ok(())).0, Some(Method::Bpf));
        let (chosen, reason) = choose(&Err("no 8021q".into()), &Err("no clsact".into()));
        assert_eq!(chosen, None);
        assert!(
            reason.contains("no 8021q") && reason.contains("no clsact"),
            "{reason}"
        );
    }
}
