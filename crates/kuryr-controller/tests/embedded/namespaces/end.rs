//! Namespaces that end: whatever goes first, nothing is left.

use futures::future::join_all;
use kube::Api;
use kube::api::{ApiResource, DeleteParams, ListParams};
use kube::core::{DynamicObject, GroupVersionKind};
use kuryr_embedded_openstack::Kind;
use serde_json::json;

use super::{spaces, until_nothing_is_left};
use crate::world::{Options, World};

/// What is in a namespace, by group, version and kind.
const THINGS: [(&str, &str, &str); 6] = [
    ("", "v1", "Pod"),
    ("", "v1", "Service"),
    ("openstack.org", "v1", "KuryrPort"),
    ("openstack.org", "v1", "KuryrLoadBalancer"),
    ("openstack.org", "v1", "KuryrNetwork"),
    ("discovery.k8s.io", "v1", "EndpointSlice"),
];
const ROUNDS: usize = 30;
/// Worlds at a time.
const AT_ONCE: usize = 6;

/// The `n`th order of those.
fn order(mut n: usize) -> Vec<(&'static str, &'static str, &'static str)> {
    let mut left = THINGS.to_vec();
    let mut order = Vec::new();
    while !left.is_empty() {
        order.push(left.remove(n % left.len()));
        n /= order.len();
    }
    order
}

/// Deletes all objects of a kind, as a person may.
async fn delete_all(world: &World, namespace: &str, (group, version, kind): (&str, &str, &str)) {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
    let api: Api<DynamicObject> = Api::namespaced_with(world.client.clone(), namespace, &resource);
    let now = DeleteParams::default().grace_period(0);
    for object in api.list(&ListParams::default()).await.unwrap() {
        let name = object.metadata.name.unwrap();
        // What went meanwhile went.
        let _ = api.delete(&name, &now).await;
    }
}

#[tokio::test]
async fn in_any_order_and_nothing_is_left() {
    let rounds: Vec<usize> = (0..ROUNDS).collect();
    join_all(rounds.chunks(ROUNDS / AT_ONCE).map(ends)).await;
}

/// Some of the rounds, one after the other in one world.
async fn ends(rounds: &[usize]) {
    let world = World::start(2).await;
    let options = world.serving("ovn");
    let legs = world.legs();
    let options = world.namespaced(options);
    let _controller = world.controller(options).await;
    for &round in rounds {
        spaces(&world, 1, 2).await;
        world.add_service_in("ns1", "web", &[80]).await;
        world.all_ready().await;
        world
            .until_true("a load balancer", |w| w.balancers().len() == 1)
            .await;
        let order = order(round * 29);
        // The namespace goes at any place among them.
        for (at, thing) in order.iter().enumerate() {
            if at == round % (order.len() + 1) {
                world.delete_namespace("ns1").await;
            }
            delete_all(&world, "ns1", *thing).await;
        }
        if round % (order.len() + 1) == order.len() {
            world.delete_namespace("ns1").await;
        }
        until_nothing_is_left(&world).await;
        world
            .until_true("no load balancer", |w| w.balancers().is_empty())
            .await;
        assert_eq!(world.legs(), legs, "round {round}: {order:?}");
    }
}

#[tokio::test]
async fn a_network_that_somebody_uses_keeps_the_namespace_which_says_why() {
    let world = World::start(2).await;
    let _controller = world.controller(world.namespaced(Options::default())).await;
    spaces(&world, 1, 1).await;
    world.all_ready().await;
    let network = world.network_of("ns1", "pod1").unwrap();
    let vm = world.create(Kind::Port, json!({"network_id": network, "name": "vm"}));
    world.delete_namespace("ns1").await;
    let told = world.until_told("ns1", "NetworkInUse").await;
    assert!(told.contains(&network), "{told}");
    assert!(world.is_namespace("ns1"));
    world.delete(Kind::Port, &vm);
    until_nothing_is_left(&world).await;
}

#[tokio::test]
async fn what_is_gone_already_holds_nothing_up() {
    let world = World::start(2).await;
    let _controller = world.controller(world.namespaced(Options::default())).await;
    spaces(&world, 1, 1).await;
    world.all_ready().await;
    let told = world.told_networks().remove(0);
    world.remove_leg(&told.router, &told.subnet);
    world.delete_namespace("ns1").await;
    until_nothing_is_left(&world).await;
}

#[tokio::test]
async fn a_network_of_a_namespace_that_went_unseen_is_undone() {
    let world = World::start(2).await;
    let legs = world.legs();
    let options = world.namespaced(Options::default());
    let first = world.controller(options.clone()).await;
    spaces(&world, 1, 1).await;
    world.all_ready().await;
    first.kill();
    world.expire_lease().await;
    world.forget_namespace("ns1").await;
    let _second = world.controller(options).await;
    until_nothing_is_left(&world).await;
    assert_eq!(world.legs(), legs);
}
