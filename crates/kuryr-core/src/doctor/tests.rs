//! A healthy cluster, damage to it, and what comes of carrying out what the findings say.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::pool;
use crate::port::{
    Action, Claim, ClaimedVif, Id, Place, Pod, PodKey, PodLife, Port, PortKind, PortStatus, Trunk,
    Want,
};
use std::sync::Arc;

const OLD: Duration = Duration::from_secs(3600);

fn kind() -> Arc<PortKind> {
    Arc::new(PortKind {
        project: "p".into(),
        network: "n".into(),
        subnets: vec!["s".into()],
        security_groups: vec!["g".into()],
    })
}

fn pod(name: &str, node: &str) -> PodFact {
    PodFact {
        pod: Pod {
            key: PodKey::new("shop", name),
            uid: format!("uid-{name}").into(),
            node: node.into(),
            want: Want::Port(kind()),
            life: PodLife::Alive,
            finalizer: false,
            is_static: false,
            age: 0,
        },
        bound: OLD,
        deleting: None,
        event: None,
    }
}

fn port(id: &str, place: Place) -> PortFact {
    PortFact {
        port: Port {
            id: id.into(),
            kind: kind(),
            mac: "".into(),
            addresses: Vec::new(),
            status: PortStatus::Active,
            place,
        },
        status: "ACTIVE".to_owned(),
        unchanged: Some(OLD),
    }
}

fn claim(pod: &PodFact, port: &str, vlan: u16) -> ClaimFact {
    ClaimFact {
        claim: Claim {
            pod: pod.pod.key.clone(),
            pod_uid: pod.pod.uid.clone(),
            node: pod.pod.node.clone(),
            vif: Some(ClaimedVif {
                port: port.into(),
                vlan,
                active: true,
            }),
            deleting: false,
            finalizer: true,
            version: 1,
        },
        deleting: None,
        other_finalizers: Vec::new(),
        wait: None,
    }
}

/// Nodes `n0..`, each with trunk `t0..`, so many pods `p0..` on them in turn, each on port `q0..`.
fn healthy(nodes: usize, pods: usize) -> Facts {
    let mut facts = Facts {
        limits: Limits::default(),
        lease: Lease::Seen {
            holder: "c".to_owned(),
            duration: Duration::from_secs(15),
            renewed: Some(Duration::from_secs(3)),
        },
        nodes: Vec::new(),
        pods: Vec::new(),
        claims: Vec::new(),
        trunks: Vec::new(),
        ports: Vec::new(),
        others: Vec::new(),
        quota: Some(Usage {
            limit: 1000,
            used: 10,
        }),
        subnets: Vec::new(),
    };
    for n in 0..nodes {
        let addresses = vec![std::net::IpAddr::from([
            10,
            0,
            0,
            u8::try_from(n + 1).unwrap(),
        ])];
        facts.nodes.push(Node {
            name: format!("n{n}").into(),
            addresses: addresses.clone(),
        });
        facts.trunks.push(Trunk {
            id: format!("t{n}").into(),
            addresses,
            subports: [].into(),
        });
    }
    for i in 0..pods {
        let at = i % nodes;
        let pod = pod(&format!("p{i}"), &format!("n{at}"));
        let vlan = u16::try_from(i / nodes + 1).unwrap();
        facts.claims.push(claim(&pod, &format!("q{i}"), vlan));
        facts.pods.push(pod);
        put(&mut facts, &format!("q{i}"), at, vlan);
    }
    facts
}

/// A port of ours on a trunk.
fn put(facts: &mut Facts, id: &str, trunk: usize, vlan: u16) {
    let place = Place::On {
        trunk: format!("t{trunk}").into(),
        vlan,
    };
    facts.ports.push(port(id, place));
    facts.trunks[trunk].subports.insert(vlan, id.into());
}

fn find_port<'a>(facts: &'a mut Facts, id: &str) -> &'a mut PortFact {
    facts.ports.iter_mut().find(|p| &*p.port.id == id).unwrap()
}

