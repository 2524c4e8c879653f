//! Removed, whatever of it is there.

use tracing::debug;

use super::sides::{NodeSide, PodSide, ours, ours_for};
use super::vlan;
use crate::bpf::Trunk;
use crate::links::{Link, Links};
use crate::spec::{link_name, vlan_id};
use crate::{Holder, NetError, Node, UnplugSpec};

/// Removes the interface and all that belongs to it. Safe to repeat; what is not there is
/// passed over, also a namespace that is gone, and so is a link that we did not make. A VLAN
/// that another pod has by now stays that pod's.
///
/// # Errors
/// Whatever could not be removed; the rest was.
pub fn unplug(node: &Node, spec: &UnplugSpec) -> Result<(), NetError> {
    link_name("ifname", &spec.ifname)?;
    link_name("host_name", &spec.host_name)?;
    let node = match NodeSide::open(node) {
        // With the node's namespace went its end of everything.
        Err(NetError::Netns { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            return Ok(());
        }
        other => other?,
    };
    let mut errors = Vec::new();
    let mut veths = Vec::new();
    match spec
        .pod_netns
        .as_deref()
        .map(PodSide::open_if_there)
        .transpose()
    {
        Ok(Some(Some(pod))) => match delete(&pod.links, &spec.ifname, spec) {
            Ok(link) => veths.extend(
                link.filter(|link| link.kind == "veth")
                    .and_then(|link| link.link),
            ),
            Err(error) => errors.push(error),
        },
        Ok(_) => {}
        Err(error) => errors.push(error),
    }
    match delete(&node.links, &spec.host_name, spec) {
        Ok(link) => veths.extend(link.map(|link| link.index)),
        Err(error) => errors.push(error),
    }
    let forgotten = node
        .links
        .get(&spec.uplink)
        .and_then(|uplink| match uplink {
            Some(uplink) => node.forget(&uplink, &veths, spec.vlan),
            None => Ok(()),
        });
    errors.extend(forgotten.err());
    NetError::collect(errors)
}

/// Cuts a veth's pod off from the trunk, both ways and at once; [`unplug`] takes away what is left, which the kernel
/// takes its time for. A vlan link, and what is not there, is passed over.
///
/// # Errors
/// The kernel refused.
pub fn cut(node: &Node, spec: &UnplugSpec) -> Result<(), NetError> {
    link_name("host_name", &spec.host_name)?;
    let node = match NodeSide::open(node) {
        Err(NetError::Netns { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            return Ok(());
        }
        other => other?,
    };
    let (Some(uplink), Some(vlan)) = (node.links.get(&spec.uplink)?, spec.vlan) else {
        return Ok(());
    };
    let Some(link) = node.links.get(&spec.host_name)? else {
        return Ok(());
    };
    if !is_meant(&link, spec) || !Trunk::is_on(&node.links, uplink.index)? {
        return Ok(());
    }
    let _turn = node.turn()?;
    let Some(mut trunk) = Trunk::find(&node.links, uplink.index, &uplink.name)? else {
        return Ok(());
    };
    match trunk.get(vlan)? {
        Some(entry) if entry.link == link.index => trunk.remove(&entry),
        _ => Ok(()),
    }
}

/// Whether a link is ours, and of the owner that is meant.
fn is_meant(link: &Link, spec: &UnplugSpec) -> bool {
    match &spec.alias {
        Some(alias) => ours_for(link, alias),
        None => ours(link),
    }
}

/// Deletes the link of that name if it is ours, and of the owner that is meant; returns what it was.
fn delete(links: &Links, name: &str, spec: &UnplugSpec) -> Result<Option<Link>, NetError> {
    match links.get(name)? {
        Some(link) if is_meant(&link, spec) => {
            links.delete(link.index)?;
            Ok(Some(link))
        }
        Some(link) => {
            debug!(
                link = link.name,
                place = links.place(),
                "not ours, left alone"
            );
            Ok(None)
        }
        None => Ok(None),
    }
}

/// Removes whichever interface of ours has the VLAN and says which it was; for a stale one
/// that [`NetError::VlanInUse`] named.
///
/// # Errors
/// [`NetError::VlanInUse`] if it is not ours.
pub fn evict(node: &Node, uplink: &str, vlan: u16) -> Result<Option<Holder>, NetError> {
    vlan_id(vlan)?;
    let node = NodeSide::open(node)?;
    let uplink = node.uplink(uplink)?;
    let mut evicted = evict_veth(&node, &uplink, vlan)?;
    for found in vlan::find(&node, &uplink, Some(vlan))? {
        if !ours(&found.link) {
            return Err(NetError::VlanInUse {
                uplink: uplink.name,
                vlan,
                holder: found.holder(),
            });
        }
        found.links.delete(found.link.index)?;
        evicted = Some(found.holder());
    }
    Ok(evicted)
}

fn evict_veth(node: &NodeSide<'_>, uplink: &Link, vlan: u16) -> Result<Option<Holder>, NetError> {
    let Some(trunk) = Trunk::find(&node.links, uplink.index, &uplink.name)? else {
        return Ok(None);
    };
    let Some(taken) = trunk.get(vlan)? else {
        return Ok(None);
    };
    let link = node.links.by_index(taken.link)?;
    let holder = link.as_ref().map(|link| Holder {
        link_name: link.name.clone(),
        alias: link.alias.clone(),
        netns: None,
    });
    match link {
        Some(link) if ours(&link) => node.links.delete(link.index)?,
        Some(_) => {
            let holder = holder.unwrap_or_else(|| Holder {
                link_name: String::new(),
                alias: String::new(),
                netns: None,
            });
            return Err(NetError::VlanInUse {
                uplink: uplink.name.clone(),
                vlan,
                holder,
            });
        }
        None => {}
    }
    node.forget(uplink, &[taken.link], Some(vlan))?;
    Ok(holder)
}
