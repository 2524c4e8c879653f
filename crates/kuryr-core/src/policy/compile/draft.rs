//! One direction of one policy as rules, as far as they are the same for all pods.

use std::collections::{BTreeMap, BTreeSet};

use super::member::{Member, Members, Where};
use crate::policy::complaint::{Complaint, Reason};
use crate::policy::group::{Remote, Rule};
use crate::policy::model::{
    Allow, Direction, Facts, Family, Id, Peer, Pod, Policy, PolicyPort, Ports, Protocol,
};

/// Who is at the other end, for a family.
type End = (Family, Remote);
/// Protocol and range of a rule.
type Through = (Option<Protocol>, Option<(u16, u16)>);

/// A direction of a policy.
#[derive(Debug)]
pub(super) struct Draft {
    direction: Direction,
    /// Rules for all pods that the policy selects.
    rules: BTreeSet<Rule>,
    /// Ports of ingress by name: each pod has numbers of its own for them.
    named: BTreeMap<(Id, Protocol), BTreeSet<End>>,
}

impl Draft {
    /// Whether all pods that it selects have the same rules.
    pub(super) fn is_common(&self) -> bool {
        self.named.is_empty()
    }

    /// The numbers that the pod has for the names: pods with the same have the same rules.
    pub(super) fn numbers(&self, pod: &Pod) -> BTreeSet<(Id, Protocol, u16)> {
        let all = self.named.keys().flat_map(|(name, protocol)| {
            let numbers = pod.numbers(name, *protocol);
            numbers.map(|n| (name.clone(), *protocol, n))
        });
        all.collect()
    }

    /// The rules with these numbers.
    pub(super) fn rules(&self, numbers: &BTreeSet<(Id, Protocol, u16)>) -> BTreeSet<Rule> {
        let mut rules = self.rules.clone();
        for (name, protocol, number) in numbers {
            let ends = self.named.get(&(name.clone(), *protocol));
            let through = (Some(*protocol), Some((*number, *number)));
            for end in ends.into_iter().flatten() {
                rules.insert(rule(self.direction, end, through));
            }
        }
        rules
    }

    /// The groups that its rules name.
    pub(super) fn remotes(&self) -> impl Iterator<Item = &Remote> {
        let named = self.named.values().flatten().map(|(_, remote)| remote);
        self.rules.iter().map(|r| &r.remote).chain(named)
    }
}

fn rule(direction: Direction, (family, remote): &End, (protocol, ports): Through) -> Rule {
    Rule {
        direction,
        family: *family,
        protocol,
        ports,
        remote: remote.clone(),
    }
}

/// What drafts are made with.
pub(super) struct Drafter<'a> {
    pub(super) families: &'a BTreeSet<Family>,
    pub(super) members: Members,
    facts: &'a Facts,
    /// Pods that have a port of a name.
    with_port: BTreeMap<(&'a Id, Protocol), Vec<&'a Pod>>,
}

impl<'a> Drafter<'a> {
    pub(super) fn new(facts: &'a Facts, families: &'a BTreeSet<Family>) -> Self {
        let mut with_port: BTreeMap<_, Vec<&Pod>> = BTreeMap::new();
        for pod in facts.pods.values().filter(|p| p.counts()) {
            for port in &pod.ports {
                let of = with_port.entry((&port.name, port.protocol)).or_default();
                of.push(pod);
            }
        }
        Self {
            families,
            members: Members::default(),
            facts,
            with_port,
        }
    }

    /// One direction of a policy, and what is wrong with it.
    pub(super) fn draft(
        &mut self,
        policy: &Policy,
        direction: Direction,
        complaints: &mut BTreeSet<Complaint>,
    ) -> Draft {
        let mut draft = Draft {
            direction,
            rules: BTreeSet::new(),
            named: BTreeMap::new(),
        };
        for allow in policy.rules(direction) {
            complaints.extend(wrong(allow, direction));
            self.allow(policy, allow, &mut draft);
        }
        draft
    }

    fn allow(&mut self, policy: &Policy, allow: &Allow, draft: &mut Draft) {
        let everyone = allow.peers.is_empty().then_some(None);
        let peers: Vec<Option<&Peer>> = allow.peers.iter().map(Some).chain(everyone).collect();
        for peer in peers {
            if allow.ports.is_empty() {
                self.add(policy, peer, (None, None), draft);
            }
            for port in &allow.ports {
                let protocol = Some(port.protocol);
                match &port.ports {
                    Ports::All => self.add(policy, peer, (protocol, None), draft),
                    Ports::Range(low, high) if low <= high => {
                        self.add(policy, peer, (protocol, Some((*low, *high))), draft);
                    }
                    Ports::Named(name) => self.add_named(policy, peer, name, port, draft),
                    Ports::Range(..) | Ports::Unreadable(_) => {}
                }
            }
        }
    }

