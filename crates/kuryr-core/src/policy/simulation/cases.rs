//! Single scenarios of the same model.

use super::*;

fn settled(policies: Vec<Policy>) -> (Cloud, Controller) {
    let mut cloud = Cloud::new();
    policies.into_iter().for_each(|p| put(&mut cloud.facts, p));
    let mut c = Controller::start(&mut cloud, small(), 0);
    c.settle(&mut cloud, |_| None).unwrap();
    cloud.check_end();
    cloud.rest();
    c.puts = 0;
    (cloud, c)
}

fn web() -> Policy {
    policy(
        "web",
        "app=web",
        vec![allow(
            vec![pods("p=1"), pods_in("team=y", "")],
            vec![tcp(80, 80)],
        )],
        vec![],
    )
}

/// The calls that a change takes, beside telling of it.
fn calls(cloud: &mut Cloud, c: &mut Controller) -> Vec<Action> {
    cloud.allowed_now();
    let calls = c.settle(cloud, |cloud| cloud.too_open()).unwrap();
    cloud.check_end();
    let changing = calls.into_iter();
    changing
        .filter(|a| !matches!(a, Action::Report { .. } | Action::List))
        .collect()
}

#[test]
fn a_relabelled_pod_is_one_call_for_its_own_port() {
    let (mut cloud, mut c) = settled(vec![web()]);
    cloud.relabel(&pod("a", 2, "p=1"));
    assert_eq!(calls(&mut cloud, &mut c), []);
    assert_eq!(c.puts, 1);
}

#[test]
fn a_changed_policy_is_a_new_group_and_one_call_a_port() {
    let (mut cloud, mut c) = settled(vec![web()]);
    let mut other = web();
    other.ingress[0].ports = vec![tcp(80, 81)];
    put(&mut cloud.facts, other);
    let calls = calls(&mut cloud, &mut c);
    let count = |what: fn(&Action) -> bool| calls.iter().filter(|a| what(a)).count();
    assert_eq!(count(|a| matches!(a, Action::CreateGroup { .. })), 1);
    assert_eq!(
        count(|a| matches!(a, Action::CreateRules { .. })),
        1,
        "in one call"
    );
    assert_eq!(
        count(|a| matches!(a, Action::DeleteRule { .. })),
        2,
        "Neutron's own"
    );
    assert_eq!(count(|a| matches!(a, Action::DeleteGroup { .. })), 1);
    assert_eq!(c.puts, 1, "one pod is selected");
}

#[test]
fn the_last_policy_leaves_nothing() {
    let (mut cloud, mut c) = settled(vec![web()]);
    cloud.facts.policies.clear();
    calls(&mut cloud, &mut c);
    assert!(cloud.list().is_empty());
}

/// Who may talk and who may listen change places: in the middle both could.
#[test]
fn what_changes_at_both_ends_opens_nothing_in_between() {
    let both =
        |out: Vec<Allow>, into: Vec<Allow>| of_types(policy("p", "", into, out), &Direction::BOTH);
    let (mut cloud, mut c) = settled(vec![both(vec![], vec![Allow::default()])]);
    put(&mut cloud.facts, both(vec![Allow::default()], vec![]));
    calls(&mut cloud, &mut c);
}

#[test]
fn nothing_is_created_while_a_creation_is_in_doubt() {
    let mut cloud = Cloud::new();
    put(&mut cloud.facts, policy("p", "app=web", vec![], vec![]));
    let one_call = Settings {
        calls_at_once: 1,
        ..small()
    };
    let mut c = Controller::start(&mut cloud, one_call, 0);
    c.plan(&mut cloud);
    c.answer(0, &mut cloud, Fate::Works);
    c.plan(&mut cloud);
    assert!(matches!(c.under_way[..], [Action::CreateGroup { .. }]));
    c.answer(0, &mut cloud, Fate::DoneButAnswerLost);
    c.plan(&mut cloud);
    assert_eq!(c.under_way, [Action::List]);
    c.settle(&mut cloud, |_| None).unwrap();
    cloud.check_end();
}

