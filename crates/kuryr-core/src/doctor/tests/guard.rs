//! What changes between the look and the fix.

use std::time::Duration;

use super::plant::*;
use crate::doctor::*;
use crate::port::{Action, Place, PodKey, PortStatus};

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
    // One that is not wired there is put there anew.
    settled.ports[0].port.status = PortStatus::Down;
    assert_eq!(ask(&settled), Ok(()));
}
