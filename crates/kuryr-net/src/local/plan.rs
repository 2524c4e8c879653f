//! What to change so that just these ports are switched to each other.

use std::collections::{BTreeMap, BTreeSet};

use super::LocalPort;
use crate::bpf::{Delivery, Endpoint, Place, Taken};

/// What the maps hold.
pub(super) struct Observed<'a> {
    pub(super) taken: &'a [Taken],
    pub(super) endpoints: &'a [(Place, Endpoint)],
    pub(super) last_group: u16,
}

/// What to change, in this order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// Addresses that are switched to no more.
    pub(super) remove: Vec<Place>,
    /// VLANs whose pods' frames all go by the trunk.
    pub(super) ungroup: Vec<u16>,
    /// To be remembered.
    pub(super) last_group: u16,
    /// Addresses that are switched to, new or moved.
    pub(super) insert: Vec<(Place, Endpoint)>,
    /// VLANs whose pods' frames may be switched, with their group.
    pub(super) group: Vec<(u16, u16)>,
    /// How many ports are switched in the end.
    pub(super) switched: usize,
}

/// A group is a network's for as long as it is switched locally without a break: flows are known
/// by it, and what was a flow before a break is none after it.
pub(super) fn plan(ports: &[LocalPort], observed: &Observed<'_>) -> Plan {
    let into_pods = |entry: &&Taken| entry.delivery == Delivery::IntoPeer;
    let taken: BTreeMap<u16, &Taken> = observed
        .taken
        .iter()
        .filter(into_pods)
        .map(|entry| (entry.vlan, entry))
        .collect();
    let plugged: Vec<(&LocalPort, &Taken)> = ports
        .iter()
        .filter_map(|port| Some((port, *taken.get(&port.vlan)?)))
        .collect();
    let (groups, last_group) = groups(&plugged, observed);
    let mut wanted: BTreeMap<Place, Endpoint> = BTreeMap::new();
    let mut grouped: BTreeMap<u16, u16> = BTreeMap::new();
    for (port, entry) in &plugged {
        let group = groups[port.network.as_str()];
        grouped.insert(port.vlan, group);
        for address in &port.addresses {
            let (link, mac) = (entry.link, port.mac);
            let address = address.to_canonical();
            wanted.insert(Place { group, address }, Endpoint { link, mac });
        }
    }
    let there: BTreeMap<Place, Endpoint> = observed.endpoints.iter().copied().collect();
    Plan {
        remove: there
            .keys()
            .filter(|at| !wanted.contains_key(at))
            .copied()
            .collect(),
        ungroup: observed
            .taken
            .iter()
            .filter(|e| e.group != 0 && grouped.get(&e.vlan) != Some(&e.group))
            .map(|e| e.vlan)
            .collect(),
        last_group,
        insert: wanted
            .into_iter()
            .filter(|(at, who)| there.get(at) != Some(who))
            .collect(),
        group: plugged
            .iter()
            .map(|(port, entry)| (port.vlan, entry.group, grouped[&port.vlan]))
            .filter(|(_, is, shall)| is != shall)
            .map(|(vlan, _, shall)| (vlan, shall))
            .collect(),
        switched: plugged.len(),
    }
}

