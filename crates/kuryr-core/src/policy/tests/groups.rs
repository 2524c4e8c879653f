//! What policies come to: few groups, and the same for the same.

use super::*;

fn compiled(policies: Vec<Policy>) -> Compiled {
    compile(&with(policies), &settings())
}

fn of_kind(compiled: &Compiled, kind: GroupKind) -> usize {
    compiled.groups.values().filter(|g| g.kind == kind).count()
}

#[test]
fn without_policies_there_is_nothing() {
    let compiled = compiled(vec![]);
    assert!(compiled.groups.is_empty());
    assert!(
        compiled
            .of_pod
            .values()
            .all(|a| a.operator && a.groups.is_empty())
    );
}

#[test]
fn pods_with_the_same_effect_share_a_group_whichever_policy_it_is_of() {
    let rule = || vec![allow(vec![pods_in("team=x", "app=db")], vec![tcp(80, 80)])];
    let mut other = policy("other", "", rule(), vec![]);
    other.key = PolicyKey::new("c", "other");
    let compiled = compiled(vec![
        policy("one", "p=0", rule(), vec![]),
        policy("two", "p=1", rule(), vec![]),
        other,
    ]);
    assert_eq!(of_kind(&compiled, GroupKind::Effect(Direction::Ingress)), 1);
    assert_eq!(of_kind(&compiled, GroupKind::Member), 1);
    assert_eq!(of_kind(&compiled, GroupKind::All(Direction::Egress)), 1);
    assert_eq!(of_kind(&compiled, GroupKind::Node), 2);
}

#[test]
fn a_member_that_no_policy_isolates_keeps_the_operators_groups() {
    let compiled = compiled(vec![policy(
        "p",
        "p=0",
        vec![allow(vec![pods("p=1")], vec![])],
        vec![],
    )]);
    let peer = &compiled.of_pod[&PodKey::new("a", "p1")];
    assert!(peer.operator);
    assert_eq!(peer.groups.len(), 1);
    let subject = &compiled.of_pod[&PodKey::new("a", "p0")];
    assert!(!subject.operator);
    assert_eq!(subject.groups.len(), 3, "effect, all egress, node");
}

#[test]
fn the_same_selector_said_otherwise_is_the_same_group() {
    let rules = vec![
        allow(vec![pods("app=db,p=1")], vec![]),
        allow(vec![pods("p in (1),app in (db)")], vec![]),
    ];
    let compiled = compiled(vec![policy("p", "", rules, vec![])]);
    assert_eq!(of_kind(&compiled, GroupKind::Member), 1);
}

#[test]
fn rules_are_only_for_families_in_use() {
    let rules = vec![allow(
        vec![pods(""), block("::/0", &[]), block("0.0.0.0/0", &[])],
        vec![],
    )];
    let facts = with(vec![policy("p", "", rules.clone(), rules)]);
    let v4 = Settings {
        families: [Family::V4].into(),
        ..settings()
    };
    let compiled = compile(&facts, &v4);
    let mut rules = compiled.groups.values().flat_map(|g| &g.rules);
    assert!(rules.all(|r| r.family == Family::V4));
}

#[test]
fn too_many_rules_isolate_and_are_told_and_others_are_not_harmed() {
    let wide = vec![allow(vec![block("0.0.0.0/0", &["192.0.2.1/32"])], vec![])];
    let good = policy(
        "good",
        "p=0",
        vec![allow(vec![pods("p=1")], vec![])],
        vec![],
    );
    let facts = with(vec![policy("wide", "", wide, vec![]), good]);
    let small = Settings {
        limits: Limits {
            rules_per_group: 31,
            ..Limits::default()
        },
        ..settings()
    };
    let compiled = compile(&facts, &small);
    let complaints = &compiled.of_policy[&PolicyKey::new("a", "wide")].complaints;
    assert_eq!(complaints.first().unwrap().reason, Reason::TooManyRules);
    assert!(
        compiled.of_policy[&PolicyKey::new("a", "good")]
            .complaints
            .is_empty()
    );
    assert!(!compiled.of_pod[&PodKey::new("a", "p2")].operator);
    assert_eq!(of_kind(&compiled, GroupKind::Effect(Direction::Ingress)), 1);
}

#[test]
fn too_many_groups_of_a_port_are_left_out_and_told() {
    let many: Vec<Policy> = (0..5)
        .map(|n| {
            policy(
                &format!("p{n}"),
                "p=0",
                vec![allow(vec![], vec![tcp(n, n)])],
                vec![],
            )
        })
        .collect();
    let small = Settings {
        limits: Limits {
            groups_per_port: 5,
            ..Limits::default()
        },
        ..settings()
    };
    let compiled = compile(&with(many), &small);
    assert_eq!(compiled.of_pod[&PodKey::new("a", "p0")].groups.len(), 5);
    let told = compiled
        .of_policy
        .values()
        .filter(|n| !n.complaints.is_empty());
    assert_eq!(told.count(), 2);
}

#[test]
fn the_tag_leads_back_to_the_key_and_is_short_enough() {
    let key = GroupKey::of("x");
    assert!(key.tag().len() <= 60);
    assert_eq!(GroupKey::from_tag(&key.tag()), Some(key));
    for tag in [
        "",
        "kuryr-policy-group=",
        "kuryr-policy-group=1",
        "kuryr-cluster=x",
    ] {
        assert_eq!(GroupKey::from_tag(tag), None);
    }
}

/// A key that another version of the program computes otherwise would make every group anew.
#[test]
fn keys_stay_what_they_are() {
    let rules = vec![allow(
        vec![pods_in("team in (x,y)", "app=db,!old")],
        vec![tcp(80, 90), named("http")],
    )];
    let compiled = compiled(vec![policy("p", "p=0", rules.clone(), rules)]);
    let keys: Vec<String> = compiled
        .groups
        .iter()
        .map(|(key, group)| format!("{key} {:?}", group.kind))
        .collect();
    let expected = [
        "25731c661dc994a6e60a06c0195de4d6 Member",
        "62a3c576743fc5afa14655b89b665205 Effect(Egress)",
        "af188fb2ab56803efec7646639bd0ac8 Node",
        "db59cb4ab549612c55fbde8b04783abb Effect(Ingress)",
        "f36e71111e5ec4dd8212286b56f49f8d Member",
        "fd604be0a9103d33adbc5d44df9a05fb Member",
    ];
    assert_eq!(keys, expected);
}

#[test]
fn a_description_is_no_longer_than_neutron_takes() {
    let long = (0..40).map(|n| tcp(n, n + 1)).collect();
    let compiled = compiled(vec![policy(
        "p",
        "",
        vec![allow(vec![pods("")], long)],
        vec![],
    )]);
    assert!(
        compiled
            .groups
            .values()
            .all(|g| !g.about.is_empty() && g.about.chars().count() <= 255)
    );
}
