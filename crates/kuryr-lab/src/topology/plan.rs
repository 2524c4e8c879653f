//! What is to be wired, and the way there: pure.

use std::collections::{BTreeMap, BTreeSet};

use kuryr_embedded_openstack::{PortWiring, RouterLeg, Wiring};

use super::filter;

/// What is wired, or shall be.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wired {
    /// Networks by VNI, with their MTU: each has a bridge on every hypervisor.
    pub networks: BTreeMap<u32, u32>,
    /// Ports by id.
    pub ports: BTreeMap<String, Leg>,
    /// Router interfaces by router and port.
    pub routers: BTreeMap<(String, String), RouterLeg>,
    /// Filters by hypervisor.
    pub filters: BTreeMap<String, String>,
}

/// A port on its hypervisor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leg {
    /// The hypervisor.
    pub host: String,
    /// The port whose interface carries it: itself, or its trunk's parent.
    pub carrier: String,
    /// VLAN on the carrier; `None` for untagged frames.
    pub vlan: Option<u16>,
    /// VNI of its network.
    pub vni: u32,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Make a network's bridge and VXLANs on all hypervisors.
    AddNetwork {
        vni: u32,
        /// Its MTU in bytes.
        mtu: u32,
    },
    /// Remove them.
    RemoveNetwork { vni: u32 },
    /// Replace a hypervisor's filters.
    SetFilter {
        /// The hypervisor.
        host: String,
        /// The whole ruleset for `nft -f`.
        ruleset: String,
    },
    /// Join a port to its network.
    AddPort {
        /// Its id.
        port: String,
        /// Where.
        leg: Leg,
    },
    /// Part a port from its network.
    RemovePort {
        /// Its id.
        port: String,
        /// Where it was.
        leg: Leg,
    },
    /// Give a router an interface.
    AddRouterLeg {
        router: String,
        /// The interface's port.
        port: String,
        /// The interface.
        leg: RouterLeg,
    },
    /// Take a router's interface away.
    RemoveRouterLeg {
        router: String,
        /// The interface's port.
        port: String,
        /// Whether it was the last one, so that the router's namespace goes too.
        last: bool,
    },
}

/// What Neutron's state asks for on these hypervisors. A carrier that isn't `plugged` here is left out.
pub fn desired(wiring: &Wiring, hosts: &[String], plugged: &BTreeSet<String>) -> Wired {
    let mut wired = Wired::default();
    let here: BTreeMap<&String, &PortWiring> = wiring
        .ports
        .iter()
        .filter(|(id, port)| hosts.contains(&port.host) && plugged.contains(carrier(id, port)))
        .collect();
    for (id, port) in &here {
        wired.networks.insert(port.vni, port.mtu);
        let leg = Leg {
            host: port.host.clone(),
            carrier: carrier(id, port).clone(),
            vlan: port.trunk.as_ref().map(|(_, vlan)| *vlan),
            vni: port.vni,
        };
        wired.ports.insert((*id).clone(), leg);
    }
    for (router, legs) in &wiring.routers {
        for (port, leg) in &legs.legs {
            wired.networks.insert(leg.vni, leg.mtu);
            wired
                .routers
                .insert((router.clone(), port.clone()), leg.clone());
        }
    }
    for host in hosts {
        let local = here
            .iter()
            .filter(|(_, port)| port.host == *host)
            .map(|(id, port)| (id.as_str(), *port));
        wired.filters.insert(
            host.clone(),
            filter::ruleset(local, &wiring.groups, wired.networks.keys().copied()),
        );
    }
    wired
}

fn carrier<'a>(id: &'a String, port: &'a PortWiring) -> &'a String {
    port.trunk.as_ref().map_or(id, |(parent, _)| parent)
}

/// The steps from what is wired to what shall be: networks first, filters before ports, removals last, so that no
/// port is ever joined without its filter. Empty when both agree.
pub fn plan(current: &Wired, desired: &Wired) -> Vec<Action> {
    let mut actions = Vec::new();
    for (port, leg) in &current.ports {
        if desired.ports.get(port) != Some(leg) {
            actions.push(Action::RemovePort {
                port: port.clone(),
                leg: leg.clone(),
            });
        }
    }
    actions.extend(removed_router_legs(current, desired));
    for (vni, mtu) in &desired.networks {
        if current.networks.get(vni) != Some(mtu) {
            actions.push(Action::AddNetwork {
                vni: *vni,
                mtu: *mtu,
            });
        }
    }
    for (host, ruleset) in &desired.filters {
        if current.filters.get(host) != Some(ruleset) {
            actions.push(Action::SetFilter {
                host: host.clone(),
                ruleset: ruleset.clone(),
            });
        }
    }
    for ((router, port), leg) in &desired.routers {
        if current.routers.get(&(router.clone(), port.clone())) != Some(leg) {
            actions.push(Action::AddRouterLeg {
                router: router.clone(),
                port: port.clone(),
                leg: leg.clone(),
            });
        }
    }
    for (port, leg) in &desired.ports {
        if current.ports.get(port) != Some(leg) {
            actions.push(Action::AddPort {
                port: port.clone(),
                leg: leg.clone(),
            });
        }
    }
    let unused = current
        .networks
        .keys()
        .filter(|vni| !desired.networks.contains_key(vni));
    actions.extend(unused.map(|vni| Action::RemoveNetwork { vni: *vni }));
    actions
}

