//! What others have in the same project: an operator's VM, and one with a trunk.

use kuryr_embedded_openstack::{Fields, Kind};
use serde_json::json;

use super::World;

/// Objects that no controller may touch.
pub(crate) struct Foreign(Vec<(Kind, String, Fields)>);

impl Foreign {
    /// A VM's port in the pods' network, and a trunk with a subport in it.
    pub(crate) fn add(world: &World) -> Self {
        let network = |device: &str| {
            json!({
                "network_id": world.tenant.pod_network, "device_owner": "compute:nova",
                "device_id": device, "tags": ["operator"],
            })
        };
        let vm = world.create(Kind::Port, network("vm-1"));
        let parent = world.create(Kind::Port, json!({"network_id": world.tenant.pod_network}));
        let mut subport = network("");
        subport["device_owner"] = json!("");
        let subport = world.create(Kind::Port, subport);
        let trunk = world.create(
            Kind::Trunk,
            json!({"port_id": parent, "sub_ports": [
                {"port_id": subport, "segmentation_type": "vlan", "segmentation_id": 1},
            ]}),
        );
        let objects = [
            (Kind::Port, vm),
            (Kind::Port, parent),
            (Kind::Port, subport),
            (Kind::Trunk, trunk),
        ];
        let as_is = |(kind, id): (Kind, String)| {
            let fields = world.object(kind, &id).unwrap();
            (kind, id, fields)
        };
        Self(objects.map(as_is).into())
    }

    /// All is as it was, to the revision.
    pub(crate) fn check(&self, world: &World) {
        for (kind, id, before) in &self.0 {
            let now = world.object(*kind, id);
            assert_eq!(now.as_ref(), Some(before), "foreign {kind:?} {id}");
        }
    }
}
