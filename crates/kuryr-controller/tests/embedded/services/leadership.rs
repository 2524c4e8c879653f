//! A leader that stands still in the middle of a Service's life.

use std::time::Duration;

use kuryr_embedded_openstack::{Effect, Fault};
use serde_json::json;

use crate::world::{Options, World};

/// A lease that is soon lost.
fn short(options: Options) -> Options {
    Options {
        lease: (Duration::from_secs(3), Duration::from_millis(600)),
        ..options
    }
}

#[tokio::test]
async fn a_leader_that_stood_still_too_long_sends_octavia_nothing_when_it_wakes() {
    let world = World::start(1).await;
    let options = short(world.serving("ovn"));
    let journal = world.journal();
    let leader = world.controller(options.clone()).await;
    world.add_service("web", &[80], 3).await;
    world.all_served().await;
    let first = journal.to_openstack().remove(0).who;
    let _standby = world.controller(options).await;
    // It is told to ask again in a second, and stands still meanwhile.
    let limit = Effect::TooManyRequests(Some(Duration::from_secs(1)));
    let faults = world.openstack.faults();
    faults.add(Fault::once("POST", "loadbalancers", limit));
    world.add_service("more", &[80], 3).await;
    world
        .until_true("it is told to wait", |_| faults.left() == 0)
        .await;
    let paused = leader.pause();
    let before = journal.to_openstack().len();
    let outside = json!({"spec": {"type": "LoadBalancer"}});
    world.patch_service("web", outside).await;
    world.scale("web", &[80], 6).await;
    world.all_served().await;
    drop(paused);
    world.delete_service("web").await;
    world.delete_service("more").await;
    world.none_served().await;
    let after = journal.to_openstack();
    let late = after[before..].iter().filter(|c| c.who == first);
    assert_eq!(late.count(), 0, "{after:?}");
    let made = world.openstack.calls().all();
    let made = made
        .iter()
        .filter(|c| c.method == "POST" && c.path.ends_with("/loadbalancers") && c.status == 201);
    assert_eq!(made.count(), 2, "each is made once");
}
