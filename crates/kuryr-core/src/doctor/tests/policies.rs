//! What policies ask for.

use std::sync::Arc;

use super::plant::*;
use crate::doctor::*;
use crate::policy::tests::fixtures as policies;
use crate::policy::{self, GroupKey, Mark, Purpose, Remote, Rule, SeenGroup, SeenRule, compile};
use crate::port::{Id, PortKind};

/// Two pods, which a policy isolates and lets talk to each other; all in order in Neutron.
fn enforced() -> Facts {
    let mut facts = healthy(1, 2);
    facts.groups_by_policies = true;
    let mut cluster = policies::cluster();
    cluster.pods.clear();
    for (n, fact) in facts.pods.iter().enumerate() {
        let pod = policy::Pod {
            key: fact.pod.key.clone(),
            node: Some("n0".into()),
            ..policies::pod("shop", u8::try_from(n).unwrap(), "app=web")
        };
        cluster.pods.insert(pod.key.clone(), Arc::new(pod));
    }
    let allow = policies::allow(vec![policies::pods("app=web")], vec![policies::tcp(80, 80)]);
    let mut rule = policies::policy("web", "", vec![allow], vec![]);
    rule.key.namespace = "shop".into();
    policies::put(&mut cluster, rule);
    let settings = policies::settings();
    let mut whole = cluster.clone();
    let node = policy::Node {
        name: "n0".into(),
        addresses: facts.nodes[0].addresses.iter().copied().collect(),
    };
    whole.nodes = [(node.name.clone(), Arc::new(node))].into();
    let compiled = compile(&whole, &settings);
    let groups = compiled.groups.iter().map(|(key, rules)| SeenPolicyGroup {
        name: Mark::name(key),
        seen: SeenGroup {
            id: id_of(key),
            mark: Mark::of(key),
            rules: rules.iter().enumerate().map(seen).collect(),
        },
    });
    facts.policies = Some(PolicyFacts {
        groups: groups.collect(),
        cluster: Some((cluster, settings)),
    });
    for (pod, keys) in &compiled.of_pod {
        let claim = facts.claims.iter().find(|c| c.claim.pod == *pod).unwrap();
        let port = claim.claim.vif.as_ref().unwrap().port.clone();
        dress(&mut facts, &port, keys.iter().map(id_of).collect());
    }
    facts
}

fn id_of(key: &GroupKey) -> Id {
    match &key.purpose {
        Purpose::Operator(id) => id.clone(),
        _ => format!("id-{}", Mark::of(key)).into(),
    }
}

fn seen((n, rule): (usize, &Rule)) -> SeenRule {
    SeenRule {
        id: format!("r{n}").into(),
        rule: rule.named(|key| Some(id_of(key))),
    }
}

fn dress(facts: &mut Facts, port: &str, groups: Vec<Id>) {
    let port = find_port(facts, port);
    port.port.kind = Arc::new(PortKind {
        security_groups: groups,
        ..(*port.port.kind).clone()
    });
}

fn groups(facts: &mut Facts) -> &mut Vec<SeenPolicyGroup> {
    &mut facts.policies.as_mut().unwrap().groups
}

/// The group of the policy itself.
fn own(facts: &mut Facts) -> &mut SeenPolicyGroup {
    let mut all = groups(facts).iter_mut();
    all.find(|g| g.name.contains("ingress of policy")).unwrap()
}

/// The only finding, which nobody but the controller mends.
#[track_caller]
fn told(facts: &Facts) -> (FindingKind, String) {
    let found = only(facts);
    assert!(found.remedy.actions.is_empty(), "nothing is ever widened");
    (found.kind, found.what)
}

#[test]
fn what_is_as_policies_ask_is_in_order() {
    assert_eq!(kinds(&enforced()), []);
}

#[test]
fn a_rule_that_nobody_asks_for_and_one_that_is_missing_are_told() {
    let mut facts = enforced();
    let group = own(&mut facts);
    let mut open = group.seen.rules[0].clone();
    open.rule.as_mut().unwrap().remote = Remote::Any;
    group.seen.rules.push(SeenRule {
        id: "by-hand".into(),
        ..open
    });
    let (kind, what) = told(&facts);
    assert_eq!(kind, FindingKind::PolicyRulesDiffer);
    assert!(
        what.contains("policy shop/web") && what.contains("has 1 rules"),
        "{what}"
    );
    let mut facts = enforced();
    own(&mut facts).seen.rules.clear();
    let (kind, what) = told(&facts);
    assert_eq!(kind, FindingKind::PolicyRulesDiffer);
    assert!(what.contains("lacks 2 of 2"), "{what}");
}

#[test]
fn a_group_that_is_missing_is_told_once() {
    let mut facts = enforced();
    let id = own(&mut facts).seen.id.clone();
    groups(&mut facts).retain(|g| g.seen.id != id);
    let found = only(&facts);
    assert_eq!(found.kind, FindingKind::PolicyGroupMissing);
    assert_eq!(found.namespace.as_deref(), Some("shop"));
}

#[test]
fn a_port_that_carries_something_else_is_told_with_what() {
    let mut facts = enforced();
    let mut has = find_port(&mut facts, "q0")
        .port
        .kind
        .security_groups
        .clone();
    let lost = own(&mut facts).seen.id.clone();
    has.retain(|id| *id != lost);
    has.push("open".into());
    dress(&mut facts, "q0", has);
    let (kind, what) = told(&facts);
    assert_eq!(kind, FindingKind::SecurityGroupsDiffer);
    assert!(
        what.contains("ingress of policy shop/web") && what.ends_with("others: open"),
        "{what}"
    );
}

#[test]
fn groups_that_nobody_asks_for_are_leaked() {
    let mut facts = enforced();
    let mut left = own(&mut facts).clone();
    left.seen.id = "twice".into();
    groups(&mut facts).push(left);
    assert_eq!(told(&facts).0, FindingKind::PolicyGroupLeaked);
    // Policies that are switched off leave theirs.
    let mut facts = healthy(1, 1);
    let mut off = enforced();
    groups(&mut off).truncate(1);
    facts.policies = Some(PolicyFacts {
        cluster: None,
        groups: groups(&mut off).clone(),
    });
    let found = only(&facts);
    assert_eq!(
        (found.kind, found.severity),
        (FindingKind::PolicyGroupLeaked, Severity::Warning)
    );
    assert!(
        found.what.ends_with("policies are not in force"),
        "{}",
        found.what
    );
}

#[test]
fn what_could_not_be_seen_is_no_finding() {
    let mut facts = enforced();
    dress(&mut facts, "q0", vec!["open".into()]);
    facts.policies = None;
    assert_eq!(kinds(&facts), []);
}
