//! Services under policies.

use super::*;

/// Whether a call to Service `s<n>` passes if its load balancer chooses this backend. The groups must say the same as the oracle.
#[track_caller]
fn reaches(facts: &Facts, from: &str, n: u8, backend: &str) -> bool {
    agrees(facts, &[80]);
    let service = facts.services.values().find(|s| s.vips.contains(&vip(n)));
    let service = service.expect("such a Service");
    let port = &service.ports[0];
    let address = at(facts, backend);
    let backend = port.backends.iter().find(|b| b.address == address);
    let call = Call {
        from: at(facts, from),
        vip: vip(n),
        protocol: port.protocol,
        port: port.port,
        backend: backend.expect("it is behind the Service").clone(),
        balancer: (!service.on_hypervisor).then(|| balancer(Family::V4)),
    };
    let Passage { first, later } = Compiles::new(facts, &settings()).carries(&call);
    assert_eq!(oracle::allows_call(facts, &call), first && later);
    first && later
}

fn vip(n: u8) -> std::net::IpAddr {
    ip(&format!("10.96.0.{n}"))
}

fn put_service(facts: &mut Facts, n: u8, port: u16, backends: &[(&str, u16)]) {
    let backends: Vec<_> = backends
        .iter()
        .map(|(b, port)| (at(facts, b), *port))
        .collect();
    put(facts, service("b", n, port, &backends));
}

fn egress(name: &str, pods: &str, rules: Vec<Allow>) -> Policy {
    of_types(policy(name, pods, vec![], rules), &[Direction::Egress])
}

fn complaints(facts: &Facts, policy: &str) -> Vec<Reason> {
    let compiled = compile(facts, &settings());
    let needs = &compiled.of_policy[&PolicyKey::new("a", policy)];
    needs.complaints.iter().map(|c| c.reason).collect()
}

/// The policy that all have: names are asked of the cluster's DNS.
#[test]
fn dns_by_its_service() {
    let peer = allow(vec![pods_in("tier=back", "p=1")], vec![tcp(53, 53)]);
    let mut facts = with(vec![egress("p", "", vec![peer])]);
    put_service(&mut facts, 10, 53, &[("b1", 53)]);
    assert!(reaches(&facts, "a0", 10, "b1"));
    assert!(tcp_passes(&facts, "a0", "b1", 53));
    assert!(!tcp_passes(&facts, "a0", "b2", 53));
}

#[test]
fn the_ports_of_pods_count_and_not_those_of_the_service() {
    let peer = allow(vec![pods_in("tier=back", "p=1")], vec![tcp(8443, 8443)]);
    let mut facts = with(vec![egress("p", "p=0", vec![peer])]);
    put_service(&mut facts, 1, 443, &[("b1", 8443)]);
    put_service(&mut facts, 2, 8443, &[("b1", 443)]);
    assert!(reaches(&facts, "a0", 1, "b1"));
    assert!(!reaches(&facts, "a0", 2, "b1"));
    assert!(reaches(&facts, "a1", 2, "b1"), "others are not limited");
}

#[test]
fn closed_if_something_behind_it_is_not_allowed_and_that_is_told() {
    let peer = allow(vec![pods_in("tier=back", "p=1")], vec![tcp(80, 80)]);
    let mut facts = with(vec![egress("p", "p=0", vec![peer])]);
    put_service(&mut facts, 1, 80, &[("b1", 80), ("b2", 80)]);
    assert!(!reaches(&facts, "a0", 1, "b1") && !reaches(&facts, "a0", 1, "b2"));
    assert_eq!(complaints(&facts, "p"), [Reason::ServiceNotReachable]);
    put_service(&mut facts, 1, 80, &[("b2", 80)]);
    assert!(!reaches(&facts, "a0", 1, "b2"));
    assert_eq!(complaints(&facts, "p"), [], "none of it was asked for");
}

/// The VIP is in the block, and what is behind it is not allowed: not even the first datagram of a socket passes.
#[test]
fn a_block_around_the_vip_does_not_let_one_datagram_pass() {
    let outside = allow(vec![block("0.0.0.0/0", &["10.0.0.0/8"])], vec![]);
    let by_port = allow(vec![], vec![tcp(80, 80)]);
    let mut facts = with(vec![
        egress("p", "p=0", vec![outside]),
        egress("q", "p=1", vec![by_port]),
    ]);
    put_service(&mut facts, 1, 80, &[("b1", 8080)]);
    assert!(!reaches(&facts, "a0", 1, "b1"), "an address of no Service");
    assert!(!reaches(&facts, "a1", 1, "b1"), "another port");
    assert!(tcp_passes(&facts, "a0", "192.0.2.1", 80));
}

