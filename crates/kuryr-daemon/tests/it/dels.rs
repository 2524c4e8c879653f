//! DEL and GC.

use std::time::Duration;

use kuryr_cni::protocol::AttachmentId;
use kuryr_daemon::Refusal;

use crate::world::{World, target, uid, vif};

/// Long enough for what must not happen to happen.
async fn a_while() {
    tokio::time::sleep(Duration::from_millis(50)).await;
}

#[tokio::test]
async fn del_removes_the_interface_and_may_be_repeated() {
    let mut world = World::new().await;
    world.port("web-0", &uid("web-0"), Some(vif(1, 101, true)));
    world.add(&target("c1", "web-0")).await.unwrap();
    world.node.del(&target("c1", "web-0")).await.unwrap();
    world.assert_clean();
    world.node.del(&target("c1", "web-0")).await.unwrap();
}

#[tokio::test]
async fn del_before_any_add_does_nothing() {
    let mut world = World::new().await;
    world.port("web-0", &uid("web-0"), Some(vif(1, 101, true)));
    world.node.del(&target("c1", "web-0")).await.unwrap();
    world.assert_clean();
}

#[tokio::test]
async fn del_needs_neither_pod_nor_namespace_nor_kuryrport() {
    let mut world = World::new().await;
    world.port("web-0", &uid("web-0"), Some(vif(1, 101, true)));
    world.add(&target("c1", "web-0")).await.unwrap();
    world.delete_port("web-0");
    let mut bare = target("c1", "web-0");
    (bare.pod, bare.netns) = (None, None);
    world.node.del(&bare).await.unwrap();
    world.assert_clean();
}

#[tokio::test]
async fn del_works_after_the_namespace_is_gone() {
    let mut world = World::new().await;
    world.port("web-0", &uid("web-0"), Some(vif(1, 101, true)));
    world.add(&target("c1", "web-0")).await.unwrap();
    world.kernel().kill_netns("/run/netns/c1");
    world.node.del(&target("c1", "web-0")).await.unwrap();
    world.assert_clean();
}

#[tokio::test]
async fn del_stops_an_add_that_waits_for_its_port() {
    let mut world = World::new().await;
    let adding = world.adding(&target("c1", "web-0"));
    tokio::task::yield_now().await;
    world.node.del(&target("c1", "web-0")).await.unwrap();
    let refusal = adding.await.unwrap().unwrap_err();
    assert!(matches!(refusal, Refusal::Stopped { .. }), "{refusal}");
    world.port("web-0", &uid("web-0"), Some(vif(1, 101, true)));
    world.assert_clean();
}

#[tokio::test]
async fn del_stops_an_add_that_waits_for_active() {
    let mut world = World::new().await;
    world.port("web-0", &uid("web-0"), Some(vif(1, 101, false)));
    let adding = world.adding(&target("c1", "web-0"));
    world.until(|k| k.links.len() == 1).await;
    world.node.del(&target("c1", "web-0")).await.unwrap();
    adding.await.unwrap().unwrap_err();
    world.assert_clean();
}

/// The kernel takes its time for a link; the runtime need not wait for that, and whoever comes next must.
#[tokio::test]
async fn a_pod_is_cut_off_at_once_and_its_place_is_free_when_the_link_is_gone() {
    let mut world = World::new().await;
    world.port("web-0", &uid("web-0"), Some(vif(1, 101, true)));
    world.add(&target("c1", "web-0")).await.unwrap();
    world.hands.gate.shut();
    let removal = world.node.detach(&target("c1", "web-0")).await.unwrap();
    assert!(world.kernel().trunk.is_empty(), "nothing passes");
    assert_eq!(world.kernel().links.len(), 1, "its link is still there");
    let left = world.node.ledger().all();
    assert!(left.len() == 1 && !left[0].complete, "{left:?}");
    let again = world.deleting(&target("c1", "web-0"));
    let adding = world.adding(&target("c2", "web-0"));
    a_while().await;
    assert!(!again.is_finished() && !adding.is_finished());
    assert_eq!(world.kernel().plugged, 1);
    world.hands.gate.open();
    removal.end().await.unwrap();
    again.await.unwrap().unwrap();
    adding.await.unwrap().unwrap();
    assert_eq!(world.kernel().links.len(), 1);
    world.node.del(&target("c2", "web-0")).await.unwrap();
    world.node.removals_end().await;
    world.assert_clean();
}

/// The ADD has passed its last question whether it is wanted: DEL waits for it to be undone.
#[tokio::test]
async fn del_is_not_done_before_the_add_that_it_stops() {
    let mut world = World::new().await;
    world.port("web-0", &uid("web-0"), Some(vif(1, 101, true)));
    world.add(&target("c1", "web-0")).await.unwrap();
    world.hands.gate.shut();
    let adding = world.adding(&target("c2", "web-0"));
    world.until(|k| k.unplugging == 1).await;
    let deleting = world.deleting(&target("c2", "web-0"));
    a_while().await;
    assert!(!deleting.is_finished());
    world.hands.gate.open();
    deleting.await.unwrap().unwrap();
    world.assert_clean();
    adding.await.unwrap().unwrap_err();
}

