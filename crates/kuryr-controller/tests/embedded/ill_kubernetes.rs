//! Kubernetes slow or ill.

use std::time::Duration;

use http::Method;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kuryr_api::names::POD_FINALIZER;
use kuryr_controller::LeftKind;
use kuryr_embedded_kubernetes::{Fault, FaultRule};
use serde_json::json;

use crate::world::{Options, Pools, World};

/// The next so many calls of a method on what has this in its path are answered so.
fn refuse(world: &World, method: Method, contains: &str, times: u32, code: u16) {
    world.kube.faults().add(FaultRule {
        method: Some(method),
        contains: contains.to_owned(),
        times,
        fault: Fault::Answer {
            code,
            retry_after: None,
        },
    });
}

#[tokio::test]
async fn watches_that_end_are_taken_up_again() {
    let world = World::start(2).await;
    let _controller = world.controller(Options::default()).await;
    for round in ["a", "b", "c"] {
        world.kube.faults().drop_watches();
        world.add_pods(round, 2, 2).await;
        world.kube.faults().drop_watches();
        world.all_ready_and_no_more().await;
    }
    world.kube.faults().drop_watches();
    world.delete_pods().await;
    world.all_gone().await;
}

#[tokio::test]
async fn forgotten_history_is_listed_anew() {
    let world = World::start(2).await;
    let _controller = world.controller(Options::default()).await;
    world.add_pods("pod", 4, 2).await;
    world.all_ready().await;
    // What happens meanwhile no watch ever tells of.
    world.kube.go_down();
    let store = world.kube.api().clone();
    let pods = store.kind("", "pods").unwrap();
    for name in ["pod1", "pod2"] {
        let target = kuryr_embedded_kubernetes::api::Target {
            kind: pods.clone(),
            key: kuryr_embedded_kubernetes::store::Key::new("default", name),
        };
        let now = kuryr_embedded_kubernetes::api::DeleteOptions {
            grace: Some(0),
            ..Default::default()
        };
        store.delete(&target, &now).unwrap();
    }
    world.kube.expire_history();
    world.kube.come_back();
    world.all_ready_and_no_more().await;
    assert_eq!(world.all_pods().len(), 2);
}

#[tokio::test]
async fn refused_writes_are_made_again() {
    for code in [409, 429, 500, 503] {
        let world = World::start(1).await;
        for method in [Method::POST, Method::PATCH, Method::DELETE] {
            refuse(&world, method, "/kuryrports", 2, code);
        }
        let _controller = world.controller(Options::default()).await;
        world.add_pods("pod", 3, 1).await;
        world.all_ready_and_no_more().await;
        assert_eq!(world.ports_made(), 3, "{code}: no port is made twice");
        world.delete_pods().await;
        world.all_gone().await;
    }
}

#[tokio::test]
async fn a_kuryrport_written_without_an_answer_keeps_its_port() {
    for method in [Method::POST, Method::PATCH] {
        let world = World::start(1).await;
        // No pool: a port that nobody has goes at once.
        let _controller = world.controller(Options::default()).await;
        world.kube.faults().add(FaultRule {
            method: Some(method.clone()),
            contains: "/kuryrports".to_owned(),
            times: 3,
            fault: Fault::AnswerLost(504),
        });
        world.add_pods("pod", 3, 1).await;
        world.all_ready_and_no_more().await;
        assert_eq!(world.kube.faults().left(), 0, "{method}");
        assert_eq!(world.ports_made(), 3, "{method}");
        let removed = world.openstack.calls().count("DELETE", "ports/{id}");
        assert_eq!(removed, 0, "{method}: no port that a pod has is taken away");
        world.delete_pods().await;
        world.all_gone().await;
    }
}

#[tokio::test]
async fn a_slow_kuryrport_costs_no_second_port() {
    let world = World::start(1).await;
    world.kube.faults().add(FaultRule {
        method: Some(Method::POST),
        contains: "/kuryrports".to_owned(),
        times: 3,
        fault: Fault::Delay(Duration::from_secs(1)),
    });
    let _controller = world.controller(Options::default()).await;
    world.add_pods("pod", 3, 1).await;
    world.all_ready_and_no_more().await;
    assert_eq!(world.ports_made(), 3);
    let removed = world.openstack.calls().count("DELETE", "ports/{id}");
    assert_eq!(removed, 0, "no port that a pod waits for is taken away");
}

