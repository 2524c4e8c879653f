//! Namespaces with networks of their own.

use std::collections::BTreeSet;

use kuryr_api::names::{NETWORK_ANNOTATION, SUBNETS_ANNOTATION, cluster_tag};
use kuryr_embedded_openstack::Kind;
use serde_json::json;

use crate::world::{CLUSTER, Options, Pools, World};

mod crash;
mod end;

/// Namespaces `ns1` to `nsN`, each with so many pods.
async fn spaces(world: &World, count: usize, pods: usize) {
    for n in 1..=count {
        let name = format!("ns{n}");
        world.add_namespace(&name).await;
        for p in 1..=pods {
            let node = format!("node{}", (p - 1) % 2 + 1);
            world.add_pod_in(&name, &format!("pod{p}"), &node).await;
        }
    }
}

async fn until_nothing_is_left(world: &World) {
    world.until(World::check_nothing_left).await;
}

#[tokio::test]
async fn each_namespace_with_pods_has_a_network_and_says_so() {
    let world = World::start(2).await;
    let legs = world.legs();
    let options = world.namespaced(Options::default());
    let _controller = world.controller(options).await;
    world.add_namespace("ns4").await;
    spaces(&world, 3, 2).await;
    world.all_ready().await;
    world
        .until_true("all told", |w| {
            w.told_networks().iter().all(|t| !t.router.is_empty())
        })
        .await;
    let told = world.told_networks();
    assert_eq!(told.len(), 3, "none for one without pods: {told:?}");
    let networks: BTreeSet<_> = told.iter().map(|t| &t.network).collect();
    assert_eq!((networks.len(), world.legs()), (3, legs + 3));
    for told in &told {
        for pod in ["pod1", "pod2"] {
            let network = world.network_of(&told.namespace, pod);
            assert_eq!(network.as_ref(), Some(&told.network));
        }
        let subnet = world.object(Kind::Subnet, &told.subnet).unwrap();
        assert_eq!(subnet["cidr"], told.cidr);
        assert_eq!(subnet["enable_dhcp"], false);
        assert_eq!(told.router, world.router());
        let network = world.object(Kind::Network, &told.network).unwrap();
        let name = network["name"].as_str().unwrap();
        assert!(name.ends_with(&format!("/{}", told.namespace)), "{name}");
        world
            .until_true("tagged", |w| {
                let network = w.object(Kind::Network, &told.network).unwrap();
                network["tags"] == json!([cluster_tag(CLUSTER)])
            })
            .await;
    }
    for n in 1..=4 {
        world.delete_namespace(&format!("ns{n}")).await;
    }
    until_nothing_is_left(&world).await;
    assert_eq!(world.legs(), legs);
}

#[tokio::test]
async fn the_first_pods_of_a_namespace_cost_three_calls_more_than_others() {
    let world = World::start(2).await;
    let options = world.namespaced(Options::default());
    let _controller = world.controller(options).await;
    spaces(&world, 1, 4).await;
    world.all_ready().await;
    let calls = world.openstack.calls().all();
    let count = |method: &str, end: &str| {
        let is = |c: &&kuryr_embedded_openstack::Call| c.method == method && c.path.contains(end);
        calls.iter().filter(is).count()
    };
    assert_eq!(count("POST", "/networks"), 1);
    assert_eq!(count("POST", "/subnets"), 1);
    assert_eq!(count("PUT", "/add_router_interface"), 1);
    assert!(count("POST", "/ports") <= 2, "bulk creates");
}

