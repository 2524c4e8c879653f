//! What policies allow, straight from the specification of networking.k8s.io/v1 and Kubernetes' pages about it.
//!
//! It is written to be read beside the specification, not to be fast, and it uses nothing that the compiler of groups uses but
//! the facts themselves: it is what groups, and packets, are compared with. Where the specification leaves it open:
//!
//! - Pods on the host's network are their node: policies don't select them, as subject or as peer.
//! - `ipBlock` is about addresses, so it allows pods too that have such an address.
//! - A named port is one of the destination pod's containers. What an `ipBlock` names has no containers, so in egress a named
//!   port beside it allows nothing.
//! - "Traffic to and from the node where a Pod is running is always allowed": both ways.
//! - A Service is what is behind it (the `service` module).

mod service;

use std::net::IpAddr;

pub use self::service::allows_call;
use super::flow::{Call, Flow};
use super::model::{
    Allow, Direction, Facts, Labels, Peer, Pod, Policy, PolicyPort, Ports, Selector, Test,
};

/// Whether the packet is allowed. Its destination is no VIP: those are [`allows_call`]'s.
#[must_use]
pub fn allows(facts: &Facts, flow: &Flow) -> bool {
    let (from, to) = (pod_at(facts, flow.from), pod_at(facts, flow.to));
    if let (Some(from), Some(to)) = (from, to)
        && from.key == to.key
    {
        return true;
    }
    let may_leave = from.is_none_or(|pod| lets(facts, pod, Direction::Egress, flow));
    let may_enter = to.is_none_or(|pod| lets(facts, pod, Direction::Ingress, flow));
    may_leave && may_enter
}

/// Whether a pod's policies of one direction let the packet pass: none isolates it, or one of them has a rule for it.
fn lets(facts: &Facts, pod: &Pod, direction: Direction, flow: &Flow) -> bool {
    let peer = match direction {
        Direction::Ingress => flow.from,
        Direction::Egress => flow.to,
    };
    if is_node_of(facts, pod, peer) {
        return true;
    }
    let policies = facts.policies.values();
    let isolating: Vec<&Policy> = policies
        .map(|policy| &**policy)
        .filter(|policy| is_about(policy, pod) && isolates(policy, direction))
        .collect();
    if isolating.is_empty() {
        return true;
    }
    isolating.iter().any(|policy| {
        let rules = match direction {
            Direction::Ingress => &policy.ingress,
            Direction::Egress => &policy.egress,
        };
        let mut rules = rules.iter();
        rules.any(|rule| has_peer_and_port(facts, policy, direction, rule, flow, peer))
    })
}

/// "Each NetworkPolicy includes a podSelector which selects the grouping of pods to which the policy applies", in its namespace.
fn is_about(policy: &Policy, pod: &Pod) -> bool {
    policy.key.namespace == pod.key.namespace && has_labels(&policy.pods, &pod.labels)
}

/// "If no policyTypes are specified on a NetworkPolicy then by default Ingress will always be set and Egress will be set if the
/// NetworkPolicy has any egress rules."
fn isolates(policy: &Policy, direction: Direction) -> bool {
    match (policy.types.is_empty(), direction) {
        (false, _) => policy.types.contains(&direction),
        (true, Direction::Ingress) => true,
        (true, Direction::Egress) => !policy.egress.is_empty(),
    }
}

/// "Each rule allows traffic which matches both the from and ports sections."
fn has_peer_and_port(
    facts: &Facts,
    policy: &Policy,
    direction: Direction,
    rule: &Allow,
    flow: &Flow,
    peer: IpAddr,
) -> bool {
    let has_port = |nameless: bool| {
        let mut ports = rule.ports.iter();
        rule.ports.is_empty() || ports.any(|port| is_port(facts, port, nameless, flow))
    };
    if rule.peers.is_empty() {
        return has_port(false);
    }
    rule.peers.iter().any(|wanted| {
        let nameless = direction == Direction::Egress && matches!(wanted, Peer::Block { .. });
        is_peer(facts, policy, wanted, peer) && has_port(nameless)
    })
}

fn is_peer(facts: &Facts, policy: &Policy, wanted: &Peer, address: IpAddr) -> bool {
    let (namespaces, pods) = match wanted {
        Peer::Block { cidr, except } => {
            let is_out = except.iter().any(|e| is_in(address, e));
            return is_in(address, cidr) && !is_out;
        }
        Peer::Pods { namespaces, pods } => (namespaces, pods),
        Peer::Unreadable(_) => return false,
    };
    let Some(pod) = pod_at(facts, address) else {
        return false;
    };
    let is_in_namespace = match namespaces {
        None => pod.key.namespace == policy.key.namespace,
        Some(selector) => {
            let namespace = facts.namespaces.get(&pod.key.namespace);
            namespace.is_some_and(|n| has_labels(selector, &n.labels))
        }
    };
    is_in_namespace && has_labels(pods, &pod.labels)
}

fn is_port(facts: &Facts, port: &PolicyPort, nameless: bool, flow: &Flow) -> bool {
    if port.protocol != flow.protocol {
        return false;
    }
    match &port.ports {
        Ports::All => true,
        Ports::Range(first, last) => *first <= flow.port && flow.port <= *last,
        Ports::Named(name) => {
            let pod = pod_at(facts, flow.to).filter(|_| !nameless);
            pod.is_some_and(|pod| {
                let mut ports = pod.ports.iter();
                ports.any(|p| {
                    p.name == *name && p.protocol == port.protocol && p.number == flow.port
                })
            })
        }
        Ports::Unreadable(_) => false,
    }
}

/// Whether labels fulfil a selector, as apimachinery's page on label selectors says it.
fn has_labels(selector: &Selector, labels: &Labels) -> bool {
    selector.requirements().all(|wanted| {
        let value = labels.get(&wanted.key);
        match (&wanted.test, value) {
            (Test::In(values), Some(value)) => values.iter().any(|v| v == value),
            (Test::NotIn(values), Some(value)) => values.iter().all(|v| v != value),
            (Test::NotIn(_) | Test::DoesNotExist, None) | (Test::Exists, Some(_)) => true,
            (Test::In(_) | Test::Exists, None) => false,
            (Test::DoesNotExist, Some(_)) | (Test::Unknown(_), _) => false,
        }
    })
}

/// Whether an address is in a network, by its leading bits.
fn is_in(address: IpAddr, network: &ipnet::IpNet) -> bool {
    let bits = |address: IpAddr| match address {
        IpAddr::V4(a) => u128::from(u32::from(a)) << 96,
        IpAddr::V6(a) => u128::from(a),
    };
    let differ = bits(address) ^ bits(network.addr());
    let is_same_version = address.is_ipv4() == network.addr().is_ipv4();
    is_same_version && differ.leading_zeros() >= u32::from(network.prefix_len())
}

/// The pod at an address, other than those on their node's.
fn pod_at(facts: &Facts, address: IpAddr) -> Option<&Pod> {
    let mut pods = facts.pods.values();
    let pod = pods.find(|p| !p.host_network && !p.over && p.addresses.contains(&address));
    pod.map(|pod| &**pod)
}

fn is_node_of(facts: &Facts, pod: &Pod, address: IpAddr) -> bool {
    let name = pod.node.as_ref();
    let node = name.and_then(|name| facts.nodes.get(name));
    node.is_some_and(|node| node.addresses.contains(&address))
}
