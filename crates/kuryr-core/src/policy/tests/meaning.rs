//! The specification, a line a test.

use super::*;

#[test]
fn without_policies_all_is_allowed() {
    let facts = with(vec![]);
    assert!(tcp_passes(&facts, "a0", "c2", 80));
    assert!(tcp_passes(&facts, "192.0.2.1", "a0", 80));
}

#[test]
fn a_policy_without_rules_isolates_ingress_only() {
    let facts = with(vec![policy("p", "", vec![], vec![])]);
    assert!(!tcp_passes(&facts, "b0", "a0", 80));
    assert!(
        !tcp_passes(&facts, "a1", "a0", 80),
        "not from its own namespace either"
    );
    assert!(tcp_passes(&facts, "a0", "b0", 80));
    assert!(tcp_passes(&facts, "b0", "c0", 80), "others are not touched");
}

#[test]
fn policy_types_say_what_is_isolated() {
    let rule = || vec![allow(vec![pods("p=1")], vec![])];
    let egress = of_types(policy("p", "p=0", rule(), rule()), &[Direction::Egress]);
    let facts = with(vec![egress]);
    assert!(
        tcp_passes(&facts, "b0", "a0", 80),
        "its ingress rules count for nothing"
    );
    assert!(tcp_passes(&facts, "a0", "a1", 80));
    assert!(!tcp_passes(&facts, "a0", "a2", 80));
    let ingress = of_types(policy("p", "p=0", rule(), rule()), &[Direction::Ingress]);
    let facts = with(vec![ingress]);
    assert!(tcp_passes(&facts, "a0", "a2", 80));
    assert!(!tcp_passes(&facts, "a2", "a0", 80));
    let both = of_types(policy("p", "p=0", vec![], vec![]), &Direction::BOTH);
    let facts = with(vec![both]);
    assert!(!tcp_passes(&facts, "a0", "a1", 80) && !tcp_passes(&facts, "a1", "a0", 80));
}

#[test]
fn egress_rules_isolate_egress_where_no_types_are_given() {
    let facts = with(vec![policy(
        "p",
        "p=0",
        vec![],
        vec![allow(vec![pods("p=1")], vec![])],
    )]);
    assert!(tcp_passes(&facts, "a0", "a1", 80));
    assert!(!tcp_passes(&facts, "a0", "a2", 80));
    assert!(!tcp_passes(&facts, "a1", "a0", 80), "and ingress, always");
}

#[test]
fn an_empty_rule_allows_all() {
    let facts = with(vec![policy("p", "", vec![Allow::default()], vec![])]);
    assert!(tcp_passes(&facts, "192.0.2.1", "a0", 80));
    assert!(tcp_passes(&facts, "c0", "a0", 443));
}

/// Upstream looked at the first rule only.
#[test]
fn an_empty_rule_need_not_be_the_first() {
    let rules = vec![
        allow(vec![pods("p=9")], vec![tcp(80, 80)]),
        Allow::default(),
    ];
    let facts = with(vec![policy("p", "", rules, vec![])]);
    assert!(tcp_passes(&facts, "192.0.2.1", "a0", 443));
}

#[test]
fn a_pod_selector_is_about_the_policys_own_namespace() {
    let facts = with(vec![policy(
        "p",
        "p=0",
        vec![allow(vec![pods("app=db")], vec![])],
        vec![],
    )]);
    assert!(tcp_passes(&facts, "a1", "a0", 80));
    assert!(!tcp_passes(&facts, "b1", "a0", 80));
    assert!(!tcp_passes(&facts, "192.0.2.1", "a0", 80));
}

#[test]
fn an_empty_pod_selector_is_the_whole_namespace() {
    let facts = with(vec![policy(
        "p",
        "",
        vec![allow(vec![pods("")], vec![])],
        vec![],
    )]);
    assert!(tcp_passes(&facts, "a1", "a0", 80));
    assert!(!tcp_passes(&facts, "b1", "a0", 80));
}

