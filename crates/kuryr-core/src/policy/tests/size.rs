//! What a change costs, and how much fits.

use super::*;

/// 20 policies of 50 peers each.
fn crowded() -> Facts {
    let mut facts = Facts::default();
    put(&mut facts, namespace("a", ""));
    put(&mut facts, node("n0", "10.9.0.1"));
    put(&mut facts, node("n1", "10.9.0.2"));
    for number in 0..60 {
        put(&mut facts, pod("a", number, &format!("app=x,p={number}")));
    }
    for n in 0..20u16 {
        let peers = (0..50).map(|p| pods(&format!("p={p}"))).collect();
        let rules = vec![allow(peers, vec![tcp(n + 1, n + 1)])];
        put(&mut facts, policy(&format!("n{n}"), "app=x", rules, vec![]));
    }
    facts
}

#[test]
fn a_pod_that_joins_touches_no_group() {
    let mut facts = crowded();
    let before = compile(&facts, &settings());
    let joins = pod("a", 200, "app=x,p=7");
    let key = joins.key.clone();
    put(&mut facts, joins);
    let mut after = compile(&facts, &settings());
    assert_eq!(before.groups, after.groups, "no rule is touched");
    let own = after.of_pod.remove(&key).unwrap();
    assert_eq!(own.len(), 20 + 1 + 1 + 1, "effects, egress, node, member");
    assert_eq!(before.of_pod, after.of_pod, "and no other port");
}

#[test]
fn a_pod_that_is_relabelled_touches_its_own_port_only() {
    let mut facts = crowded();
    let before = compile(&facts, &settings());
    put(&mut facts, pod("a", 7, "app=y,p=8"));
    let after = compile(&facts, &settings());
    assert_eq!(before.groups, after.groups);
    let differ = before
        .of_pod
        .iter()
        .filter(|(key, was)| after.of_pod[*key] != **was);
    assert_eq!(differ.count(), 1);
}

#[test]
fn a_namespace_that_is_relabelled_touches_no_group() {
    let peers = vec![allow(vec![pods_in("team=x", "")], vec![])];
    let mut facts = with(vec![policy("p", "", peers, vec![])]);
    let before = compile(&facts, &settings());
    put(&mut facts, namespace("c", "team=x"));
    let after = compile(&facts, &settings());
    assert_eq!(before.groups, after.groups);
    let differ = before
        .of_pod
        .iter()
        .filter(|(key, was)| after.of_pod[*key] != **was);
    assert_eq!(differ.count(), 3, "its own pods join");
}

#[test]
fn a_policy_that_selects_no_pod_costs_none() {
    let everywhere = vec![allow(vec![pods_in("", "")], vec![])];
    let mut facts = with(vec![]);
    let before = compile(&facts, &settings());
    put(
        &mut facts,
        policy("p", "x=none", everywhere.clone(), everywhere),
    );
    let after = compile(&facts, &settings());
    assert_eq!((before.groups, before.of_pod), (after.groups, after.of_pod));
}

/// The most common policy has no rules, and needs no group for none.
#[test]
fn isolation_alone_costs_no_group_of_its_own() {
    let deny =
        |name: &str, pods: &str| of_types(policy(name, pods, vec![], vec![]), &Direction::BOTH);
    let one = compile(&with(vec![deny("one", "p=0")]), &settings());
    let two = compile(
        &with(vec![deny("one", "p=0"), deny("two", "app=web")]),
        &settings(),
    );
    let nodes = one
        .groups
        .keys()
        .all(|key| matches!(key.purpose, Purpose::Node(_)));
    assert!(nodes && one.groups == two.groups, "{:?}", two.groups.keys());
}

#[test]
fn an_edited_policy_touches_no_port() {
    let rule = |port| vec![allow(vec![], vec![tcp(port, port)])];
    let mut facts = with(vec![policy("p", "", rule(80), rule(80))]);
    let before = compile(&facts, &settings());
    put(&mut facts, policy("p", "", rule(81), rule(81)));
    let after = compile(&facts, &settings());
    assert_eq!(before.of_pod, after.of_pod);
    assert_ne!(before.groups, after.groups);
}

/// A database with one replica is restarted, and clients name its port by name.
#[test]
fn a_named_port_that_comes_and_goes_touches_no_client() {
    let to_db = vec![allow(
        vec![pods_in("tier=back", "p=1")],
        vec![named("http")],
    )];
    let client = of_types(policy("p", "", vec![], to_db), &[Direction::Egress]);
    let mut facts = with(vec![client]);
    let before = compile(&facts, &settings());
    let db = PodKey::new("b", "p1");
    facts.pods.remove(&db);
    let after = compile(&facts, &settings());
    for (pod, was) in before.of_pod.iter().filter(|(pod, _)| **pod != db) {
        assert_eq!(after.of_pod[pod], *was, "{pod}");
    }
    let own = GroupKey::from(of_policy(&facts, "p", Direction::Egress));
    assert_eq!(
        (before.groups[&own].len(), after.groups[&own].len()),
        (2, 0)
    );
}

