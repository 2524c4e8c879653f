//! One direction of one policy as rules.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ipnet::IpNet;

use super::prefixes::without;
use crate::policy::group::{GroupKey, Member, Numbers, Purpose, Remote, Rule, Traffic, Where};
use crate::policy::model::{
    Allow, Direction, Facts, Family, Id, Peer, Pod, Policy, Ports, Protocol, Selector,
};
use crate::policy::settings::Settings;
use crate::policy::{Complaint, Reason};

/// Who is at the other end, for an IP version.
type End = (Family, Remote);

/// A direction of a policy.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    direction: Direction,
    /// Rules for all pods that the policy selects.
    pub(super) rules: BTreeSet<Rule>,
    /// Ports of ingress by name: each pod has numbers of its own for them.
    named: BTreeMap<(Id, Protocol), BTreeSet<End>>,
    /// Whether it may have rules at all. Then its pods carry its group, also while it has none.
    pub(super) may_allow: bool,
    /// Whether it allows everything.
    pub(super) is_open: bool,
}

impl Draft {
    /// The numbers that the pod has for the names: pods with the same have the same rules.
    pub(super) fn numbers(&self, pod: &Pod) -> Numbers {
        let all = self.named.keys().flat_map(|(name, protocol)| {
            let numbers = pod.numbers(name, *protocol);
            numbers.map(|n| (name.clone(), *protocol, n))
        });
        all.collect()
    }

    /// The rules that these numbers are for.
    pub(super) fn rules_with(&self, numbers: &Numbers) -> BTreeSet<Rule> {
        let rules = numbers.iter().flat_map(|(name, protocol, number)| {
            let ends = self.named.get(&(name.clone(), *protocol));
            let traffic = Traffic::Ports(*protocol, *number, *number);
            let ends = ends.into_iter().flatten();
            ends.map(move |end| rule(self.direction, end, traffic.clone()))
        });
        rules.collect()
    }

    /// The members that its rules name.
    pub(super) fn members(&self) -> impl Iterator<Item = &Arc<Member>> {
        let named = self.named.values().flatten().map(|(_, remote)| remote);
        let remotes = self.rules.iter().map(|r| &r.remote).chain(named);
        remotes.filter_map(|remote| match remote {
            Remote::Group(GroupKey {
                purpose: Purpose::Member(member),
                ..
            }) => Some(member),
            _ => None,
        })
    }
}

fn rule(direction: Direction, (family, remote): &End, traffic: Traffic) -> Rule {
    Rule {
        direction,
        family: *family,
        traffic,
        remote: remote.clone(),
    }
}

/// What drafts are made with.
pub(super) struct Drafter<'a> {
    facts: &'a Facts,
    settings: &'a Settings,
    /// Pods that have a port that egress names.
    with_port: BTreeMap<(Id, Protocol), Vec<&'a Pod>>,
}

impl<'a> Drafter<'a> {
    /// Of policies whose egress has ports by these names.
    pub(super) fn new(
        facts: &'a Facts,
        settings: &'a Settings,
        names: &BTreeSet<(Id, Protocol)>,
    ) -> Self {
        let mut with_port: BTreeMap<_, Vec<&Pod>> = BTreeMap::new();
        let is_named = |name: &(Id, Protocol)| names.contains(name);
        for pod in facts.pods.values().filter(|p| p.counts()) {
            let ports = pod.ports.iter();
            let ports = ports.map(|port| (port.name.clone(), port.protocol));
            for name in ports.filter(is_named) {
                with_port.entry(name).or_default().push(pod);
            }
        }
        Self {
            facts,
            settings,
            with_port,
        }
    }

    /// One direction of a policy.
    pub(super) fn draft(&self, policy: &Policy, direction: Direction) -> Draft {
        let mut draft = Draft {
            direction,
            rules: BTreeSet::new(),
            named: BTreeMap::new(),
            may_allow: !policy.rules(direction).is_empty(),
            is_open: false,
        };
        for allow in policy.rules(direction) {
            let everyone = allow.peers.is_empty().then_some(None);
            for peer in allow.peers.iter().map(Some).chain(everyone) {
                self.peer(policy, peer, allow, &mut draft);
            }
        }
        draft
    }

    /// A rule's peer, none for everyone, with its ports.
    fn peer(&self, policy: &Policy, peer: Option<&Peer>, allow: &Allow, draft: &mut Draft) {
        if allow.ports.is_empty() {
            draft.is_open |= peer.is_none();
            self.add(policy, peer, Traffic::Any, draft);
        }
        for port in &allow.ports {
            let protocol = port.protocol;
            match &port.ports {
                Ports::All => self.add(policy, peer, Traffic::Of(protocol), draft),
                // Neutron keeps no range that is all ports: it would be seen as another rule.
                Ports::Range(0 | 1, u16::MAX) => {
                    self.add(policy, peer, Traffic::Of(protocol), draft);
                }
                Ports::Range(low, high) if low <= high => {
                    self.add(policy, peer, Traffic::Ports(protocol, *low, *high), draft);
                }
                Ports::Named(name) => self.add_named(policy, peer, (name, protocol), draft),
                Ports::Range(..) | Ports::Unreadable(_) => {}
            }
        }
    }

    fn add(&self, policy: &Policy, peer: Option<&Peer>, traffic: Traffic, draft: &mut Draft) {
        let is_all = peer.is_none() && traffic == Traffic::Any;
        let ends = match draft.direction {
            Direction::Egress if !is_all => self.ends(policy, peer, &self.settings.services),
            _ => self.ends(policy, peer, &[]),
        };
        let rules = ends.iter();
        let rules = rules.map(|end| rule(draft.direction, end, traffic.clone()));
        draft.rules.extend(rules);
    }

