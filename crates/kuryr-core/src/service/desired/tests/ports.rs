//! Ports, endpoints and slices.

use super::*;

#[test]
fn one_port_may_have_several_protocols() {
    let mut s = service("dns");
    s.ports = vec![port("t", Tcp, 53), port("u", Udp, 53), port("s", Sctp, 53)];
    let mut slice = slice("dns", "a", &["10.10.0.1"]);
    slice.ports = vec![slice_port("t", Tcp, 53), slice_port("u", Udp, 5353)];
    let t = tree(&s, &[slice], &settings());
    let all: Vec<_> = t
        .listeners
        .values()
        .map(|l| (&*l.name, members(l)))
        .collect();
    assert_eq!(
        all,
        [
            ("ns/dns:TCP:53", vec!["10.10.0.1:53".to_owned()]),
            ("ns/dns:UDP:53", vec!["10.10.0.1:5353".to_owned()]),
            ("ns/dns:SCTP:53", vec![]),
        ]
    );
}

#[test]
fn a_port_that_is_there_twice_is_served_once_and_told() {
    let mut s = service("web");
    s.ports = vec![tcp(80), port("again", Tcp, 80)];
    let w = wanted(&s, &[many("web", 1)], &settings());
    assert_eq!(
        members(only(&w.trees[0].1)),
        ["10.10.0.1:8080"],
        "the first"
    );
    assert_eq!(reasons(&w), [Reason::KuryrSkipListener]);
}

#[test]
fn a_protocol_that_the_provider_has_not_is_left_out_and_told() {
    let mut traits = Traits::of("ovn");
    traits.no_protocols.insert(Sctp);
    let mut s = service("web");
    s.ports.push(port("s", Sctp, 80));
    let Want::Balancers(w) = desired(&s, [], &settings(), &traits) else {
        panic!();
    };
    assert_eq!(only(&w.trees[0].1).protocol, Tcp);
    assert_eq!(reasons(&w), [Reason::KuryrSkipListener]);
}

#[test]
fn a_named_target_port_may_differ_by_pod() {
    let mut s = service("web");
    s.ports = vec![port("http", Tcp, 80)];
    let at = |name: &str, address: &str, number| {
        let mut slice = slice("web", name, &[address]);
        slice.ports = vec![slice_port("http", Tcp, number), slice_port("other", Tcp, 1)];
        slice
    };
    let t = tree(
        &s,
        &[at("a", "10.10.0.1", 8080), at("b", "10.10.0.2", 9090)],
        &settings(),
    );
    assert_eq!(members(only(&t)), ["10.10.0.1:8080", "10.10.0.2:9090"]);
}

#[test]
fn slices_are_united_and_what_is_in_two_counts_once() {
    let a = slice("web", "a", &["10.10.0.1", "10.10.0.2"]);
    let b = slice("web", "b", &["10.10.0.2", "10.10.0.3"]);
    let t = tree(&service("web"), &[b, a], &settings());
    let expected = ["10.10.0.1:8080", "10.10.0.2:8080", "10.10.0.3:8080"];
    assert_eq!(members(only(&t)), expected);
}

#[test]
fn only_ready_endpoints_that_stay_are_members() {
    let mut slice = slice("web", "a", &["10.10.0.1", "10.10.0.2", "10.10.0.3"]);
    slice.endpoints[1].ready = false;
    slice.endpoints[2].terminating = true;
    let mut s = service("web");
    let ready = tree(&s, std::slice::from_ref(&slice), &settings());
    assert_eq!(members(only(&ready)), ["10.10.0.1:8080"]);
    s.publish_not_ready = true;
    let all = tree(&s, &[slice], &settings());
    assert_eq!(members(only(&all)), ["10.10.0.1:8080", "10.10.0.2:8080"]);
}

