//! The controller killed at each point of a life of pods.
//!
//! A point is a changing call, to Neutron or to Kubernetes, and a side of it: just before it
//! is carried out, or just after, before the controller reads the answer. Each point is tried,
//! in a world of its own, until a life has no such call any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures::future::join_all;
use kuryr_checkpoint::{Moment, Verdict};
use tokio::sync::mpsc;

use crate::world::{Foreign, Options, Pools, World, is_change};

/// Points that are tried at a time.
const AT_ONCE: usize = 8;
/// A life has fewer changing calls.
const MOST: usize = 400;
/// Pods of a life, the re-created one counted twice.
const PODS: usize = 5;

/// Pods come on two nodes; one is re-created under its name, one goes; at last all go.
async fn life(world: &World) {
    world.add_pods("pod", 4, 2).await;
    world.all_ready().await;
    world.delete_pod("pod1").await;
    world.add_pod("pod1", "node2").await;
    world.delete_pod("pod2").await;
    world.all_ready().await;
    world.delete_pods().await;
    world.all_gone().await;
}

/// Signals the `point`th change, and holds it and all that come after it.
pub(crate) fn hold(world: &World, point: usize, moment: Moment) -> mpsc::UnboundedReceiver<()> {
    let (reached, at) = mpsc::unbounded_channel();
    let seen = Arc::new(AtomicUsize::new(0));
    world.guard(move |call| {
        if call.moment != moment || !is_change(call) {
            return Verdict::Pass;
        }
        let number = seen.fetch_add(1, Ordering::SeqCst) + 1;
        if number < point {
            return Verdict::Pass;
        }
        let _ = reached.send(());
        Verdict::Hold
    });
    at
}

/// What a failed test's reader wants to know first.
pub(crate) struct Told(pub(crate) String);

impl Drop for Told {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.0);
        }
    }
}

/// A life with a controller that is killed at one point, and another that goes on until the life is over: what is waited for belongs
/// into the life, as no controller is there after it. Whether there was such a point.
pub(crate) async fn survived(
    world: &World,
    options: Options,
    (point, moment): (usize, Moment),
    life: impl Future<Output = ()>,
) -> bool {
    let _told = Told(format!("killed at change {point}, {moment:?}"));
    let mut at = hold(world, point, moment);
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
        () = life => {}
    }
    there.load(Ordering::SeqCst)
}

/// Tries one point after the other, some at a time, until a life has no such change any more; it has more than `fewest`.
pub(crate) async fn at_each(fewest: usize, crash: impl AsyncFn(usize) -> bool) {
    let mut point = 1;
    while point < MOST {
        let tries = (point..point + AT_ONCE).map(async |point| crash(point).await);
        let there = join_all(tries).await;
        if there.contains(&false) {
            assert!(point > fewest, "a life has more changes than that");
            return;
        }
        point += AT_ONCE;
    }
    panic!("a life has more than {MOST} changes");
}

/// Kills at one point of a life of pods.
async fn crash(pools: Pools, point: usize, moment: Moment) -> bool {
    let world = World::start(2).await;
    let foreign = Foreign::add(&world);
    let options = Options::default().pools(pools);
    let there = survived(&world, options, (point, moment), life(&world)).await;
    check(&world, pools);
    foreign.check(&world);
    there
}

/// No port was made twice for one pod; a pool makes some ahead.
fn check(world: &World, pools: Pools) {
    if pools == Pools::Off {
        let made = world.ports_made();
        assert!(made <= PODS, "{made} ports were made for {PODS} pods");
    }
}

async fn crash_at_each(pools: Pools, moment: Moment) {
    at_each(2 * PODS, async |point| crash(pools, point, moment).await).await;
}

#[tokio::test]
async fn killed_just_before_any_change() {
    crash_at_each(Pools::Off, Moment::Before).await;
}

#[tokio::test]
async fn killed_just_after_any_change() {
    crash_at_each(Pools::Off, Moment::After).await;
}

#[tokio::test]
async fn killed_just_before_any_change_with_pools() {
    crash_at_each(Pools::On, Moment::Before).await;
}

#[tokio::test]
async fn killed_just_after_any_change_with_pools() {
    crash_at_each(Pools::On, Moment::After).await;
}

/// Each controller of a long row lives for one change, of whose success it never hears.
async fn one_change_each(pools: Pools) {
    let world = World::start(2).await;
    let foreign = Foreign::add(&world);
    let lives = AtomicUsize::new(0);
    let row = async {
        loop {
            let mut at = hold(&world, 1, Moment::After);
            let controller = world.controller(Options::default().pools(pools)).await;
            at.recv().await.unwrap();
            controller.kill();
            world.unguard();
            world.expire_lease().await;
            lives.fetch_add(1, Ordering::Relaxed);
        }
    };
    tokio::select! {
        () = row => {}
        () = life(&world) => {}
    }
    check(&world, pools);
    foreign.check(&world);
    let lives = lives.load(Ordering::Relaxed);
    assert!(lives > PODS, "{lives} controllers did it");
}

#[tokio::test]
async fn a_row_of_controllers_that_each_die_after_their_first_change() {
    one_change_each(Pools::Off).await;
}

#[tokio::test]
async fn the_same_row_with_pools() {
    one_change_each(Pools::On).await;
}