/// 8 ports, and every address but one.
#[test]
fn more_rules_than_a_group_may_have_are_several_groups() {
    let ports = (1..=8).map(|n| tcp(n * 100, n * 100)).collect();
    let wide = vec![allow(vec![block("::/0", &["2001:db8::1/128"])], ports)];
    let facts = with(vec![policy("p", "", wide, vec![])]);
    assert!(tcp_passes(
        &facts,
        "2001:db8::2",
        &first_v6(&facts, "a0"),
        100
    ));
    assert!(!tcp_passes(
        &facts,
        "2001:db8::1",
        &first_v6(&facts, "a0"),
        100
    ));
    let compiled = compile(&facts, &settings());
    let purpose = of_policy(&facts, "p", Direction::Ingress);
    let parts = compiled
        .groups
        .iter()
        .filter(|(key, _)| key.purpose == purpose);
    let sizes: Vec<usize> = parts.map(|(_, rules)| rules.len()).collect();
    assert_eq!((sizes.len(), sizes.iter().sum()), (2, 1_024));
    let needs = &compiled.of_policy[&PolicyKey::new("a", "p")];
    assert!(needs.complaints.is_empty());
}

fn first_v6(facts: &Facts, pod: &str) -> String {
    let key = PodKey::new(&pod[..1], format!("p{}", &pod[1..]));
    facts.pods[&key].addresses[1].to_string()
}

/// A tenant whose policies name a pod 300 times takes nothing from another's, nor from the pod itself.
#[test]
fn who_names_a_pod_too_often_is_told_and_takes_nothing_from_others() {
    let mut facts = with(vec![policy(
        "own",
        "",
        vec![allow(vec![pods("")], vec![])],
        vec![],
    )]);
    let names = (0..300)
        .map(|n| pods_in("", &format!("x{n} notin (y)")))
        .collect();
    let greedy = Policy {
        key: PolicyKey::new("b", "greedy"),
        ..policy("greedy", "", vec![allow(names, vec![])], vec![])
    };
    let modest = Policy {
        key: PolicyKey::new("c", "modest"),
        ..policy(
            "modest",
            "",
            vec![allow(vec![pods_in("", "p=0")], vec![])],
            vec![],
        )
    };
    put(&mut facts, greedy);
    put(&mut facts, modest);
    let compiles = Compiles::new(&facts, &settings());
    assert!(
        compiles
            .compiled
            .of_pod
            .values()
            .all(|groups| groups.len() == 200)
    );
    let tcp = |from: &str, to: &str| Flow {
        from: at(&facts, from),
        to: at(&facts, to),
        protocol: Protocol::Tcp,
        port: 80,
    };
    assert!(compiles.passes(&tcp("a0", "c1")), "the modest one's");
    assert!(compiles.passes(&tcp("a1", "a0")), "its own");
    let told = |ns, name| {
        let needs = &compiles.compiled.of_policy[&PolicyKey::new(ns, name)];
        needs
            .complaints
            .iter()
            .any(|c| c.reason == Reason::TooManyGroups)
    };
    assert!(told("b", "greedy") && !told("c", "modest") && !told("a", "own"));
}

/// 10,000 pods and 1,000 policies come to a few groups for each policy.
#[test]
fn ten_thousand_pods_and_a_thousand_policies() {
    let compiled = compile(&large(10_000, 1_000), &settings());
    assert_eq!(compiled.of_pod.len(), 10_000);
    assert!(compiled.groups.len() < 6_000, "{}", compiled.groups.len());
}

fn large(pods_in_all: usize, policies: usize) -> Facts {
    let mut facts = Facts::default();
    for n in 0..100 {
        put(
            &mut facts,
            namespace(&format!("ns{n}"), &format!("team=t{}", n % 20)),
        );
        put(&mut facts, node(&format!("n{n}"), &format!("10.9.1.{n}")));
    }
    for n in 0..pods_in_all {
        let (ns, app) = (n % 100, n / 100 % 20);
        let mut pod = pod("a", 0, &format!("app=app{app},tier=t{}", app % 3));
        pod.key = PodKey::new(format!("ns{ns}"), format!("p{n}"));
        pod.addresses = vec![ip(&format!(
            "10.{}.{}.{}",
            100 + n / 62_500,
            n / 250 % 250,
            n % 250
        ))];
        pod.node = Some(id(&format!("n{}", n % 97)));
        pod.ports = [named_port("http", 8_000 + (app % 2) as u16)].into();
        put(&mut facts, pod);
    }
    for n in 0..policies {
        let (ns, app) = (n % 100, n / 100 % 20);
        let from = vec![
            pods(&format!("app=app{}", (app + 1) % 20)),
            pods_in(&format!("team=t{}", n % 20), &format!("tier=t{}", n % 3)),
        ];
        let rules = vec![allow(from, vec![tcp(80, 80), named("http")])];
        let mut policy = policy("x", &format!("app=app{app}"), rules.clone(), rules);
        policy.key = PolicyKey::new(format!("ns{ns}"), format!("x{n}"));
        put(&mut facts, policy);
    }
    facts
}
