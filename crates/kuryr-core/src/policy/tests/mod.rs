//! What policies mean, and that the groups which they come to mean the same.

#![allow(clippy::unwrap_used)]

pub(crate) mod draw;
pub(crate) mod fixtures;
mod meaning;
mod property;
mod services;
mod size;

use self::fixtures::*;
use super::cloud::Passage;
use super::flow::{Call, Flow};
use super::*;

/// The cluster of the fixtures with these policies.
fn with(policies: Vec<Policy>) -> Facts {
    let mut facts = cluster();
    for policy in policies {
        put(&mut facts, policy);
    }
    facts
}

/// Whether a TCP packet from one to the other is allowed: pods as `a0`, others by address. The compiled groups must say the same as
/// the oracle, for this and for everything else.
#[track_caller]
fn tcp_passes(facts: &Facts, from: &str, to: &str, port: u16) -> bool {
    passes(facts, from, to, Protocol::Tcp, port)
}

#[track_caller]
fn passes(facts: &Facts, from: &str, to: &str, protocol: Protocol, port: u16) -> bool {
    let flow = Flow {
        from: at(facts, from),
        to: at(facts, to),
        protocol,
        port,
    };
    agrees(facts, &[port]);
    let answer = oracle::allows(facts, &flow);
    assert_eq!(Compiles::new(facts, &settings()).passes(&flow), answer);
    answer
}

/// What the group of a policy of namespace `a` is for.
fn of_policy(facts: &Facts, name: &str, direction: Direction) -> Purpose {
    let policy = &facts.policies[&PolicyKey::new("a", name)];
    let selecting = Selecting {
        policy: policy.key.clone(),
        pods: policy.pods.clone(),
    };
    Purpose::Policy(std::sync::Arc::new(selecting), direction)
}

/// A pod's first address, or the address.
fn at(facts: &Facts, text: &str) -> std::net::IpAddr {
    let pod = text.split_at_checked(1).and_then(|(namespace, number)| {
        let key = PodKey::new(namespace, format!("p{number}"));
        facts.pods.get(&key).map(|p| p.addresses[0])
    });
    pod.unwrap_or_else(|| ip(text))
}

/// Oracle and groups say the same for every pair of addresses, and for every call to a Service: all of its packets pass, or none.
///
/// The oracle does not know what the operator lets pass: where no policy isolates, its groups decide.
#[track_caller]
fn agrees(facts: &Facts, ports: &[u16]) {
    agrees_for(facts, &flows(&everywhere(facts), ports));
}

#[track_caller]
fn agrees_for(facts: &Facts, flows: &[Flow]) {
    let addresses = everywhere(facts);
    let compiles = Compiles::new(facts, &settings());
    let operator = Operator::new(facts);
    compiles.ask(|cloud| {
        for flow in flows {
            let wanted = oracle::allows(facts, flow) && operator.lets(flow.from, flow.to);
            assert_eq!(cloud.passes(flow), wanted, "{flow:?} with {facts:#?}");
        }
        for call in calls(facts, &addresses) {
            let wanted = oracle::allows_call(facts, &call) && operator.lets_call(&call);
            let passage = cloud.carries(&call);
            let is_right = passage.first == wanted && (passage.later || !wanted);
            assert!(is_right, "{wanted}, {passage:?}: {call:?} with {facts:#?}");
        }
    });
}

/// What the operator's group adds to what policies say: it decides in directions that no policy isolates.
pub(super) struct Operator<'a> {
    facts: &'a Facts,
}

impl<'a> Operator<'a> {
    pub(super) fn new(facts: &'a Facts) -> Self {
        Self { facts }
    }

    /// Whether it lets a pod send, or receive. Pods that a policy isolates reach their node whatever it says.
    pub(super) fn lets(&self, from: std::net::IpAddr, to: std::net::IpAddr) -> bool {
        from_same_pod(self.facts, from, to)
            || self.lets_in(from, Direction::Egress, to)
                && self.lets_in(to, Direction::Ingress, from)
    }

    pub(super) fn lets_call(&self, call: &Call) -> bool {
        let to = call.backend.address;
        self.lets_in(call.from, Direction::Egress, call.vip)
            && self.lets_in(to, Direction::Ingress, call.balancer.unwrap_or(call.from))
    }

    /// Whether its rules do. A rule that names the group itself is about all pods.
    fn lets_by_rule(&self, direction: Direction, peer: std::net::IpAddr) -> bool {
        let mut pods = self.facts.pods.values().filter(|p| p.counts());
        let is_pod = pods.any(|p| p.addresses.contains(&peer));
        let mut rules = self.facts.operator[OPERATOR].iter();
        rules.any(|rule| {
            let is_about = rule.direction == direction && rule.family == Family::of(peer);
            is_about && (rule.remote == Remote::Any || is_pod)
        })
    }

    fn lets_in(&self, at: std::net::IpAddr, direction: Direction, peer: std::net::IpAddr) -> bool {
        let mut pods = self.facts.pods.values();
        let pod = pods.find(|p| p.counts() && p.addresses.contains(&at));
        let Some(pod) = pod.filter(|_| !self.lets_by_rule(direction, peer)) else {
            return true;
        };
        let policies = self.facts.policies.values();
        let mut own = policies
            .filter(|p| p.key.namespace == pod.key.namespace && p.pods.matches(&pod.labels));
        let own: Vec<_> = own.by_ref().collect();
        let isolates = |direction| own.iter().any(|p| p.isolates(direction));
        let node = pod
            .node
            .as_ref()
            .and_then(|name| self.facts.nodes.get(name));
        let is_node = node.is_some_and(|node| node.addresses.contains(&peer));
        let is_any = Direction::BOTH.into_iter().any(isolates);
        isolates(direction) || is_any && is_node
    }
}

fn from_same_pod(facts: &Facts, a: std::net::IpAddr, b: std::net::IpAddr) -> bool {
    let mut pods = facts.pods.values().filter(|p| p.counts());
    pods.any(|p| p.addresses.contains(&a) && p.addresses.contains(&b))
}
