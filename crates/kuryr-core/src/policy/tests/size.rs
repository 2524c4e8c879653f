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
    assert_eq!(
        own.groups.len(),
        20 + 1 + 1 + 1,
        "effects, egress, node, member"
    );
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

/// 10,000 pods and 1,000 policies come to no more groups than the policies name.
#[test]
fn ten_thousand_pods_and_a_thousand_policies() {
    let compiled = compile(&large(10_000, 1_000), &settings());
    assert_eq!(compiled.of_pod.len(), 10_000);
    assert!(compiled.groups.len() < 4_000, "{}", compiled.groups.len());
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