/// The ADD waits for its locks when DEL comes: it must not plug at all.
#[tokio::test]
async fn an_add_stopped_before_its_turn_never_plugs() {
    let mut world = World::new().await;
    world.port("web-0", &uid("web-0"), Some(vif(1, 101, true)));
    world.add(&target("c1", "web-0")).await.unwrap();
    world.hands.gate.shut();
    let first = world.deleting(&target("c1", "web-0"));
    world.until(|k| k.unplugging == 1).await;
    let adding = world.adding(&target("c2", "web-0"));
    a_while().await;
    let second = world.deleting(&target("c2", "web-0"));
    a_while().await;
    world.hands.gate.open();
    first.await.unwrap().unwrap();
    second.await.unwrap().unwrap();
    adding.await.unwrap().unwrap_err();
    assert_eq!(world.kernel().plugged, 1);
    world.assert_clean();
}

/// The pool gave the port to another pod, whose ADD is just taking it over.
#[tokio::test]
async fn del_does_not_touch_what_another_add_takes_over() {
    let mut world = World::new().await;
    world.port("old", &uid("old"), Some(vif(1, 101, true)));
    world.add(&target("c1", "old")).await.unwrap();
    world.delete_port("old");
    world.port("new", &uid("new"), Some(vif(1, 101, true)));
    world.hands.gate.shut();
    let adding = world.adding(&target("c2", "new"));
    world.until(|k| k.unplugging == 1).await;
    let deleting = world.deleting(&target("c1", "old"));
    a_while().await;
    assert_eq!(world.kernel().unplugging, 1);
    world.hands.gate.open();
    deleting.await.unwrap().unwrap();
    adding.await.unwrap().unwrap();
    assert_eq!(world.kernel().links.len(), 1);
    assert_eq!(world.node.ledger().len(), 1);
}

/// However the two meet, nothing is left once both are done.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn del_at_any_moment_of_an_add_leaves_nothing() {
    let mut world = World::new().await;
    world.port("web-0", &uid("web-0"), Some(vif(1, 101, true)));
    for n in 0..200 {
        let target = target(&format!("c{n}"), "web-0");
        let adding = world.adding(&target);
        for _ in 0..n % 20 {
            tokio::task::yield_now().await;
        }
        world.node.del(&target).await.unwrap();
        // One that had not begun when DEL came is the runtime's to delete again.
        if adding.await.unwrap().is_ok() {
            world.node.del(&target).await.unwrap();
        }
        world.assert_clean();
    }
}

#[tokio::test]
async fn del_of_an_older_container_leaves_the_newer_one() {
    let mut world = World::new().await;
    world.port("web-0", &uid("web-0"), Some(vif(1, 101, true)));
    world.add(&target("c1", "web-0")).await.unwrap();
    world.add(&target("c2", "web-0")).await.unwrap();
    world.node.del(&target("c1", "web-0")).await.unwrap();
    assert_eq!(world.kernel().links.len(), 1);
    world.node.del(&target("c2", "web-0")).await.unwrap();
    world.assert_clean();
}

#[tokio::test]
async fn gc_removes_what_is_not_listed() {
    let mut world = World::new().await;
    for (n, pod) in [(1, "web-1"), (2, "web-2")] {
        world.port(pod, &uid(pod), Some(vif(n, 100 + n, true)));
        world.add(&target(&format!("c{n}"), pod)).await.unwrap();
    }
    world.port("late", &uid("late"), Some(vif(3, 103, false)));
    let adding = world.adding(&target("c3", "late"));
    world.until(|k| k.links.len() == 3).await;
    let valid = AttachmentId {
        container_id: "c2".into(),
        ifname: "eth0".into(),
    };
    world.node.gc("other-network", &[]).await.unwrap();
    assert_eq!(world.kernel().links.len(), 3);
    world.node.gc("kuryr", &[valid]).await.unwrap();
    let left: Vec<u16> = world.kernel().trunk.keys().copied().collect();
    assert_eq!(left, [102, 103], "the listed one and the one under way");
    world.activate("late");
    adding.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_namespace_that_went_without_del_is_swept() {
    let mut world = World::new().await;
    for (n, pod) in [(1, "web-1"), (2, "web-2")] {
        world.port(pod, &uid(pod), Some(vif(n, 100 + n, true)));
        world.add(&target(&format!("c{n}"), pod)).await.unwrap();
    }
    world.kernel().kill_netns("/run/netns/c1");
    world.node.sweep().await;
    assert_eq!(world.node.ledger().len(), 1);
    assert_eq!(world.kernel().trunk.len(), 1);
}

/// The path was used again for another namespace.
#[tokio::test]
async fn another_namespace_at_the_same_path_is_not_mistaken() {
    let mut world = World::new().await;
    world.port("web-0", &uid("web-0"), Some(vif(1, 101, true)));
    world.add(&target("c1", "web-0")).await.unwrap();
    world.kernel().kill_netns("/run/netns/c1");
    world.kernel().make_netns("/run/netns/c1");
    world.node.sweep().await;
    world.assert_clean();
}
