//! The controller killed at each changing call of a namespace's life.

use kuryr_checkpoint::Moment;

use super::until_nothing_is_left;
use crate::crash::{at_each, survived};
use crate::world::{Foreign, Options, World};

/// A life has more changes.
const FEWEST: usize = 8;

/// It comes with two pods, one goes, then all does.
async fn life(world: &World) {
    world.add_namespace("ns1").await;
    world.add_pod_in("ns1", "pod1", "node1").await;
    world.add_pod_in("ns1", "pod2", "node2").await;
    world.all_ready().await;
    world.delete_namespace("ns1").await;
    until_nothing_is_left(world).await;
}

async fn crash(point: usize, moment: Moment) -> bool {
    let world = World::start(2).await;
    let foreign = Foreign::add(&world);
    let legs = world.legs();
    let options = world.namespaced(Options::default());
    let there = survived(&world, options, (point, moment), life(&world)).await;
    let calls = world.openstack.calls().all();
    let made = calls
        .iter()
        .filter(|c| c.method == "POST" && c.path.ends_with("/networks") && c.status == 201);
    assert_eq!(made.count(), 1, "one network was made for one namespace");
    assert_eq!(world.legs(), legs);
    foreign.check(&world);
    there
}

async fn crash_at_each(moment: Moment) {
    at_each(FEWEST, async |point| crash(point, moment).await).await;
}

#[tokio::test]
async fn killed_just_before_any_change_of_a_namespace() {
    crash_at_each(Moment::Before).await;
}

#[tokio::test]
async fn killed_just_after_any_change_of_a_namespace() {
    crash_at_each(Moment::After).await;
}