#[test]
fn a_namespace_selector_is_about_all_of_their_pods() {
    let peer = || vec![allow(vec![pods_in("team=x", "")], vec![])];
    let facts = with(vec![policy("p", "p=0", peer(), peer())]);
    assert!(tcp_passes(&facts, "b1", "a0", 80) && tcp_passes(&facts, "a0", "b1", 80));
    assert!(!tcp_passes(&facts, "c1", "a0", 80) && !tcp_passes(&facts, "a0", "c1", 80));
}

#[test]
fn an_empty_namespace_selector_is_all_pods_and_nothing_else() {
    let facts = with(vec![policy(
        "p",
        "",
        vec![allow(vec![pods_in("", "")], vec![])],
        vec![],
    )]);
    assert!(tcp_passes(&facts, "c1", "a0", 80));
    assert!(!tcp_passes(&facts, "192.0.2.1", "a0", 80));
    assert!(
        !tcp_passes(&facts, "10.9.0.2", "a0", 80),
        "another pod's node is no pod"
    );
}

/// Upstream kept the last namespace only.
#[test]
fn both_selectors_in_one_peer_must_hold_in_every_namespace() {
    let facts = with(vec![policy(
        "p",
        "p=0",
        vec![allow(vec![pods_in("team", "app=db")], vec![])],
        vec![],
    )]);
    for namespace in ["a", "b", "c"] {
        assert!(
            tcp_passes(&facts, &format!("{namespace}1"), "a0", 80),
            "{namespace}"
        );
    }
    assert!(!tcp_passes(&facts, "b0", "a0", 80));
    let two = vec![allow(vec![pods_in("team=y", ""), pods("app=db")], vec![])];
    let facts = with(vec![policy("p", "p=0", two, vec![])]);
    assert!(tcp_passes(&facts, "c0", "a0", 80) && tcp_passes(&facts, "a1", "a0", 80));
    assert!(
        !tcp_passes(&facts, "b1", "a0", 80),
        "two peers are one or the other"
    );
}

#[test]
fn match_expressions() {
    let peer = pods_in("tier notin (back),team", "app in (db,cache),!legacy");
    let facts = with(vec![policy(
        "p",
        "p=0",
        vec![allow(vec![peer], vec![])],
        vec![],
    )]);
    assert!(tcp_passes(&facts, "c1", "a0", 80));
    assert!(!tcp_passes(&facts, "b1", "a0", 80) && !tcp_passes(&facts, "c0", "a0", 80));
}

/// Upstream united them, so that they opened each other.
#[test]
fn several_exceptions_of_a_block() {
    let peer = block("192.0.2.0/24", &["192.0.2.0/28", "192.0.2.128/25"]);
    let facts = with(vec![policy(
        "p",
        "",
        vec![allow(vec![peer], vec![])],
        vec![],
    )]);
    assert!(tcp_passes(&facts, "192.0.2.100", "a0", 80));
    assert!(!tcp_passes(&facts, "192.0.2.1", "a0", 80));
    assert!(!tcp_passes(&facts, "192.0.2.200", "a0", 80));
    assert!(!tcp_passes(&facts, "198.51.100.1", "a0", 80));
}

#[test]
fn a_block_in_egress_and_one_of_the_other_family() {
    let peers = vec![
        block("2001:db8::/32", &["2001:db8::8000/113"]),
        block("192.0.2.1/32", &[]),
    ];
    let facts = with(vec![policy("p", "", vec![], vec![allow(peers, vec![])])]);
    assert!(tcp_passes(&facts, "a0", "192.0.2.1", 80));
    assert!(!tcp_passes(&facts, "a0", "192.0.2.200", 80));
    let everything = vec![allow(vec![block("::/0", &[])], vec![])];
    let facts = with(vec![policy("p", "", everything, vec![])]);
    assert!(!tcp_passes(&facts, "192.0.2.1", "a0", 80), "IPv6 only");
    assert!(!tcp_passes(&facts, "a1", "a0", 80));
}