/// The group of each network: the one that its pods are in, else a new one.
fn groups<'a>(
    plugged: &[(&'a LocalPort, &Taken)],
    observed: &Observed<'_>,
) -> (BTreeMap<&'a str, u16>, u16) {
    let mut groups: BTreeMap<&str, u16> = BTreeMap::new();
    let mut used: BTreeSet<u16> = BTreeSet::new();
    for (port, entry) in plugged {
        let known = groups.contains_key(port.network.as_str());
        if !known && entry.group != 0 && used.insert(entry.group) {
            groups.insert(&port.network, entry.group);
        }
    }
    used.extend(observed.taken.iter().map(|entry| entry.group));
    used.extend(observed.endpoints.iter().map(|(at, _)| at.group));
    used.insert(0);
    let mut last = observed.last_group;
    for (port, _) in plugged {
        groups.entry(&port.network).or_insert_with(|| {
            last = last.wrapping_add(1);
            while used.contains(&last) {
                last = last.wrapping_add(1);
            }
            used.insert(last);
            last
        });
    }
    (groups, last)
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use proptest::prelude::*;

    use super::*;
    use crate::MacAddr;

    /// What the maps hold, changed as plans say.
    #[derive(Debug, Clone, Default)]
    struct Maps {
        taken: Vec<Taken>,
        endpoints: BTreeMap<Place, Endpoint>,
        last_group: u16,
    }

    impl Maps {
        fn plugged(vlans: impl IntoIterator<Item = u16>) -> Self {
            let mut maps = Self::default();
            for vlan in vlans {
                maps.plug(vlan);
            }
            maps
        }

        fn plug(&mut self, vlan: u16) {
            self.taken
                .push(Taken::new(vlan, 1000 + u32::from(vlan), Delivery::IntoPeer));
        }

        fn plan(&self, ports: &[LocalPort]) -> Plan {
            let endpoints: Vec<_> = self.endpoints.iter().map(|(at, who)| (*at, *who)).collect();
            plan(
                ports,
                &Observed {
                    taken: &self.taken,
                    endpoints: &endpoints,
                    last_group: self.last_group,
                },
            )
        }

        fn apply(&mut self, plan: &Plan) {
            self.endpoints.retain(|at, _| !plan.remove.contains(at));
            let none = plan.ungroup.iter().map(|vlan| (*vlan, 0));
            for (vlan, group) in none.chain(plan.group.iter().copied()) {
                for entry in self.taken.iter_mut().filter(|e| e.vlan == vlan) {
                    entry.group = group;
                }
            }
            self.last_group = plan.last_group;
            self.endpoints.extend(plan.insert.iter().copied());
        }

        fn switch(&mut self, ports: &[LocalPort]) {
            let plan = self.plan(ports);
            self.apply(&plan);
        }

        fn group(&self, vlan: u16) -> u16 {
            let entry = self.taken.iter().find(|e| e.vlan == vlan);
            entry.map_or(0, |entry| entry.group)
        }

        /// Whether frames of one VLAN's pod may be switched to another's.
        fn reaches(&self, from: u16, to: &LocalPort) -> bool {
            let group = self.group(from);
            let mut addresses = to.addresses.iter();
            group != 0
                && addresses.any(|address| {
                    let at = Place {
                        group,
                        address: *address,
                    };
                    self.endpoints.get(&at).is_some_and(|who| who.mac == to.mac)
                })
        }
    }

    fn port(vlan: u16, network: &str) -> LocalPort {
        let [high, low] = vlan.to_be_bytes();
        LocalPort {
            vlan,
            mac: MacAddr([0xfa, 0x16, 0x3e, 0, high, low]),
            addresses: vec![IpAddr::V4(Ipv4Addr::new(10, 1, high, low))],
            network: network.to_owned(),
        }
    }

    #[test]
    fn a_network_keeps_its_group_until_it_was_closed() {
        let mut maps = Maps::plugged([1, 2, 3]);
        maps.switch(&[port(1, "a"), port(2, "a")]);
        assert_eq!((maps.group(1), maps.group(2), maps.group(3)), (1, 1, 0));
        maps.switch(&[port(2, "a"), port(3, "a")]);
        assert_eq!((maps.group(1), maps.group(2), maps.group(3)), (0, 1, 1));
        maps.switch(&[]);
        maps.switch(&[port(2, "a"), port(3, "a")]);
        assert_eq!(maps.group(2), 2, "flows of before are known no more");
    }

    #[test]
    fn what_is_not_plugged_into_a_pod_is_passed_over() {
        let mut maps = Maps::plugged([1]);
        maps.taken.push(Taken::new(2, 1002, Delivery::Send));
        let plan = maps.plan(&[port(1, "a"), port(2, "a"), port(3, "a")]);
        assert_eq!((plan.switched, plan.insert.len()), (1, 1));
    }

    proptest! {
        /// Whatever was switched before: afterwards just those of one network reach each other, and
        /// there is nothing left to do.
        #[test]
        fn just_the_wanted_reach_each_other(
            steps in prop::collection::vec(prop::collection::btree_map(1u16..8, 0usize..3, 0..8), 1..6),
        ) {
            let networks = ["a", "b", "c"];
            let mut maps = Maps::plugged(1..8);
            for step in steps {
                let wanted: Vec<_> = step.iter().map(|(vlan, n)| port(*vlan, networks[*n])).collect();
                maps.switch(&wanted);
                for from in 1..8 {
                    for to in (1..8).map(|vlan| port(vlan, "")) {
                        let together = step.contains_key(&from) && step.get(&from) == step.get(&to.vlan);
                        prop_assert_eq!(maps.reaches(from, &to), together, "{} to {}", from, to.vlan);
                    }
                }
                let again = maps.plan(&wanted);
                let rest = Plan { last_group: maps.last_group, switched: wanted.len(), ..Plan::default() };
                prop_assert_eq!(again, rest);
            }
        }

        /// Half a plan opens nothing that was not to be open before or after.
        #[test]
        fn out_comes_before_in(
            before in prop::collection::btree_map(1u16..8, 0usize..3, 0..8),
            after in prop::collection::btree_map(1u16..8, 0usize..3, 0..8),
        ) {
            let networks = ["a", "b", "c"];
            let ports = |of: &BTreeMap<u16, usize>| -> Vec<_> {
                of.iter().map(|(vlan, n)| port(*vlan, networks[*n])).collect()
            };
            let mut maps = Maps::plugged(1..8);
            maps.switch(&ports(&before));
            let mut plan = maps.plan(&ports(&after));
            // What is put in comes after; here it never does.
            plan.insert.clear();
            plan.group.clear();
            maps.apply(&plan);
            for from in 1..8 {
                for to in (1..8).map(|vlan| port(vlan, "")) {
                    let was = before.contains_key(&from) && before.get(&from) == before.get(&to.vlan);
                    let shall = after.contains_key(&from) && after.get(&from) == after.get(&to.vlan);
                    prop_assert!(!maps.reaches(from, &to) || (was && shall), "{} to {}", from, to.vlan);
                }
            }
        }
    }
}
