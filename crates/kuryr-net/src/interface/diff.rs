//! What is wanted against what is there: pure.

use std::fmt;
use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::observe::Observed;
use super::sides::ours;
use crate::links::{Link, Route};
use crate::{Difference, InterfaceSpec, Method};

/// How the interface was plugged; `None` if not by us.
pub(super) fn method_of(observed: &Observed) -> Option<Method> {
    let pod = observed.pod.as_ref().filter(|link| ours(link))?;
    match &pod.kind[..] {
        "vlan" => Some(Method::Vlan),
        "veth" => Some(Method::Bpf),
        _ => None,
    }
}

/// Every difference; none: the interface is as [`super::plug()`] would make it. Further
/// addresses and routes are none: a pod may give itself some.
pub(super) fn differences(spec: &InterfaceSpec, observed: &Observed) -> Vec<Difference> {
    let mut found = Differences::default();
    let Some(pod) = &observed.pod else {
        found.add(&spec.ifname, "a link", "none");
        return found.0;
    };
    match method_of(observed) {
        None => found.add(
            &spec.ifname,
            "a link that Kuryr made",
            format!("{} that it did not", kind(pod)),
        ),
        Some(method) if spec.method != Method::Auto && spec.method != method => {
            found.add(format!("method of {}", spec.ifname), spec.method, method);
        }
        Some(Method::Vlan) => vlan_link(&mut found, spec, observed, pod),
        Some(_) => veth(&mut found, spec, observed, pod),
    }
    found.compare(
        format!("MAC address of {}", spec.ifname),
        Some(spec.mac),
        pod.mac,
    );
    found.compare(format!("MTU of {}", spec.ifname), spec.mtu, pod.mtu);
    found.compare(
        format!("alias of {}", spec.ifname),
        spec.alias(),
        pod.alias.clone(),
    );
    up(&mut found, &spec.ifname, pod.up);
    up(&mut found, "lo", observed.loopback_up);
    for address in &spec.addresses {
        if !observed.addresses.contains(address) {
            found.add(
                format!("addresses of {}", spec.ifname),
                address,
                list(&observed.addresses),
            );
        }
    }
    for route in wanted_routes(spec) {
        let there = observed
            .routes
            .iter()
            .any(|r| r.dst == route.dst && r.via == route.via);
        if !there {
            found.add(
                format!("routes of {}", spec.ifname),
                route,
                list(&observed.routes),
            );
        }
    }
    found.0
}

fn vlan_link(found: &mut Differences, spec: &InterfaceSpec, observed: &Observed, pod: &Link) {
    found.compare(
        format!("VLAN of {}", spec.ifname),
        Some(spec.vlan),
        pod.vlan,
    );
    let below = pod.link == Some(observed.uplink.index) && pod.link_nsid == observed.node_nsid;
    if !below {
        found.add(
            format!("link below {}", spec.ifname),
            &spec.uplink,
            "another",
        );
    }
}

fn veth(found: &mut Differences, spec: &InterfaceSpec, observed: &Observed, pod: &Link) {
    let Some(host) = &observed.host else {
        found.add(
            &spec.host_name,
            format!("the other end of {}", spec.ifname),
            "none",
        );
        return;
    };
    if pod.link != Some(host.index) || host.link != Some(pod.index) {
        found.add(
            &spec.host_name,
            format!("the other end of {}", spec.ifname),
            "another link",
        );
    }
    up(found, &spec.host_name, host.up);
    if !observed.led {
        let wanted = format!("VLAN {} of {} leads to it and back", spec.vlan, spec.uplink);
        found.add(format!("bpf of {}", spec.host_name), wanted, "it does not");
    }
}

/// The routes of the pod, in an order in which each next hop is reached: what is on the link,
/// then what is behind a next hop, then the default gateways. A host route to everywhere comes
/// before the gateway, as in Neutron's DHCP; what an address' subnet implies is left out.
pub(super) fn wanted_routes(spec: &InterfaceSpec) -> Vec<Route> {
    let on_link =
        |via: IpAddr| !link_local(via) && !spec.addresses.iter().any(|a| a.contains(&via));
    let further = spec.routes.iter().map(|r| Route {
        dst: r.dst.trunc(),
        via: r.via,
        onlink: r.via.is_some_and(on_link),
    });
    let gateways = spec.gateways.iter().map(|g| Route {
        dst: everywhere(*g),
        via: Some(*g),
        onlink: on_link(*g),
    });
    let mut routes: Vec<Route> = Vec::new();
    for route in further.chain(gateways) {
        let implied = route.via.is_none() && spec.addresses.iter().any(|a| a.trunc() == route.dst);
        if !implied && !routes.iter().any(|r| r.dst == route.dst) {
            routes.push(route);
        }
    }
    routes.sort_by_key(|route| (route.via.is_some(), route.dst.prefix_len() == 0));
    routes
}

/// `fe80::/10` is on every link.
fn link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local())
}

fn everywhere(gateway: IpAddr) -> IpNet {
    if gateway.is_ipv4() {
        Ipv4Net::default().into()
    } else {
        Ipv6Net::default().into()
    }
}

fn kind(link: &Link) -> &str {
    if link.kind.is_empty() {
        "a link"
    } else {
        &link.kind
    }
}

fn up(found: &mut Differences, link: &str, up: bool) {
    if !up {
        found.add(format!("state of {link}"), "up", "down");
    }
}

fn list<T: fmt::Display>(items: &[T]) -> String {
    if items.is_empty() {
        return "none".to_owned();
    }
    items
        .iter()
        .map(T::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}

#[derive(Default)]
struct Differences(Vec<Difference>);

impl Differences {
    fn add(
        &mut self,
        what: impl fmt::Display,
        wanted: impl fmt::Display,
        found: impl fmt::Display,
    ) {
        self.0.push(Difference {
            what: what.to_string(),
            wanted: wanted.to_string(),
            found: found.to_string(),
        });
    }

    fn compare<T: PartialEq + fmt::Debug>(&mut self, what: String, wanted: T, found: T) {
        if wanted != found {
            self.0.push(Difference {
                what,
                wanted: plain(&wanted),
                found: plain(&found),
            });
        }
    }
}

/// A value's debug form without `Some(…)`.
fn plain(value: &impl fmt::Debug) -> String {
    let text = format!("{value:?}");
    let inner = text
        .strip_prefix("Some(")
        .and_then(|text| text.strip_suffix(')'));
    match inner {
        Some(inner) => inner.to_owned(),
        None if text == "None" => "none".to_owned(),
        None => text,
    }
}

#[cfg(test)]
#[path = "diff_tests.rs"]
mod tests;
