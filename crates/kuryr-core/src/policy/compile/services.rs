//! Egress to Services.
//!
//! A client's packet passes its egress rules with the VIP as destination before a backend is chosen. So whether it may pass is a
//! question about all that is behind the VIP at once: it is allowed when everything there is.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use super::prefixes::host;
use crate::policy::group::{GroupKey, Member, OwnPort, Purpose, Remote, Rule, Traffic};
use crate::policy::model::{Backend, Direction, Facts, Family, Id, Pod, Protocol, Service};
use crate::policy::{Complaint, Reason};

/// A Service's port at the VIPs of one IP version, where something is behind it.
#[derive(Clone, Debug)]
struct Served {
    service: Arc<Service>,
    protocol: Protocol,
    port: u16,
    family: Family,
    backends: Vec<Backend>,
}

impl Served {
    /// The rules that let packets to it pass.
    fn to_vips(&self) -> impl Iterator<Item = Rule> {
        let vips = self.service.vips.iter();
        let vips = vips.filter(|vip| Family::of(**vip) == self.family);
        vips.map(|vip| Rule {
            direction: Direction::Egress,
            family: self.family,
            traffic: Traffic::Ports(self.protocol, self.port, self.port),
            remote: Remote::Prefix(host(*vip)),
        })
    }

    fn own(&self, target: Option<u16>) -> GroupKey {
        let own = OwnPort {
            service: self.service.key.clone(),
            protocol: self.protocol,
            family: self.family,
            port: self.port,
            target,
        };
        Purpose::Own(Arc::new(own)).into()
    }

    /// The group for a pod that is behind it, and its rules: packets to the VIP, or to the pod itself.
    fn own_group(&self, target: Option<u16>) -> (GroupKey, BTreeSet<Rule>) {
        let key = self.own(target);
        let rules = match target {
            None => self.to_vips().collect(),
            Some(number) => {
                let itself = Rule {
                    direction: Direction::Egress,
                    family: self.family,
                    traffic: Traffic::Ports(self.protocol, number, number),
                    remote: Remote::Group(key.clone()),
                };
                [itself].into()
            }
        };
        (key, rules)
    }

    fn partly(&self, yes: usize) -> Complaint {
        let all = self.backends.len();
        let (service, port) = (&self.service.key, self.port);
        let about = format!("{service} {port}/{}", self.protocol.word());
        let message = format!(
            "Service {about} is not reachable for pods of this policy: {yes} of its {all} endpoints are allowed, and its load balancer \
             chooses among all of them"
        );
        Complaint::new(Reason::ServiceNotReachable, about, message)
    }
}

/// What follows for Services from a set of egress rules.
#[derive(Clone, Debug, Default)]
pub(super) struct Verdict {
    /// What is allowed.
    pub(super) vips: BTreeSet<Rule>,
    /// What is allowed in part.
    pub(super) partly: BTreeSet<Complaint>,
    /// What is not, by one of the addresses that are not allowed.
    blocked: HashMap<IpAddr, Vec<Blocked>>,
}

/// What behind a Service's port is not allowed.
#[derive(Clone, Debug)]
struct Blocked {
    served: usize,
    backends: Vec<Backend>,
}

/// Which Services rules reach.
#[derive(Clone, Debug)]
pub(super) struct Reach {
    served: Vec<Served>,
    /// Addresses of backends.
    behind: HashSet<IpAddr>,
    /// What the pods there are members of.
    members_at: HashMap<IpAddr, BTreeSet<Arc<Member>>>,
    found: BTreeMap<BTreeSet<usize>, Arc<Verdict>>,
}

impl Reach {
    pub(super) fn new(
        facts: &Facts,
        members_at: HashMap<IpAddr, BTreeSet<Arc<Member>>>,
        behind: HashSet<IpAddr>,
    ) -> Self {
        let ports = facts.services.values().flat_map(|service| {
            let ports = service.ports.iter();
            ports.flat_map(move |port| Family::BOTH.map(|family| (service, port, family)))
        });
        let served = ports.map(|(service, port, family)| Served {
            service: service.clone(),
            protocol: port.protocol,
            port: port.port,
            family,
            backends: {
                let all = port.backends.iter();
                let all = all.filter(|b| Family::of(b.address) == family);
                all.cloned().collect()
            },
        });
        Self {
            served: served.filter(|s| !s.backends.is_empty()).collect(),
            behind,
            members_at,
            found: BTreeMap::new(),
        }
    }

    /// Whether a Service leads to an address.
    pub(super) fn is_behind(&self, address: &IpAddr) -> bool {
        self.behind.contains(address)
    }