#[tokio::test]
async fn pods_that_come_and_go_while_the_api_is_away_are_followed() {
    let world = World::start(2).await;
    let options = Options {
        lease: (Duration::from_secs(2), Duration::from_millis(400)),
        ..Options::default()
    };
    let _controller = world.controller(options).await;
    world.add_pods("pod", 4, 2).await;
    world.all_ready().await;
    for _ in 0..2 {
        let calls = world.openstack.calls().all().len();
        world.kube.go_down();
        // Longer than the lease lasts: who can't renew it writes no more.
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert_eq!(world.openstack.calls().all().len(), calls);
        world.kube.come_back();
        world.delete_pod("pod1").await;
        world.add_pod("pod1", "node2").await;
        world.all_ready_and_no_more().await;
    }
    world.delete_pods().await;
    world.all_gone().await;
}

#[tokio::test]
async fn pods_re_created_under_their_names_get_ports_of_their_own() {
    for pools in [Pools::Off, Pools::On] {
        let world = World::start(2).await;
        let _controller = world.controller(Options::default().pools(pools)).await;
        world.add_pods("pod", 4, 2).await;
        for _ in 0..5 {
            for (at, pod) in ["pod1", "pod2", "pod3", "pod4"].iter().enumerate() {
                world.delete_pod(pod).await;
                world
                    .add_pod(pod, &format!("node{}", (at + 1) % 2 + 1))
                    .await;
            }
        }
        world.all_ready().await;
        world.delete_pods().await;
        world.all_gone().await;
    }
}

#[tokio::test]
async fn a_kuryrport_deleted_before_it_has_a_port_is_made_again() {
    let world = World::start(1).await;
    let faults = world.openstack.faults();
    let late = kuryr_embedded_openstack::Effect::Unavailable;
    faults.add(kuryr_embedded_openstack::Fault::once("POST", "ports", late).always());
    let _controller = world.controller(Options::default()).await;
    world.add_pod("pod", "node1").await;
    world
        .until_true("a KuryrPort", |w| w.claim("pod").is_some())
        .await;
    let now = DeleteParams::default();
    world.claims().delete("pod", &now).await.unwrap();
    faults.clear();
    world.all_ready_and_no_more().await;
    assert!(!world.claim("pod").unwrap().deleting);
}

#[tokio::test]
async fn a_kuryrport_deleted_by_hand_keeps_its_port_while_the_pod_lives() {
    let world = World::start(1).await;
    let _controller = world.controller(Options::default()).await;
    world.add_pods("pod", 2, 1).await;
    world.all_ready().await;
    let port = world.port_of("pod1").unwrap().id;
    world
        .claims()
        .delete("pod1", &DeleteParams::default())
        .await
        .unwrap();
    world.add_pod("pod3", "node1").await;
    world.ready("pod3").await;
    assert!(world.claim("pod1").unwrap().deleting);
    assert_eq!(world.port_of("pod1").unwrap().id, port);
    world.delete_pods().await;
    world.all_gone().await;
}

#[tokio::test]
async fn a_kuryrport_torn_away_by_force_comes_back_with_the_same_port() {
    for pools in [Pools::Off, Pools::On] {
        let world = World::start(1).await;
        let _controller = world.controller(Options::default().pools(pools)).await;
        world.add_pods("pod", 2, 1).await;
        world.all_ready().await;
        let port = world.port_of("pod1").unwrap().id;
        // The pod runs, and goes on to use the port whatever happens to its KuryrPort.
        let none = json!({"metadata": {"finalizers": null}});
        let api = world.claims();
        api.patch("pod1", &PatchParams::default(), &Patch::Merge(&none))
            .await
            .unwrap();
        api.delete("pod1", &DeleteParams::default()).await.unwrap();
        world.all_ready().await;
        assert_eq!(world.port_of("pod1").unwrap().id, port, "{pools:?}");
    }
}

