//! ADD, and what it races with.

use std::time::Duration;

use kuryr_api::vif::Vif;
use kuryr_cni::Code;
use kuryr_daemon::Refusal;
use kuryr_daemon::ports::Known;
use tokio_util::sync::CancellationToken;

use crate::world::{World, key, target, uid, vif};

#[tokio::test]
async fn a_ready_port_is_plugged_and_described() {
    let mut world = World::new().await;
    world.port("web-0", &uid("web-0"), Some(vif(1, 101, true)));
    let attached = world.add(&target("c1", "web-0")).await.unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(&attached).unwrap());
    let kernel = world.kernel();
    let link = &kernel.links["tap00000001-8a"];
    insta::assert_snapshot!("interface_spec", format!("{link:#?}"));
}

#[tokio::test]
async fn it_is_plugged_at_once_and_answered_when_active() {
    let mut world = World::new().await;
    let adding = world.adding(&target("c1", "web-0"));
    world.port("web-0", &uid("web-0"), None);
    world.port("web-0", &uid("web-0"), Some(vif(1, 101, false)));
    world.until(|k| k.links.len() == 1).await;
    assert!(!adding.is_finished());
    world.activate("web-0");
    adding.await.unwrap().unwrap();
    assert!(world.node.ledger().all()[0].complete);
}

#[tokio::test]
async fn an_add_repeated_gives_the_same() {
    let mut world = World::new().await;
    world.port("web-0", &uid("web-0"), Some(vif(1, 101, true)));
    let first = world.add(&target("c1", "web-0")).await.unwrap();
    let second = world.add(&target("c1", "web-0")).await.unwrap();
    assert_eq!(first, second);
    assert_eq!(world.kernel().plugged, 1);
}

#[tokio::test]
async fn two_adds_at_once_give_the_same() {
    let mut world = World::new().await;
    let one = world.adding(&target("c1", "web-0"));
    let other = world.adding(&target("c1", "web-0"));
    world.port("web-0", &uid("web-0"), Some(vif(1, 101, false)));
    world.until(|k| k.links.len() == 1).await;
    world.activate("web-0");
    assert_eq!(one.await.unwrap().unwrap(), other.await.unwrap().unwrap());
    assert_eq!(world.kernel().plugged, 1);
}

/// kubelet made the sandbox anew: the same port moves to the new namespace.
#[tokio::test]
async fn a_newer_container_of_the_pod_takes_the_interface_over() {
    let mut world = World::new().await;
    world.port("web-0", &uid("web-0"), Some(vif(1, 101, true)));
    world.add(&target("c1", "web-0")).await.unwrap();
    world.add(&target("c2", "web-0")).await.unwrap();
    {
        let kernel = world.kernel();
        assert_eq!(kernel.violations, Vec::<String>::new());
        let at = &kernel.links["tap00000001-8a"].pod_netns;
        assert_eq!(at.to_str(), Some("/run/netns/c2"));
    }
    assert_eq!(world.node.ledger().len(), 1);
}

#[tokio::test]
async fn a_newer_container_stops_the_wait_of_the_older() {
    let mut world = World::new().await;
    let older = world.adding(&target("c1", "web-0"));
    tokio::task::yield_now().await;
    let newer = world.adding(&target("c2", "web-0"));
    let refusal = older.await.unwrap().unwrap_err();
    assert!(
        matches!(&refusal, Refusal::Stopped { why, .. } if why.contains("c2")),
        "{refusal}"
    );
    world.port("web-0", &uid("web-0"), Some(vif(1, 101, true)));
    newer.await.unwrap().unwrap();
}

/// The older one's rollback must not hit the newer one, whichever comes first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_container_may_take_over_at_any_moment() {
    for n in 0..100 {
        let mut world = World::new().await;
        world.port("web-0", &uid("web-0"), Some(vif(1, 101, false)));
        let older = world.adding(&target("c1", "web-0"));
        while world.store.readers() == 0 && world.kernel().plugged == 0 {
            tokio::task::yield_now().await;
        }
        for _ in 0..n % 20 {
            tokio::task::yield_now().await;
        }
        let newer = world.adding(&target("c2", "web-0"));
        older.await.unwrap().unwrap_err();
        world.activate("web-0");
        newer.await.unwrap().unwrap();
        let kernel = world.kernel();
        assert_eq!(kernel.violations, Vec::<String>::new());
        let at = kernel.links["tap00000001-8a"].pod_netns.clone();
        assert_eq!(at.to_str(), Some("/run/netns/c2"));
    }
}

/// A StatefulSet's pod: the name is the same, the uid and the port are not.
#[tokio::test]
async fn a_pod_made_anew_waits_for_its_own_port() {
    let mut world = World::new().await;
    world.port("web-0", "u-earlier", Some(vif(1, 101, true)));
    let adding = world.adding(&target("c2", "web-0"));
    tokio::task::yield_now().await;
    world.delete_port("web-0");
    world.port("web-0", &uid("web-0"), Some(vif(2, 102, true)));
    let attached = adding.await.unwrap().unwrap();
    assert_eq!(attached.ips[0].address, "10.41.1.2/16");
    assert_eq!(world.kernel().plugged, 1);
}

