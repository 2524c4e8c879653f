//! A daemon killed and started again, and a node rebooted.

use kuryr_cni::Code;

use crate::world::{World, target, uid, vif};

#[tokio::test]
async fn an_interface_outlives_the_daemon() {
    let mut world = World::new().await;
    world.port("web-0", &uid("web-0"), Some(vif(1, 101, true)));
    let before = world.add(&target("c1", "web-0")).await.unwrap();
    world.restart().await;
    assert_eq!(world.kernel().links.len(), 1);
    assert_eq!(
        world.node.check(&target("c1", "web-0")).await.unwrap(),
        before
    );
    assert_eq!(world.add(&target("c1", "web-0")).await.unwrap(), before);
    world.node.del(&target("c1", "web-0")).await.unwrap();
    world.assert_clean();
}

#[tokio::test]
async fn del_after_a_restart_needs_no_kuryrport() {
    let mut world = World::new().await;
    world.port("web-0", &uid("web-0"), Some(vif(1, 101, true)));
    world.add(&target("c1", "web-0")).await.unwrap();
    world.delete_port("web-0");
    world.restart().await;
    world.node.del(&target("c1", "web-0")).await.unwrap();
    world.assert_clean();
}

#[tokio::test]
async fn an_add_that_was_never_answered_is_undone() {
    let mut world = World::new().await;
    world.port("web-0", &uid("web-0"), Some(vif(1, 101, false)));
    let adding = world.adding(&target("c1", "web-0"));
    world.until(|k| k.links.len() == 1).await;
    adding.abort();
    world.restart().await;
    world.assert_clean();
}

#[tokio::test]
async fn after_a_reboot_nothing_is_left_and_pods_come_back() {
    let mut world = World::new().await;
    world.port("web-0", &uid("web-0"), Some(vif(1, 101, true)));
    world.add(&target("c1", "web-0")).await.unwrap();
    {
        let mut kernel = world.kernel();
        kernel.kill_netns("/run/netns/c1");
        kernel.trunk.clear();
    }
    world.restart().await;
    world.assert_clean();
    world.add(&target("c2", "web-0")).await.unwrap();
    world.node.del(&target("c1", "web-0")).await.unwrap();
    assert_eq!(world.kernel().links.len(), 1);
}

#[tokio::test]
async fn without_its_record_a_wanted_link_is_adopted() {
    let mut world = World::new().await;
    world.port("web-0", &uid("web-0"), Some(vif(1, 101, true)));
    world.add(&target("c1", "web-0")).await.unwrap();
    std::fs::remove_file(world.dir.path().join("attachments.json")).unwrap();
    world.restart().await;
    assert_eq!(world.kernel().links.len(), 1);
    world.node.del(&target("c1", "web-0")).await.unwrap();
    world.assert_clean();
}

#[tokio::test]
async fn an_adopted_link_goes_with_its_kuryrport() {
    let mut world = World::new().await;
    world.port("web-0", &uid("web-0"), Some(vif(1, 101, true)));
    world.add(&target("c1", "web-0")).await.unwrap();
    std::fs::remove_file(world.dir.path().join("attachments.json")).unwrap();
    world.restart().await;
    world.delete_port("web-0");
    world.node.sweep().await;
    world.assert_clean();
}

#[tokio::test]
async fn without_its_record_an_unwanted_link_is_removed() {
    let mut world = World::new().await;
    world.port("web-0", &uid("web-0"), Some(vif(1, 101, true)));
    world.add(&target("c1", "web-0")).await.unwrap();
    std::fs::remove_file(world.dir.path().join("attachments.json")).unwrap();
    world.port("web-0", &uid("web-0"), Some(vif(1, 102, true)));
    world.restart().await;
    world.assert_clean();
}

#[tokio::test]
async fn a_garbled_record_is_as_good_as_none() {
    let mut world = World::new().await;
    world.port("web-0", &uid("web-0"), Some(vif(1, 101, true)));
    world.add(&target("c1", "web-0")).await.unwrap();
    std::fs::write(world.dir.path().join("attachments.json"), "{\"version\":1,").unwrap();
    world.restart().await;
    world.node.del(&target("c1", "web-0")).await.unwrap();
    world.assert_clean();
}

#[tokio::test]
async fn check_tells_what_is_not_there_from_what_changed() {
    let mut world = World::new().await;
    let unknown = world.node.check(&target("c1", "web-0")).await.unwrap_err();
    assert_eq!(unknown.code(), Code::UnknownContainer);
    world.port("web-0", &uid("web-0"), Some(vif(1, 101, true)));
    world.add(&target("c1", "web-0")).await.unwrap();
    world.kernel().links.clear();
    let changed = world.node.check(&target("c1", "web-0")).await.unwrap_err();
    assert_eq!(changed.code(), Code::Changed);
}
