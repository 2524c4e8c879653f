//! The controller killed at each changing call of a namespace's life.

use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::join_all;
use kuryr_checkpoint::Moment;

use super::until_nothing_is_left;
use crate::crash::{Told, hold};
use crate::world::{Foreign, Options, World};

const AT_ONCE: usize = 8;
const MOST: usize = 120;

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
    let _told = Told(format!("killed at change {point}, {moment:?}"));
    let world = World::start(2).await;
    let foreign = Foreign::add(&world);
    let legs = world.legs();
    let options = world.namespaced(Options::default());
    let mut at = hold(&world, point, moment);
    let first = world.controller(options.clone()).await;
    let there = AtomicBool::new(false);
    let killed = async {
        at.recv().await.unwrap();
        first.kill();
        there.store(true, Ordering::SeqCst);
        world.unguard();
        world.expire_lease().await;
        let _second = world.controller(options).await;
        std::future::pending::<()>().await;
    };
    let mut killed = std::pin::pin!(killed);
    tokio::select! {
        () = &mut killed => {}
        () = life(&world) => {}
    }
    let calls = world.openstack.calls().all();
    let made = calls
        .iter()
        .filter(|c| c.method == "POST" && c.path.ends_with("/networks") && c.status == 201);
    assert_eq!(made.count(), 1, "one network was made for one namespace");
    assert_eq!(world.legs(), legs);
    foreign.check(&world);
    there.load(Ordering::SeqCst)
}

async fn crash_at_each(moment: Moment) {
    for first in (1..MOST).step_by(AT_ONCE) {
        let tries = (first..first + AT_ONCE).map(|point| crash(point, moment));
        if join_all(tries).await.contains(&false) {
            assert!(first > AT_ONCE, "a life has more changes than that");
            return;
        }
    }
    panic!("a life has more than {MOST} changes");
}

#[tokio::test]
async fn killed_just_before_any_change_of_a_namespace() {
    crash_at_each(Moment::Before).await;
}

#[tokio::test]
async fn killed_just_after_any_change_of_a_namespace() {
    crash_at_each(Moment::After).await;
}
