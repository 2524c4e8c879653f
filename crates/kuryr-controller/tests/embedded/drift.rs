//! What other hands change in Neutron, and nodes that come, go and change.

use kuryr_api::names::{NODE_LABEL, cluster_tag, node_label};
use kuryr_embedded_openstack::Kind;
use serde_json::{Value, json};

use crate::world::{CLUSTER, Options, Pools, World};

impl World {
    /// Takes a subport off its trunk by hand.
    fn take_off(&self, port: &str) {
        let (trunk, _) = self.port(port).unwrap().place.unwrap();
        let body = json!({"sub_ports": [{"port_id": port}]});
        self.cloud(|state, caller| state.cloud.remove_subports(caller, &trunk, &body))
            .unwrap();
    }

    /// Puts a port on a trunk by hand.
    fn put_on(&self, trunk: &str, port: &str, vlan: u16) {
        let body = json!({"sub_ports": [
            {"port_id": port, "segmentation_type": "vlan", "segmentation_id": vlan},
        ]});
        self.cloud(|state, caller| state.cloud.add_subports(caller, trunk, &body))
            .unwrap();
    }

    /// A VM with a trunk: its parent's address.
    fn add_trunk(&self) -> String {
        let network = {
            let port = self.object(Kind::Port, &self.tenant.parents[0]).unwrap();
            port["network_id"].clone()
        };
        let parent = self.create(Kind::Port, json!({"network_id": network}));
        self.create(Kind::Trunk, json!({"port_id": parent}));
        self.address_of(&parent)
    }
}

#[tokio::test]
async fn a_subport_taken_off_by_hand_is_put_back_with_its_vlan() {
    let world = World::start(1).await;
    let _controller = world.controller(Options::watchful()).await;
    world.add_pods("pod", 3, 1).await;
    world.all_ready().await;
    let before = world.port_of("pod2").unwrap();
    world.take_off(&before.id);
    world.all_ready_and_no_more().await;
    let now = world.port_of("pod2").unwrap();
    assert_eq!((now.id, now.place), (before.id, before.place));
}

#[tokio::test]
async fn a_pods_vlan_taken_by_another_is_told() {
    let world = World::start(1).await;
    let _controller = world.controller(Options::watchful()).await;
    world.add_pods("pod", 2, 1).await;
    world.all_ready().await;
    let port = world.port_of("pod1").unwrap();
    let (trunk, vlan) = port.place.clone().unwrap();
    let network = world.tenant.pod_network.clone();
    let other = world.create(Kind::Port, json!({"network_id": network}));
    world.take_off(&port.id);
    world.put_on(&trunk, &other, vlan);
    let note = world.until_told("pod1", "PortMissing").await;
    assert!(note.contains(&vlan.to_string()), "{note}");
    // A new pod gets a VLAN that is free.
    world.add_pod("pod3", "node1").await;
    world.ready("pod3").await;
    assert!(
        world.port(&other).unwrap().place.is_some(),
        "not ours to move"
    );
    world.delete_pod("pod1").await;
    world.add_pod("pod1", "node1").await;
    world.ready("pod1").await;
}

#[tokio::test]
async fn a_port_deleted_by_hand_is_told_and_the_next_pod_has_another() {
    let world = World::start(1).await;
    let _controller = world.controller(Options::watchful()).await;
    world.add_pods("pod", 2, 1).await;
    world.all_ready().await;
    let port = world.port_of("pod1").unwrap().id;
    world.take_off(&port);
    world.delete(Kind::Port, &port);
    let note = world.until_told("pod1", "PortMissing").await;
    assert!(note.contains(&port), "{note}");
    world.delete_pod("pod1").await;
    world.add_pod("pod1", "node1").await;
    world.all_ready_and_no_more().await;
}

