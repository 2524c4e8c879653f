//! Two clusters and an operator's own VMs in one project.

use kuryr_api::names::{PORT_TAG, cluster_tag};
use kuryr_embedded_openstack::Kind;
use serde_json::json;

use crate::world::{CLUSTER, Foreign, Options, Pools, World};

/// A port as a controller of `cluster` would have left it.
fn orphan(world: &World, cluster: &str) -> String {
    world.create(
        Kind::Port,
        json!({
            "network_id": world.tenant.pod_network,
            "fixed_ips": [{"subnet_id": world.tenant.pod_subnet}],
            "security_groups": [world.tenant.pod_security_group],
            "device_owner": "compute:kuryr",
            "tags": [cluster_tag(cluster), PORT_TAG],
        }),
    )
}

#[tokio::test]
async fn orphans_of_ours_are_collected_and_nobody_elses() {
    for pools in [Pools::Off, Pools::On] {
        let world = World::start(2).await;
        let foreign = Foreign::add(&world);
        for _ in 0..3 {
            orphan(&world, CLUSTER);
        }
        let theirs = orphan(&world, "other");
        // A cluster whose name begins as ours.
        let similar = orphan(&world, "test2");
        let before = [&theirs, &similar].map(|id| world.object(Kind::Port, id));
        let _controller = world.controller(Options::default().pools(pools)).await;
        world.all_gone().await;
        let now = [&theirs, &similar].map(|id| world.object(Kind::Port, id));
        assert_eq!(now, before);
        foreign.check(&world);
    }
}

#[tokio::test]
async fn an_orphan_is_used_before_a_port_is_made() {
    let world = World::start(1).await;
    let left = orphan(&world, CLUSTER);
    world.add_pod("pod", "node1").await;
    let _controller = world.controller(Options::default()).await;
    world.all_ready_and_no_more().await;
    assert_eq!(world.port_of("pod").unwrap().id, left);
    assert_eq!(world.ports_made(), 0);
}

/// The other cluster's nodes are the same VMs' neighbours: trunks in the same project.
#[tokio::test]
async fn two_clusters_in_one_project_leave_each_other_alone() {
    let ours = World::start(2).await;
    let foreign = Foreign::add(&ours);
    let _controller = ours.controller(Options::watchful().pools(Pools::On)).await;
    ours.add_pods("pod", 4, 2).await;
    ours.all_ready().await;
    // The other cluster has pods of its own, on a trunk of its own.
    let network = ours.object(Kind::Port, &ours.tenant.parents[0]).unwrap()["network_id"].clone();
    let parent = ours.create(Kind::Port, json!({"network_id": network}));
    let subport = orphan(&ours, "other");
    let loose = orphan(&ours, "other");
    let trunk = ours.create(
        Kind::Trunk,
        json!({"port_id": parent, "sub_ports": [
            {"port_id": subport, "segmentation_type": "vlan", "segmentation_id": 7},
        ]}),
    );
    let theirs = |world: &World| {
        [
            (Kind::Port, &subport),
            (Kind::Port, &loose),
            (Kind::Trunk, &trunk),
        ]
        .map(|(kind, id)| world.object(kind, id))
    };
    let before = theirs(&ours);
    ours.delete_pods().await;
    ours.all_gone().await;
    ours.add_pods("pod", 4, 2).await;
    ours.all_ready().await;
    assert_eq!(theirs(&ours), before);
    foreign.check(&ours);
}
