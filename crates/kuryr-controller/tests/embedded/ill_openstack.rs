//! OpenStack slow or ill: pods wait and say why, nothing is made twice, and all come up when
//! it is over.

use std::time::Duration;

use kuryr_embedded_openstack::{Effect, Fault, Kind, Match};
use serde_json::json;

use crate::world::{Options, PROJECT, Pools, World};

/// A fault that hits each call of a method to a path.
fn always(method: &str, path: &str, effect: Effect) -> Fault {
    Fault::once(method, path, effect).always()
}

/// A fault that hits all changes to Neutron.
fn all_changes(effect: Effect) -> Vec<Fault> {
    ["POST", "PUT", "DELETE"]
        .map(|method| Fault {
            calls: Match {
                method: Some(method.to_owned()),
                path: None,
                body: None,
            },
            times: None,
            after: 0,
            effect: effect.clone(),
        })
        .into()
}

#[tokio::test]
async fn pods_come_up_without_more_calls_than_needed() {
    let world = World::start(2).await;
    let _controller = world.controller(Options::default()).await;
    world.add_pods("pod", 6, 2).await;
    world.all_ready_and_no_more().await;
    let calls = world.openstack.calls();
    assert_eq!(world.ports_made(), 6);
    assert!(calls.count("POST", "ports") <= 4);
    assert!(calls.count("PUT", "add_subports") <= 6);
    world.delete_pods().await;
    world.all_gone().await;
    assert_eq!(calls.count("DELETE", "ports/{id}"), 6);
}

#[tokio::test]
async fn one_slow_trunk_holds_up_no_other_node() {
    let world = World::start(2).await;
    let _controller = world.controller(Options::default()).await;
    world.add_pod("warm", "node2").await;
    world.ready("warm").await;
    // Until the test ends, whose other pods must be ready long before.
    let slow = world.trunk_of("node1").unwrap();
    let hold = move |call: &kuryr_checkpoint::Passing<'_>| {
        use kuryr_checkpoint::Verdict;
        match call.uri.contains(&slow) {
            true => Verdict::Hold,
            false => Verdict::Pass,
        }
    };
    world.guard(hold);
    world.add_pod("slow", "node1").await;
    world.add_pod("quick", "node2").await;
    world.ready("quick").await;
    world.add_pod("quick-too", "node2").await;
    world.ready("quick-too").await;
    assert!(world.claim("slow").unwrap().vif.is_none());
}

#[tokio::test]
async fn a_slow_create_holds_up_no_pod_that_a_port_waits_for() {
    let world = World::start(2).await;
    let options = Options::default().pools(Pools::On);
    let _controller = world.controller(options).await;
    world.add_pod("first", "node1").await;
    world
        .until_true("a port waits", |w| w.ports_of("test").len() > 2)
        .await;
    world.all_ready().await;
    let faults = world.openstack.faults();
    faults.add(always(
        "POST",
        "ports",
        Effect::Delay(Duration::from_secs(600)),
    ));
    world.add_pod("cold", "node2").await;
    world.add_pod("second", "node1").await;
    world.ready("second").await;
}

#[tokio::test]
async fn all_answers_a_second_late_make_nothing_twice() {
    let world = World::start(2).await;
    let faults = world.openstack.faults();
    for method in ["GET", "POST", "PUT", "DELETE"] {
        let late = Effect::Delay(Duration::from_secs(1));
        faults.add(Fault {
            calls: Match {
                method: Some(method.to_owned()),
                ..Match::default()
            },
            ..always(method, "", late)
        });
    }
    let _controller = world.controller(Options::default()).await;
    world.add_pods("pod", 6, 2).await;
    world.all_ready_and_no_more().await;
    assert_eq!(world.ports_made(), 6);
    world.delete_pods().await;
    world.all_gone().await;
}

