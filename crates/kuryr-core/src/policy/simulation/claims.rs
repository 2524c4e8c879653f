//! KuryrNetworkPolicies.

use super::cases::{at_rest, both};
use super::*;

/// A KuryrNetworkPolicy as upstream left it, with the group that it made.
fn upstreams(cloud: &mut Cloud, policy: &PolicyKey) -> Id {
    let group = id("upstream's");
    cloud.old.insert(group.clone());
    cloud.put_claim(Claim {
        policy: policy.clone(),
        group: Some(group.clone()),
        content: None,
        deleting: false,
        finalizer: true,
        version: 0,
    });
    group
}

fn key() -> PolicyKey {
    PolicyKey::new("a", "p")
}

/// Calls about KuryrNetworkPolicies, and those for what upstream made.
fn about_claims(calls: Vec<Call>) -> Vec<&'static str> {
    let names = calls.iter().map(Effect::name);
    let about = |name: &&str| name.ends_with("kuryrnetworkpolicy") || name.contains("old");
    names.filter(about).collect()
}

fn names(cloud: &mut Cloud, c: &mut Controller) -> Vec<&'static str> {
    about_claims(rest(cloud, c))
}

#[test]
fn it_is_made_once_rewritten_with_each_edit_and_let_go() {
    let (mut cloud, mut c) = at_rest(vec![]);
    cloud.change(&Change::Policy(Box::new(both(80, 80))));
    assert_eq!(names(&mut cloud, &mut c), ["create_kuryrnetworkpolicy"]);
    cloud.check_end();
    cloud.change(&Change::Pod(Box::new(pod("a", 3, "app=web,p=3"))));
    assert_eq!(names(&mut cloud, &mut c), [""; 0], "pods come and go");
    cloud.change(&Change::Policy(Box::new(both(80, 81))));
    assert_eq!(names(&mut cloud, &mut c), ["write_kuryrnetworkpolicy"]);
    cloud.check_end();
    cloud.change(&Change::Drop(0));
    assert_eq!(names(&mut cloud, &mut c), ["release_kuryrnetworkpolicy"]);
    cloud.check_end();
}

#[test]
fn one_that_somebody_deletes_is_made_again() {
    let (mut cloud, mut c) = at_rest(vec![both(80, 80)]);
    let mut claim = cloud.claims[&key()].clone();
    claim.deleting = true;
    cloud.put_claim(claim);
    let calls = names(&mut cloud, &mut c);
    assert_eq!(
        calls,
        ["release_kuryrnetworkpolicy", "create_kuryrnetworkpolicy"]
    );
    cloud.check_end();
}

#[test]
fn what_the_api_server_does_not_keep_is_not_written_again_and_again() {
    let (mut cloud, mut c) = at_rest(vec![]);
    cloud.prunes = true;
    cloud.change(&Change::Policy(Box::new(both(80, 80))));
    let calls = names(&mut cloud, &mut c);
    assert_eq!(
        calls,
        ["create_kuryrnetworkpolicy", "write_kuryrnetworkpolicy"]
    );
    c.relist(&mut cloud);
    assert_eq!(names(&mut cloud, &mut c), [""; 0]);
}

#[test]
fn upstreams_group_goes_when_no_port_carries_it_and_the_rest_is_ours() {
    let mut facts = cluster();
    put(&mut facts, both(80, 80));
    let mut cloud = Cloud::new(facts);
    let old = upstreams(&mut cloud, &key());
    let pods = ["p0", "p1"].map(|name| PodKey::new("a", name));
    for pod in &pods {
        cloud.ports.insert(pod.clone(), [old.clone()].into());
    }
    let mut c = start(&mut cloud, 0);
    let calls = rest(&mut cloud, &mut c);
    let put = calls.iter().rposition(|call| match call {
        Call::Put { pod, .. } => pods.contains(pod),
        Call::Policy(_) => false,
    });
    let deleted = calls
        .iter()
        .position(|call| call.name() == "delete_old_security_group");
    assert!(put < deleted, "{calls:?}");
    assert_eq!(
        about_claims(calls),
        ["delete_old_security_group", "write_kuryrnetworkpolicy"]
    );
    assert!(cloud.old.is_empty());
    cloud.check_end();
}

#[test]
fn of_a_policy_that_went_meanwhile_upstreams_group_and_its_claim_go() {
    let mut cloud = Cloud::new(cluster());
    upstreams(&mut cloud, &key());
    let mut c = start(&mut cloud, 0);
    let calls = names(&mut cloud, &mut c);
    assert_eq!(
        calls,
        ["delete_old_security_group", "release_kuryrnetworkpolicy"]
    );
    assert!(cloud.old.is_empty() && cloud.claims.is_empty());
    cloud.check_end();
}

#[test]
fn a_group_that_something_else_uses_keeps_its_claim_and_holds_up_nothing_else() {
    let (mut cloud, mut c) = at_rest(vec![]);
    upstreams(&mut cloud, &key());
    cloud.old_is_used = true;
    cloud.change(&Change::Policy(Box::new(both(80, 80))));
    for _ in 0..20 {
        c.round(&mut cloud);
    }
    assert_eq!(cloud.claims[&key()].group, Some(id("upstream's")));
    assert!(!cloud.groups.is_empty());
    cloud.old_is_used = false;
    rest(&mut cloud, &mut c);
    cloud.check_end();
}
