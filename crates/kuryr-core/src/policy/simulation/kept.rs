//! What is kept from one change to the next is what would be worked out anew.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::policy::group::Rule;
use crate::policy::world::Stale;
use crate::reconcile::simulation::Cloud as _;

/// Mostly pods: what else changes is worked out as a whole.
fn mostly_pods() -> impl Strategy<Value = Change> {
    prop_oneof![
        6 => draw::a_pod().prop_map(|pod| Change::Pod(Box::new(pod))),
        3 => (0..12usize).prop_map(Change::End),
        2 => change(),
    ]
}

fn learn(world: &mut World, cloud: &mut Cloud) {
    for news in cloud.news() {
        if let mind::News::Policy(event) = news {
            world.learn(0, event);
        }
    }
}

/// Who names whom, worked out anew.
fn users(world: &World) -> BTreeMap<Mark, BTreeSet<Mark>> {
    let mut users: BTreeMap<Mark, BTreeSet<Mark>> = BTreeMap::new();
    for (key, rules) in &world.compiled.groups {
        for remote in rules.iter().filter_map(Rule::remote_group) {
            if let Some((named, by)) = world.marks.get(remote).zip(world.marks.get(key)) {
                users.entry(*named).or_default().insert(*by);
            }
        }
    }
    users
}

fn check(world: &World) {
    let anew = compile(&world.facts, &world.settings);
    assert_eq!(world.compiled.groups, anew.groups);
    assert_eq!(world.compiled.of_pod, anew.of_pod);
    assert_eq!(world.compiled.of_policy, anew.of_policy);
    assert_eq!(world.compiled.selecting, anew.selecting);
    let wanted = anew.groups.keys().map(|key| (Mark::of(key), key.clone()));
    assert_eq!(world.wanted, wanted.collect());
    assert_eq!(world.marks.len(), world.wanted.len());
    assert_eq!(world.users, users(world));
}

fn begun(cloud: &mut Cloud) -> World {
    let mut world = World::new(settings());
    learn(&mut world, cloud);
    for (id, rules) in cloud.facts.operator.clone() {
        world.operator_is(&id, (*rules).clone());
    }
    world.recompile();
    world
}

proptest! {
    #![proptest_config(drawn(400, 5))]

    #[test]
    fn what_is_kept_is_what_would_be_worked_out_anew(
        facts in draw::facts(),
        changes in prop::collection::vec(prop::collection::vec(mostly_pods(), 1..3), 1..12),
    ) {
        let mut cloud = Cloud::new(facts);
        let mut world = begun(&mut cloud);
        check(&world);
        for together in changes {
            for change in together {
                cloud.change(&change);
            }
            learn(&mut world, &mut cloud);
            world.recompile();
            check(&world);
        }
    }
}

/// Otherwise the property above would be true of what it is not about.
#[test]
fn a_pod_that_is_like_another_is_worked_out_alone() {
    let mut cloud = Cloud::new(cluster());
    put(&mut cloud.facts, super::cases::both(80, 80));
    let mut world = begun(&mut cloud);
    let mut joins = pod("a", 3, "app=web,p=3");
    for labels in ["app=web,p=3", "app=db,p=3"] {
        joins.labels = draw_labels(labels);
        put(&mut cloud.facts, joins.clone());
        learn(&mut world, &mut cloud);
        let Stale::Pods(pods) = world.stale.clone() else {
            panic!("all is stale");
        };
        assert_eq!(pods, [joins.key.clone()].into());
        assert!(world.compile_pods(&pods));
        check(&world);
    }
}

fn draw_labels(text: &str) -> Labels {
    pod("a", 3, text).labels
}
