//! What policies' owners are told.

use super::cases::{at_rest, both};
use super::*;

/// What was told: whose, the Event's reason and its text.
fn told_by(calls: Vec<Call>) -> Vec<(String, String, String)> {
    let told = calls.into_iter().filter_map(|call| match call {
        Call::Policy(Action::Report { policy, news, .. }) => {
            Some((policy.to_string(), news.reason(), news.message()))
        }
        _ => None,
    });
    told.collect()
}

/// The same, while all that is to be done is done.
fn told(cloud: &mut Cloud, c: &mut Controller) -> Vec<(String, String, String)> {
    told_by(rest(cloud, c))
}

fn reasons(told: &[(String, String, String)]) -> Vec<&str> {
    told.iter().map(|(_, reason, _)| reason.as_str()).collect()
}

fn given(policy: Policy) -> Change {
    Change::Policy(Box::new(policy))
}

#[test]
fn a_new_policy_is_told_to_be_in_force_when_all_pods_carry_it_and_not_again() {
    let (mut cloud, mut c) = at_rest(vec![]);
    cloud.change(&given(both(80, 80)));
    let first = told(&mut cloud, &mut c);
    let pods = cloud
        .facts
        .pods
        .values()
        .filter(|p| &*p.key.namespace == "a");
    let message = format!("in force on all {} pods that it selects", pods.count());
    assert_eq!(first, [("a/p".into(), "InForce".into(), message)]);
    cloud.change(&Change::Pod(Box::new(pod("a", 3, "app=web,p=3"))));
    assert_eq!(told(&mut cloud, &mut c), [], "pods come and go");
    cloud.change(&given(both(80, 81)));
    assert_eq!(reasons(&told(&mut cloud, &mut c)), ["InForce"], "an edit");
    cloud.change(&Change::Drop(0));
    assert_eq!(told(&mut cloud, &mut c), []);
}

#[test]
fn who_comes_after_tells_nothing_of_what_is_in_force() {
    let (mut cloud, c) = at_rest(vec![both(80, 80)]);
    let mut again = start(&mut cloud, c.now);
    assert_eq!(told(&mut cloud, &mut again), []);
}

#[test]
fn what_is_wrong_in_a_policy_is_told_once_and_told_to_all_who_come_after() {
    let unreadable = vec![allow(
        vec![Peer::Unreadable("cidr: 10.0.0.0/99".into())],
        vec![],
    )];
    let wrong = policy("p", "", unreadable, vec![]);
    let (mut cloud, mut c) = at_rest(vec![]);
    cloud.change(&given(wrong));
    let first = told(&mut cloud, &mut c);
    assert_eq!(reasons(&first), ["InvalidValue", "InForce"], "{first:?}");
    assert!(first[0].2.contains("10.0.0.0/99"), "{first:?}");
    c.world.look_anew();
    assert_eq!(told(&mut cloud, &mut c), []);
    let mut again = start(&mut cloud, c.now);
    assert_eq!(reasons(&told(&mut cloud, &mut again)), ["InvalidValue"]);
}

#[test]
fn a_quota_is_told_to_the_policy_that_meets_it_and_its_end_too() {
    let (mut cloud, mut c) = at_rest(vec![]);
    cloud.quota = cloud.groups.len();
    cloud.change(&given(both(80, 80)));
    for _ in 0..5 {
        c.round(&mut cloud);
    }
    let first = told_by(std::mem::take(&mut c.made));
    assert_eq!(reasons(&first), ["QuotaReached"], "{first:?}");
    cloud.quota = usize::MAX;
    let last = told(&mut cloud, &mut c);
    assert_eq!(reasons(&last), ["InForce"], "{last:?}");
}
