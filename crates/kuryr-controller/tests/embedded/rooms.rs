//! Pods whose network has several subnets.

use std::collections::BTreeMap;

use kuryr_embedded_openstack::Kind;
use serde_json::json;

use crate::world::{CLUSTER, Options, Pools, World};

/// Addresses that each of two subnets gives out.
const EACH: usize = 5;

fn subnets(world: &World) -> Vec<String> {
    let make = |cidr: &str| {
        let network = world.tenant.pod_network.clone();
        let asked = json!({"network_id": network, "cidr": cidr, "ip_version": 4});
        world.create(Kind::Subnet, asked)
    };
    vec![make("10.21.0.0/29"), make("10.22.0.0/29")]
}

/// How many of our ports are in each subnet.
fn spread(world: &World) -> BTreeMap<String, usize> {
    let mut spread = BTreeMap::new();
    for port in world.ports_of(CLUSTER) {
        let fields = world.object(Kind::Port, &port.id).unwrap();
        let ips = fields["fixed_ips"].as_array().unwrap();
        assert_eq!(ips.len(), 1, "{ips:?}");
        let subnet = ips[0]["subnet_id"].as_str().unwrap().to_owned();
        *spread.entry(subnet).or_default() += 1;
    }
    spread
}

#[tokio::test]
async fn all_of_them_are_filled_and_only_then_a_pod_is_told() {
    let world = World::start(2).await;
    let pod_subnets = subnets(&world);
    // Others take some of the first, which is seen only when Neutron refuses.
    for _ in 0..2 {
        let ip = json!([{"subnet_id": pod_subnets[0]}]);
        let network = world.tenant.pod_network.clone();
        world.create(Kind::Port, json!({"network_id": network, "fixed_ips": ip}));
    }
    let options = Options {
        pod_subnets: pod_subnets.clone(),
        ..Options::default()
    };
    let first = world.controller(options.clone()).await;
    world.add_pods("pod", 2 * EACH - 2, 2).await;
    world.all_ready().await;
    assert_eq!(
        spread(&world)
            .values()
            .copied()
            .collect::<Vec<_>>()
            .iter()
            .sum::<usize>(),
        2 * EACH - 2
    );
    assert_eq!(spread(&world).len(), 2);
    world.add_pod("late", "node1").await;
    world.until_told("late", "SubnetFull").await;
    // Another controller takes all ports for what pods want, and makes none anew.
    first.stop().await;
    let made = world.ports_made();
    let _second = world.controller(options).await;
    world.delete_pod("pod1").await;
    world.all_ready().await;
    assert!(world.ports_made() <= made + 1);
}

#[tokio::test]
async fn ports_of_a_pool_serve_pods_whichever_subnet_they_are_in() {
    let world = World::start(1).await;
    let options = Options {
        pod_subnets: subnets(&world),
        ..Options::default().pools(Pools::On)
    };
    let _controller = world.controller(options).await;
    world.add_pods("pod", 4, 1).await;
    world.all_ready().await;
    world.delete_pod("pod1").await;
    world.add_pod("next", "node1").await;
    world.all_ready().await;
    let groups = world
        .openstack
        .calls()
        .all()
        .into_iter()
        .filter(|c| c.method == "PUT" && c.path.contains("/ports/"));
    assert_eq!(groups.count(), 0, "no port was changed into another kind");
}