/// Takes a port off its trunk.
fn loosen(facts: &mut Facts, id: &str) {
    find_port(facts, id).port.place = Place::Loose;
    for trunk in &mut facts.trunks {
        trunk.subports.retain(|_, p| &**p != id);
    }
}

fn kinds(facts: &Facts) -> Vec<FindingKind> {
    diagnose(facts).iter().map(|f| f.kind).collect()
}

/// The only finding.
#[track_caller]
fn only(facts: &Facts) -> Finding {
    let mut found = diagnose(facts);
    assert_eq!(found.len(), 1, "{found:#?}");
    found.pop().unwrap()
}

/// Carries out an action as Kubernetes and Neutron would, with their refusals.
fn apply(facts: &mut Facts, action: &Action) {
    match action {
        Action::DropClaim { pod, .. } => facts.claims.retain(|c| c.claim.pod != *pod),
        Action::DropPodFinalizer { pod, .. } => {
            let fact = facts.pods.iter_mut().find(|p| p.pod.key == *pod).unwrap();
            fact.pod.finalizer = false;
        }
        Action::DeletePort { port } => {
            assert_eq!(find_port(facts, port).port.place, Place::Loose, "in use");
            facts.ports.retain(|p| p.port.id != *port);
        }
        Action::RemoveSubports { ports, .. } => {
            for port in ports {
                loosen(facts, port);
            }
        }
        Action::AddSubports { trunk, ports } => {
            for (port, vlan) in ports {
                let fact = find_port(facts, port);
                assert_eq!(fact.port.place, Place::Loose, "PortInUse");
                fact.port.place = Place::On {
                    trunk: trunk.clone(),
                    vlan: *vlan,
                };
                let there = facts.trunks.iter_mut().find(|t| t.id == *trunk).unwrap();
                let taken = there.subports.insert(*vlan, port.clone());
                assert_eq!(taken, None, "DuplicateSubPort");
            }
        }
        Action::SetSecurityGroups { port, kind } => {
            find_port(facts, port).port.kind = kind.clone();
        }
        other => panic!("not a fix: {other:?}"),
    }
}

/// Carries out everything that findings say, again and again, as `--fix` does.
fn mend(facts: &mut Facts) {
    for _ in 0..4 {
        let actions: Vec<Action> = diagnose(facts)
            .into_iter()
            .flat_map(|f| f.remedy.actions)
            .collect();
        if actions.is_empty() {
            return;
        }
        actions.iter().for_each(|action| apply(facts, action));
    }
    panic!("it does not end: {:#?}", diagnose(facts));
}

fn pods_end(facts: &mut Facts) {
    let fact = &mut facts.pods[0];
    fact.pod.life = PodLife::Over;
    fact.pod.finalizer = true;
    fact.deleting = Some(OLD);
}

/// Damage, by name, with the kinds that are found then.
type Damage = (&'static str, fn(&mut Facts), &'static [FindingKind]);

/// Each can be mended by `--fix`.
const MENDABLE: &[Damage] = &[
    (
        "the pod is gone",
        |f| drop(f.pods.remove(0)),
        &[FindingKind::KuryrPortWithoutPod],
    ),
    (
        "the pod was made again",
        |f| f.pods[0].pod.uid = "later".into(),
        // Its successor has waited as long.
        &[FindingKind::KuryrPortOfAnotherPod, FindingKind::PodWaits],
    ),
    (
        "the pod has ended and keeps everything",
        pods_end,
        &[
            FindingKind::KuryrPortNotNeeded,
            FindingKind::PodFinalizerStuck,
        ],
    ),
    (
        "our finalizer is stuck",
        |f| {
            f.pods.remove(0);
            f.claims[0].claim.deleting = true;
            f.claims[0].deleting = Some(OLD);
        },
        &[FindingKind::KuryrPortStuck],
    ),
    (
        "the port was taken off",
        |f| loosen(f, "q0"),
        &[FindingKind::PortMisplaced],
    ),
    (
        "the port was put elsewhere",
        |f| {
            loosen(f, "q0");
            let trunk = f.trunks.len() - 1;
            find_port(f, "q0").port.place = Place::On {
                trunk: format!("t{trunk}").into(),
                vlan: 4000,
            };
            f.trunks[trunk].subports.insert(4000, "q0".into());
        },
        &[FindingKind::PortMisplaced],
    ),
    (
        "the groups were changed",
        |f| {
            let fact = find_port(f, "q0");
            let mut kind = (*fact.port.kind).clone();
            kind.security_groups.clear();
            fact.port.kind = Arc::new(kind);
        },
        &[FindingKind::SecurityGroupsDiffer],
    ),
    (
        "a port leaked",
        |f| f.ports.push(port("leak", Place::Loose)),
        &[FindingKind::PortLeaked],
    ),
    (
        "a port was left on a trunk",
        |f| put(f, "left", 0, 4001),
        &[FindingKind::PoolTooLarge],
    ),
    (
        "a node went and left ports",
        |f| {
            f.trunks.push(Trunk {
                id: format!("t{}", f.trunks.len()).into(),
                addresses: Vec::new(),
                subports: [].into(),
            });
            let last = f.trunks.len() - 1;
            put(f, "orphan", last, 7);
        },
        &[FindingKind::TrunkWithoutNode],
    ),
];