fn removed_router_legs(current: &Wired, desired: &Wired) -> Vec<Action> {
    let gone = current
        .routers
        .iter()
        .filter(|(key, leg)| desired.routers.get(*key) != Some(leg));
    let gone: Vec<&(String, String)> = gone.map(|(key, _)| key).collect();
    let action = |(at, (router, port)): (usize, &&(String, String))| {
        let stays = desired.routers.keys().any(|(other, _)| other == router);
        let later = gone[at + 1..].iter().any(|(other, _)| other == router);
        Action::RemoveRouterLeg {
            router: router.clone(),
            port: port.clone(),
            last: !stays && !later,
        }
    };
    gone.iter().enumerate().map(action).collect()
}

impl Wired {
    /// The state after a step was done.
    pub fn note(&mut self, action: &Action) {
        match action {
            Action::AddNetwork { vni, mtu } => drop(self.networks.insert(*vni, *mtu)),
            Action::RemoveNetwork { vni } => drop(self.networks.remove(vni)),
            Action::SetFilter { host, ruleset } => {
                drop(self.filters.insert(host.clone(), ruleset.clone()))
            }
            Action::AddPort { port, leg } => drop(self.ports.insert(port.clone(), leg.clone())),
            Action::RemovePort { port, .. } => drop(self.ports.remove(port)),
            Action::AddRouterLeg { router, port, leg } => {
                self.routers
                    .insert((router.clone(), port.clone()), leg.clone());
            }
            Action::RemoveRouterLeg { router, port, .. } => {
                self.routers.remove(&(router.clone(), port.clone()));
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn port(vni: u32, trunk: Option<(&str, u16)>) -> PortWiring {
        PortWiring {
            host: "hv1".to_owned(),
            trunk: trunk.map(|(parent, vlan)| (parent.to_owned(), vlan)),
            network: format!("net{vni}"),
            vni,
            mtu: 1442,
            mac: "fa:16:3e:00:00:01".to_owned(),
            addresses: vec!["10.0.0.5/24".parse().unwrap()],
            allowed: Vec::new(),
            groups: Some(BTreeSet::new()),
        }
    }

    fn wiring(ports: &[(&str, PortWiring)]) -> Wiring {
        let ports = ports
            .iter()
            .map(|(id, port)| ((*id).to_owned(), port.clone()))
            .collect();
        Wiring {
            ports,
            ..Wiring::default()
        }
    }

    #[test]
    fn a_subport_waits_for_its_parent() {
        let wiring = wiring(&[("sub", port(5001, Some(("parent", 7))))]);
        let hosts = ["hv1".to_owned()];
        assert!(desired(&wiring, &hosts, &BTreeSet::new()).ports.is_empty());
        let plugged = BTreeSet::from(["parent".to_owned()]);
        assert_eq!(
            desired(&wiring, &hosts, &plugged).ports["sub"].vlan,
            Some(7)
        );
    }

    #[test]
    fn filters_come_before_ports_and_a_moved_vlan_is_parted_first() {
        let hosts = ["hv1".to_owned()];
        let plugged = BTreeSet::from(["parent".to_owned()]);
        let before = desired(
            &wiring(&[("a", port(5001, Some(("parent", 7))))]),
            &hosts,
            &plugged,
        );
        let after = desired(
            &wiring(&[("b", port(5001, Some(("parent", 7))))]),
            &hosts,
            &plugged,
        );
        let steps = plan(&before, &after);
        let at = |wanted: fn(&Action) -> bool| steps.iter().position(wanted).unwrap();
        let remove = at(|action| matches!(action, Action::RemovePort { .. }));
        let filter = at(|action| matches!(action, Action::SetFilter { .. }));
        let add = at(|action| matches!(action, Action::AddPort { .. }));
        assert!(remove < filter && filter < add, "{steps:?}");
    }

    fn any_wired() -> impl Strategy<Value = Wired> {
        let ports = proptest::collection::btree_map("[a-e]", (1_u16..4, 5000_u32..5003), 0..5);
        let routers = proptest::collection::btree_map(("[x-z]", "[p-r]"), 5000_u32..5003, 0..4);
        (ports, routers).prop_map(|(ports, routers)| {
            let mut wired = Wired::default();
            for (id, (vlan, vni)) in ports {
                wired.networks.insert(vni, 1442);
                let leg = Leg {
                    host: "hv1".to_owned(),
                    carrier: "t".to_owned(),
                    vlan: Some(vlan),
                    vni,
                };
                wired.ports.insert(id, leg);
            }
            for (key, vni) in routers {
                wired.networks.insert(vni, 1442);
                let leg = RouterLeg {
                    network: String::new(),
                    vni,
                    mtu: 1442,
                    mac: String::new(),
                    addresses: Vec::new(),
                };
                wired.routers.insert(key, leg);
            }
            wired
                .filters
                .insert("hv1".to_owned(), format!("{:?}", wired.ports));
            wired
        })
    }

    proptest! {
        #[test]
        fn a_plan_leads_there_from_anywhere_even_when_it_is_cut_short(
            from in any_wired(), to in any_wired(), cut in 0_usize..20,
        ) {
            let mut now = from;
            for action in plan(&now.clone(), &to).iter().take(cut) {
                now.note(action);
            }
            for action in plan(&now.clone(), &to) {
                now.note(&action);
            }
            prop_assert_eq!(&now, &to);
            prop_assert!(plan(&now, &to).is_empty());
        }
    }
}
