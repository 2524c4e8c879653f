//! NetworkPolicy to fact. What can't be read allows nothing: left out it would allow more.

use ipnet::IpNet;
use k8s_openapi::api::networking::v1::{
    IPBlock, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort,
};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::ResourceExt;
use kuryr_core::policy::{
    Allow, Direction, Peer, Policy, PolicyKey, PolicyPort, Ports, Protocol, Selector,
};

use super::selector::selector;

/// Reads a policy.
#[must_use]
pub fn policy(object: &NetworkPolicy) -> Policy {
    let spec = object.spec.clone().unwrap_or_default();
    let types = spec.policy_types.iter().flatten();
    let ingress = spec.ingress.iter().flatten();
    let egress = spec.egress.iter().flatten();
    Policy {
        key: policy_key(object),
        uid: object.uid().unwrap_or_default().into(),
        pods: spec.pod_selector.as_ref().map(selector).unwrap_or_default(),
        types: types.filter_map(|t| direction(t)).collect(),
        ingress: ingress
            .map(|r| allow(r.from.as_deref(), r.ports.as_deref()))
            .collect(),
        egress: egress
            .map(|r| allow(r.to.as_deref(), r.ports.as_deref()))
            .collect(),
    }
}

/// Namespace and name of a policy.
#[must_use]
pub fn policy_key(object: &NetworkPolicy) -> PolicyKey {
    PolicyKey::new(object.namespace().unwrap_or_default(), object.name_any())
}

pub(super) fn direction(word: &str) -> Option<Direction> {
    match word {
        "Ingress" => Some(Direction::Ingress),
        "Egress" => Some(Direction::Egress),
        _ => None,
    }
}

fn allow(peers: Option<&[NetworkPolicyPeer]>, ports: Option<&[NetworkPolicyPort]>) -> Allow {
    Allow {
        peers: peers.unwrap_or_default().iter().map(peer).collect(),
        ports: ports.unwrap_or_default().iter().map(port).collect(),
    }
}

fn peer(peer: &NetworkPolicyPeer) -> Peer {
    let selects = peer.pod_selector.is_some() || peer.namespace_selector.is_some();
    match &peer.ip_block {
        Some(_) if selects => {
            Peer::Unreadable("a peer is either an ipBlock or pods, not both".to_owned())
        }
        Some(of) => block(of).unwrap_or_else(Peer::Unreadable),
        None if selects => Peer::Pods {
            namespaces: peer.namespace_selector.as_ref().map(selector),
            pods: peer
                .pod_selector
                .as_ref()
                .map_or_else(Selector::default, selector),
        },
        None => Peer::Unreadable("a peer that names nobody".to_owned()),
    }
}

fn block(block: &IPBlock) -> Result<Peer, String> {
    let network = |text: &String| {
        let read = text.parse::<IpNet>();
        read.map(|network| network.trunc())
            .map_err(|_| format!("{text:?} is no network"))
    };
    let except = block.except.iter().flatten();
    Ok(Peer::Block {
        cidr: network(&block.cidr)?,
        except: except.map(network).collect::<Result<_, _>>()?,
    })
}

fn port(port: &NetworkPolicyPort) -> PolicyPort {
    let word = port.protocol.as_deref().unwrap_or("TCP");
    match Protocol::parse(word) {
        Some(protocol) => PolicyPort {
            protocol,
            ports: ports(port).unwrap_or_else(Ports::Unreadable),
        },
        None => PolicyPort {
            protocol: Protocol::Tcp,
            ports: Ports::Unreadable(format!("{word:?} is none of TCP, UDP and SCTP")),
        },
    }
}

