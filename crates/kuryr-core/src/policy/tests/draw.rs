//! Clusters and policies drawn by chance.

use proptest::prelude::*;

use super::*;

pub(crate) fn selectors() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "",
        "app=web",
        "app=db",
        "p=0",
        "p=1",
        "p in (0,2)",
        "p notin (1)",
        "app=web,p=0",
        "!app",
        "app",
        "x=1",
        "x",
    ])
}

fn namespaces() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "",
        "team=x",
        "team=y",
        "tier",
        "!tier",
        "team in (x,y)",
        "team=z",
    ])
}

fn peer() -> impl Strategy<Value = Peer> {
    let blocks = prop::sample::select(vec![
        block("0.0.0.0/0", &[]),
        block("::/0", &["fd00::/120"]),
        block("10.0.0.0/16", &["10.0.97.0/24", "10.0.98.1/32"]),
        block("192.0.2.0/24", &["192.0.2.128/25"]),
        block("10.9.0.2/32", &[]),
        block("fd00::/64", &[]),
        block("10.0.97.1/32", &["10.0.97.1/32"]),
    ]);
    prop_oneof![
        4 => selectors().prop_map(pods),
        4 => (namespaces(), selectors()).prop_map(|(n, p)| pods_in(n, p)),
        3 => blocks,
        1 => Just(Peer::Unreadable("x".to_owned())),
    ]
}

fn ports() -> impl Strategy<Value = PolicyPort> {
    let protocol = prop::sample::select(vec![Protocol::Tcp, Protocol::Udp, Protocol::Sctp]);
    let which = prop::sample::select(vec![
        Ports::All,
        Ports::Range(80, 80),
        Ports::Range(81, 82),
        Ports::Range(1, 65_535),
        Ports::Range(82, 80),
        Ports::Unreadable("x".to_owned()),
    ]);
    prop_oneof![
        3 => (protocol, which).prop_map(|(protocol, ports)| port(protocol, ports)),
        1 => prop::sample::select(vec!["http", "other", "none"]).prop_map(named),
    ]
}

fn rule() -> impl Strategy<Value = Allow> {
    let peers = prop::collection::vec(peer(), 0..3);
    let ports = prop::collection::vec(ports(), 0..3);
    (peers, ports).prop_map(|(peers, ports)| allow(peers, ports))
}

pub(crate) fn a_policy() -> impl Strategy<Value = Policy> {
    let rules = || prop::collection::vec(rule(), 0..3);
    let types = prop::sample::subsequence(Direction::BOTH.to_vec(), 0..=2);
    let place = (prop::sample::select(vec!["a", "b"]), 0..4usize);
    (place, selectors(), types, rules(), rules()).prop_map(
        |((namespace, number), pods, types, ingress, egress)| {
            let name = format!("n{number}");
            let drawn = of_types(policy(&name, pods, ingress, egress), &types);
            Policy {
                key: PolicyKey::new(namespace, name),
                ..drawn
            }
        },
    )
}

/// A change of a cluster that is no policy's.
pub(crate) fn a_pod() -> impl Strategy<Value = Pod> {
    let texts = vec!["", "app=web", "app=db,p=0", "p=1", "x=1,app=web,p=2", "p=2"];
    let ports = prop::sample::subsequence(
        vec![
            named_port("http", 80),
            named_port("http", 82),
            named_port("other", 81),
        ],
        0..=3,
    );
    let place = (prop::sample::select(vec!["a", "b", "c"]), 0..4u8);
    let odd = prop::sample::select(vec![0, 0, 0, 0, 0, 0, 1, 2]);
    (place, prop::sample::select(texts), ports, odd).prop_map(
        |((namespace, number), text, ports, odd)| {
            let mut pod = pod(namespace, number, text);
            pod.ports = ports.into_iter().collect();
            if odd == 1 {
                (pod.host_network, pod.addresses) = (true, vec![ip("10.9.0.1")]);
            }
            pod.over = odd == 2;
            pod
        },
    )
}

pub(crate) fn facts() -> impl Strategy<Value = Facts> {
    let policies = prop::collection::vec(a_policy(), 0..5);
    let pods = prop::collection::vec(a_pod(), 0..6);
    (
        policies,
        pods,
        prop::sample::select(vec!["team=x", "team=y", "tier=1"]),
    )
        .prop_map(|(policies, pods, text)| {
            let mut facts = with(policies);
            pods.into_iter().for_each(|pod| put(&mut facts, pod));
            put(&mut facts, namespace("c", text));
            facts
        })
}