#[test]
fn ports_by_number_and_by_range() {
    let facts = with(vec![policy(
        "p",
        "",
        vec![allow(vec![], vec![tcp(80, 80), tcp(8000, 8010)])],
        vec![],
    )]);
    for (port, passes) in [
        (79, false),
        (80, true),
        (81, false),
        (7999, false),
        (8000, true),
        (8010, true),
        (8011, false),
    ] {
        assert_eq!(tcp_passes(&facts, "b0", "a0", port), passes, "{port}");
    }
    assert!(!super::passes(&facts, "b0", "a0", Protocol::Udp, 80));
}

/// Upstream made no rule of it.
#[test]
fn a_protocol_alone_is_all_of_its_ports() {
    for protocol in [Protocol::Tcp, Protocol::Udp, Protocol::Sctp] {
        let facts = with(vec![policy(
            "p",
            "",
            vec![allow(vec![], vec![port(protocol, Ports::All)])],
            vec![],
        )]);
        for other in [Protocol::Tcp, Protocol::Udp, Protocol::Sctp] {
            assert_eq!(
                super::passes(&facts, "b0", "a0", other, 4242),
                protocol == other
            );
        }
    }
}

#[test]
fn a_named_port_of_ingress_is_each_selected_pods_own() {
    let facts = with(vec![policy(
        "p",
        "",
        vec![allow(vec![], vec![named("http")])],
        vec![],
    )]);
    for (pod, number) in [("a0", 80), ("a1", 81), ("a2", 82)] {
        for port in 80..83 {
            assert_eq!(
                tcp_passes(&facts, "b0", pod, port),
                port == number,
                "{pod} {port}"
            );
        }
    }
}

#[test]
fn a_named_port_of_egress_is_each_peers_own() {
    let egress = |peers| policy("p", "p=0", vec![], vec![allow(peers, vec![named("http")])]);
    let facts = with(vec![egress(vec![pods_in("team=x", "")])]);
    for (pod, number) in [("b0", 80), ("b1", 81), ("b2", 82)] {
        for port in 80..83 {
            assert_eq!(
                tcp_passes(&facts, "a0", pod, port),
                port == number,
                "{pod} {port}"
            );
        }
    }
    assert!(!tcp_passes(&facts, "a0", "c0", 80));
    let facts = with(vec![egress(vec![])]);
    assert!(tcp_passes(&facts, "a0", "c1", 81) && !tcp_passes(&facts, "a0", "c1", 80));
}

#[test]
fn a_name_may_have_several_numbers_and_none() {
    let mut facts = with(vec![policy(
        "p",
        "",
        vec![allow(vec![], vec![named("http")])],
        vec![],
    )]);
    let mut first = pod("a", 0, "");
    first.ports = [named_port("http", 80), named_port("http", 81)].into();
    put(&mut facts, first);
    put(&mut facts, pod("a", 1, ""));
    assert!(tcp_passes(&facts, "b0", "a0", 80) && tcp_passes(&facts, "b0", "a0", 81));
    assert!(!tcp_passes(&facts, "b0", "a1", 80));
}

#[test]
fn a_named_port_beside_a_block_of_egress_allows_nothing_and_is_told() {
    let rule = allow(vec![block("0.0.0.0/0", &[])], vec![named("http")]);
    let facts = with(vec![policy("p", "p=0", vec![], vec![rule])]);
    assert!(!tcp_passes(&facts, "a0", "b0", 80));
    let compiled = compile(&facts, &settings());
    let complaints = &compiled.of_policy[&PolicyKey::new("a", "p")].complaints;
    assert_eq!(
        complaints.first().unwrap().reason,
        Reason::PortNameOfAddress
    );
}