    fn add(&mut self, policy: &Policy, peer: Option<&Peer>, through: Through, draft: &mut Draft) {
        let ends = self.ends(policy, peer);
        let rules = ends.iter().map(|end| rule(draft.direction, end, through));
        draft.rules.extend(rules);
    }

    fn add_named(
        &mut self,
        policy: &Policy,
        peer: Option<&Peer>,
        name: &Id,
        port: &PolicyPort,
        draft: &mut Draft,
    ) {
        let protocol = port.protocol;
        if draft.direction == Direction::Ingress {
            let ends = self.ends(policy, peer);
            let of = draft.named.entry((name.clone(), protocol)).or_default();
            of.extend(ends);
            return;
        }
        let member = match peer {
            None => Member::all(),
            Some(Peer::Pods { namespaces, pods }) => member(policy, namespaces.as_ref(), pods),
            Some(Peer::Block { .. } | Peer::Unreadable(_)) => return,
        };
        for number in self.numbers(&member, name, protocol) {
            let key = self.members.key(Member {
                port: Some((name.clone(), protocol, number)),
                ..member.clone()
            });
            let through = (Some(protocol), Some((number, number)));
            for family in self.families {
                let end = (*family, Remote::Group(key));
                draft.rules.insert(rule(draft.direction, &end, through));
            }
        }
    }

    /// The ends that a peer stands for; none is everyone.
    fn ends(&mut self, policy: &Policy, peer: Option<&Peer>) -> Vec<End> {
        let remote = match peer {
            None => Remote::Any,
            Some(Peer::Pods { namespaces, pods }) => {
                let member = member(policy, namespaces.as_ref(), pods);
                Remote::Group(self.members.key(member))
            }
            Some(Peer::Block { cidr, except }) => {
                let family = cidr.family();
                if !self.families.contains(&family) {
                    return Vec::new();
                }
                let parts = cidr.without(except).into_iter();
                return parts
                    .map(|part| match part.prefix() {
                        0 => (family, Remote::Any),
                        _ => (family, Remote::Prefix(part)),
                    })
                    .collect();
            }
            Some(Peer::Unreadable(_)) => return Vec::new(),
        };
        let all = self.families.iter();
        all.map(|family| (*family, remote.clone())).collect()
    }

    /// The numbers that the port has on the pods that are selected.
    fn numbers(&self, member: &Member, name: &Id, protocol: Protocol) -> BTreeSet<u16> {
        let pods = self.with_port.get(&(name, protocol));
        let selected = pods.into_iter().flatten().filter(|pod| {
            let namespace = &pod.key.namespace;
            let inside = match &member.namespaces {
                Where::In(name) => name == namespace,
                Where::Matching(selector) => {
                    let namespace = self.facts.namespaces.get(namespace);
                    namespace.is_some_and(|n| selector.matches(&n.labels))
                }
            };
            inside && member.pods.matches(&pod.labels)
        });
        selected
            .flat_map(|pod| pod.numbers(name, protocol))
            .collect()
    }
}

fn member(
    policy: &Policy,
    namespaces: Option<&crate::policy::Selector>,
    pods: &crate::policy::Selector,
) -> Member {
    Member {
        namespaces: match namespaces {
            None => Where::In(policy.key.namespace.clone()),
            Some(selector) => Where::Matching(selector.clone()),
        },
        pods: pods.clone(),
        port: None,
    }
}

/// What can't be read, or means nothing.
fn wrong(allow: &Allow, direction: Direction) -> Vec<Complaint> {
    let invalid = |text: &str| {
        let message = format!("{direction}: {text}; it allows nothing");
        Complaint::new(Reason::InvalidValue, text, message)
    };
    let peers = allow.peers.iter().filter_map(|peer| match peer {
        Peer::Unreadable(text) => Some(invalid(text)),
        _ => None,
    });
    let blocks = allow.peers.iter().any(|p| matches!(p, Peer::Block { .. }));
    let ports = allow.ports.iter().filter_map(|port| match &port.ports {
        Ports::Unreadable(text) => Some(invalid(text)),
        Ports::Range(low, high) if low > high => {
            Some(invalid(&format!("endPort {high} is less than port {low}")))
        }
        Ports::Named(name) if blocks && direction == Direction::Egress => {
            let message = format!(
                "egress to an ipBlock through port {name:?}: addresses have no named ports; \
                 this allows nothing"
            );
            Some(Complaint::new(Reason::PortNameOfAddress, &**name, message))
        }
        _ => None,
    });
    peers.chain(ports).collect()
}