#[tokio::test]
async fn a_static_pod_has_another_uid_than_its_kuryrport() {
    let mut world = World::new().await;
    world.port("etcd", "u-mirror", Some(vif(1, 101, true)));
    world.edit("etcd", |port| port.is_static = true);
    world.add(&target("c1", "etcd")).await.unwrap();
}

#[tokio::test]
async fn a_runtime_that_says_no_uid_is_served() {
    let mut world = World::new().await;
    world.port("web-0", &uid("web-0"), Some(vif(1, 101, true)));
    let mut target = target("c1", "web-0");
    target.pod.as_mut().unwrap().uid = None;
    world.add(&target).await.unwrap();
}

#[tokio::test]
async fn a_pod_deleted_while_it_waits_is_refused() {
    let mut world = World::new().await;
    world.port("web-0", &uid("web-0"), None);
    let adding = world.adding(&target("c1", "web-0"));
    tokio::task::yield_now().await;
    world.delete_port("web-0");
    let refusal = adding.await.unwrap().unwrap_err();
    assert_eq!(refusal.code(), Code::UnknownContainer, "{refusal}");
    world.assert_clean();
}

#[tokio::test]
async fn a_pod_deleted_before_it_is_active_leaves_nothing() {
    let mut world = World::new().await;
    world.port("web-0", &uid("web-0"), Some(vif(1, 101, false)));
    let adding = world.adding(&target("c1", "web-0"));
    world.until(|k| k.links.len() == 1).await;
    world.edit("web-0", |port| port.deleting = true);
    let refusal = adding.await.unwrap().unwrap_err();
    assert_eq!(refusal.code(), Code::UnknownContainer, "{refusal}");
    world.assert_clean();
}

#[tokio::test]
async fn a_port_that_never_becomes_active_leaves_nothing() {
    let mut world = World::waiting(Duration::from_millis(50)).await;
    world.port("web-0", &uid("web-0"), Some(vif(1, 101, false)));
    let refusal = world.add(&target("c1", "web-0")).await.unwrap_err();
    assert_eq!(refusal.code(), Code::TryAgainLater, "{refusal}");
    assert!(
        refusal.to_string().contains("does not show it ACTIVE"),
        "{refusal}"
    );
    world.assert_clean();
}

#[tokio::test]
async fn a_plugin_that_hangs_up_leaves_nothing() {
    let mut world = World::new().await;
    world.port("web-0", &uid("web-0"), Some(vif(1, 101, false)));
    let gone = CancellationToken::new();
    let adding = world.adding_until(&target("c1", "web-0"), gone.clone());
    world.until(|k| k.links.len() == 1).await;
    gone.cancel();
    adding.await.unwrap().unwrap_err();
    world.assert_clean();
}

/// The earlier pod's DEL has not come yet, its port is released and the VLAN given away.
#[tokio::test]
async fn a_vlan_whose_pod_is_gone_is_taken_over() {
    let mut world = World::new().await;
    world.port("old", &uid("old"), Some(vif(1, 101, true)));
    world.add(&target("c1", "old")).await.unwrap();
    world.delete_port("old");
    world.port("new", &uid("new"), Some(vif(2, 101, true)));
    world.add(&target("c2", "new")).await.unwrap();
    world.node.del(&target("c1", "old")).await.unwrap();
    let kernel = world.kernel();
    assert_eq!(kernel.trunk[&101], "tap00000002-8a");
    assert_eq!(kernel.violations, Vec::<String>::new());
}

/// A pool gave the port of a pod that is gone to the next one.
#[tokio::test]
async fn a_port_used_again_moves_to_its_new_pod() {
    let mut world = World::new().await;
    world.port("old", &uid("old"), Some(vif(1, 101, true)));
    world.add(&target("c1", "old")).await.unwrap();
    world.delete_port("old");
    world.port("new", &uid("new"), Some(vif(1, 101, true)));
    world.add(&target("c2", "new")).await.unwrap();
    world.node.del(&target("c1", "old")).await.unwrap();
    assert_eq!(world.node.ledger().all()[0].pod, key("new"));
    assert_eq!(world.kernel().links.len(), 1);
    assert_eq!(world.kernel().violations, Vec::<String>::new());
}

