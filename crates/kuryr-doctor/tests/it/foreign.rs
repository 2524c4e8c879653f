//! What is not ours: shown, and never touched.

use kuryr_core::doctor::{FindingKind, Severity};
use kuryr_embedded_openstack::{Fields, Kind};
use serde_json::json;

use crate::world::{World, kinds, troubles};

/// A port, and where it is.
type Seen = Option<(Fields, Option<(String, u16)>)>;

/// Everything in the project that is not this cluster's, as it is.
fn others(world: &World, ids: &[String]) -> Vec<Seen> {
    ids.iter()
        .map(|id| Some((world.port(id)?, world.place(id))))
        .collect()
}

#[tokio::test]
async fn ports_of_vms_of_other_clusters_and_of_upstream_stay_as_they_are() {
    let world = World::with_pods(2, 4).await;
    let other = json!({"tags": ["kuryr-cluster=other"], "device_owner": "compute:kuryr"});
    let ids = [
        world.create_port(json!({"name": "vm", "device_owner": "compute:nova"})),
        world.create_port(json!({"name": "vm-subport"})),
        world.create_port(other.clone()),
        world.create_port(other.clone()),
        world.create_port(json!({"description": "kuryr-cluster=kuryr2"})),
        world.create_port(json!({"device_owner": "compute:kuryr"})),
        world.create_port(json!({"tags": ["kuryr-port"]})),
    ];
    world.add_subport(1, &ids[1], 1001);
    world.add_subport(1, &ids[3], 1002);
    // Damage of ours all around them.
    world.delete_pod("pod1").await;
    world.remove_subport(&world.port_of("pod2").await);
    world.create_own_port();
    world.delete_node(2).await;
    let before = others(&world, &ids);
    let look = world.look().await;
    let foreign = look
        .findings
        .iter()
        .filter(|f| f.kind == FindingKind::ForeignSubport);
    let mut said: Vec<&str> = foreign.map(|f| f.what.as_str()).collect();
    said.sort_unstable();
    assert_eq!(
        said,
        [
            "it is on the trunk with VLAN 1001 and is not ours, named vm-subport",
            "it is on the trunk with VLAN 1002 and is of cluster other",
        ]
    );
    let left: Vec<_> = look
        .findings
        .iter()
        .filter(|f| f.kind == FindingKind::UpstreamPort)
        .collect();
    assert_eq!(left.len(), 1);
    assert_eq!(
        (left[0].subject.name(), left[0].severity),
        (ids[5].clone(), Severity::Note)
    );
    world.fix().await;
    assert_eq!(others(&world, &ids), before);
    assert_eq!(world.objects(Kind::Trunk).len(), 2);
}

#[tokio::test]
async fn a_foreign_port_in_the_way_is_not_moved() {
    let world = World::with_pods(1, 1).await;
    world.pretend_leader().await;
    let (port, vlan) = (world.port_of("pod1").await, world.vlan_of("pod1").await);
    world.remove_subport(&port);
    let vm = world.create_port(json!({"name": "vm"}));
    world.add_subport(1, &vm, vlan);
    let fixed = world.fix().await;
    assert_eq!(troubles(&fixed.after), [FindingKind::PortMisplaced]);
    assert!(kinds(&fixed.after).contains(&FindingKind::ForeignSubport));
    assert!(world.place(&vm).is_some() && world.place(&port).is_none());
    assert_eq!(world.openstack.calls().changing(), 0);
}