#[tokio::test]
async fn a_limit_is_waited_for_as_long_as_it_says() {
    let world = World::start(1).await;
    let faults = world.openstack.faults();
    let limit = Effect::TooManyRequests(Some(Duration::from_secs(2)));
    faults.add(Fault::once("POST", "ports", limit));
    let _controller = world.controller(Options::default()).await;
    world.add_pod("pod", "node1").await;
    world.all_ready_and_no_more().await;
    let calls = world.openstack.calls().all();
    let posts: Vec<_> = calls
        .iter()
        .filter(|c| c.path.ends_with("/ports") && c.method == "POST")
        .collect();
    assert_eq!(
        posts.iter().map(|c| c.status).collect::<Vec<_>>(),
        [429, 201]
    );
    let pause = posts[1].at.duration_since(posts[0].at).unwrap();
    // What the other side asked for is no duration of ours: never shorter.
    assert!(pause >= Duration::from_secs(2), "{pause:?}");
}

#[tokio::test]
async fn an_outage_is_told_once_and_ends_with_all_pods_up() {
    let world = World::start(2).await;
    let _controller = world.controller(Options::default()).await;
    world.add_pod("before", "node1").await;
    world.all_ready().await;
    let faults = world.openstack.faults();
    for fault in all_changes(Effect::Unavailable) {
        faults.add(fault);
    }
    faults.add(always("GET", "ports", Effect::Unavailable));
    world.delete_pod("before").await;
    world.add_pods("pod", 6, 2).await;
    for n in 1..=6 {
        let note = world.until_told(&format!("pod{n}"), "NeutronFailed").await;
        assert!(note.contains("503"), "{note}");
    }
    let failed = |w: &World| {
        let calls = w.openstack.calls().all();
        calls.iter().filter(|c| c.status == 503).count() >= 12
    };
    world.until_true("it is tried again", failed).await;
    let events = world.events();
    assert_eq!(events.len(), 6, "each pod is told once: {events:?}");
    faults.clear();
    world.all_ready_and_no_more().await;
    // The port that could not be given back may serve one of the pods.
    let made = world.ports_made();
    assert!((6..=7).contains(&made), "{made}");
}

#[tokio::test]
async fn a_revoked_token_is_renewed() {
    let world = World::start(1).await;
    let _controller = world.controller(Options::default()).await;
    world.add_pod("before", "node1").await;
    world.all_ready().await;
    world.cloud(|state, _| state.identity.revoke_all());
    world.add_pod("after", "node1").await;
    world.all_ready_and_no_more().await;
    assert_eq!(world.openstack.calls().count("POST", "auth/tokens"), 2);
    assert!(world.events().is_empty());
}

#[tokio::test]
async fn quota_reached_is_said_and_what_it_allows_is_used() {
    let world = World::start(2).await;
    let quota = |limit: i64| {
        world.cloud(|state, caller| {
            let used = state.cloud.used(&caller.project_id, Kind::Port);
            let project = state.identity.project_id(PROJECT).unwrap().to_owned();
            state.cloud.set_quota(&project, "port", used + limit);
        });
    };
    quota(3);
    let _controller = world.controller(Options::default()).await;
    world.add_pods("pod", 5, 2).await;
    world
        .until_true("three pods are ready", |w| {
            w.all_claims()
                .iter()
                .filter(|c| c.vif.as_ref().is_some_and(|v| v.2))
                .count()
                == 3
        })
        .await;
    world
        .until_true("two pods are told", |w| {
            w.events()
                .iter()
                .filter(|e| e.reason == "QuotaReached")
                .count()
                == 2
        })
        .await;
    quota(10);
    world.all_ready_and_no_more().await;
    assert_eq!(world.ports_made(), 5);
}

#[tokio::test]
async fn a_full_subnet_is_said_and_filled_when_there_is_room() {
    let mut world = World::start(2).await;
    let small = json!({
        "network_id": world.tenant.pod_network, "ip_version": 4, "cidr": "10.30.0.0/28",
    });
    let subnet = world.create(Kind::Subnet, small);
    world.tenant.pod_subnet = subnet.clone();
    world.cloud(|state, _| state.cloud.fill_subnet(&subnet, 2));
    let _controller = world.controller(Options::default()).await;
    world.add_pods("pod", 4, 2).await;
    world
        .until_true("two pods are told", |w| {
            w.events()
                .iter()
                .filter(|e| e.reason == "SubnetFull")
                .count()
                >= 2
        })
        .await;
    world
        .until_true("two pods are ready", |w| w.ports_of("test").len() == 2)
        .await;
    world.cloud(|state, _| state.cloud.unfill_subnet(&subnet));
    world.all_ready_and_no_more().await;
    assert_eq!(world.ports_made(), 4);
}

