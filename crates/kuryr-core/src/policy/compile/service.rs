//! Egress to Services whose load balancer is on the hypervisor.
//!
//! There a client's packet passes its egress rules with the VIP as destination, before a backend
//! is chosen (ML2/OVN with Octavia's OVN provider). So whether it may pass is a question about all
//! backends at once: a VIP is allowed when each of them is.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use super::effect::{Groups, host};
use super::member::Membership;
use crate::policy::complaint::{Complaint, Reason};
use crate::policy::group::{GroupKey, Remote, Rule};
use crate::policy::model::{Direction, Facts, Family, Protocol, Service, ServicePort};

/// What follows for a set of egress groups.
type Found = (Option<GroupKey>, BTreeSet<Complaint>);

/// Which Services pods reach.
pub(super) struct Reach<'a> {
    facts: &'a Facts,
    /// Member groups of what is behind Services.
    members_at: HashMap<IpAddr, BTreeSet<GroupKey>>,
    found: BTreeMap<BTreeSet<GroupKey>, Found>,
}

impl<'a> Reach<'a> {
    pub(super) fn new(facts: &'a Facts, membership: &Membership) -> Self {
        let mut members_at = HashMap::new();
        let pods = facts.pods.values().filter(|p| p.counts());
        for pod in pods.filter(|_| !facts.services.is_empty()) {
            let members = membership.of(pod);
            for address in &pod.addresses {
                members_at.insert(*address, members.clone());
            }
        }
        Self {
            facts,
            members_at,
            found: BTreeMap::new(),
        }
    }

    /// A group that allows the VIPs which a pod with these egress groups reaches, beyond those
    /// that the groups allow themselves.
    pub(super) fn of(
        &mut self,
        egress: &BTreeSet<GroupKey>,
        groups: &mut Groups,
        most: usize,
    ) -> Found {
        if self.facts.services.is_empty() {
            return Found::default();
        }
        if let Some(found) = self.found.get(egress) {
            return found.clone();
        }
        let (rules, mut complaints) = self.look(egress, groups);
        let key = if rules.len() > most {
            let message = format!(
                "egress to Services needs {} rules, and a security group may have {most}: \
                 Services are not reachable",
                rules.len()
            );
            complaints.insert(Complaint::new(Reason::TooManyRules, "services", message));
            None
        } else {
            groups.effect(Direction::Egress, rules)
        };
        let found = (key, complaints);
        self.found.insert(egress.clone(), found.clone());
        found
    }

    fn look(
        &self,
        egress: &BTreeSet<GroupKey>,
        groups: &Groups,
    ) -> (BTreeSet<Rule>, BTreeSet<Complaint>) {
        let own = egress.iter().filter_map(|key| groups.0.get(key));
        let own: Vec<&Rule> = own.flat_map(|g| &g.rules).collect();
        let (mut rules, mut complaints) = (BTreeSet::new(), BTreeSet::new());
        for service in self.facts.services.values() {
            for port in &service.ports {
                for vip in &service.vips {
                    let protocol = port.protocol;
                    if self.lets(&own, *vip, protocol, port.port) {
                        continue;
                    }
                    match self.behind(&own, port, Family::of(*vip)) {
                        (0, _) => {}
                        (yes, all) if yes == all => rules.extend(to_vip(*vip, port)),
                        (yes, all) => drop(complaints.insert(partly(service, port, yes, all))),
                    }
                }
            }
        }
        (rules, complaints)
    }

    /// How many of the backends are allowed, and how many there are.
    fn behind(&self, own: &[&Rule], port: &ServicePort, family: Family) -> (usize, usize) {
        let backends = port.backends.iter();
        let backends = backends.filter(|b| Family::of(b.address) == family);
        backends.fold((0, 0), |(yes, all), b| {
            let lets = self.lets(own, b.address, port.protocol, b.port);
            (yes + usize::from(lets), all + 1)
        })
    }

    fn lets(&self, own: &[&Rule], to: IpAddr, protocol: Protocol, port: u16) -> bool {
        own.iter().any(|rule| {
            let at = match &rule.remote {
                Remote::Any => true,
                Remote::Prefix(cidr) => cidr.contains(to),
                Remote::Group(key) => self.members_at.get(&to).is_some_and(|m| m.contains(key)),
            };
            at && rule.family == Family::of(to)
                && rule.protocol.is_none_or(|p| p == protocol)
                && rule
                    .ports
                    .is_none_or(|(low, high)| (low..=high).contains(&port))
        })
    }
}

fn to_vip(vip: IpAddr, port: &ServicePort) -> Option<Rule> {
    Some(Rule {
        direction: Direction::Egress,
        family: Family::of(vip),
        protocol: Some(port.protocol),
        ports: Some((port.port, port.port)),
        remote: Remote::Prefix(host(vip)?),
    })
}

fn partly(service: &Service, port: &ServicePort, yes: usize, all: usize) -> Complaint {
    let about = format!("{} {} {}", service.key, port.protocol, port.port);
    let message = format!(
        "Service {about} is not reachable for pods of this policy: {yes} of its {all} endpoints \
         are allowed, and its load balancer chooses among all of them"
    );
    Complaint::new(Reason::ServiceNotReachable, about, message)
}
