//! What is told of the cluster as a whole, and what is counted.

use std::collections::BTreeSet;
use std::time::Duration;

use super::plant::*;
use crate::doctor::*;
use crate::network::{Leg, Network, Subnet};
use crate::port::{Place, PortStatus};

#[test]
fn who_leads_is_said() {
    let mut facts = healthy(1, 1);
    for (lease, said) in [
        (Lease::Absent, "not there"),
        (
            Lease::Seen {
                holder: String::new(),
                duration: OLD,
                renewed: Some(Duration::ZERO),
            },
            "given up",
        ),
        (
            Lease::Seen {
                holder: "c".to_owned(),
                duration: Duration::from_secs(15),
                renewed: Some(Duration::from_secs(16)),
            },
            "expired, it was last renewed 16 s ago",
        ),
    ] {
        facts.lease = lease;
        let found = only(&facts);
        assert!(found.what.contains(said), "{}", found.what);
    }
    facts.lease = Lease::Unreadable;
    assert_eq!(kinds(&facts), []);
}

#[test]
fn what_upstreams_finalizers_hold_for_long_is_told_with_what_it_leaves() {
    let mut facts = healthy(1, 1);
    let held = |deleting| HeldObject {
        kind: "kuryrnetwork",
        key: crate::port::PodKey::new("shop", "shop"),
        finalizer: "kuryrnetwork.finalizers.kuryr.openstack.org".to_owned(),
        deleting,
        left: vec!["network n1".to_owned()],
    };
    facts.held = vec![held(Duration::ZERO)];
    assert_eq!(kinds(&facts), []);
    facts.held = vec![held(OLD)];
    let found = only(&facts);
    assert_eq!(found.kind, FindingKind::UpstreamFinalizerStuck);
    assert_eq!(found.subject.to_string(), "kuryrnetwork shop/shop");
    assert!(found.what.contains("network n1"), "{}", found.what);
}

#[test]
fn room_that_runs_out_is_told_before() {
    let mut facts = healthy(1, 1);
    let usage = |used| Usage { limit: 10, used };
    facts.quota = Some(usage(9));
    assert_eq!(only(&facts).severity, Severity::Warning);
    facts.quota = Some(usage(10));
    assert_eq!(only(&facts).severity, Severity::Error);
    facts.quota = None;
    facts.subnets.push(SubnetUsage {
        id: "s".into(),
        cidr: "10.1.0.0/28".to_owned(),
        addresses: usage(9),
    });
    let found = only(&facts);
    assert_eq!(found.kind, FindingKind::SubnetNearlyFull);
    assert_eq!(found.what, "9 of 10 addresses of 10.1.0.0/28 are given out");
    facts.subnets.clear();
    for vlan in 2..=3700 {
        facts.trunks[0]
            .subports
            .insert(vlan, format!("vm{vlan}").into());
    }
    let full = diagnose(&facts)
        .into_iter()
        .find(|f| f.kind == FindingKind::TrunkNearlyFull);
    assert_eq!(full.unwrap().what, "3700 of 4094 VLANs are used");
}

#[test]
fn ports_that_stay_down_are_told() {
    let mut facts = healthy(1, 1);
    let fact = find_port(&mut facts, "q0");
    (fact.port.status, fact.status) = (PortStatus::Down, "DOWN".to_owned());
    assert_eq!(only(&facts).what, "its port q0 has been DOWN for 60 min");
    find_port(&mut facts, "q0").unchanged = Some(Duration::from_secs(1));
    assert_eq!(kinds(&facts), []);
}

#[test]
fn a_node_without_a_trunk_matters_when_pods_want_ports_there() {
    let mut facts = healthy(2, 1);
    facts.trunks.pop();
    assert_eq!(only(&facts).severity, Severity::Note);
    facts.pods[0].pod.node = "n1".into();
    facts.claims[0].claim.node = "n1".into();
    assert_eq!(only(&facts).severity, Severity::Error);
}