#[test]
fn a_healthy_cluster_has_no_findings() {
    assert_eq!(kinds(&healthy(2, 5)), []);
}

#[test]
fn each_damage_is_found_and_mended() {
    for (name, damage, expected) in MENDABLE {
        let mut facts = healthy(2, 5);
        damage(&mut facts);
        let mut found = kinds(&facts);
        found.sort();
        assert_eq!(found, *expected, "{name}");
        mend(&mut facts);
        // A new pod gets its port by the controller.
        let left: Vec<_> = kinds(&facts);
        assert!(
            left.iter().all(|k| *k == FindingKind::PodWaits),
            "{name}: {left:?}"
        );
    }
}

#[test]
fn a_pods_wait_is_told_with_its_reason() {
    let mut facts = healthy(1, 1);
    facts.claims.clear();
    facts.ports.clear();
    facts.trunks[0].subports.clear();
    assert!(only(&facts).what.ends_with("it has no KuryrPort"));
    facts.pods[0].event = Some(Wait {
        reason: "QuotaReached".to_owned(),
        message: "no more ports".to_owned(),
    });
    let found = only(&facts);
    assert_eq!(
        found.what,
        "it waits 60 min for its port: QuotaReached: no more ports"
    );
    assert_eq!(
        (found.kind, found.severity),
        (FindingKind::PodWaits, Severity::Error)
    );
    facts.pods[0].bound = Duration::from_secs(119);
    assert_eq!(kinds(&facts), []);
}

#[test]
fn a_port_that_is_gone_or_not_marked_is_left_to_people() {
    let mut facts = healthy(1, 1);
    facts.ports.clear();
    facts.trunks[0].subports.clear();
    assert_eq!(only(&facts).kind, FindingKind::PortGone);
    facts.others.push(OtherPort {
        id: "q0".into(),
        name: String::new(),
        device_owner: String::new(),
        cluster: None,
    });
    let found = only(&facts);
    assert_eq!(found.kind, FindingKind::PortUnmarked);
    assert_eq!(
        (found.remedy.by, found.remedy.actions),
        (By::Operator, vec![])
    );
}

#[test]
fn a_port_that_two_name_is_told_and_not_moved() {
    let mut facts = healthy(1, 2);
    let vif = facts.claims[0].claim.vif.clone();
    facts.claims[1].claim.vif = vif;
    facts.ports.pop();
    facts.trunks[0].subports.remove(&2);
    loosen(&mut facts, "q0");
    let found = diagnose(&facts);
    let mut kinds: Vec<_> = found.iter().map(|f| f.kind).collect();
    kinds.sort();
    kinds.dedup();
    assert_eq!(
        kinds,
        [FindingKind::PortClaimedTwice, FindingKind::PortMisplaced]
    );
    assert!(
        found.iter().all(|f| f.remedy.actions.is_empty()),
        "{found:#?}"
    );
}

