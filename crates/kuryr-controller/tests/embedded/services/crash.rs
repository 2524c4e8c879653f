//! The controller killed at each changing call of a Service's life.

use kuryr_checkpoint::Moment;
use serde_json::json;

use crate::crash::{at_each, survived};
use crate::world::World;

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
    let world = World::start(1).await;
    let options = world.serving("ovn");
    let there = survived(&world, options, (point, moment), life(&world)).await;
    let calls = world.openstack.calls().all();
    let made = |path: &str| {
        let of = calls
            .iter()
            .filter(|c| c.method == "POST" && c.path.ends_with(path) && c.status / 100 == 2);
        of.count()
    };
    assert!(made("/loadbalancers") <= 1, "a load balancer is made twice");
    assert!(made("/floatingips") <= 1, "a floating IP is made twice");
    there
}

async fn crash_at_each(moment: Moment) {
    at_each(1, async |point| crash(point, moment).await).await;
}

#[tokio::test]
async fn killed_just_before_any_change_of_a_service() {
    crash_at_each(Moment::Before).await;
}

#[tokio::test]
async fn killed_just_after_any_change_of_a_service() {
    crash_at_each(Moment::After).await;
}