/// Pods of both nodes come up although one call to Neutron went so wrong.
async fn survives(method: &str, path: &str, effect: Effect) {
    let world = World::start(2).await;
    let faults = world.openstack.faults();
    faults.add(Fault::once(method, path, effect));
    let _controller = world.controller(Options::default()).await;
    world.add_pods("pod", 6, 2).await;
    world.all_ready_and_no_more().await;
    // Who makes a port twice has one to delete.
    let deleted = world.openstack.calls().count("DELETE", "ports/{id}");
    assert_eq!(deleted, 0, "{method} {path}");
    world.delete_pods().await;
    world.all_gone().await;
    assert_eq!(faults.left(), 0, "the fault was met");
}

/// What may happen to an answer, the call being carried out.
fn lost_answers() -> [Effect; 5] {
    [
        Effect::DropAfter,
        Effect::Truncated,
        Effect::Html,
        Effect::WrongTypes,
        Effect::ServerErrorAfter,
    ]
}

#[tokio::test]
async fn a_create_whose_answer_is_lost_is_found() {
    for effect in lost_answers() {
        survives("POST", "ports", effect).await;
    }
}

#[tokio::test]
async fn an_add_whose_answer_is_lost_is_found() {
    for effect in lost_answers() {
        survives("PUT", "add_subports", effect).await;
    }
}

#[tokio::test]
async fn a_removal_whose_answer_is_lost_is_found() {
    for effect in lost_answers() {
        survives("PUT", "remove_subports", effect).await;
    }
    survives("DELETE", "ports/{id}", Effect::DropAfter).await;
}

#[tokio::test]
async fn half_of_a_bulk_is_used() {
    let world = World::start(2).await;
    let faults = world.openstack.faults();
    faults.add(Fault::once("POST", "ports", Effect::Partial(1)));
    let _controller = world.controller(Options::default()).await;
    world.add_pods("pod", 6, 2).await;
    world.all_ready_and_no_more().await;
    assert_eq!(faults.left(), 0);
}

#[tokio::test]
async fn a_call_that_was_not_carried_out_is_made_again() {
    for effect in [
        Effect::DropBefore,
        Effect::ServerError,
        Effect::Unauthorized,
    ] {
        survives("POST", "ports", effect.clone()).await;
        survives("PUT", "add_subports", effect).await;
    }
}

#[tokio::test]
async fn a_port_that_neutron_will_not_add_holds_up_no_other() {
    let world = World::start(1).await;
    let _controller = world.controller(Options::default()).await;
    world.add_pod("first", "node1").await;
    world.all_ready().await;
    // Whatever is made next is somebody's device, and no subport, until it is not.
    let faults = world.openstack.faults();
    let wait = Fault::once("PUT", "add_subports", Effect::Unavailable).always();
    faults.add(wait);
    world.add_pods("pod", 6, 1).await;
    world
        .until_true("ports are made", |w| w.ports_of("test").len() == 7)
        .await;
    let mut loose = world.ports_of("test");
    loose.retain(|p| p.place.is_none());
    // The first by id, which is the first that is tried.
    loose.sort_by(|a, b| a.id.cmp(&b.id));
    let bad = loose[0].id.clone();
    world.update(Kind::Port, &bad, json!({"device_id": "vm-of-somebody"}));
    faults.clear();
    let ready = |w: &World| {
        let claims = w.all_claims();
        claims
            .iter()
            .filter(|c| c.vif.as_ref().is_some_and(|v| v.2))
            .count()
    };
    world
        .until_true("all but one are ready", |w| ready(w) >= 6)
        .await;
    world.update(Kind::Port, &bad, json!({"device_id": ""}));
    world.all_ready_and_no_more().await;
}