#[tokio::test]
async fn a_finalizer_of_upstream_holds_no_pod() {
    let world = World::start(1).await;
    let _controller = world.controller(Options::default()).await;
    world
        .add_pod_with("pod", "node1", json!({"finalizers": [POD_FINALIZER]}))
        .await;
    world.all_ready().await;
    world.delete_pod("pod").await;
    let gone = |w: &World| w.kube.store().all(&"pods".into()).is_empty();
    world.until_true("the pod is gone", gone).await;
    world.all_gone().await;
}

/// Nobody else would take them off: the Python implementation is gone.
#[tokio::test]
async fn finalizers_of_upstream_hold_no_namespace() {
    let world = World::start(1).await;
    world.add_namespace("shop").await;
    let network = json!({"spec": {"nsName": "shop", "projectId": "p", "nsLabels": {}}, "status": {"netId": "n1"}});
    let policy = json!({"spec": {"podSelector": {}, "policyTypes": ["Ingress"], "ingressSgRules": [], "egressSgRules": []},
        "status": {"securityGroupRules": []}});
    let plain = json!({"spec": {"podSelector": {}}});
    for (kind, mut object) in LeftKind::all().iter().zip([policy, plain, network]) {
        object["apiVersion"] = json!(kind.resource.api_version);
        object["kind"] = json!(kind.resource.kind);
        object["metadata"] = json!({"name": "shop", "finalizers": [kind.finalizer]});
        let api: kube::Api<kube::core::DynamicObject> =
            kube::Api::namespaced_with(world.client.clone(), "shop", &kind.resource);
        let object = serde_json::from_value(object).unwrap();
        api.create(&PostParams::default(), &object).await.unwrap();
    }
    let api: kube::Api<k8s_openapi::api::core::v1::Namespace> =
        kube::Api::all(world.client.clone());
    api.delete("shop", &DeleteParams::default()).await.unwrap();
    let there = |w: &World| {
        let namespaces = w.kube.store().all(&"namespaces".into());
        namespaces.iter().any(|n| n.key().name == "shop")
    };
    assert!(there(&world));
    let _controller = world.controller(Options::default()).await;
    world
        .until_true("the namespace is gone", |w| !there(w))
        .await;
}

#[tokio::test]
async fn a_namespace_goes_with_all_that_is_in_it() {
    let world = World::start(2).await;
    let _controller = world.controller(Options::default()).await;
    world.add_namespace("shop").await;
    world.add_pod_in("shop", "web", "node1").await;
    world.add_pod_in("shop", "db", "node2").await;
    world.add_pod("other", "node1").await;
    world.all_ready().await;
    let api: kube::Api<k8s_openapi::api::core::v1::Namespace> =
        kube::Api::all(world.client.clone());
    api.delete("shop", &DeleteParams::default()).await.unwrap();
    // No kubelet is there to let the pods go.
    let pods: kube::Api<k8s_openapi::api::core::v1::Pod> =
        kube::Api::namespaced(world.client.clone(), "shop");
    for name in ["web", "db"] {
        let _ = pods
            .delete(name, &DeleteParams::default().grace_period(0))
            .await;
    }
    let gone = |w: &World| {
        let namespaces = w.kube.store().all(&"namespaces".into());
        namespaces.iter().all(|n| n.key().name != "shop")
    };
    world.until_true("the namespace is gone", gone).await;
    world.all_ready_and_no_more().await;
    assert_eq!(world.all_pods().len(), 1);
}

#[tokio::test]
async fn a_write_that_is_refused_for_good_holds_up_no_other_pod() {
    let world = World::start(1).await;
    refuse(
        &world,
        Method::POST,
        "/namespaces/bad/kuryrports",
        u32::MAX,
        403,
    );
    let _controller = world.controller(Options::default()).await;
    world.add_namespace("bad").await;
    world.add_pod_in("bad", "bad", "node1").await;
    world.add_pods("pod", 4, 1).await;
    for n in 1..=4 {
        world.ready(&format!("pod{n}")).await;
    }
    world.kube.faults().clear();
    world.all_ready_and_no_more().await;
}
