//! Clusters and policies drawn by chance.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::*;
use std::collections::BTreeSet;

/// So many cases, the same in each run, so that a change of the code decides and not chance. `KURYR_SIMULATION_SEED` draws others.
pub(crate) fn drawn(cases: u32, seed: u64) -> ProptestConfig {
    let other = std::env::var("KURYR_SIMULATION_SEED").ok();
    let other = other.and_then(|other| other.parse::<u64>().ok());
    ProptestConfig {
        cases,
        rng_seed: RngSeed::Fixed(seed + other.unwrap_or_default()),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

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
        block("10.96.0.0/16", &[]),
        block("10.0.0.0/8", &["10.0.99.0/24"]),
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

/// A port of a Service, with backends that are pods, a node or strangers.
fn a_service_port() -> impl Strategy<Value = ServicePort> {
    let address = prop_oneof![
        8 => (0..3u8, 0..4u8, any::<bool>()).prop_map(|(namespace, number, v6)| {
            let pod = pod(["a", "b", "c"][usize::from(namespace)], number, "");
            pod.addresses[usize::from(v6)]
        }),
        1 => prop::sample::select(vec![ip("10.9.0.1"), ip("10.9.0.2"), ip("192.0.2.1")]),
    ];
    let backends = prop::collection::btree_set((address, 80..83u16), 0..4);
    let protocol = prop::sample::select(vec![Protocol::Tcp, Protocol::Udp]);
    (protocol, prop::sample::select(vec![80, 81, 443]), backends).prop_map(
        |(protocol, port, backends)| ServicePort {
            protocol,
            port,
            backends: backends
                .into_iter()
                .map(|(address, port)| Backend { address, port })
                .collect(),
        },
    )
}

pub(crate) fn a_service() -> impl Strategy<Value = Service> {
    let place = (prop::sample::select(vec!["a", "b", "c"]), 0..4u8);
    let ports = prop::collection::vec(a_service_port(), 1..3);
    (place, ports, prop::bool::weighted(0.8)).prop_map(|((namespace, n), ports, on_hypervisor)| {
        let n = n + 4 * (namespace.as_bytes()[0] - b'a');
        let mut seen = BTreeSet::new();
        Service {
            on_hypervisor,
            ports: ports
                .into_iter()
                .filter(|p| seen.insert((p.protocol, p.port)))
                .collect(),
            ..service(namespace, n, 80, &[])
        }
    })
}

/// What the operator's group lets pass.
fn operator() -> impl Strategy<Value = BTreeSet<Rule>> {
    prop::sample::select(vec![
        all_of(&Direction::BOTH),
        all_of(&Direction::BOTH),
        all_of(&[Direction::Egress]),
        among_themselves(),
        BTreeSet::new(),
    ])
}

/// As Neutron makes a project's default group: all may leave, and who carries the group may come.
pub(crate) fn among_themselves() -> BTreeSet<Rule> {
    let from_group = all_of(&[Direction::Ingress]).into_iter().map(|rule| Rule {
        remote: Remote::Group(Purpose::Operator(id(OPERATOR)).into()),
        ..rule
    });
    from_group.chain(all_of(&[Direction::Egress])).collect()
}

pub(crate) fn facts() -> impl Strategy<Value = Facts> {
    let policies = prop::collection::vec(a_policy(), 0..5);
    let pods = prop::collection::vec(a_pod(), 0..6);
    let services = prop::collection::vec(a_service(), 0..4);
    let team = prop::sample::select(vec!["team=x", "team=y", "tier=1"]);
    (policies, pods, services, team, operator()).prop_map(
        |(policies, pods, services, team, operator)| {
            let mut facts = with(policies);
            pods.into_iter().for_each(|pod| put(&mut facts, pod));
            services.into_iter().for_each(|s| put(&mut facts, s));
            put(&mut facts, namespace("c", team));
            facts
                .operator
                .insert(id(OPERATOR), std::sync::Arc::new(operator));
            facts
        },
    )
}