    /// What follows from these rules; `of` stands for them.
    pub(super) fn verdict(
        &mut self,
        of: BTreeSet<usize>,
        rules: &[&BTreeSet<Rule>],
    ) -> Arc<Verdict> {
        if let Some(found) = self.found.get(&of) {
            return found.clone();
        }
        let mut verdict = Verdict::default();
        for (number, served) in self.served.iter().enumerate() {
            let all = served.backends.iter();
            let blocked = all.filter(|b| !self.lets(rules, b, served.protocol));
            let blocked: Vec<Backend> = blocked.cloned().collect();
            let yes = served.backends.len() - blocked.len();
            let Some(first) = blocked.first().map(|b| b.address) else {
                verdict.vips.extend(served.to_vips());
                continue;
            };
            if yes > 0 {
                verdict.partly.insert(served.partly(yes));
            }
            let at = verdict.blocked.entry(first).or_default();
            at.push(Blocked {
                served: number,
                backends: blocked,
            });
        }
        let verdict = Arc::new(verdict);
        self.found.insert(of, verdict.clone());
        verdict
    }

    fn lets(&self, rules: &[&BTreeSet<Rule>], to: &Backend, protocol: Protocol) -> bool {
        let is_at = |remote: &Remote| match remote {
            Remote::Any => true,
            Remote::Prefix(network) => network.contains(&to.address),
            Remote::Group(key) => match &key.purpose {
                Purpose::Member(member) => {
                    let members = self.members_at.get(&to.address);
                    members.is_some_and(|members| members.contains(member))
                }
                _ => false,
            },
        };
        let is_traffic = |traffic: &Traffic| match traffic {
            Traffic::Any => true,
            Traffic::Of(of) => *of == protocol,
            Traffic::Ports(of, low, high) => *of == protocol && (*low..=*high).contains(&to.port),
            Traffic::Other { .. } => false,
        };
        rules.iter().flat_map(|rules| rules.iter()).any(|rule| {
            rule.family == Family::of(to.address)
                && is_traffic(&rule.traffic)
                && is_at(&rule.remote)
        })
    }

    /// The groups of a pod for Services behind which nothing is that it may not reach but itself and its node.
    pub(super) fn own_groups(
        &self,
        pod: &Pod,
        node: &BTreeSet<IpAddr>,
        verdict: &Verdict,
    ) -> BTreeMap<GroupKey, BTreeSet<Rule>> {
        let is_own = |address: &IpAddr| pod.addresses.contains(address);
        let is_allowed = |address: &IpAddr| is_own(address) || node.contains(address);
        let near = pod.addresses.iter().chain(node);
        let near: BTreeSet<&IpAddr> = near.collect();
        let blocked = near.iter().filter_map(|at| verdict.blocked.get(*at));
        let mut groups = BTreeMap::new();
        for blocked in blocked.flatten() {
            let Some(served) = self.served.get(blocked.served) else {
                continue;
            };
            if blocked.backends.iter().all(|b| is_allowed(&b.address)) {
                groups.extend([served.own_group(None)]);
                let itself = blocked.backends.iter().filter(|b| is_own(&b.address));
                groups.extend(itself.map(|b| served.own_group(Some(b.port))));
            }
        }
        groups
    }
}

/// All addresses that Services lead to.
pub(super) fn behind(facts: &Facts) -> HashSet<IpAddr> {
    let ports = facts.services.values().flat_map(|service| &service.ports);
    let backends = ports.flat_map(|port| &port.backends);
    backends.map(|backend| backend.address).collect()
}

/// The VIPs from which pods of each namespace are reached by themselves.
pub(super) fn hairpins(facts: &Facts) -> HashMap<Id, BTreeSet<IpAddr>> {
    let mut vips: HashMap<Id, BTreeSet<IpAddr>> = HashMap::new();
    let on_hypervisor = facts.services.values().filter(|s| s.on_hypervisor);
    let addresses = facts.pods.values().filter(|pod| pod.counts());
    let addresses = addresses.flat_map(|pod| {
        let all = pod.addresses.iter();
        all.map(|address| (*address, &pod.key.namespace))
    });
    let at: HashMap<IpAddr, &Id> = addresses.collect();
    for service in on_hypervisor {
        let backends = service.ports.iter().flat_map(|port| &port.backends);
        let behind = backends.filter_map(|b| at.get(&b.address).copied());
        let namespaces: BTreeSet<&Id> = behind.chain([&service.key.namespace]).collect();
        for namespace in namespaces {
            let of = vips.entry(namespace.clone()).or_default();
            of.extend(&service.vips);
        }
    }
    vips
}
