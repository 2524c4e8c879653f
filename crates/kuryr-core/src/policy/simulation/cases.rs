//! Single cases.

use super::*;

/// The names of calls, each with how often it was made.
fn counts(calls: &[Call]) -> Vec<(&'static str, usize)> {
    let mut counts = std::collections::BTreeMap::new();
    for call in calls.iter().filter(|call| !call.tells()) {
        *counts.entry(call.name()).or_default() += 1;
    }
    counts.into_iter().collect()
}

/// A cluster at rest.
pub(super) fn at_rest(policies: Vec<Policy>) -> (Cloud, Controller) {
    let mut facts = cluster();
    for policy in policies {
        put(&mut facts, policy);
    }
    let mut cloud = Cloud::new(facts);
    let mut c = start(&mut cloud, 0);
    settle(&mut cloud, &mut c);
    (cloud, c)
}

pub(super) fn both(port: u16, last: u16) -> Policy {
    let rule = || vec![allow(vec![pods("")], vec![tcp(port, last)])];
    policy("p", "", rule(), rule())
}

/// What a change costs.
fn cost(cloud: &mut Cloud, c: &mut Controller, change: &Change) -> Vec<(&'static str, usize)> {
    cloud.begin(change);
    let calls = rest(cloud, c);
    cloud.check_end();
    counts(&calls)
}

#[test]
fn who_is_to_be_let_in_is_a_member_before_others_are_kept_out() {
    let (mut cloud, mut c) = at_rest(vec![]);
    let from = vec![allow(vec![pods_in("", "")], vec![])];
    cloud.begin(&Change::Policy(Box::new(policy("p", "p=0", from, vec![]))));
    let calls = rest(&mut cloud, &mut c);
    let puts = calls.iter().filter_map(|call| match call {
        Call::Put { pod, .. } => Some(pod.to_string()),
        Call::Policy(_) => None,
    });
    let puts: Vec<String> = puts.collect();
    assert_eq!(puts.last().map(String::as_str), Some("a/p0"), "{puts:?}");
    assert_eq!(puts.len(), 10, "each of nine once, and one twice");
}

#[test]
fn a_pod_that_joins_is_one_call_for_its_port() {
    let (mut cloud, mut c) = at_rest(vec![both(80, 80)]);
    let joins = pod("a", 3, "app=web,p=3");
    let calls = cost(&mut cloud, &mut c, &Change::Pod(Box::new(joins)));
    assert_eq!(calls, [("set_security_groups", 1)]);
    let relabelled = pod("a", 3, "app=db,p=3");
    let calls = cost(&mut cloud, &mut c, &Change::Pod(Box::new(relabelled)));
    assert_eq!(calls, [], "nobody names these labels");
    let leaves = cloud.facts.pods.keys().position(|k| *k.name == *"p3");
    let calls = cost(&mut cloud, &mut c, &Change::End(leaves.unwrap()));
    assert_eq!(calls, []);
}

/// What old and new both allow passes at each step, in both directions, and no port is called for.
#[test]
fn an_edited_policy_is_calls_for_its_rules() {
    let (mut cloud, mut c) = at_rest(vec![both(80, 80)]);
    cloud.begin(&Change::EditBoth(0, Box::new(both(80, 81))));
    cloud.promise_that_nothing_is_cut();
    let calls = rest(&mut cloud, &mut c);
    cloud.check_end();
    let rules = [
        ("create_security_group_rules", 2),
        ("delete_security_group_rule", 4),
    ];
    assert_eq!(counts(&calls), rules, "of two groups, and two IP versions");
}

/// Ingress opens and egress closes: no packet may leave by the old rules and arrive by the new ones, of a new pod's either.
#[test]
fn two_directions_that_change_places() {
    let all = || vec![Allow::default()];
    let types = |p| of_types(p, &Direction::BOTH);
    let old = types(policy("p", "", vec![], all()));
    let new = types(policy("p", "", all(), vec![]));
    for (old, new) in [(old.clone(), new.clone()), (new, old)] {
        let (mut cloud, mut c) = at_rest(vec![old]);
        cloud.begin(&Change::EditBoth(0, Box::new(new)));
        c.watch(&mut cloud);
        c.plan();
        put(&mut cloud.facts, pod("a", 3, ""));
        rest(&mut cloud, &mut c);
        cloud.check_end();
    }
}

/// Groups that say again what the operator's let pass keep their rules until that is known.
#[test]
fn nothing_is_done_before_the_operators_rules_are_known() {
    let (mut cloud, c) = at_rest(vec![policy("p", "", vec![], vec![])]);
    let operator = std::mem::take(&mut cloud.facts.operator);
    let mut again = start(&mut cloud, c.now);
    let calls = rest(&mut cloud, &mut again);
    assert_eq!(calls, [Call::Policy(Action::List)]);
    cloud.facts.operator = operator;
    again.world.look_anew();
    assert_eq!(rest(&mut cloud, &mut again), calls);
    cloud.check_end();
}

/// What is not to be had hits the policy that wants it: its pods are isolated, and no other pod waits.
#[test]
fn a_used_up_quota_closes_the_policys_pods_and_holds_up_no_others() {
    let (mut cloud, mut c) = at_rest(vec![both(80, 80)]);
    cloud.quota = cloud.groups.len();
    let greedy = Policy {
        key: PolicyKey::new("b", "greedy"),
        ..policy(
            "greedy",
            "p=0",
            vec![allow(vec![pods_in("", "x notin (y)")], vec![])],
            vec![],
        )
    };
    cloud.change(&Change::Policy(Box::new(greedy)));
    put(&mut cloud.facts, pod("c", 3, ""));
    let joins = PodKey::new("c", "p3");
    for _ in 0..5 {
        c.round(&mut cloud);
    }
    let operators = [id(OPERATOR)].into();
    assert_eq!(
        cloud.ports.get(&joins),
        Some(&operators),
        "it is named only"
    );
    let closed = &cloud.ports[&PodKey::new("b", "p0")];
    assert!(!closed.contains(&*id(OPERATOR)), "{closed:?}");
    cloud.quota = usize::MAX;
    rest(&mut cloud, &mut c);
    cloud.check_end();
}
