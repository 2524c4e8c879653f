//! Short ways to write facts in tests.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::*;

pub(crate) fn id(text: &str) -> Id {
    text.into()
}

pub(crate) fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// `app=web,tier=front`.
pub(crate) fn labels(text: &str) -> Labels {
    let pairs = text.split(',').filter_map(|p| p.split_once('='));
    pairs.map(|(k, v)| (id(k), id(v))).collect()
}

/// As `kubectl` reads selectors: `app=web,tier in (a,b),x notin (y),z,!w`; empty: everything.
pub(crate) fn selector(text: &str) -> Selector {
    let mut parts = Vec::new();
    let mut depth = 0;
    for c in text.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        if parts.is_empty() {
            parts.push(String::new());
        }
        parts.last_mut().unwrap().push(c);
    }
    Selector::new(Labels::new(), parts.iter().map(|p| requirement(p)))
}

fn requirement(text: &str) -> Requirement {
    let values =
        |list: &str| -> BTreeSet<Id> { list.trim_end_matches(')').split(',').map(id).collect() };
    let (key, test) = if let Some((key, list)) = text.split_once(" in (") {
        (key, Test::In(values(list)))
    } else if let Some((key, list)) = text.split_once(" notin (") {
        (key, Test::NotIn(values(list)))
    } else if let Some((key, value)) = text.split_once('=') {
        (key, Test::In([id(value)].into()))
    } else if let Some(key) = text.strip_prefix('!') {
        (key, Test::DoesNotExist)
    } else {
        (text, Test::Exists)
    };
    Requirement { key: id(key), test }
}

/// A policy of namespace `a` that selects its pods by `pods`, and isolates them as its rules say.
pub(crate) fn policy(name: &str, pods: &str, ingress: Vec<Allow>, egress: Vec<Allow>) -> Policy {
    Policy {
        key: PolicyKey::new("a", name),
        uid: id(name),
        pods: selector(pods),
        types: BTreeSet::new(),
        ingress,
        egress,
    }
}

/// The same, for the directions given.
pub(crate) fn of_types(policy: Policy, types: &[Direction]) -> Policy {
    Policy {
        types: types.iter().copied().collect(),
        ..policy
    }
}

pub(crate) fn allow(peers: Vec<Peer>, ports: Vec<PolicyPort>) -> Allow {
    Allow { peers, ports }
}

/// Pods of the policy's own namespace.
pub(crate) fn pods(text: &str) -> Peer {
    Peer::Pods {
        namespaces: None,
        pods: selector(text),
    }
}

pub(crate) fn pods_in(namespaces: &str, text: &str) -> Peer {
    Peer::Pods {
        namespaces: Some(selector(namespaces)),
        pods: selector(text),
    }
}

pub(crate) fn block(cidr: &str, except: &[&str]) -> Peer {
    Peer::Block {
        cidr: cidr.parse().unwrap(),
        except: except.iter().map(|e| e.parse().unwrap()).collect(),
    }
}

pub(crate) fn tcp(low: u16, high: u16) -> PolicyPort {
    port(Protocol::Tcp, Ports::Range(low, high))
}

pub(crate) fn port(protocol: Protocol, ports: Ports) -> PolicyPort {
    PolicyPort { protocol, ports }
}

pub(crate) fn named(name: &str) -> PolicyPort {
    port(Protocol::Tcp, Ports::Named(id(name)))
}

/// Pod `number` of namespace `namespace`: its addresses come from its name.
pub(crate) fn pod(namespace: &str, number: u8, text: &str) -> Pod {
    let of = namespace.bytes().next().unwrap();
    Pod {
        key: PodKey::new(namespace, format!("p{number}")),
        uid: id(&format!("{namespace}-p{number}")),
        labels: labels(text),
        addresses: vec![
            ip(&format!("10.0.{of}.{number}")),
            ip(&format!("fd00::{of:x}:{number:x}")),
        ],
        ports: BTreeSet::new(),
        node: Some(id(if number.is_multiple_of(2) { "n0" } else { "n1" })),
        host_network: false,
        over: false,
    }
}

pub(crate) fn namespace(name: &str, text: &str) -> Namespace {
    Namespace {
        name: id(name),
        labels: labels(text),
    }
}

pub(crate) fn node(name: &str, address: &str) -> Node {
    Node {
        name: id(name),
        addresses: [ip(address)].into(),
    }
}