#[test]
fn a_block_around_what_is_behind_it_opens_it() {
    let inside = allow(vec![block("10.0.98.0/24", &[])], vec![]);
    let mut facts = with(vec![egress("p", "p=0", vec![inside])]);
    put_service(&mut facts, 1, 80, &[("b1", 8080), ("b2", 8080)]);
    assert!(reaches(&facts, "a0", 1, "b1") && reaches(&facts, "a0", 1, "b2"));
}

#[test]
fn several_policies_open_it_together() {
    let to = |pods: &str| vec![allow(vec![pods_in("tier=back", pods)], vec![])];
    let one = egress("one", "p=0", to("p=1"));
    let two = egress("two", "app=web", to("p=2"));
    let mut facts = with(vec![one, two]);
    put_service(&mut facts, 1, 80, &[("b1", 80), ("b2", 80)]);
    assert!(reaches(&facts, "a0", 1, "b1") && reaches(&facts, "a0", 1, "b2"));
    assert_eq!(complaints(&facts, "one"), []);
}

#[test]
fn a_pod_reaches_itself_by_its_service() {
    let deny = |namespace: &str| Policy {
        key: PolicyKey::new(namespace, "deny"),
        ..of_types(policy("deny", "", vec![], vec![]), &Direction::BOTH)
    };
    let mut facts = with(vec![deny("b")]);
    put_service(&mut facts, 1, 80, &[("b1", 8080)]);
    assert!(reaches(&facts, "b1", 1, "b1"));
    assert!(!reaches(&facts, "b0", 1, "b1") && !reaches(&facts, "a0", 1, "b1"));
    put_service(&mut facts, 1, 80, &[("b1", 8080), ("b2", 8080)]);
    assert!(
        !reaches(&facts, "b1", 1, "b2"),
        "it is not allowed the other"
    );
    assert!(
        !reaches(&facts, "b1", 1, "b1"),
        "which the load balancer may choose"
    );
}

#[test]
fn what_is_behind_one_is_not_opened_to_each_other() {
    let mut facts = with(vec![]);
    let to = Policy {
        key: PolicyKey::new("b", "p"),
        ..egress("p", "p=1", vec![allow(vec![pods("p=2")], vec![])])
    };
    put(&mut facts, to);
    put_service(&mut facts, 1, 80, &[("b1", 8080), ("b2", 8080)]);
    assert!(reaches(&facts, "b1", 1, "b1") && reaches(&facts, "b1", 1, "b2"));
    assert!(!tcp_passes(&facts, "b1", "b0", 8080));
}

/// The API server's Service, from a pod on its node.
#[test]
fn a_service_of_the_pods_own_node() {
    let mut facts = with(vec![egress("p", "", vec![])]);
    put_service(&mut facts, 1, 443, &[("10.9.0.1", 6443)]);
    assert!(reaches(&facts, "a0", 1, "10.9.0.1"));
    assert!(!reaches(&facts, "a1", 1, "10.9.0.1"), "on another node");
}

/// Behind a load balancer that is not on the hypervisor pods see its address and not the client's.
#[test]
fn through_a_load_balancer_with_an_address_of_its_own() {
    let from = |peer| vec![allow(vec![peer], vec![])];
    let ingress = |peer| Policy {
        key: PolicyKey::new("b", "in"),
        ..policy("in", "p=1", from(peer), vec![])
    };
    let out = egress("out", "p=0", from(pods_in("tier=back", "p=1")));
    let mut facts = with(vec![out]);
    let backend = (at(&facts, "b1"), 80);
    let amphora = Service {
        on_hypervisor: false,
        ..service("b", 1, 80, &[backend])
    };
    put(&mut facts, amphora);
    assert!(reaches(&facts, "a0", 1, "b1"), "egress is kept");
    put(&mut facts, ingress(pods_in("team=x", "")));
    assert!(
        !reaches(&facts, "a0", 1, "b1"),
        "a client's labels are not seen"
    );
    put(&mut facts, ingress(block("10.96.0.0/16", &[])));
    assert!(reaches(&facts, "a0", 1, "b1"), "its own address is");
}

#[test]
fn a_backend_more_or_less_is_a_rule_and_no_port() {
    let peer = allow(vec![pods_in("tier=back", "p in (1,2)")], vec![tcp(80, 80)]);
    let mut facts = with(vec![egress("p", "", vec![peer])]);
    let mut before = compile(&facts, &settings());
    let mut seen = Vec::new();
    for backends in [
        &[("b1", 80)][..],
        &[("b1", 80), ("b2", 80)],
        &[("b2", 80)],
        &[],
    ] {
        put_service(&mut facts, 1, 80, backends);
        let after = compile(&facts, &settings());
        let own = GroupKey::from(of_policy(&facts, "p", Direction::Egress));
        let (old, new) = (&before.groups[&own], &after.groups[&own]);
        seen.push(old.symmetric_difference(new).count());
        assert_eq!(before.of_pod, after.of_pod, "no port changes");
        before = after;
    }
    assert_eq!(seen, [1, 0, 0, 1]);
}
