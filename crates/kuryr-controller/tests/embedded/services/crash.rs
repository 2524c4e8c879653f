//! The controller killed at each changing call of a Service's life.

use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::join_all;
use kuryr_checkpoint::Moment;
use serde_json::json;

use crate::crash::{Told, hold};
use crate::world::World;

const AT_ONCE: usize = 8;
const MOST: usize = 80;

/// It comes, grows, is reached from outside, is not any more, and goes.
async fn life(world: &World) {
    world.add_service("web", &[80], 2).await;
    world.all_served().await;
    world.scale("web", &[80], 4).await;
    world.all_served().await;
    let kind = |kind: &str| json!({"spec": {"type": kind}});
    world.patch_service("web", kind("LoadBalancer")).await;
    world.all_served().await;
    world.patch_service("web", kind("ClusterIP")).await;
    world.all_served().await;
    world.delete_service("web").await;
    world.none_served().await;
}

async fn crash(point: usize, moment: Moment) -> bool {
    let _told = Told(format!("killed at change {point}, {moment:?}"));
    let world = World::start(1).await;
    let options = world.serving("ovn");
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
    let made = |path: &str| {
        let of = calls
            .iter()
            .filter(|c| c.method == "POST" && c.path.ends_with(path) && c.status / 100 == 2);
        of.count()
    };
    assert!(made("/loadbalancers") <= 1, "a load balancer is made twice");
    assert!(made("/floatingips") <= 1, "a floating IP is made twice");
    there.load(Ordering::SeqCst)
}

async fn crash_at_each(moment: Moment) {
    for first in (1..MOST).step_by(AT_ONCE) {
        let tries = (first..first + AT_ONCE).map(|point| crash(point, moment));
        if join_all(tries).await.contains(&false) {
            assert!(first > 1, "a life has more changes than that");
            return;
        }
    }
    panic!("a life has more than {MOST} changes");
}

#[tokio::test]
async fn killed_just_before_any_change_of_a_service() {
    crash_at_each(Moment::Before).await;
}

#[tokio::test]
async fn killed_just_after_any_change_of_a_service() {
    crash_at_each(Moment::After).await;
}
