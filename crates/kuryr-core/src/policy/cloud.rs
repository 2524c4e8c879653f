//! What Neutron lets pass, given groups and what ports carry.
//!
//! Followed: Neutron's security groups as API and reference describe them, with port security, and what was seen with OVN. A port's
//! groups are united. What no rule lets pass is dropped; answers of what passed come back. A packet passes if an egress rule of
//! the port that it leaves lets it and an ingress rule of the port that it reaches does; what is no port of ours has no rules. A
//! remote group stands for the addresses of all ports that carry it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use super::flow::{Call, Flow};
use super::group::{GroupKey, Remote, Rule, Traffic};
use super::model::{Direction, Family};

/// Groups and ports.
#[derive(Clone, Debug, Default)]
pub struct Enforcement<'a> {
    /// Rules of each group.
    pub groups: BTreeMap<&'a GroupKey, &'a BTreeSet<Rule>>,
    /// The port at each address: its number, and its groups.
    pub ports: HashMap<IpAddr, (usize, &'a BTreeSet<GroupKey>)>,
}

/// Which packets of a call pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passage {
    /// The first, a connection's SYN or a socket's first datagram.
    pub first: bool,
    /// All later ones, if the first did.
    pub later: bool,
}

impl Enforcement<'_> {
    /// Whether the packet passes.
    #[must_use]
    pub fn passes(&self, flow: &Flow) -> bool {
        // A pod that talks to itself does not leave its network namespace.
        if self.is_same(flow.from, flow.to) {
            return true;
        }
        self.leaves(flow) && self.enters(flow)
    }

    /// Which packets of a call pass. On the hypervisor, egress is judged with the VIP first and with the backend later: what is
    /// established is translated before the rules are looked at, and these are looked at for each packet.
    #[must_use]
    pub fn carries(&self, call: &Call) -> Passage {
        let to_vip = Flow {
            from: call.from,
            to: call.vip,
            protocol: call.protocol,
            port: call.port,
        };
        let to_backend = Flow {
            to: call.backend.address,
            port: call.backend.port,
            ..to_vip
        };
        let is_hairpin = self.is_same(call.from, call.backend.address);
        let seen = match call.balancer {
            Some(balancer) => balancer,
            None if is_hairpin => call.vip,
            None => call.from,
        };
        let enters = self.enters(&Flow {
            from: seen,
            ..to_backend
        });
        let first = self.leaves(&to_vip) && enters;
        let later = match call.balancer {
            Some(_) => first,
            None => self.leaves(&to_backend) && enters,
        };
        Passage { first, later }
    }

    fn is_same(&self, a: IpAddr, b: IpAddr) -> bool {
        let number = |address| self.ports.get(&address).map(|(number, _)| *number);
        number(a).is_some() && number(a) == number(b)
    }

    fn leaves(&self, flow: &Flow) -> bool {
        self.lets(flow.from, Direction::Egress, flow.to, flow)
    }

    fn enters(&self, flow: &Flow) -> bool {
        self.lets(flow.to, Direction::Ingress, flow.from, flow)
    }

    fn lets(&self, at: IpAddr, direction: Direction, peer: IpAddr, flow: &Flow) -> bool {
        let Some((_, carried)) = self.ports.get(&at) else {
            return true;
        };
        let rules = carried.iter().filter_map(|key| self.groups.get(key));
        rules.flat_map(|rules| rules.iter()).any(|rule| {
            rule.direction == direction
                && rule.family == Family::of(peer)
                && is_traffic(&rule.traffic, flow)
                && self.is_at(&rule.remote, peer)
        })
    }

    fn is_at(&self, remote: &Remote, peer: IpAddr) -> bool {
        match remote {
            Remote::Any => true,
            Remote::Prefix(network) => network.contains(&peer),
            Remote::Group(group) => {
                let port = self.ports.get(&peer);
                port.is_some_and(|(_, carried)| carried.contains(group))
            }
        }
    }
}

fn is_traffic(traffic: &Traffic, flow: &Flow) -> bool {
    match traffic {
        Traffic::Any => true,
        Traffic::Of(protocol) => *protocol == flow.protocol,
        Traffic::Ports(protocol, low, high) => {
            *protocol == flow.protocol && (*low..=*high).contains(&flow.port)
        }
        Traffic::Other { .. } => false,
    }
}