#[tokio::test]
async fn a_tag_taken_off_by_hand_is_put_back_and_the_port_is_not_lost() {
    let world = World::start(1).await;
    let controller = world.controller(Options::watchful()).await;
    world.add_pods("pod", 2, 1).await;
    world.all_ready().await;
    let untag = |world: &World, port: &str| {
        world.cloud(|state, caller| {
            state.cloud.clear_tags(caller, Kind::Port, port).unwrap();
            let plain = json!({"description": ""}).as_object().cloned().unwrap();
            state
                .cloud
                .update(caller, Kind::Port, port, plain, None)
                .unwrap();
        });
    };
    let tagged = |world: &World, port: &str| {
        let tags = world.object(Kind::Port, port).unwrap()["tags"].clone();
        tags.as_array()
            .unwrap()
            .contains(&Value::from(cluster_tag(CLUSTER)))
    };
    let port = world.port_of("pod1").unwrap().id;
    untag(&world, &port);
    world
        .until_true("the tag is back", |w| tagged(w, &port))
        .await;
    assert!(world.events().is_empty(), "{:?}", world.events());
    // Nor does it help to do it while no controller looks.
    controller.kill();
    untag(&world, &port);
    world.expire_lease().await;
    let _controller = world.controller(Options::default()).await;
    world
        .until_true("the tag is back", |w| tagged(w, &port))
        .await;
    world.delete_pods().await;
    world.all_gone().await;
    assert!(world.port(&port).is_none());
}

#[tokio::test]
async fn security_groups_changed_by_hand_are_set_back() {
    let world = World::start(1).await;
    let _controller = world.controller(Options::watchful()).await;
    world.add_pods("pod", 2, 1).await;
    world.all_ready().await;
    let port = world.port_of("pod1").unwrap().id;
    world.update(Kind::Port, &port, json!({"security_groups": []}));
    world.all_ready_and_no_more().await;
}

#[tokio::test]
async fn a_trunk_deleted_and_made_again_gets_its_subports_back() {
    for pools in [Pools::Off, Pools::On] {
        let world = World::start(2).await;
        let options = Options::watchful().pools(pools);
        let _controller = world.controller(options).await;
        world.add_pods("pod", 4, 2).await;
        world.all_ready().await;
        let before = world.port_of("pod1").unwrap();
        let (old, vlan) = before.place.clone().unwrap();
        let parent = world.tenant.parents[0].clone();
        world.delete(Kind::Trunk, &old);
        let looks = || world.openstack.calls().count("GET", "trunks");
        let before_looks = looks();
        let noticed = |_: &World| looks() > before_looks + 1;
        world.until_true("it is noticed", noticed).await;
        world.add_pod("late", "node1").await;
        world.until_told("late", "NoTrunk").await;
        let new = world.create(Kind::Trunk, json!({"port_id": parent}));
        world.all_ready().await;
        let now = world.port_of("pod1").unwrap();
        assert_eq!((now.id, now.place), (before.id, Some((new, vlan))));
        world.delete_pods().await;
        world.all_gone().await;
    }
}

#[tokio::test]
async fn a_removed_node_leaves_nothing() {
    for pools in [Pools::Off, Pools::On] {
        let world = World::start(2).await;
        let _controller = world.controller(Options::default().pools(pools)).await;
        world.add_pods("pod", 4, 2).await;
        world.all_ready().await;
        world.delete_node("node2").await;
        world.delete_pod("pod2").await;
        world.delete_pod("pod4").await;
        let trunk = world.trunk_on(&world.tenant.parents[1]).unwrap();
        let on = move |w: &World| {
            let ports = w.ports_of(CLUSTER);
            ports
                .iter()
                .filter(|p| p.place.as_ref().is_some_and(|(t, _)| *t == trunk))
                .count()
        };
        world.until_true("its trunk is empty", |w| on(w) == 0).await;
        world.all_ready().await;
        world.delete_pods().await;
        world.all_gone().await;
    }
}

#[tokio::test]
async fn ports_made_for_a_node_that_is_gone_are_deleted() {
    let world = World::start(2).await;
    let faults = world.openstack.faults();
    let never = kuryr_embedded_openstack::Effect::Unavailable;
    faults.add(kuryr_embedded_openstack::Fault::once("PUT", "add_subports", never).always());
    let _controller = world.controller(Options::default()).await;
    world.add_pods("pod", 4, 2).await;
    world
        .until_true("ports", |w| w.ports_of(CLUSTER).len() == 4)
        .await;
    world.delete_pod("pod2").await;
    world.delete_pod("pod4").await;
    world.delete_node("node2").await;
    faults.clear();
    world.all_ready_and_no_more().await;
}