#[test]
fn a_taken_vlan_is_not_fought_for() {
    let mut facts = healthy(1, 1);
    loosen(&mut facts, "q0");
    facts.trunks[0].subports.insert(1, "vm".into());
    let found = diagnose(&facts);
    let misplaced = found
        .iter()
        .find(|f| f.kind == FindingKind::PortMisplaced)
        .unwrap();
    assert_eq!(misplaced.remedy.actions, []);
    assert!(misplaced.remedy.what.contains("VLAN 1 has port vm"));
}

#[test]
fn pools_within_their_limits_are_fine() {
    let mut facts = healthy(1, 1);
    facts.limits.pool = pool::Limits {
        enabled: true,
        min: 2,
        max: 0,
        batch: 1,
    };
    for n in 0..4 {
        put(&mut facts, &format!("ready{n}"), 0, 100 + n);
    }
    assert_eq!(kinds(&facts), []);
    put(&mut facts, "more", 0, 200);
    let found = only(&facts);
    assert_eq!((found.kind, found.ports), (FindingKind::PoolTooLarge, 1));
    assert_eq!(found.remedy.by, By::Controller);
}

#[test]
fn a_young_loose_port_may_be_in_the_making() {
    let mut facts = healthy(1, 1);
    facts.ports.push(port("new", Place::Loose));
    find_port(&mut facts, "new").unchanged = Some(Duration::from_secs(599));
    assert_eq!(kinds(&facts), []);
    find_port(&mut facts, "new").unchanged = None;
    assert_eq!(kinds(&facts), [], "its age is not known");
}

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
fn fixes_are_not_carried_out_on_what_changed_meanwhile() {
    let facts = healthy(1, 1);
    let (pod, claim) = (&facts.pods[0].pod, &facts.claims[0].claim);
    let drop = Action::DropClaim {
        pod: pod.key.clone(),
        uid: pod.uid.clone(),
        deleting: false,
    };
    let fresh = Fresh {
        pod: Some(pod.clone()),
        claim: Some(claim.clone()),
        ..Fresh::default()
    };
    let right =
        |action: &Action, fresh: &Fresh| still_right(action, fresh, Duration::from_secs(60));
    assert!(right(&drop, &fresh).is_err());
    assert!(
        right(
            &drop,
            &Fresh {
                pod: None,
                ..fresh.clone()
            }
        )
        .is_ok()
    );
    let delete = Action::DeletePort { port: "q0".into() };
    let fresh = Fresh {
        ports: vec![port("q0", Place::Loose)],
        users: vec![("q0".into(), pod.key.clone())],
        ..fresh
    };
    assert!(
        right(&delete, &fresh)
            .unwrap_err()
            .contains("belongs to shop/p0")
    );
    let nobodys = Fresh {
        users: vec![],
        ..fresh.clone()
    };
    assert_eq!(right(&delete, &nobodys), Ok(()));
    let mut young = nobodys.clone();
    young.ports[0].unchanged = Some(Duration::from_secs(59));
    assert!(right(&delete, &young).is_err());
    assert_eq!(still_right(&delete, &young, Duration::ZERO), Ok(()));
    let gone = Fresh {
        ports: vec![],
        ..nobodys
    };
    assert!(right(&delete, &gone).is_err());
}

#[test]
fn a_port_in_use_is_moved_only_to_where_it_belongs() {
    let facts = healthy(2, 2);
    let remove = Action::RemoveSubports {
        trunk: "t0".into(),
        ports: vec!["q0".into()],
    };
    let mut wrong = facts.trunks[0].clone();
    wrong.subports = [(9, "q0".into())].into();
    let mut right = facts.trunks[0].clone();
    right.subports.clear();
    let fresh = Fresh {
        pod: Some(facts.pods[0].pod.clone()),
        claim: Some(facts.claims[0].claim.clone()),
        users: vec![("q0".into(), facts.pods[0].pod.key.clone())],
        ports: vec![facts.ports[0].clone()],
        trunk: Some(wrong),
        moving_to: Some((right, 1)),
    };
    let ask = |fresh: &Fresh| still_right(&remove, fresh, Duration::ZERO);
    assert_eq!(ask(&fresh), Ok(()));
    let unmoved = Fresh {
        moving_to: None,
        ..fresh.clone()
    };
    assert!(ask(&unmoved).is_err());
    let mut shared = fresh.clone();
    shared
        .users
        .push(("q0".into(), PodKey::new("shop", "other")));
    assert!(ask(&shared).is_err());
    let mut settled = fresh.clone();
    settled.trunk = Some(facts.trunks[0].clone());
    settled.moving_to = Some((facts.trunks[0].clone(), 1));
    assert!(ask(&settled).is_err());
}