    fn add_named(
        &self,
        policy: &Policy,
        peer: Option<&Peer>,
        (name, protocol): (&Id, Protocol),
        draft: &mut Draft,
    ) {
        if draft.direction == Direction::Ingress {
            let of = draft.named.entry((name.clone(), protocol)).or_default();
            of.extend(self.ends(policy, peer, &[]));
            return;
        }
        let member = match peer {
            None => member(policy, Some(&Selector::default()), &Selector::default()),
            Some(Peer::Pods { namespaces, pods }) => member(policy, namespaces.as_ref(), pods),
            Some(Peer::Block { .. } | Peer::Unreadable(_)) => return,
        };
        for number in self.numbers(&member, name, protocol) {
            let remote = Remote::Group(remote(Member {
                port: Some((name.clone(), protocol, number)),
                ..member.clone()
            }));
            let traffic = Traffic::Ports(protocol, number, number);
            for family in &self.settings.families {
                let end = (*family, remote.clone());
                let rule = rule(draft.direction, &end, traffic.clone());
                draft.rules.insert(rule);
            }
        }
    }

    /// The ends that a peer, none for everyone, stands for without these networks.
    fn ends(&self, policy: &Policy, peer: Option<&Peer>, cuts: &[IpNet]) -> Vec<End> {
        let families = self.settings.families.iter();
        match peer {
            None => families
                .flat_map(|family| prefixes(everything(*family), cuts))
                .collect(),
            Some(Peer::Pods { namespaces, pods }) => {
                let key = remote(member(policy, namespaces.as_ref(), pods));
                families
                    .map(|family| (*family, Remote::Group(key.clone())))
                    .collect()
            }
            Some(Peer::Block { cidr, except }) => {
                if !self.settings.families.contains(&Family::of(cidr.addr())) {
                    return Vec::new();
                }
                let cuts: Vec<IpNet> = except.iter().chain(cuts).copied().collect();
                prefixes(*cidr, &cuts)
            }
            Some(Peer::Unreadable(_)) => Vec::new(),
        }
    }

    /// The numbers that the port has on the pods that are selected.
    fn numbers(&self, member: &Member, name: &Id, protocol: Protocol) -> BTreeSet<u16> {
        let pods = self.with_port.get(&(name.clone(), protocol));
        let selected = pods.into_iter().flatten().filter(|pod| {
            let namespace = &pod.key.namespace;
            let is_inside = match &member.namespaces {
                Where::In(name) => name == namespace,
                Where::Matching(selector) => {
                    let namespace = self.facts.namespaces.get(namespace);
                    namespace.is_some_and(|n| selector.matches(&n.labels))
                }
            };
            is_inside && member.pods.matches(&pod.labels)
        });
        let numbers = selected.flat_map(|pod| pod.numbers(name, protocol));
        numbers.collect()
    }
}

fn everything(family: Family) -> IpNet {
    match family {
        Family::V4 => IpNet::V4(ipnet::Ipv4Net::default()),
        Family::V6 => IpNet::V6(ipnet::Ipv6Net::default()),
    }
}

fn prefixes(whole: IpNet, cuts: &[IpNet]) -> Vec<End> {
    let family = Family::of(whole.addr());
    let parts = without(whole.trunc(), cuts).into_iter();
    let end = |part: IpNet| match part.prefix_len() {
        0 => (family, Remote::Any),
        _ => (family, Remote::Prefix(part)),
    };
    parts.map(end).collect()
}

fn remote(member: Member) -> GroupKey {
    Purpose::Member(Arc::new(member)).into()
}

fn member(policy: &Policy, namespaces: Option<&Selector>, pods: &Selector) -> Member {
    Member {
        namespaces: match namespaces {
            None => Where::In(policy.key.namespace.clone()),
            Some(selector) => Where::Matching(selector.clone()),
        },
        pods: pods.clone(),
        port: None,
    }
}

/// What of a policy can't be read, or means nothing.
pub(super) fn wrong(policy: &Policy) -> BTreeSet<Complaint> {
    let of = |direction: Direction| {
        let rules = policy.rules(direction).iter();
        rules.flat_map(move |allow| wrong_rule(allow, direction))
    };
    Direction::BOTH.into_iter().flat_map(of).collect()
}

fn wrong_rule(allow: &Allow, direction: Direction) -> Vec<Complaint> {
    let invalid = |text: &str| {
        let message = format!("{direction}: {text}; it allows nothing");
        Complaint::new(Reason::InvalidValue, text, message)
    };
    let peers = allow.peers.iter().filter_map(|peer| match peer {
        Peer::Unreadable(text) => Some(invalid(text)),
        _ => None,
    });
    let has_block = allow.peers.iter().any(|p| matches!(p, Peer::Block { .. }));
    let ports = allow.ports.iter().filter_map(|port| match &port.ports {
        Ports::Unreadable(text) => Some(invalid(text)),
        Ports::Range(low, high) if low > high => {
            Some(invalid(&format!("endPort {high} is less than port {low}")))
        }
        Ports::Named(name) if has_block && direction == Direction::Egress => {
            let message = format!(
                "egress to an ipBlock through port {name:?}: addresses have no named ports; this allows nothing"
            );
            Some(Complaint::new(Reason::PortNameOfAddress, &**name, message))
        }
        _ => None,
    });
    peers.chain(ports).collect()
}
