//! What owners write that can't be: they are told, and no other Service is harmed.

use kuryr_lab::openstack::{Kind, LbKind};
use serde_json::json;

use crate::world::{PROJECT, World};

#[tokio::test]
async fn a_cluster_address_that_something_else_has_is_told() {
    let world = World::start(1).await;
    let options = world.serving("ovn");
    let networks = world.objects(Kind::Network);
    let services = networks.iter().find(|n| n["name"] == "k8s-services");
    let network = services.unwrap()["id"].clone();
    let port = world.create(
        Kind::Port,
        json!({"network_id": network, "fixed_ips": [{"ip_address": "10.96.77.7"}]}),
    );
    let _controller = world.controller(options).await;
    let taken = json!({"clusterIP": "10.96.77.7"});
    world
        .add_service_with("taken", &[80], 3, json!({}), taken)
        .await;
    world.add_service("web", &[80], 3).await;
    world.served("web").await;
    let note = world.until_told("taken", "AddressInUse").await;
    assert!(note.contains("10.96.77.7"), "{note}");
    world.delete(Kind::Port, &port);
    world.all_served().await;
}

#[tokio::test]
async fn what_cannot_be_is_told_and_the_rest_is_served() {
    let world = World::start(1).await;
    let options = world.serving("ovn");
    let _controller = world.controller(options).await;
    let odd = json!({"openstack.org/kuryr-timeout-client-data": "soon"});
    world
        .add_service_with("odd", &[80], 2, odd, json!({}))
        .await;
    let node_port = json!({"type": "NodePort"});
    world
        .add_service_with("nodeport", &[80], 2, json!({}), node_port)
        .await;
    let ranges = json!({"type": "LoadBalancer", "loadBalancerSourceRanges": ["10.1.0.0/16"]});
    world
        .add_service_with("ranges", &[80], 2, json!({}), ranges)
        .await;
    let long = "n".repeat(63);
    world.add_service(&long, &[80], 2).await;
    world.all_served().await;
    let note = world.until_told("odd", "InvalidValue").await;
    assert!(note.contains("soon"), "{note}");
    world.until_told("nodeport", "NodePortNotServed").await;
    world.until_told("ranges", "SourceRangesNotEnforced").await;
    let told = world.events();
    assert!(told.iter().all(|e| e.pod != long), "{told:?}");
}

#[tokio::test]
async fn a_thousand_endpoints_are_a_thousand_members() {
    let world = World::start(1).await;
    let options = world.serving("ovn");
    let _controller = world.controller(options).await;
    world.add_service("web", &[80], 1000).await;
    world.all_served().await;
    assert_eq!(world.lb_objects(LbKind::Member).len(), 1000);
    let changes = world.octavia_changes();
    assert!(changes.len() <= 3, "{changes:?}");
}

#[tokio::test]
async fn a_full_quota_is_told_and_served_when_there_is_room() {
    let world = World::start(1).await;
    let options = world.serving("ovn");
    let quota = |limit: i64| {
        world.cloud(|state, _| {
            let project = state.identity.project_id(PROJECT).unwrap().to_owned();
            let kind = LbKind::LoadBalancer;
            state.octavia.set_quota(&project, kind, limit);
        });
    };
    quota(2);
    let _controller = world.controller(options).await;
    for n in 0..3 {
        world.add_service(&format!("web{n}"), &[80], 2).await;
    }
    let told = |w: &World| w.events().iter().any(|e| e.reason == "QuotaReached");
    world.until_true("one is told", told).await;
    world
        .until_true("two are made", |w| w.balancers().len() == 2)
        .await;
    quota(10);
    world.all_served().await;
}