#[tokio::test]
async fn a_second_controller_finds_all_and_changes_nothing() {
    let world = World::start(2).await;
    let options = world.namespaced(Options::default());
    let first = world.controller(options.clone()).await;
    spaces(&world, 2, 2).await;
    world.all_ready().await;
    world
        .until_true("tagged", |w| {
            let mut networks = w.own_networks().into_iter();
            networks.all(|n| n["tags"] != json!([]))
                && w.told_networks().iter().all(|t| !t.router.is_empty())
        })
        .await;
    first.stop().await;
    let before = world.openstack.calls().all().len();
    let _second = world.controller(options).await;
    world.add_pod_in("ns1", "later", "node1").await;
    world.all_ready().await;
    let calls = world.openstack.calls().all();
    let made = calls[before..].iter().filter(|c| {
        let changes = matches!(c.method.as_str(), "POST" | "PUT" | "DELETE");
        changes && (c.path.contains("/networks") || c.path.contains("/subnets"))
    });
    assert_eq!(made.count(), 0);
}

#[tokio::test]
async fn a_namespace_brings_its_network() {
    let world = World::start(2).await;
    let options = world.namespaced(Options::default());
    let _controller = world.controller(options).await;
    let (network, subnet) = (
        world.tenant.pod_network.clone(),
        world.tenant.pod_subnet.clone(),
    );
    for (name, annotation, value) in [
        ("ns1", NETWORK_ANNOTATION, &network),
        ("ns2", SUBNETS_ANNOTATION, &subnet),
    ] {
        world.add_namespace(name).await;
        world.annotate(name, annotation, value).await;
        world.add_pod_in(name, "pod", "node1").await;
    }
    world.all_ready().await;
    for name in ["ns1", "ns2"] {
        assert_eq!(world.network_of(name, "pod"), Some(network.clone()));
        world.delete_namespace(name).await;
    }
    until_nothing_is_left(&world).await;
    assert!(world.object(Kind::Network, &network).is_some());
    assert!(world.object(Kind::Subnet, &subnet).is_some());
}

#[tokio::test]
async fn a_network_that_is_not_to_be_had_is_told_and_harms_no_other() {
    let world = World::start(2).await;
    let options = world.namespaced(Options::default());
    let _controller = world.controller(options).await;
    let absent = "00000000-0000-4000-8000-000000000001";
    for (name, value) in [("ns2", absent), ("ns3", "not an id")] {
        world.add_namespace(name).await;
        world.annotate(name, NETWORK_ANNOTATION, value).await;
        world.add_pod_in(name, &format!("in-{name}"), "node1").await;
    }
    spaces(&world, 1, 1).await;
    world.until_told("in-ns2", "NoPodSubnetFound").await;
    world.until_told("in-ns3", "NoPodSubnetFound").await;
    world
        .until_true("the other has its port", |w| {
            w.network_of("ns1", "pod1").is_some()
        })
        .await;
    // Mended: it goes on.
    world
        .annotate("ns3", NETWORK_ANNOTATION, &world.tenant.pod_network)
        .await;
    world
        .until_true("and it too", |w| w.network_of("ns3", "in-ns3").is_some())
        .await;
}