/// Three namespaces with three pods each, on two nodes. Every pod has a label `p` with its number.
pub(crate) fn cluster() -> Facts {
    let mut facts = Facts::default();
    for (name, text) in [("a", "team=x"), ("b", "team=x,tier=back"), ("c", "team=y")] {
        put(&mut facts, namespace(name, text));
        for number in 0..3 {
            let app = if number == 0 { "web" } else { "db" };
            let mut pod = pod(name, number, &format!("app={app},p={number}"));
            pod.ports = [named_port("http", 80 + u16::from(number))].into();
            put(&mut facts, pod);
        }
    }
    put(&mut facts, node("n0", "10.9.0.1"));
    put(&mut facts, node("n1", "10.9.0.2"));
    facts
}

pub(crate) fn named_port(name: &str, number: u16) -> NamedPort {
    NamedPort {
        name: id(name),
        protocol: Protocol::Tcp,
        number,
    }
}

/// Puts a fact where such facts are.
pub(crate) fn put<F: Fact>(facts: &mut Facts, fact: F) {
    F::table(facts).insert(fact.key(), std::sync::Arc::new(fact));
}

pub(crate) fn settings() -> Settings {
    Settings {
        families: [Family::V4, Family::V6].into(),
        patience: crate::Millis::MAX,
        ..Settings::default()
    }
}

/// What Neutron lets pass when each port carries what it is to. The operator's groups let all.
pub(crate) struct Compiles {
    pub(crate) compiled: Compiled,
    facts: Facts,
}

/// Stands for the operator's groups.
fn operators() -> GroupKey {
    GroupKey::of("the operator's")
}

impl Compiles {
    pub(crate) fn new(facts: &Facts, settings: &Settings) -> Self {
        Self {
            compiled: compile(facts, settings),
            facts: facts.clone(),
        }
    }

    /// Whether it passes, for each of the flows.
    pub(crate) fn passes(&self, flows: &[Flow]) -> Vec<bool> {
        let all: BTreeSet<Rule> = Direction::BOTH
            .into_iter()
            .flat_map(|direction| [Family::V4, Family::V6].map(|family| (direction, family)))
            .map(|(direction, family)| Rule {
                direction,
                family,
                protocol: None,
                ports: None,
                remote: Remote::Any,
            })
            .collect();
        let groups = self.compiled.groups.iter();
        let mut rules: std::collections::BTreeMap<_, _> =
            groups.map(|(key, group)| (*key, &group.rules)).collect();
        rules.insert(operators(), &all);
        let carried: Vec<(&PodKey, BTreeSet<GroupKey>)> = self
            .compiled
            .of_pod
            .iter()
            .map(|(pod, assigned)| {
                let mut groups = assigned.groups.clone();
                groups.extend(assigned.operator.then(operators));
                (pod, groups)
            })
            .collect();
        let ports = carried.iter().enumerate().flat_map(|(n, (pod, groups))| {
            let addresses = self.facts.pods[*pod].addresses.iter();
            addresses.map(move |a| (*a, (n, groups)))
        });
        let ports = ports.collect();
        let enforcement = evaluate::Enforcement { rules, ports };
        flows.iter().map(|f| enforcement.passes(f)).collect()
    }
}

/// Every ordered pair of addresses of one family, TCP, UDP and SCTP, to these ports.
pub(crate) fn flows(addresses: &[IpAddr], ports: &[u16]) -> Vec<Flow> {
    let mut flows = Vec::new();
    for from in addresses {
        for to in addresses.iter().filter(|to| to.is_ipv4() == from.is_ipv4()) {
            for port in ports {
                for protocol in [Protocol::Tcp, Protocol::Udp, Protocol::Sctp] {
                    flows.push(Flow {
                        from: *from,
                        to: *to,
                        protocol,
                        port: *port,
                    });
                }
            }
        }
    }
    flows
}

/// The addresses of all pods and nodes, and some outside.
pub(crate) fn everywhere(facts: &Facts) -> Vec<IpAddr> {
    let pods = facts.pods.values().flat_map(|p| &p.addresses);
    let nodes = facts.nodes.values().flat_map(|n| &n.addresses);
    let outside = ["192.0.2.1", "192.0.2.200", "2001:db8::1"].map(ip);
    pods.chain(nodes).copied().chain(outside).collect()
}