#[test]
fn a_deleted_kuryrport_of_a_living_pod_keeps_its_port() {
    let mut facts = healthy(1, 1);
    facts.claims[0].claim.deleting = true;
    facts.claims[0].deleting = Some(OLD);
    let found = only(&facts);
    assert_eq!(found.kind, FindingKind::KuryrPortDeleted);
    assert_eq!(found.remedy.actions, []);
}

#[test]
fn anothers_finalizer_is_named_and_stays() {
    let mut facts = healthy(1, 1);
    facts.pods.clear();
    let fact = &mut facts.claims[0];
    (fact.claim.deleting, fact.claim.finalizer) = (true, false);
    fact.deleting = Some(OLD);
    fact.other_finalizers = vec!["example.org/audit".to_owned()];
    let found = only(&facts);
    assert!(
        found.what.ends_with("is held by example.org/audit"),
        "{}",
        found.what
    );
    assert_eq!(found.remedy.actions, []);
}

#[test]
fn what_was_only_passing_is_left_out() {
    let mut facts = healthy(1, 2);
    facts.pods.remove(0);
    let first = diagnose(&facts);
    let mut facts = healthy(1, 2);
    facts.pods.remove(1);
    facts.ports.push(port("leak", Place::Loose));
    let left = persistent(&first, diagnose(&facts));
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].kind, FindingKind::PortLeaked);
}

#[test]
fn the_overview_counts_by_node_and_namespace() {
    let mut facts = healthy(2, 4);
    facts.trunks[0].subports.insert(4000, "vm".into());
    put(&mut facts, "left", 1, 4001);
    facts.ports.push(port("leak", Place::Loose));
    facts.pods.remove(0);
    let findings = diagnose(&facts);
    let seen = overview(&facts, &findings, &Scope::default());
    let rows: Vec<_> = seen
        .nodes
        .iter()
        .map(|r| (r.node.as_deref(), r.used, r.free, r.foreign, r.leaked))
        .collect();
    assert_eq!(
        rows,
        [
            (None, 0, 1, 0, 1),
            (Some("n0"), 2, 0, 1, 1),
            (Some("n1"), 2, 1, 0, 1)
        ]
    );
    assert_eq!(seen.namespaces.len(), 1);
    let row = &seen.namespaces[0];
    assert_eq!((row.pods, row.claims, row.ready, row.leaked), (3, 4, 4, 1));
    let scope = Scope {
        nodes: BTreeSet::from(["n1".into()]),
        ..Scope::default()
    };
    assert_eq!(overview(&facts, &findings, &scope).nodes.len(), 1);
    assert_eq!(findings.iter().filter(|f| scope.covers(f)).count(), 1);
}

#[test]
fn names_of_kinds_differ() {
    let names: BTreeSet<_> = FindingKind::ALL.iter().map(|k| k.name()).collect();
    assert_eq!(names.len(), FindingKind::ALL.len());
}

#[test]
fn networks_of_namespaces_that_are_gone_stuck_or_cut_off_are_found() {
    let subnet = |leg: bool| Subnet {
        id: "s".into(),
        cidr: "10.1.0.0/24".parse().unwrap(),
        leg: leg.then(|| Leg { router: "r".into() }),
    };
    let of = |id: &str, leg, namespace_ends| NetworkFact {
        network: Network {
            id: id.into(),
            made_for: Some((Some("u".into()), "shop".into())),
            project: "p".into(),
            tagged: true,
            subnets: vec![subnet(leg)],
        },
        namespace_ends,
        ports: 0,
    };
    let seconds = |n| Some(Some(Duration::from_secs(n)));
    let mut facts = healthy(1, 1);
    facts.networks = vec![
        of("right", true, Some(None)),
        of("cut", false, Some(None)),
        of("ending", true, seconds(5)),
        of("stuck", true, seconds(500)),
        of("leaked", true, None),
    ];
    let found: BTreeSet<(String, String)> = diagnose(&facts)
        .iter()
        .map(|f| (f.subject.name(), f.kind.to_string()))
        .collect();
    let expected = [
        ("cut", "network-without-router"),
        ("stuck", "network-stuck"),
        ("leaked", "network-leaked"),
    ];
    let expected = expected.map(|(id, kind)| (id.to_owned(), kind.to_owned()));
    assert_eq!(found, expected.into());
}
