//! What owners write that can't be: they are told, and no other Service is harmed.

use kuryr_embedded_openstack::{Kind, LbKind};
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
    let long = "n".repeat(63);
    world.add_service(&long, &[80], 2).await;
    world.all_served().await;
    let note = world.until_told("odd", "InvalidValue").await;
    assert!(note.contains("soon"), "{note}");
    world.until_told("nodeport", "NodePortNotServed").await;
    let ranges = json!({"type": "LoadBalancer", "loadBalancerSourceRanges": ["10.1.0.0/16"]});
    world
        .add_service_with("ranges", &[80], 2, json!({}), ranges)
        .await;
    world.until_told("ranges", "SourceRangesNotEnforced").await;
    assert!(
        world.objects(Kind::FloatingIp).is_empty(),
        "it would let all in"
    );
    let told = world.events();
    assert!(told.iter().all(|e| e.pod != long), "{told:?}");
}

#[tokio::test]
async fn two_that_ask_for_one_address_the_second_waits() {
    let world = World::start(1).await;
    let options = world.serving("ovn");
    let network = options.services.clone().unwrap().settings.external.unwrap();
    let own = world.create(
        Kind::FloatingIp,
        json!({"floating_network_id": &*network.0}),
    );
    let address = world.object(Kind::FloatingIp, &own).unwrap()["floating_ip_address"].clone();
    let _controller = world.controller(options).await;
    let spec = json!({"type": "LoadBalancer", "loadBalancerIP": address});
    world
        .add_service_with("first", &[80], 2, json!({}), spec.clone())
        .await;
    world.served("first").await;
    world
        .add_service_with("second", &[80], 2, json!({}), spec)
        .await;
    world.add_service("web", &[80], 2).await;
    world.served("web").await;
    let note = world.until_told("second", "AddressInUse").await;
    assert!(note.contains(address.as_str().unwrap()), "{note}");
    assert!(
        !note.contains("default/first"),
        "others' Services are nobody's business: {note}"
    );
    world.served("first").await;
    assert_eq!(world.outside_address("second"), None);
    world.delete_service("first").await;
    world.served("second").await;
}

#[tokio::test]
async fn an_annotation_that_is_no_number_leaves_the_others_in_force() {
    let world = World::start(1).await;
    let options = world.serving("amphora");
    let _controller = world.controller(options).await;
    let odd = json!({
        "openstack.org/kuryr-timeout-client-data": "1h",
        "openstack.org/kuryr-timeout-member-data": "60000",
        "loadbalancer.openstack.org/enable-health-monitor": "perhaps",
        "loadbalancer.openstack.org/health-monitor-delay": "-3",
    });
    world
        .add_service_with("odd", &[80], 2, odd, json!({}))
        .await;
    world.add_service("web", &[80], 2).await;
    world.all_served().await;
    let wrong = |w: &World| {
        let told = w.events().into_iter();
        let of = told.filter(|e| e.pod == "odd" && e.reason == "InvalidValue");
        of.map(|e| e.note).collect::<Vec<_>>()
    };
    world
        .until_true("each is told", |w| wrong(w).len() == 3)
        .await;
    let listeners = world.lb_objects(LbKind::Listener);
    let odd = listeners.iter().find(|l| l["name"] == "default/odd:TCP:80");
    assert_eq!(odd.unwrap()["timeout_member_data"], 60_000);
    assert_eq!(odd.unwrap()["timeout_client_data"], 50_000);
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
