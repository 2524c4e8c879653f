//! Made as specified, or found so.

use std::fs;

use tracing::{debug, warn};

use super::diff::{differences, method_of, wanted_routes};
use super::observe::{Observed, observe};
use super::sides::{NodeSide, PodSide, ours, ours_for};
use super::{veth, vlan};
use crate::links::{Link, Links};
use crate::{InterfaceSpec, Method, NetError, Node, Plugged, netns};

/// Where an interface is to be made.
pub(super) struct Site<'a> {
    pub(super) node: NodeSide<'a>,
    pub(super) uplink: Link,
    pub(super) pod: PodSide,
    pub(super) spec: &'a InterfaceSpec,
}

impl<'a> Site<'a> {
    fn open(node: &'a Node, spec: &'a InterfaceSpec) -> Result<Self, NetError> {
        spec.validate()?;
        let node = NodeSide::open(node)?;
        let uplink = node.uplink(&spec.uplink)?;
        if uplink.mtu < spec.mtu {
            return Err(NetError::UplinkMtu {
                uplink: uplink.name,
                mtu: uplink.mtu,
                wanted: spec.mtu,
            });
        }
        let pod = PodSide::open(&spec.pod_netns)?;
        Ok(Self {
            node,
            uplink,
            pod,
            spec,
        })
    }

    fn observe(&self) -> Result<Observed, NetError> {
        observe(&self.node, &self.uplink, &self.pod, self.spec)
    }
}

/// Makes the interface as specified. Safe to repeat: one that is right is left alone, a
/// leftover of ours in its place is replaced. On failure nothing that was made stays.
///
/// Different interfaces may be plugged at once, by several processes too. Of one interface the
/// caller does one thing at a time: a plug takes another one's half-made links for leftovers.
///
/// # Errors
/// Every [`NetError`] but [`NetError::Differs`].
pub fn plug(node: &Node, spec: &InterfaceSpec) -> Result<Plugged, NetError> {
    let site = Site::open(node, spec)?;
    let observed = site.observe()?;
    let differences = differences(spec, &observed);
    if let (Some(method), Some(pod), []) = (method_of(&observed), &observed.pod, &differences[..]) {
        return Ok(Plugged {
            method,
            reason: "it was plugged already".to_owned(),
            changed: false,
            ifindex: pod.index,
        });
    }
    clear(&site, &observed)?;
    let (method, reason, ifindex) = match spec.method {
        Method::Vlan => (
            Method::Vlan,
            "it was asked for".to_owned(),
            vlan::make(&site)?,
        ),
        Method::Bpf => (
            Method::Bpf,
            "it was asked for".to_owned(),
            veth::make(&site)?,
        ),
        Method::Auto => make_either(&site)?,
    };
    debug!(ifname = spec.ifname, vlan = spec.vlan, %method, reason, "plugged");
    Ok(Plugged {
        method,
        reason,
        changed: true,
        ifindex,
    })
}

fn make_either(site: &Site<'_>) -> Result<(Method, String, u32), NetError> {
    match veth::make(site) {
        Ok(index) => Ok((Method::Bpf, "tc-bpf works".to_owned(), index)),
        Err(NetError::MethodUnavailable { reason, .. }) => Ok((
            Method::Vlan,
            format!("tc-bpf does not work ({reason})"),
            vlan::make(site)?,
        )),
        Err(error) => Err(error),
    }
}

/// Whether the interface is as [`plug`] made it (the CNI spec's CHECK).
///
/// # Errors
/// [`NetError::Differs`] lists every difference; others if it could not be looked at.
pub fn check(node: &Node, spec: &InterfaceSpec) -> Result<(), NetError> {
    let site = Site::open(node, spec)?;
    let differences = differences(spec, &site.observe()?);
    if differences.is_empty() {
        Ok(())
    } else {
        Err(NetError::Differs {
            ifname: spec.ifname.clone(),
            differences,
        })
    }
}

/// Removes what is in the way, if it is ours.
fn clear(site: &Site<'_>, observed: &Observed) -> Result<(), NetError> {
    let mut veths = Vec::new();
    let alias = site.spec.alias();
    // What is in the pod's own namespace is the pod's, of whichever port.
    let pod = observed
        .pod
        .as_ref()
        .map(|link| (link, ours(link), &site.pod.links));
    let host = observed.host.as_ref();
    let host = host.map(|link| (link, ours_for(link, &alias), &site.node.links));
    for (link, is_leftover, links) in pod.into_iter().chain(host) {
        if !is_leftover {
            return Err(NetError::NameInUse {
                name: link.name.clone(),
                place: links.place().to_owned(),
            });
        }
        warn!(
            link = link.name,
            alias = link.alias,
            "a leftover is replaced"
        );
        links.delete(link.index)?;
    }
    // The node's end of a veth pair: of the pod's link the other one, of the node's itself.
    veths.extend(
        observed
            .pod
            .as_ref()
            .filter(|l| l.kind == "veth")
            .and_then(|l| l.link),
    );
    veths.extend(observed.host.as_ref().map(|link| link.index));
    if veths.is_empty() {
        return Ok(());
    }
    site.node.forget(&site.uplink, &veths, Some(site.spec.vlan))
}

/// Gives the pod's end all that it shall have. The link is down before.
pub(super) fn configure(site: &Site<'_>, index: u32) -> Result<(), NetError> {
    let (spec, links) = (site.spec, &site.pod.links);
    if spec
        .addresses
        .iter()
        .any(|address| address.addr().is_ipv6())
    {
        enable_ipv6(site, &spec.ifname)?;
    }
    for address in &spec.addresses {
        links.add_address(index, *address)?;
    }
    links.set_alias(index, &spec.alias(), true)?;
    loopback_up(links)?;
    for route in wanted_routes(spec) {
        links.add_route_behind(index, &route)?;
    }
    Ok(())
}

fn loopback_up(links: &Links) -> Result<(), NetError> {
    match links.get("lo")? {
        Some(lo) if !lo.up => links.set_up(lo.index),
        _ => Ok(()),
    }
}

/// Runtimes make namespaces without IPv6; an interface with an IPv6 address needs it. Which namespace's settings a `/proc` has is
/// a matter of who looks; in a container its own can't be written, the node's can.
fn enable_ipv6(site: &Site<'_>, ifname: &str) -> Result<(), NetError> {
    let pod = &site.pod.path;
    let setting = format!("sys/net/ipv6/conf/{ifname}/disable_ipv6");
    let path = site.node.node.proc.join(setting);
    let enabled = netns::run_in(Some(pod), || match fs::read_to_string(&path) {
        Ok(text) if text.trim() == "1" => fs::write(&path, "0"),
        Ok(_) => Ok(()),
        Err(error) => Err(error),
    })?;
    enabled.map_err(|e| {
        NetError::kernel(
            format!("enable IPv6 ({}) in {}", path.display(), pod.display()),
            e,
        )
    })
}

/// What a failed plug made is removed again; the failure is what is reported.
pub(super) fn rolled_back(cause: NetError, rollback: Result<(), NetError>) -> NetError {
    match rollback {
        Ok(()) => cause,
        Err(leftover) => NetError::RollbackFailed {
            cause: Box::new(cause),
            leftover: Box::new(leftover),
        },
    }
}
