//! What stays when load balancers go and come.

use super::cases::{break_it, changes, lb, one};
use super::*;

#[test]
fn a_floating_ip_stays_when_the_load_balancer_is_deleted_by_hand() {
    let (mut cloud, mut c) = one(2, true);
    let before: Vec<Id> = cloud.floating.keys().cloned().collect();
    let first = lb(&cloud);
    drift(&mut cloud, 0, 0);
    c.world.look_anew();
    let calls = c.settle(&mut cloud).unwrap();
    assert_ne!(lb(&cloud), first);
    assert_eq!(before, cloud.floating.keys().cloned().collect::<Vec<_>>());
    let to_a_port = |a: &&Action| matches!(a, Action::AssociateFloatingIp { .. });
    assert_eq!(calls.iter().filter(to_a_port).count(), 1, "{calls:?}");
    check_end(&cloud, &settings(true));
}

/// The port goes while the floating IP is being led to it: that says nothing of the floating IP.
#[test]
fn a_floating_ip_stays_when_the_port_it_was_to_lead_to_is_gone() {
    let (mut cloud, mut c) = one(2, true);
    let before: Vec<Id> = cloud.floating.keys().cloned().collect();
    for ip in cloud.floating.values_mut() {
        ip.port = None;
    }
    c.world.look_anew();
    let leads = |a: &Action| matches!(a, Action::AssociateFloatingIp { .. });
    while !c.under_way.iter().any(leads) {
        c.plan();
        while let Some(at) = c.under_way.iter().position(|a| !leads(a)) {
            c.answer(at, &mut cloud, Fate::Works);
        }
    }
    drift(&mut cloud, 0, 0);
    c.settle(&mut cloud).unwrap();
    assert_eq!(before, cloud.floating.keys().cloned().collect::<Vec<_>>());
    check_end(&cloud, &settings(true));
}

#[test]
fn a_failover_that_may_not_be_asked_for_is_not_asked_for_again() {
    let (mut cloud, mut c) = one(1, false);
    for _ in 0..2 {
        break_it(&mut cloud);
        c.world.look_anew();
        let mut asked = 0;
        while cloud
            .octavia
            .balancers
            .values()
            .any(|lb| lb.is.balancer.state == State::Error)
        {
            c.watch(&mut cloud);
            if c.plan().is_empty() {
                c.now = c.world.next_wake().unwrap_or(c.now).max(c.now);
            }
            while let Some(action) = c.under_way.pop() {
                let failover = matches!(
                    &action,
                    Action::Change {
                        change: Change::Failover,
                        ..
                    }
                );
                asked += usize::from(failover);
                let outcome = match failover {
                    true => Err(Failure::new(
                        FailureKind::Refused { said: "403".into() },
                        "403",
                    )),
                    false => cloud.carry_out(&action, Fate::Works),
                };
                c.finish(&action, outcome);
            }
        }
        assert!(asked <= 1);
        assert!(c.settle(&mut cloud).is_some());
        check_end(&cloud, &settings(false));
        let again = c.world.providers.traits(Some(&id("amphora")));
        assert!(!again.failover, "it is learned");
    }
}

#[test]
fn a_failover_that_was_not_begun_is_tried_again() {
    let (mut cloud, mut c) = one(1, false);
    let first = lb(&cloud);
    break_it(&mut cloud);
    c.world.look_anew();
    let failover = |a: &Action| {
        matches!(
            a,
            Action::Change {
                change: Change::Failover,
                ..
            }
        )
    };
    while !c.under_way.iter().any(failover) {
        c.plan();
        while let Some(at) = c.under_way.iter().position(|a| !failover(a)) {
            c.answer(at, &mut cloud, Fate::Works);
        }
    }
    let at = c.under_way.iter().position(failover).unwrap();
    c.answer(at, &mut cloud, Fate::Refused);
    let calls = c.settle(&mut cloud).unwrap();
    assert_eq!(changes(&calls), [&Change::Failover]);
    assert_eq!(lb(&cloud), first);
}
