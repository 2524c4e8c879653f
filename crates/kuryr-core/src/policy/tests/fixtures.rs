//! Short ways to write facts in tests.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use super::super::cloud::{Enforcement, Passage};
use super::super::flow::{Call, Flow};
use super::super::*;

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
    let all = Arc::new(all_of(&Direction::BOTH));
    facts.operator.insert(id(OPERATOR), all);
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
pub(crate) fn put(facts: &mut Facts, fact: impl Fact) {
    fact.put(facts);
}

pub(crate) trait Fact {
    fn put(self, facts: &mut Facts);
}

macro_rules! facts {
    ($($fact:ty, $table:ident, $key:ident;)*) => {
        $(impl Fact for $fact {
            fn put(self, facts: &mut Facts) {
                facts.$table.insert(self.$key.clone(), Arc::new(self));
            }
        })*
    };
}

facts! {
    Policy, policies, key;
    Pod, pods, key;
    Namespace, namespaces, name;
    Node, nodes, name;
    Service, services, key;
}

/// What stands for the operator's group.
pub(crate) const OPERATOR: &str = "operator";

pub(crate) fn settings() -> Settings {
    Settings {
        families: Family::BOTH.into(),
        operator: vec![id(OPERATOR)],
        services: ["10.96.0.0/16", "fd96::/112"]
            .map(|n| n.parse().unwrap())
            .into(),
        limits: Limits::default(),
        patience: 30_000,
        failures: 4,
    }
}

/// Rules that let everything pass in these directions.
pub(crate) fn all_of(directions: &[Direction]) -> BTreeSet<Rule> {
    let both = directions
        .iter()
        .flat_map(|d| Family::BOTH.map(|family| (*d, family)));
    both.map(|(direction, family)| Rule {
        direction,
        family,
        traffic: Traffic::Any,
        remote: Remote::Any,
    })
    .collect()
}

/// What Neutron lets pass when each port carries what it is to.
pub(crate) struct Compiles {
    pub(crate) compiled: Compiled,
    facts: Facts,
}

impl Compiles {
    pub(crate) fn new(facts: &Facts, settings: &Settings) -> Self {
        Self {
            compiled: compile(facts, settings),
            facts: facts.clone(),
        }
    }

    /// Asks about what passes.
    pub(crate) fn ask<T>(&self, what: impl FnOnce(&Enforcement<'_>) -> T) -> T {
        let operators = self.facts.operator.iter();
        let operators: Vec<(GroupKey, &BTreeSet<Rule>)> = operators
            .map(|(id, rules)| (Purpose::Operator(id.clone()).into(), &**rules))
            .collect();
        let own: BTreeMap<&GroupKey, &BTreeSet<Rule>> = self.compiled.groups.iter().collect();
        let theirs = operators.iter().map(|(key, rules)| (key, *rules));
        let ports = self.compiled.of_pod.iter().enumerate();
        let ports = ports.flat_map(|(n, (pod, groups))| {
            let addresses = self.facts.pods[pod].addresses.iter();
            addresses.map(move |address| (*address, (n, groups)))
        });
        what(&Enforcement {
            groups: own.into_iter().chain(theirs).collect(),
            ports: ports.collect(),
        })
    }

    pub(crate) fn passes(&self, flow: &Flow) -> bool {
        self.ask(|cloud| cloud.passes(flow))
    }

    pub(crate) fn carries(&self, call: &Call) -> Passage {
        self.ask(|cloud| cloud.carries(call))
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

/// A Service of a namespace, served at `10.96.0.<n>` and `fd96::<n>`, with one TCP port.
pub(crate) fn service(namespace: &str, n: u8, port: u16, backends: &[(IpAddr, u16)]) -> Service {
    let backends = backends.iter().map(|(address, port)| Backend {
        address: *address,
        port: *port,
    });
    Service {
        key: ServiceKey::new(namespace, format!("s{n}")),
        on_hypervisor: true,
        vips: [ip(&format!("10.96.0.{n}")), ip(&format!("fd96::{n:x}"))].into(),
        ports: vec![ServicePort {
            protocol: Protocol::Tcp,
            port,
            backends: backends.collect(),
        }],
    }
}

/// The address that the backends of a Service see where its load balancer is not on the hypervisor.
pub(crate) fn balancer(family: Family) -> IpAddr {
    match family {
        Family::V4 => ip("10.96.255.1"),
        Family::V6 => ip("fd96::ff01"),
    }
}

/// From each of the addresses to each Service, with each backend that its load balancer may choose.
pub(crate) fn calls(facts: &Facts, addresses: &[IpAddr]) -> Vec<Call> {
    let mut calls = Vec::new();
    for service in facts.services.values() {
        for (port, vip) in service
            .ports
            .iter()
            .flat_map(|p| service.vips.iter().map(move |v| (p, v)))
        {
            let family = Family::of(*vip);
            let backends = port
                .backends
                .iter()
                .filter(|b| Family::of(b.address) == family);
            for backend in backends {
                let from = addresses.iter().filter(|from| Family::of(**from) == family);
                calls.extend(from.map(|from| Call {
                    from: *from,
                    vip: *vip,
                    protocol: port.protocol,
                    port: port.port,
                    backend: backend.clone(),
                    balancer: (!service.on_hypervisor).then(|| balancer(family)),
                }));
            }
        }
    }
    calls
}