#[tokio::test]
async fn a_node_rebuilt_with_another_trunk_is_followed() {
    let world = World::start(2).await;
    let _controller = world.controller(Options::default().pools(Pools::On)).await;
    world.add_pods("pod", 4, 2).await;
    world.all_ready().await;
    // Its pods go with it.
    for pod in ["pod1", "pod3"] {
        world.delete_pod(pod).await;
    }
    world.delete_node("node1").await;
    let address = world.add_trunk();
    world.add_node("node1", &address).await;
    world.add_pod("pod1", "node1").await;
    world.all_ready().await;
    let old = world.trunk_on(&world.tenant.parents[0]).unwrap();
    let trunk = world.object(Kind::Trunk, &old);
    assert!(trunk.is_some(), "the old trunk is not ours to delete");
    let on = |w: &World| {
        let ports = w.ports_of(CLUSTER);
        ports
            .iter()
            .filter(|p| p.place.as_ref().is_some_and(|(t, _)| *t == old))
            .count()
    };
    world
        .until_true("the old trunk is empty", |w| on(w) == 0)
        .await;
    world.delete_pods().await;
    world.all_gone().await;
}

#[tokio::test]
async fn a_node_that_moves_to_another_address_is_followed() {
    let world = World::start(1).await;
    let _controller = world.controller(Options::default()).await;
    let address = world.add_trunk();
    world.move_node("node1", &address).await;
    world.add_pod("pod", "node1").await;
    world.all_ready_and_no_more().await;
    let (trunk, _) = world.port_of("pod").unwrap().place.unwrap();
    assert_eq!(Some(trunk), world.trunk_of("node1"));
}

#[tokio::test]
async fn a_node_renamed_keeps_its_trunk() {
    let world = World::start(2).await;
    let _controller = world.controller(Options::default().pools(Pools::On)).await;
    world.add_pods("pod", 4, 2).await;
    world.all_ready().await;
    // For a while there are two Nodes of one address.
    let address = world.address_of(&world.tenant.parents[0]);
    world.add_node("renamed", &address).await;
    for n in 0..4 {
        world.add_pod(&format!("new{n}"), "renamed").await;
        world.add_pod(&format!("old{n}"), "node1").await;
    }
    for pod in world.all_pods().iter().filter(|p| p.node == "node1") {
        world.delete_pod(&pod.name).await;
    }
    world.delete_node("node1").await;
    world.all_ready().await;
    world.delete_pods().await;
    world.all_gone().await;
}

#[tokio::test]
async fn a_hypervisor_changed_under_a_node_changes_nothing_for_its_pods() {
    let world = World::start(1).await;
    let _controller = world.controller(Options::watchful()).await;
    world.add_pods("pod", 2, 1).await;
    world.all_ready().await;
    let before = world.port_of("pod1").unwrap();
    let parent = world.tenant.parents[0].clone();
    world.cloud(|state, _| {
        state.cloud.unplug(&parent);
        state.cloud.plug(&parent, "elsewhere");
    });
    world.add_pod("pod3", "node1").await;
    world.all_ready_and_no_more().await;
    assert_eq!(world.port_of("pod1").unwrap().place, before.place);
}

#[tokio::test]
async fn node_names_of_253_characters_work() {
    let world = World::start(1).await;
    let _controller = world.controller(Options::default()).await;
    let label = "n".repeat(63);
    let names = ["a", "b"].map(|end| {
        let name = [&*label, &*label, &*label, &label[..60]].join(".") + end;
        format!("{}{}", name, &label[..253 - name.len()])
    });
    for (name, pod) in names.iter().zip(["pod-a", "pod-b"]) {
        assert_eq!(name.len(), 253);
        let address = world.add_trunk();
        world.add_node(name, &address).await;
        world.add_pod(pod, name).await;
    }
    world.all_ready_and_no_more().await;
    for (name, pod) in names.iter().zip(["pod-a", "pod-b"]) {
        let claim = world.claims().get(pod).await.unwrap();
        assert_eq!(claim.metadata.labels.unwrap()[NODE_LABEL], node_label(name));
    }
    world.delete_pods().await;
    world.all_gone().await;
}

#[tokio::test]
async fn a_node_without_a_trunk_is_told_and_holds_up_no_other() {
    let world = World::start(1).await;
    let _controller = world.controller(Options::default()).await;
    world.add_node("lost", "10.10.0.99").await;
    world.add_pod("waits", "lost").await;
    world.add_pod("runs", "node1").await;
    world.ready("runs").await;
    let note = world.until_told("waits", "NoTrunk").await;
    assert!(note.contains("10.10.0.99"), "{note}");
    let address = world.add_trunk();
    world.move_node("lost", &address).await;
    world.all_ready_and_no_more().await;
}