#[test]
fn policies_are_united() {
    let one = policy(
        "one",
        "p=0",
        vec![allow(vec![pods("p=1")], vec![tcp(80, 80)])],
        vec![],
    );
    let two = policy(
        "two",
        "app=web",
        vec![allow(vec![pods("p=2")], vec![])],
        vec![],
    );
    let facts = with(vec![one, two]);
    assert!(tcp_passes(&facts, "a1", "a0", 80) && !tcp_passes(&facts, "a1", "a0", 443));
    assert!(tcp_passes(&facts, "a2", "a0", 443));
}

#[test]
fn both_ends_must_allow() {
    let out = of_types(
        policy("out", "p=0", vec![], vec![allow(vec![pods("p=1")], vec![])]),
        &[Direction::Egress],
    );
    let into = policy("into", "p=1", vec![], vec![]);
    let facts = with(vec![out.clone(), into]);
    assert!(!tcp_passes(&facts, "a0", "a1", 80));
    assert!(tcp_passes(&with(vec![out]), "a0", "a1", 80));
}

#[test]
fn a_pod_reaches_itself() {
    let facts = with(vec![of_types(
        policy("p", "", vec![], vec![]),
        &Direction::BOTH,
    )]);
    assert!(tcp_passes(&facts, "a0", "a0", 80));
}

#[test]
fn a_pod_reaches_its_own_node() {
    let deny = of_types(policy("p", "", vec![], vec![]), &Direction::BOTH);
    let facts = with(vec![deny]);
    assert!(tcp_passes(&facts, "a0", "10.9.0.1", 53));
    assert!(!tcp_passes(&facts, "a1", "10.9.0.1", 53));
}

/// Upstream let every node reach every pod.
#[test]
fn a_node_reaches_its_own_pods_only() {
    let facts = with(vec![policy("p", "", vec![], vec![])]);
    assert!(tcp_passes(&facts, "10.9.0.1", "a0", 80) && tcp_passes(&facts, "10.9.0.2", "a1", 80));
    assert!(!tcp_passes(&facts, "10.9.0.2", "a0", 80) && !tcp_passes(&facts, "10.9.0.1", "a1", 80));
}

#[test]
fn pods_on_the_hosts_network_are_their_node() {
    let mut facts = with(vec![policy(
        "p",
        "p=0",
        vec![allow(vec![pods("app=host")], vec![])],
        vec![],
    )]);
    let mut host = pod("a", 7, "app=host,p=0");
    (host.host_network, host.addresses) = (true, vec![ip("10.9.0.2")]);
    put(&mut facts, host);
    assert!(
        !tcp_passes(&facts, "10.9.0.2", "a0", 80),
        "as a peer it is not selected"
    );
    assert!(tcp_passes(&facts, "b0", "10.9.0.2", 80), "nor as a subject");
}

#[test]
fn a_pod_that_is_over_is_nobody() {
    let mut facts = with(vec![policy(
        "p",
        "p=0",
        vec![allow(vec![pods("app=db")], vec![])],
        vec![],
    )]);
    let mut over = pod("a", 7, "app=db");
    over.over = true;
    let address = over.addresses[0].to_string();
    put(&mut facts, over);
    assert!(!tcp_passes(&facts, &address, "a0", 80));
}

#[test]
fn what_cant_be_read_allows_nothing_and_is_told() {
    let unreadable = |text: &str| Peer::Unreadable(text.to_owned());
    let odd = port(Protocol::Tcp, Ports::Unreadable("port -1".to_owned()));
    let rules = vec![
        allow(vec![unreadable("ipBlock 10.0.0.0/33")], vec![]),
        allow(vec![], vec![odd, tcp(90, 80)]),
    ];
    let facts = with(vec![policy("p", "", rules, vec![])]);
    assert!(!tcp_passes(&facts, "b0", "a0", 80));
    let compiled = compile(&facts, &settings());
    let complaints = &compiled.of_policy[&PolicyKey::new("a", "p")].complaints;
    assert_eq!(complaints.len(), 3);
    assert!(complaints.iter().all(|c| c.reason == Reason::InvalidValue));
}
