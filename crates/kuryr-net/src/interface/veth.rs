//! A veth pair whose frames the bpf programs tag and untag ([`Method::Bpf`]).

use tracing::warn;

use super::plug::{Site, configure, rolled_back};
use super::sides::GROUP;
use crate::bpf::{Delivery, Taken, Trunk};
use crate::links::{Link, NewLink};
use crate::{Holder, Method, NetError};

/// Segments of this many bytes a veth takes unless told otherwise (`GSO_LEGACY_MAX_SIZE`).
const GSO_DEFAULT: u32 = 65536;

/// Makes the interface; returns its index in the pod. Whatever fails, nothing stays.
pub(super) fn make(site: &Site<'_>) -> Result<u32, NetError> {
    let (spec, node) = (site.spec, &site.node);
    let gso_max_size = site.uplink.gso_max_size.filter(|size| *size < GSO_DEFAULT);
    let common = NewLink {
        mtu: Some(spec.mtu),
        group: Some(GROUP),
        gso_max_size,
        ..NewLink::default()
    };
    let host = NewLink {
        name: &spec.host_name,
        ..common.clone()
    };
    let pod = NewLink {
        name: &spec.ifname,
        mac: Some(spec.mac),
        netns: Some(&site.pod.file),
        ..common
    };
    node.links.add_veth(&host, &pod)?;
    let host = node.links.require(&spec.host_name)?;
    finish(site, &host).map_err(|error| rolled_back(error, remove(site, &host)))
}

/// The programs are in place before either end is up, so that not one of the pod's frames
/// reaches the node's own network.
fn finish(site: &Site<'_>, host: &Link) -> Result<u32, NetError> {
    let (spec, node) = (site.spec, &site.node);
    inherit_offloads(site)?;
    lead(site, host)?;
    node.links.no_own_ipv6_address(host.index)?;
    node.links.set_alias(host.index, &spec.alias(), true)?;
    let pod = site.pod.links.require(&spec.ifname)?;
    configure(site, pod.index)?;
    Ok(pod.index)
}

fn remove(site: &Site<'_>, host: &Link) -> Result<(), NetError> {
    let deleted = site.node.links.delete(host.index);
    let forgotten = site
        .node
        .forget(&site.uplink, &[host.index], Some(site.spec.vlan));
    NetError::collect(
        [deleted, forgotten]
            .into_iter()
            .filter_map(Result::err)
            .collect(),
    )
}

/// As a vlan link does: what the uplink cannot compute, the pod's stack does.
fn inherit_offloads(site: &Site<'_>) -> Result<(), NetError> {
    let (spec, node) = (site.spec, &site.node);
    if node.links.tx_checksum(&site.uplink.name)? {
        return Ok(());
    }
    node.links.set_tx_checksum(&spec.host_name, false)?;
    site.pod.links.set_tx_checksum(&spec.ifname, false)
}

/// Leads the VLAN to the veth and back.
fn lead(site: &Site<'_>, host: &Link) -> Result<(), NetError> {
    let (spec, node) = (site.spec, &site.node);
    let _turn = node.turn()?;
    let unavailable = |error: NetError| match error {
        NetError::Bpf { .. } => NetError::MethodUnavailable {
            method: Method::Bpf,
            reason: error.to_string(),
        },
        other => other,
    };
    let mut trunk = Trunk::find_or_load(&node.links, site.uplink.index, &site.uplink.name)
        .map_err(unavailable)?;
    let add = |trunk: &mut Trunk<'_>| {
        trunk.add(spec.vlan, host.index, Delivery::IntoPeer, Some(spec.mac))
    };
    let Err(taken) = add(&mut trunk)? else {
        return Ok(());
    };
    evict_if_stale(site, &mut trunk, &taken)?;
    match add(&mut trunk)? {
        Ok(()) => Ok(()),
        Err(_) => Err(in_use(site, "a link that came just now", "")),
    }
}

/// Removes the VLAN's veth if it is gone, or of the same owner (a leftover under another
/// name); else says who has it.
pub(super) fn evict_if_stale(
    site: &Site<'_>,
    trunk: &mut Trunk<'_>,
    taken: &Taken,
) -> Result<(), NetError> {
    let links = &site.node.links;
    if let Some(link) = links.by_index(taken.link)? {
        if link.alias != site.spec.alias() {
            return Err(in_use(site, &link.name, &link.alias));
        }
        warn!(
            link = link.name,
            alias = link.alias,
            vlan = taken.vlan,
            "a leftover with the same VLAN is replaced"
        );
        links.delete(link.index)?;
    }
    trunk.remove(taken)
}

fn in_use(site: &Site<'_>, name: &str, alias: &str) -> NetError {
    let holder = Holder {
        link_name: name.to_owned(),
        alias: alias.to_owned(),
        netns: None,
    };
    NetError::VlanInUse {
        uplink: site.uplink.name.clone(),
        vlan: site.spec.vlan,
        holder,
    }
}