#[test]
fn endpoints_that_serve_to_their_end_are_members_when_no_others_are() {
    let mut slice = slice("web", "a", &["10.10.0.1", "10.10.0.2", "10.10.0.3"]);
    for (n, serving) in [true, true, false].into_iter().enumerate() {
        let e = &mut slice.endpoints[n];
        (e.ready, e.serving, e.terminating) = (n == 0, serving, n != 0);
    }
    let all = |slice: &Slice| {
        let t = tree(&service("web"), std::slice::from_ref(slice), &settings());
        members(only(&t))
    };
    assert_eq!(all(&slice), ["10.10.0.1:8080"], "one stays");
    (slice.endpoints[0].ready, slice.endpoints[0].terminating) = (false, true);
    assert_eq!(all(&slice), ["10.10.0.1:8080", "10.10.0.2:8080"]);
}

#[test]
fn the_first_address_of_an_endpoint_is_used_and_bad_ones_are_not() {
    let with = |addresses: &[&str]| Endpoint {
        addresses: addresses.iter().map(|a| ip(a)).collect(),
        ..endpoint("10.10.0.9")
    };
    let mut slice = slice("web", "a", &[]);
    slice.endpoints = vec![
        with(&["10.10.0.1", "10.10.0.2"]),
        with(&[]),
        with(&["0.0.0.0"]),
        with(&["fd00:10::1"]),
    ];
    let mut names = slice.clone();
    (names.name, names.family) = (id("fqdn"), None);
    let t = tree(&service("web"), &[slice, names], &settings());
    assert_eq!(members(only(&t)), ["10.10.0.1:8080"]);
}

#[test]
fn an_endpoint_without_a_port_number_is_told() {
    let mut slice = many("web", 1);
    slice.ports[0].port = None;
    let w = wanted(&service("web"), &[slice], &settings());
    assert_eq!(members(only(&w.trees[0].1)), [""; 0]);
    assert_eq!(reasons(&w), [Reason::KuryrSkipMember]);
}

#[test]
fn endpoints_without_a_pod_have_names_too() {
    let mut slice = slice("ext", "a", &["192.0.2.7"]);
    slice.endpoints[0].pod = None;
    let mut s = service("ext");
    s.has_selector = false;
    let t = tree(&s, &[slice], &settings());
    assert_eq!(&*only(&t).pool.members[0].name, "ns/192.0.2.7:8080");
}

#[test]
fn more_than_a_thousand_members_are_members() {
    let t = tree(&service("web"), &[many("web", 1_500)], &settings());
    assert_eq!(only(&t).pool.members.len(), 1_500);
}

#[test]
fn in_l2_mode_members_are_in_their_own_subnet() {
    let l2 = |provider: &str| Settings {
        member_mode: MemberMode::L2,
        provider: Some(id(provider)),
        ..settings()
    };
    let slice = slice("web", "a", &["10.10.0.1", "192.0.2.7"]);
    let subnets = |s: &Settings| {
        let t = tree(&service("web"), std::slice::from_ref(&slice), s);
        let all = only(&t).pool.members.clone();
        all.into_iter().map(|m| m.subnet).collect::<Vec<_>>()
    };
    assert_eq!(subnets(&l2("amphora")), [Some(id("pods4")), None]);
    let with_ovn = [Some(id("pods4")), Some(id("services4"))];
    assert_eq!(subnets(&l2("ovn")), with_ovn, "which needs one");
}

#[test]
fn a_member_is_in_the_subnet_of_its_own_namespaces_network() {
    let net = |subnet: &str| Subnet {
        id: id(subnet),
        cidr: "10.10.0.0/24".parse().unwrap(),
    };
    let settings = Settings {
        member_mode: MemberMode::L2,
        namespace_subnets: [(id("aa"), net("of-aa")), (id("ns"), net("of-ns"))].into(),
        ..settings()
    };
    let t = tree(&service("web"), &[many("web", 1)], &settings);
    let member = &only(&t).pool.members[0];
    assert_eq!(
        member.subnet,
        Some(id("of-ns")),
        "whatever aa's KuryrNetwork says"
    );
}
