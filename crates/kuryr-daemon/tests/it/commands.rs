//! STATUS, and starting.

use std::time::Duration;

use kuryr_cni::Code;

use crate::world::{World, target};

#[tokio::test]
async fn a_daemon_that_is_ready_says_so() {
    let world = World::new().await;
    world.node.available().await.unwrap();
}

#[tokio::test]
async fn before_the_first_list_no_add_is_served() {
    let world = World::stopped(Duration::from_millis(20));
    world.store.failed("connection refused".into());
    let refusal = world.node.available().await.unwrap_err();
    assert_eq!(refusal.code(), Code::Unavailable);
    assert!(
        refusal.to_string().contains("connection refused"),
        "{refusal}"
    );
    let refusal = world.add(&target("c1", "web-0")).await.unwrap_err();
    assert_eq!(refusal.code(), Code::TryAgainLater);
    assert!(
        refusal.to_string().contains("connection refused"),
        "{refusal}"
    );
    world.assert_clean();
}

#[tokio::test]
async fn an_add_waits_until_the_start_is_done() {
    let mut world = World::stopped(Duration::from_secs(20));
    let adding = world.adding(&target("c1", "web-0"));
    tokio::task::yield_now().await;
    world.port("web-0", "u-web-0", Some(crate::world::vif(1, 101, true)));
    tokio::task::yield_now().await;
    assert!(!adding.is_finished());
    world.store.list_begins();
    for (pod, known) in &world.api {
        world.store.list_brings(pod.clone(), known.clone());
    }
    world.store.list_ends();
    let refusal = world.node.available().await.unwrap_err();
    assert!(refusal.to_string().contains("tidied"), "{refusal}");
    world.node.adopt_leftovers().await.unwrap();
    adding.await.unwrap().unwrap();
}

#[tokio::test]
async fn without_the_uplink_pods_may_be_cut_off() {
    let world = World::new().await;
    world.kernel().no_uplink = true;
    let refusal = world.node.available().await.unwrap_err();
    assert_eq!(refusal.code(), Code::Limited);
    assert!(refusal.to_string().contains("ens3"), "{refusal}");
}

/// A short failure of the watch is no reason to refuse: what is known stands.
#[tokio::test]
async fn a_watch_that_just_failed_is_no_outage() {
    let world = World::new().await;
    world.store.failed("stream reset".into());
    world.node.available().await.unwrap();
}