#[tokio::test]
async fn a_vlan_that_another_pod_has_is_not_taken() {
    let mut world = World::new().await;
    world.port("one", &uid("one"), Some(vif(1, 101, true)));
    world.add(&target("c1", "one")).await.unwrap();
    // What its KuryrPort says can't be read any more: it is given the benefit of the doubt.
    world.apply("one", Known::Unreadable("edited by hand".to_owned()));
    world.port("two", &uid("two"), Some(vif(2, 101, true)));
    let refusal = world.add(&target("c2", "two")).await.unwrap_err();
    assert!(matches!(refusal, Refusal::VlanHeld { .. }), "{refusal}");
    assert_eq!(world.kernel().trunk[&101], "tap00000001-8a");
}

#[tokio::test]
async fn what_the_kernel_refuses_leaves_nothing_and_is_counted() {
    let mut world = World::new().await;
    world.kernel().refuses = true;
    world.port("web-0", &uid("web-0"), Some(vif(1, 101, true)));
    let refusal = world.add(&target("c1", "web-0")).await.unwrap_err();
    assert_eq!(refusal.code(), Code::Plug, "{refusal}");
    assert_eq!(world.node.failures(), 1);
    world.assert_clean();
    world.kernel().refuses = false;
    world.add(&target("c1", "web-0")).await.unwrap();
    assert_eq!(world.node.failures(), 0);
}

#[tokio::test]
async fn nothing_is_plugged_that_cannot_be_recorded() {
    let mut world = World::new().await;
    std::fs::remove_dir_all(world.dir.path()).unwrap();
    world.port("web-0", &uid("web-0"), Some(vif(1, 101, true)));
    let refusal = world.add(&target("c1", "web-0")).await.unwrap_err();
    assert_eq!(refusal.code(), Code::Record, "{refusal}");
    world.assert_clean();
}

#[tokio::test]
async fn one_unreadable_kuryrport_does_not_harm_another() {
    let mut world = World::new().await;
    world.apply("bad", Known::Unreadable("its spec is a number".into()));
    world.port("good", &uid("good"), Some(vif(1, 101, true)));
    world.add(&target("c1", "good")).await.unwrap();
}

#[tokio::test]
async fn pods_at_once_do_not_wait_for_each_other() {
    let mut world = World::new().await;
    let waiting = world.adding(&target("c0", "waiting"));
    let names: Vec<String> = (1..=50).map(|n| format!("web-{n}")).collect();
    let mut adding = Vec::new();
    for (n, name) in (1..).zip(&names) {
        adding.push(world.adding(&target(&format!("c{n}"), name)));
        world.port(name, &uid(name), Some(vif(n, 100 + n, true)));
    }
    for add in adding {
        add.await.unwrap().unwrap();
    }
    assert!(!waiting.is_finished());
    assert_eq!(world.kernel().links.len(), 50);
}

/// As Multus asks when the cluster's own network is named for a further interface.
#[tokio::test]
async fn a_further_interface_without_a_port_is_refused_and_the_first_stays() {
    let mut world = World::waiting(Duration::from_secs(5)).await;
    world.port("web-0", &uid("web-0"), Some(vif(1, 101, true)));
    world.add(&target("c1", "web-0")).await.unwrap();
    let mut further = target("c1", "web-0");
    further.ifname = "net1".into();
    let refused = world.add(&further).await.unwrap_err().to_string();
    assert!(
        refused.contains("net1") && refused.contains("eth0"),
        "{refused}"
    );
    assert_eq!(world.kernel().links.len(), 1, "eth0 is as it was");
    world.node.del(&further).await.unwrap();
    assert_eq!(world.kernel().links.len(), 1);
}

/// A KuryrPort that somebody edited names what is another pod's.
#[tokio::test]
async fn nothing_is_plugged_in_the_place_of_another_pod() {
    let mut world = World::waiting(Duration::from_millis(300)).await;
    world.port("web-0", &uid("web-0"), Some(vif(1, 101, true)));
    world.add(&target("c1", "web-0")).await.unwrap();
    let own = vif(2, 102, true);
    let first = vif(1, 101, true);
    let like = [
        Vif {
            vlan: first.vlan,
            ..own.clone()
        },
        Vif {
            port_id: first.port_id.clone(),
            ..own.clone()
        },
        Vif {
            mac: first.mac.clone(),
            ..own.clone()
        },
        // The first 11 characters name the link on the node.
        Vif {
            port_id: format!("{}9-4d0a-9c43-0d5a3b1f9e77", &first.port_id[..12]),
            ..own.clone()
        },
    ];
    for vif in like {
        world.port("evil", &uid("evil"), Some(vif));
        let refused = world.add(&target("c2", "evil")).await.unwrap_err();
        assert!(refused.to_string().contains("another pod"), "{refused}");
        assert_eq!(world.kernel().links.len(), 1, "the other is as it was");
    }
    // The victim goes on, and when its port is given back it may be another's.
    world.add(&target("c1", "web-0")).await.unwrap();
    world.port("evil", &uid("evil"), Some(own));
    world.add(&target("c2", "evil")).await.unwrap();
    assert_eq!(world.kernel().links.len(), 2);
}
