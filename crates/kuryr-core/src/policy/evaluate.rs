//! What Neutron lets pass.
//!
//! Followed: Neutron's security groups as API and reference describe them, with port security.
//! A port's groups are united. What no rule lets pass is dropped; answers of what passed come
//! back. A packet passes if an egress rule of the port that it leaves lets it and an ingress rule
//! of the port that it reaches does; what is no port of ours has no rules. A remote group stands
//! for the addresses of all ports that carry it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use super::group::{Remote, Rule};
use super::model::{Direction, Family, Protocol};

/// The first packet of a connection, or a packet of a protocol without any.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Flow {
    /// Source.
    pub from: IpAddr,
    /// Destination, of the same family.
    pub to: IpAddr,
    /// Protocol.
    pub protocol: Protocol,
    /// Destination port.
    pub port: u16,
}

/// Groups and ports. `G` is what groups are known by.
#[derive(Clone, Debug)]
pub struct Enforcement<'a, G> {
    /// Rules of each group.
    pub rules: BTreeMap<G, &'a BTreeSet<Rule<G>>>,
    /// The port at each address: its name, and its groups.
    pub ports: HashMap<IpAddr, (usize, &'a BTreeSet<G>)>,
}

impl<G: Ord> Enforcement<'_, G> {
    /// Whether the packet passes.
    #[must_use]
    pub fn passes(&self, flow: &Flow) -> bool {
        let (from, to) = (self.ports.get(&flow.from), self.ports.get(&flow.to));
        // A pod that talks to itself does not leave its network namespace.
        if let (Some((a, _)), Some((b, _))) = (from, to)
            && a == b
        {
            return true;
        }
        from.is_none_or(|(_, groups)| self.lets(groups, Direction::Egress, flow))
            && to.is_none_or(|(_, groups)| self.lets(groups, Direction::Ingress, flow))
    }

    fn lets(&self, groups: &BTreeSet<G>, direction: Direction, flow: &Flow) -> bool {
        let rules = groups.iter().filter_map(|g| self.rules.get(g));
        rules
            .flat_map(|rules| rules.iter())
            .any(|rule| rule.direction == direction && self.matches(rule, flow))
    }

    fn matches(&self, rule: &Rule<G>, flow: &Flow) -> bool {
        let peer = match rule.direction {
            Direction::Ingress => flow.from,
            Direction::Egress => flow.to,
        };
        let ports = |(low, high): (u16, u16)| (low..=high).contains(&flow.port);
        rule.family == Family::of(peer)
            && rule.protocol.is_none_or(|p| p == flow.protocol)
            && rule.ports.is_none_or(ports)
            && self.is_at(&rule.remote, peer)
    }

    fn is_at(&self, remote: &Remote<G>, peer: IpAddr) -> bool {
        match remote {
            Remote::Any => true,
            Remote::Prefix(cidr) => cidr.contains(peer),
            Remote::Group(group) => {
                let port = self.ports.get(&peer);
                port.is_some_and(|(_, groups)| groups.contains(group))
            }
        }
    }
}