#[tokio::test]
async fn a_pool_that_runs_out_is_told_and_the_next_is_used() {
    let world = World::start(2).await;
    let pools = vec![
        world.pool("small", "10.64.0.0/24", 24),
        world.pool("also-small", "10.65.0.0/24", 24),
    ];
    let options = world.with_pools(Options::default(), pools.clone());
    let _controller = world.controller(options).await;
    spaces(&world, 2, 1).await;
    world.all_ready().await;
    let cidrs: BTreeSet<_> = world
        .objects(Kind::Subnet)
        .iter()
        .filter(|s| pools.iter().any(|p| s["subnetpool_id"] == **p))
        .map(|s| s["cidr"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(cidrs.len(), 2, "one of each pool");
    world.add_namespace("ns3").await;
    world.add_pod_in("ns3", "late", "node1").await;
    let told = world.until_told("late", "SubnetFull").await;
    assert!(told.contains("Insufficient prefix space"), "{told}");
    // One goes, and its prefix is for the next.
    world.delete_namespace("ns1").await;
    world
        .until_true("it has its turn", |w| w.network_of("ns3", "late").is_some())
        .await;
}

#[tokio::test]
async fn dual_stack_namespaces_have_a_subnet_of_each() {
    let world = World::start(2).await;
    let pools = vec![
        world.pool("v6", "fd00:64::/48", 64),
        world.pool("v4", "10.64.0.0/16", 24),
    ];
    let options = world.with_pools(Options::default(), pools);
    let _controller = world.controller(options).await;
    spaces(&world, 1, 2).await;
    world.all_ready().await;
    let claim = world.all_claims().remove(0);
    let port = world.object(Kind::Port, &claim.vif.unwrap().0).unwrap();
    assert_eq!(port["fixed_ips"].as_array().unwrap().len(), 2);
    world.delete_namespace("ns1").await;
    until_nothing_is_left(&world).await;
}

#[tokio::test]
async fn pools_of_ports_follow_their_namespaces_pods() {
    let world = World::start(2).await;
    let options = world.namespaced(Options::watchful().pools(Pools::On));
    let _controller = world.controller(options).await;
    spaces(&world, 2, 1).await;
    world.all_ready().await;
    world
        .until_true("a port waits for each", |w| w.ports_of(CLUSTER).len() >= 4)
        .await;
    world.delete_namespace("ns1").await;
    world.delete_namespace("ns2").await;
    until_nothing_is_left(&world).await;
}

#[tokio::test]
async fn what_upstream_made_is_taken_over() {
    let world = World::start(2).await;
    world.add_namespace("ns1").await;
    let uid = world
        .table("namespaces")
        .iter()
        .find(|n| n["metadata"]["name"] == "ns1")
        .map(|n| n["metadata"]["uid"].as_str().unwrap().to_owned())
        .unwrap();
    let options = world.namespaced(Options::default());
    let pool = options.namespaces.clone().unwrap().pools[0].clone();
    let network = world.create(Kind::Network, json!({"name": format!("{uid}/ns1")}));
    let subnet = world.create(
        Kind::Subnet,
        json!({"name": "x", "network_id": network, "ip_version": 4, "subnetpool_id": pool}),
    );
    let router = world.router();
    world.add_leg(&router, &subnet);
    world
        .put_kuryrnetwork(
            "ns1",
            json!({"netId": network, "subnetId": subnet, "routerId": router}),
        )
        .await;
    let _controller = world.controller(options).await;
    world.add_pod_in("ns1", "pod", "node1").await;
    world.all_ready().await;
    assert_eq!(world.network_of("ns1", "pod"), Some(network.clone()));
    world.delete_namespace("ns1").await;
    until_nothing_is_left(&world).await;
    assert!(world.object(Kind::Network, &network).is_none());
}

#[tokio::test]
async fn anothers_network_in_a_kuryrnetwork_is_not_taken() {
    let world = World::start(2).await;
    world.add_namespace("ns1").await;
    let foreign = world.create(Kind::Network, json!({"name": "of somebody"}));
    world
        .put_kuryrnetwork("ns1", json!({"netId": foreign}))
        .await;
    let _controller = world.controller(world.namespaced(Options::default())).await;
    world.add_pod_in("ns1", "pod", "node1").await;
    world.all_ready().await;
    assert_ne!(world.network_of("ns1", "pod"), Some(foreign.clone()));
    world.delete_namespace("ns1").await;
    until_nothing_is_left(&world).await;
    let kept = world.object(Kind::Network, &foreign).unwrap();
    assert_eq!(kept["tags"], json!([]));
}

#[tokio::test]
async fn what_neutron_refuses_is_tried_again_and_told() {
    let world = World::start(2).await;
    let options = world.namespaced(Options::default());
    world.update_quota("network", 2);
    let _controller = world.controller(options).await;
    spaces(&world, 1, 1).await;
    world.until_told("pod1", "QuotaReached").await;
    world.update_quota("network", 100);
    world.all_ready().await;
}