fn ports(port: &NetworkPolicyPort) -> Result<Ports, String> {
    let number = |n: i32| {
        let fits = u16::try_from(n).ok().filter(|n| *n > 0);
        fits.ok_or_else(|| format!("port {n} is not between 1 and 65535"))
    };
    match (&port.port, port.end_port) {
        (None, None) => Ok(Ports::All),
        (None, Some(_)) => Err("endPort without port".to_owned()),
        (Some(IntOrString::String(name)), None) => Ok(Ports::Named(name.as_str().into())),
        (Some(IntOrString::String(name)), Some(_)) => {
            Err(format!("endPort with the port name {name:?}"))
        }
        (Some(IntOrString::Int(first)), last) => {
            let (first, last) = (number(*first)?, number(last.unwrap_or(*first))?);
            if first > last {
                return Err(format!("endPort {last} is below port {first}"));
            }
            Ok(Ports::Range(first, last))
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(spec: Value) -> Policy {
        let object =
            json!({"metadata": {"namespace": "shop", "name": "p", "uid": "u"}, "spec": spec});
        policy(&serde_json::from_value(object).unwrap())
    }

    fn one_peer(peer: Value) -> Peer {
        let p = read(json!({"podSelector": {}, "ingress": [{"from": [peer]}]}));
        p.ingress[0].peers[0].clone()
    }

    fn one_port(port: Value) -> PolicyPort {
        let p = read(json!({"podSelector": {}, "egress": [{"ports": [port]}]}));
        p.egress[0].ports[0].clone()
    }

    #[test]
    fn absent_and_empty_fields_are_told_apart_where_that_matters() {
        let p = read(json!({"podSelector": {}}));
        assert!(p.pods.is_empty() && p.types.is_empty() && p.ingress.is_empty());
        assert_eq!(p.key.to_string(), "shop/p");
        let p = read(
            json!({"podSelector": {"matchLabels": {"a": "b"}}, "policyTypes": ["Egress"],
            "ingress": [{}], "egress": [{"to": [], "ports": []}]}),
        );
        assert_eq!(p.types, [Direction::Egress].into());
        assert_eq!(
            (p.ingress, p.egress),
            (vec![Allow::default()], vec![Allow::default()])
        );
        assert_eq!(p.pods.to_string(), "a=b");
    }

    #[test]
    fn peers() {
        let pods = |namespaces, pods| Peer::Pods { namespaces, pods };
        assert_eq!(
            one_peer(json!({"podSelector": {}})),
            pods(None, Selector::default())
        );
        assert_eq!(
            one_peer(json!({"namespaceSelector": {}})),
            pods(Some(Selector::default()), Selector::default())
        );
        assert_eq!(
            one_peer(
                json!({"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16", "10.2.0.0/16"]}})
            ),
            Peer::Block {
                cidr: "10.0.0.0/8".parse().unwrap(),
                except: vec![
                    "10.1.0.0/16".parse().unwrap(),
                    "10.2.0.0/16".parse().unwrap()
                ],
            }
        );
    }

    #[test]
    fn a_peer_that_cannot_be_read_is_nobody_and_not_everybody() {
        for bad in [
            json!({}),
            json!({"ipBlock": {"cidr": "10.0.0.0/40"}}),
            json!({"ipBlock": {"cidr": "10.0.0.0/8", "except": ["x"]}}),
            json!({"ipBlock": {"cidr": "10.0.0.0/8"}, "podSelector": {}}),
        ] {
            assert!(
                matches!(one_peer(bad.clone()), Peer::Unreadable(_)),
                "{bad}"
            );
        }
    }

    #[test]
    fn ports_by_number_name_range_and_protocol_only() {
        let p = |protocol, ports| PolicyPort { protocol, ports };
        for (port, want) in [
            (json!({}), p(Protocol::Tcp, Ports::All)),
            (json!({"protocol": "UDP"}), p(Protocol::Udp, Ports::All)),
            (json!({"port": 80}), p(Protocol::Tcp, Ports::Range(80, 80))),
            (
                json!({"protocol": "SCTP", "port": 80, "endPort": 90}),
                p(Protocol::Sctp, Ports::Range(80, 90)),
            ),
            (
                json!({"port": "http"}),
                p(Protocol::Tcp, Ports::Named("http".into())),
            ),
        ] {
            assert_eq!(one_port(port), want);
        }
    }

    #[test]
    fn a_port_that_cannot_be_read_is_none_and_not_all() {
        for bad in [
            json!({"protocol": "ICMP"}),
            json!({"port": 0}),
            json!({"port": 70000}),
            json!({"endPort": 5}),
            json!({"port": "http", "endPort": 90}),
            json!({"port": 90, "endPort": 80}),
        ] {
            let read = one_port(bad.clone());
            assert!(matches!(read.ports, Ports::Unreadable(_)), "{bad}");
        }
    }
}
