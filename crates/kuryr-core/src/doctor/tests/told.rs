//! What is told of KuryrPorts, pods and ports, and left to others.

use std::time::Duration;

use super::plant::*;
use crate::doctor::*;
use crate::pool;
use crate::port::Place;

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
