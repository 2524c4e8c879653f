//! What policies allow, straight from the specification of networking.k8s.io/v1.
//!
//! It is written to be read beside the specification, not to be fast: it is the truth that the
//! compiled security groups are compared with. Where the specification leaves it open:
//!
//! - Pods on the host's network are their node: policies don't select them, as subject or as peer.
//! - `ipBlock` is about addresses, so it allows pods too that have such an address.
//! - A named port is one of the destination pod's containers. What an `ipBlock` names has no
//!   containers, so in egress a named port beside it allows nothing.
//! - A pod's own node reaches it; the pod reaches its node if its policies say so.
//! - A Service that is served on the hypervisor is allowed to a pod if all that is behind it is.

use std::net::IpAddr;
use std::sync::Arc;

use super::evaluate::Flow;
use super::model::{
    Allow, Direction, Facts, Family, Peer, Pod, Policy, PolicyPort, Ports, ServicePort,
};

/// Whether the packet is allowed.
#[must_use]
pub fn allows(facts: &Facts, flow: &Flow) -> bool {
    let (from, to) = (pod_at(facts, flow.from), pod_at(facts, flow.to));
    if let (Some(a), Some(b)) = (from, to)
        && a.key == b.key
    {
        return true;
    }
    if let Some(from) = from
        && let Some(service) = service_at(facts, flow)
    {
        return allows_service(facts, from, service, flow);
    }
    from.is_none_or(|pod| lets(facts, pod, Direction::Egress, flow))
        && to.is_none_or(|pod| {
            is_own_node(facts, pod, flow.from) || lets(facts, pod, Direction::Ingress, flow)
        })
}

/// Whether a pod's policies of one direction let the packet pass: none isolates it, or one of
/// them has a rule for it.
fn lets(facts: &Facts, pod: &Pod, direction: Direction, flow: &Flow) -> bool {
    let mut isolating = facts
        .policies
        .values()
        .filter(|p| p.isolates(direction) && selects(p, pod))
        .peekable();
    isolating.peek().is_none()
        || isolating.any(|policy| {
            let rules = policy.rules(direction).iter();
            rules
                .into_iter()
                .any(|rule| covers(facts, policy, direction, rule, flow))
        })
}

/// Whether a policy is about the pod.
fn selects(policy: &Policy, pod: &Pod) -> bool {
    policy.key.namespace == pod.key.namespace && policy.pods.matches(&pod.labels)
}

/// Whether a rule is about the packet: its peer and its port.
fn covers(facts: &Facts, policy: &Policy, direction: Direction, rule: &Allow, flow: &Flow) -> bool {
    let peer = match direction {
        Direction::Ingress => flow.from,
        Direction::Egress => flow.to,
    };
    let port = |by_address| {
        rule.ports.is_empty()
            || rule.ports.iter().any(|port| {
                let nameless = by_address && direction == Direction::Egress;
                is_port(facts, port, nameless, flow)
            })
    };
    if rule.peers.is_empty() {
        return port(false);
    }
    rule.peers.iter().any(|p| {
        let by_address = matches!(p, Peer::Block { .. });
        is_peer(facts, policy, p, peer) && port(by_address)
    })
}

/// Whether a peer of a rule is at the address.
fn is_peer(facts: &Facts, policy: &Policy, peer: &Peer, address: IpAddr) -> bool {
    match peer {
        Peer::Block { cidr, except } => {
            cidr.contains(address) && !except.iter().any(|e| e.contains(address))
        }
        Peer::Pods { namespaces, pods } => pod_at(facts, address).is_some_and(|pod| {
            let namespace = facts.namespaces.get(&pod.key.namespace);
            let in_namespace = match namespaces {
                None => pod.key.namespace == policy.key.namespace,
                Some(selector) => namespace.is_some_and(|n| selector.matches(&n.labels)),
            };
            in_namespace && pods.matches(&pod.labels)
        }),
        Peer::Unreadable(_) => false,
    }
}

/// Whether a rule's port is the packet's.
fn is_port(facts: &Facts, port: &PolicyPort, nameless: bool, flow: &Flow) -> bool {
    port.protocol == flow.protocol
        && match &port.ports {
            Ports::All => true,
            Ports::Range(low, high) => (*low..=*high).contains(&flow.port),
            Ports::Named(_) if nameless => false,
            Ports::Named(name) => pod_at(facts, flow.to)
                .is_some_and(|pod| pod.numbers(name, port.protocol).any(|n| n == flow.port)),
            Ports::Unreadable(_) => false,
        }
}

/// The pod at an address, other than those on their node's.
fn pod_at(facts: &Facts, address: IpAddr) -> Option<&Arc<Pod>> {
    let mut pods = facts.pods.values().filter(|p| p.counts());
    pods.find(|p| p.addresses.contains(&address))
}

fn is_own_node(facts: &Facts, pod: &Pod, address: IpAddr) -> bool {
    let node = pod.node.as_ref().and_then(|name| facts.nodes.get(name));
    node.is_some_and(|node| node.addresses.contains(&address))
}

/// The Service that is served at the packet's destination.
fn service_at<'a>(facts: &'a Facts, flow: &Flow) -> Option<&'a ServicePort> {
    let services = facts.services.values();
    let there = services.filter(|s| s.vips.contains(&flow.to));
    there
        .flat_map(|s| &s.ports)
        .find(|p| p.protocol == flow.protocol && p.port == flow.port)
}

/// A pod reaches a Service if its egress allows all that is behind it. What the backend allows
/// is seen after the load balancer has chosen it.
fn allows_service(facts: &Facts, from: &Pod, service: &ServicePort, flow: &Flow) -> bool {
    let behind = |address, port| {
        let flow = Flow {
            to: address,
            port,
            ..*flow
        };
        lets(facts, from, Direction::Egress, &flow)
    };
    let family = Family::of(flow.from);
    let mut backends = service
        .backends
        .iter()
        .filter(|b| Family::of(b.address) == family)
        .peekable();
    lets(facts, from, Direction::Egress, flow)
        || backends.peek().is_some() && backends.all(|b| behind(b.address, b.port))
}