#[test]
fn a_quota_that_is_used_up_is_told_and_the_old_stays() {
    let (mut cloud, mut c) = settled(vec![]);
    put(&mut cloud.facts, web());
    cloud.allowed_now();
    let mut told = None;
    for _ in 0..5 {
        c.plan(&mut cloud);
        told = told.or_else(|| {
            c.under_way.iter().find_map(|a| match a {
                Action::Report { complaint, .. } => Some(complaint.reason),
                _ => None,
            })
        });
        while !c.under_way.is_empty() {
            c.answer(0, &mut cloud, Fate::Quota);
        }
    }
    assert_eq!(told, Some(Reason::QuotaReached));
    let key = PodKey::new("a", "p0");
    assert_eq!(
        c.world.port_groups(&key),
        None,
        "its port keeps what it carries"
    );
    let progress = c.world.progress(&web().key).unwrap();
    assert_eq!((progress.selected, progress.enforced), (1, 0));
    calls(&mut cloud, &mut c);
    let progress = c.world.progress(&web().key).unwrap();
    assert_eq!(progress.enforced, 1);
}

#[test]
fn it_is_told_once_when_a_policy_is_in_force() {
    let (mut cloud, mut c) = settled(vec![]);
    put(&mut cloud.facts, web());
    cloud.allowed_now();
    let told = |calls: &[Action]| {
        let reports = calls.iter().filter_map(|a| match a {
            Action::Report { complaint, .. } => Some(complaint.message.clone()),
            _ => None,
        });
        reports.collect::<Vec<_>>()
    };
    let calls = c.settle(&mut cloud, |_| None).unwrap();
    assert_eq!(told(&calls), ["in force on the one pod that it selects"]);
    let calls = c.settle(&mut cloud, |_| None).unwrap();
    assert!(told(&calls).is_empty());
}

#[test]
fn others_do_not_wait_for_a_port_for_ever() {
    let (mut cloud, _) = settled(vec![]);
    let impatient = Settings {
        patience: 100,
        ..small()
    };
    let both = |out: Vec<Allow>, into: Vec<Allow>| {
        of_types(policy("p", "p in (0,1)", into, out), &Direction::BOTH)
    };
    put(&mut cloud.facts, both(vec![], vec![Allow::default()]));
    let mut c = Controller::start(&mut cloud, impatient, 0);
    c.settle(&mut cloud, |_| None).unwrap();
    put(&mut cloud.facts, both(vec![Allow::default()], vec![]));
    // No port can be changed.
    for _ in 0..30 {
        c.plan(&mut cloud);
        while !c.under_way.is_empty() {
            c.answer(0, &mut cloud, Fate::Works);
        }
    }
    let key = PodKey::new("a", "p0");
    let half = c.world.port_groups(&key).unwrap().clone();
    c.now += 100;
    c.plan(&mut cloud);
    let whole = c.world.port_groups(&key).unwrap();
    assert_ne!(half, *whole);
    assert_eq!(*whole, c.world.final_groups(&key).unwrap());
}

#[test]
fn an_idle_port_with_a_group_that_is_to_go_is_named() {
    let (mut cloud, mut c) = settled(vec![web()]);
    let group = cloud.ports[&PodKey::new("a", "p0")].clone();
    c.world.apply_port(SeenPort {
        id: id("idle"),
        pod: None,
        groups: group,
    });
    assert_eq!(c.world.ports_to_clear().count(), 0);
    cloud.facts.policies.clear();
    let mut actions = Vec::new();
    for _ in 0..9 {
        let facts = cloud.facts.policies.keys().cloned().collect();
        c.world.retain::<Policy>(&facts);
        for action in plan(&mut c.world) {
            c.world.begin(&action);
            actions.push(action);
        }
    }
    assert_eq!(c.world.ports_to_clear().collect::<Vec<_>>(), [&id("idle")]);
}
