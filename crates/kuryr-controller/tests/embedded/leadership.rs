//! Two controllers and one Lease.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use kuryr_checkpoint::{Moment, Verdict};
use kuryr_embedded_openstack::{Effect, Fault};

use crate::world::{Options, World};

/// A lease that is soon lost.
fn short() -> Options {
    Options {
        lease: (Duration::from_secs(3), Duration::from_millis(600)),
        ..Options::default()
    }
}

/// Who changed things in OpenStack, each named once for each time that it took over.
fn turns(world: &crate::world::Journal) -> Vec<String> {
    let mut turns: Vec<String> = world.to_openstack().into_iter().map(|c| c.who).collect();
    turns.dedup();
    turns
}

#[tokio::test]
async fn a_standby_takes_over_when_the_leader_is_killed() {
    let world = World::start(2).await;
    let journal = world.journal();
    let leader = world.controller(short()).await;
    world.add_pods("pod", 4, 2).await;
    world.all_ready().await;
    let standby = world.controller(short()).await;
    world.add_pods("more", 4, 2).await;
    world.all_ready().await;
    assert_eq!(turns(&journal).len(), 1, "the standby only looks on");
    assert_eq!(journal.by(&standby.name), 0);
    world.add_pods("late", 4, 2).await;
    leader.kill();
    world.all_ready_and_no_more().await;
    world.delete_pods().await;
    world.all_gone().await;
    assert_eq!(turns(&journal).len(), 2);
}

#[tokio::test]
async fn a_leader_that_stood_still_too_long_sends_nothing_when_it_wakes() {
    let world = World::start(2).await;
    let journal = world.journal();
    let leader = world.controller(short()).await;
    world.add_pods("pod", 4, 2).await;
    world.all_ready().await;
    let _standby = world.controller(short()).await;
    // In the middle of its work: it is told to ask again in a second. It has one call under
    // way only: what was handed to the network already nobody can call back.
    let limit = Effect::TooManyRequests(Some(Duration::from_secs(1)));
    let faults = world.openstack.faults();
    faults.add(Fault::once("POST", "ports", limit));
    world.add_pod("more", "node1").await;
    world
        .until_true("it is told to wait", |_| faults.left() == 0)
        .await;
    let paused = leader.pause();
    world.add_pods("late", 2, 2).await;
    world.all_ready_and_no_more().await;
    drop(paused);
    world.delete_pods().await;
    world.all_gone().await;
    let turns = turns(&journal);
    assert_eq!(turns.len(), 2, "one after the other: {turns:?}");
    let last = journal.all().pop().unwrap();
    assert_ne!(last.who, turns[0]);
}

#[tokio::test]
async fn a_leader_that_is_stopped_ends_its_calls_before_another_begins() {
    let world = World::start(2).await;
    let journal = world.journal();
    let leader = world.controller(Options::default()).await;
    world.add_pods("pod", 2, 2).await;
    world.all_ready().await;
    let _standby = world.controller(Options::default()).await;
    let first = journal.to_openstack().remove(0).who;
    let before = journal.creates_by(&first);
    let slow = Effect::Delay(Duration::from_secs(2));
    world
        .openstack
        .faults()
        .add(Fault::once("POST", "ports", slow));
    let asked = world.openstack.faults();
    world.add_pod("more", "node1").await;
    world
        .until_true("ports are asked for", |_| asked.left() == 0)
        .await;
    leader.stop().await;
    // The lease was given up: nobody waits for its end.
    world.all_ready_and_no_more().await;
    assert_eq!(world.ports_made(), 3, "{:?}", journal.all());
    let made = journal.creates_by(&first);
    assert!(made > before, "it gave up its call: {:?}", journal.all());
}

/// A connection that is dead without a word holds a call for ever; the lease is renewed by another one.
#[tokio::test]
async fn a_lease_call_without_an_answer_costs_no_leadership() {
    let long = || Options {
        lease: (Duration::from_secs(8), Duration::from_secs(1)),
        ..Options::default()
    };
    let world = World::start(1).await;
    let journal = world.journal();
    let _leader = world.controller(long()).await;
    world.add_pods("pod", 2, 1).await;
    world.all_ready().await;
    let _standby = world.controller(long()).await;
    let held = Arc::new(AtomicUsize::new(0));
    let count = held.clone();
    world.kube.checkpoint().guard(move |call| {
        let renews =
            call.moment == Moment::Before && call.changes() && call.uri.contains("/leases/");
        // Every other one: the next is by a new connection.
        match renews && count.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) {
            true => Verdict::Hold,
            false => Verdict::Pass,
        }
    });
    let enough = |_: &World| held.load(Ordering::Relaxed) >= 4;
    world.until_true("renewals were held", enough).await;
    world.kube.checkpoint().leave();
    world.add_pods("more", 2, 1).await;
    world.all_ready().await;
    assert_eq!(turns(&journal).len(), 1, "nobody took over");
}
