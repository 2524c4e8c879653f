//! A vlan link on the uplink, in the pod's namespace ([`Method::Vlan`]).

use std::path::PathBuf;

use tracing::warn;

use super::plug::{Site, configure, rolled_back};
use super::sides::{GROUP, NodeSide, ours};
use super::veth::evict_if_stale;
use crate::bpf::{Trunk, guard};
use crate::links::{Link, Links, NewLink};
use crate::{Holder, Method, NetError};

/// A vlan link on the uplink, wherever it is.
pub(super) struct Found {
    pub(super) path: PathBuf,
    pub(super) links: Links,
    pub(super) link: Link,
}

impl Found {
    pub(super) fn holder(&self) -> Holder {
        Holder {
            link_name: self.link.name.clone(),
            alias: self.link.alias.clone(),
            netns: Some(self.path.clone()),
        }
    }
}

/// Makes the interface; returns its index in the pod. Whatever fails, nothing stays.
///
/// # Errors
/// [`NetError::MethodUnavailable`] if the kernel has no 8021q, [`NetError::VlanInUse`].
pub(super) fn make(site: &Site<'_>) -> Result<u32, NetError> {
    release_from_bpf(site)?;
    guard_uplink(site)?;
    match create(site) {
        Err(error) if error.errno() == Some(libc::EEXIST) => {
            evict_leftover(site)?;
            create(site)?;
        }
        other => other?,
    }
    let link = site.pod.links.require(&site.spec.host_name)?;
    let done = site
        .pod
        .links
        .rename(link.index, &site.spec.ifname)
        .and_then(|()| configure(site, link.index));
    done.map_err(|error| rolled_back(error, site.pod.links.delete(link.index)))?;
    Ok(link.index)
}

/// Before the pod has a link that it may change.
fn guard_uplink(site: &Site<'_>) -> Result<(), NetError> {
    let _turn = site.node.turn()?;
    guard::set(&site.node.links, site.uplink.index).map_err(|error| match error {
        NetError::Bpf { .. } => NetError::MethodUnavailable {
            method: Method::Vlan,
            reason: format!("the trunk cannot be kept from sending tags of pods' own: {error}"),
        },
        other => other,
    })
}

/// In the pod's namespace at once, but under its temporary name: kernels before 6.13 look for
/// the name in the namespace from which they are asked, where there may be an `eth0` too.
fn create(site: &Site<'_>) -> Result<(), NetError> {
    let spec = site.spec;
    let link = NewLink {
        name: &spec.host_name,
        mac: Some(spec.mac),
        mtu: Some(spec.mtu),
        group: Some(GROUP),
        netns: Some(&site.pod.file),
        ..NewLink::default()
    };
    match site
        .node
        .links
        .add_vlan(&link, site.uplink.index, spec.vlan)
    {
        Err(error) if error.errno() == Some(libc::EOPNOTSUPP) => Err(NetError::MethodUnavailable {
            method: Method::Vlan,
            reason: error.to_string(),
        }),
        other => other,
    }
}

/// The name or the VLAN is taken: by what a plug of the same port left behind, or by another.
fn evict_leftover(site: &Site<'_>) -> Result<(), NetError> {
    let spec = site.spec;
    if let Some(link) = site.pod.links.get(&spec.host_name)? {
        if !ours(&link) {
            return Err(NetError::NameInUse {
                name: link.name,
                place: site.pod.links.place().to_owned(),
            });
        }
        warn!(link = link.name, "a half-made leftover is replaced");
        site.pod.links.delete(link.index)?;
    }
    for found in find(&site.node, &site.uplink, Some(spec.vlan))? {
        if found.link.alias != spec.alias() {
            let vlan_in_use = NetError::VlanInUse {
                uplink: spec.uplink.clone(),
                vlan: spec.vlan,
                holder: found.holder(),
            };
            return Err(vlan_in_use);
        }
        warn!(holder = %found.holder(), vlan = spec.vlan, "a leftover with the same VLAN is replaced");
        found.links.delete(found.link.index)?;
    }
    Ok(())
}

/// The bpf programs would take the VLAN's frames before a vlan link sees them.
fn release_from_bpf(site: &Site<'_>) -> Result<(), NetError> {
    let (node, uplink) = (&site.node, &site.uplink);
    if !Trunk::is_on(&node.links, uplink.index)? {
        return Ok(());
    }
    let _turn = node.turn()?;
    let Some(mut trunk) = Trunk::find(&node.links, uplink.index, &uplink.name)? else {
        return Ok(());
    };
    if let Some(taken) = trunk.get(site.spec.vlan)? {
        evict_if_stale(site, &mut trunk, &taken)?;
    }
    trunk.unload_if_unused()
}

/// The vlan links on the uplink, of one VLAN or of all, in every namespace that can be seen.
pub(super) fn find(
    node: &NodeSide<'_>,
    uplink: &Link,
    vlan: Option<u16>,
) -> Result<Vec<Found>, NetError> {
    let own = node.file()?;
    let mut all = Vec::new();
    for (path, _file) in node.namespaces() {
        // A namespace that goes while it is looked at has no links any more.
        let Ok(links) = Links::open(Some(&path)) else {
            continue;
        };
        let Ok(here) = links.all() else { continue };
        let mut here: Vec<Link> = here
            .into_iter()
            .filter(|link| on(link, uplink, vlan))
            .collect();
        if !here.is_empty() {
            let nsid = links.nsid(&own)?;
            // In the uplink's own namespace a link's lower one needs no number.
            let is_own = same(&own, &_file);
            here.retain(|link| {
                if is_own {
                    link.link_nsid.is_none()
                } else {
                    link.link_nsid.is_some() && link.link_nsid == nsid
                }
            });
        }
        for link in here {
            // One socket each, so that what is found can be removed later.
            all.push(Found {
                path: path.clone(),
                links: Links::open(Some(&path))?,
                link,
            });
        }
    }
    Ok(all)
}

fn on(link: &Link, uplink: &Link, vlan: Option<u16>) -> bool {
    link.kind == "vlan" && link.link == Some(uplink.index) && (vlan.is_none() || link.vlan == vlan)
}

fn same(one: &std::fs::File, other: &std::fs::File) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |file: &std::fs::File| file.metadata().map(|m| (m.dev(), m.ino())).ok();
    identity(one) == identity(other)
}