#[test]
fn names_of_kinds_differ() {
    let names: BTreeSet<_> = FindingKind::ALL.iter().map(|k| k.name()).collect();
    assert_eq!(names.len(), FindingKind::ALL.len());
}

/// The ports that an action touches.
fn touched(action: &Action) -> Vec<&Id> {
    match action {
        Action::DeletePort { port } | Action::SetSecurityGroups { port, .. } => vec![port],
        Action::RemoveSubports { ports, .. } => ports.iter().collect(),
        Action::AddSubports { ports, .. } => ports.iter().map(|(p, _)| p).collect(),
        _ => vec![],
    }
}

prop_compose! {
    /// A cluster with any number of damages, and foreign ports all over it.
    fn damaged()(
        nodes in 1usize..4,
        pods in 6usize..14,
        damages in proptest::collection::btree_set(0..MENDABLE.len(), 0..4),
        foreign in proptest::collection::vec((0usize..4, 2000u16..4094), 0..6),
    ) -> Facts {
        let mut facts = healthy(nodes, pods);
        for (n, (trunk, vlan)) in foreign.into_iter().enumerate() {
            let id: Id = format!("foreign{n}").into();
            facts.trunks[trunk % nodes].subports.insert(vlan, id.clone());
            facts.others.push(OtherPort {
                id,
                name: String::new(),
                device_owner: "compute:kuryr".to_owned(),
                cluster: (n % 2 == 0).then(|| "other".to_owned()),
            });
        }
        // A damage moves on to pods and ports that are still whole.
        for damage in damages {
            MENDABLE[damage].1(&mut facts);
            facts.pods.rotate_left(1);
            facts.claims.rotate_left(1);
        }
        facts
    }
}

proptest! {
    #[test]
    fn everything_that_can_be_mended_is(mut facts in damaged()) {
        // Damages on top of each other may leave a VLAN to a foreign port; that is people's.
        mend(&mut facts);
        prop_assert!(diagnose(&facts).iter().all(|f| f.remedy.actions.is_empty()));
    }

    #[test]
    fn only_ports_of_ours_are_touched_and_no_used_one_is_deleted(facts in damaged()) {
        let ours: BTreeSet<&Id> = facts.ports.iter().map(|p| &p.port.id).collect();
        let used: BTreeSet<&Id> =
            facts.claims.iter().filter_map(|c| c.claim.vif.as_ref()).map(|v| &v.port).collect();
        let findings = diagnose(&facts);
        for action in findings.iter().flat_map(|f| &f.remedy.actions) {
            prop_assert!(touched(action).iter().all(|id| ours.contains(*id)), "{:?}", action);
            if let Action::DeletePort { port } = action {
                prop_assert!(!used.contains(port), "{:?}", action);
            }
        }
    }

    #[test]
    fn the_order_of_facts_does_not_matter(facts in damaged(), by in 0usize..7) {
        let mut other = facts.clone();
        let turn = |n: usize| by % n.max(1);
        let n = turn(other.pods.len());
        other.pods.rotate_left(n);
        let n = turn(other.claims.len());
        other.claims.rotate_left(n);
        let n = turn(other.ports.len());
        other.ports.rotate_left(n);
        other.trunks.reverse();
        other.nodes.reverse();
        other.others.reverse();
        prop_assert_eq!(diagnose(&facts), diagnose(&other));
    }

    #[test]
    fn a_healthy_cluster_stays_without_findings(nodes in 1usize..5, pods in 0usize..40) {
        prop_assert_eq!(kinds(&healthy(nodes, pods)), []);
    }
}
