//! Ports and trunks, by hand: these are no calls.

use kuryr_embedded_openstack::{Caller, Fields, Kind, Query, State};
use serde_json::{Value, json};

use super::World;

impl World {
    pub(crate) fn cloud<T>(&self, work: impl FnOnce(&mut State, &Caller) -> T) -> T {
        let handle = self.openstack.handle();
        handle.with(|state| work(state, &self.caller))
    }

    pub(crate) fn create(&self, kind: Kind, asked: Value) -> String {
        let asked = asked.as_object().cloned().unwrap();
        let made = self.cloud(|state, caller| state.cloud.create(caller, kind, asked));
        made.unwrap()["id"].as_str().unwrap().to_owned()
    }

    /// A port in the pods' network.
    pub(crate) fn create_port(&self, more: Value) -> String {
        let mut asked = json!({
            "network_id": self.tenant.pod_network,
            "security_groups": [self.tenant.pod_security_group],
        });
        asked
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().cloned().unwrap());
        self.create(Kind::Port, asked)
    }

    /// A port as the controller makes them.
    pub(crate) fn create_own_port(&self) -> String {
        self.create_port(json!({"tags": ["kuryr-cluster=kuryr"], "device_owner": "compute:kuryr"}))
    }

    pub(crate) fn update_port(&self, id: &str, asked: Value) {
        let asked = asked.as_object().cloned().unwrap();
        let done = |state: &mut State, caller: &Caller| {
            state.cloud.update(caller, Kind::Port, id, asked, None)
        };
        self.cloud(done).unwrap();
    }

    pub(crate) fn delete_port(&self, id: &str) {
        let done = self.cloud(|state, caller| state.cloud.delete(caller, Kind::Port, id, None));
        done.unwrap();
    }

    /// A port as it is now.
    pub(crate) fn port(&self, id: &str) -> Option<Fields> {
        self.cloud(|state, _| state.cloud.peek(Kind::Port, id).cloned())
    }

    /// Id of a node's trunk.
    pub(crate) fn trunk(&self, node: usize) -> String {
        let parent = &self.tenant.parents[node - 1];
        let all = self.objects(Kind::Trunk);
        let trunk = all.iter().find(|t| t["port_id"] == **parent).unwrap();
        trunk["id"].as_str().unwrap().to_owned()
    }

    pub(crate) fn objects(&self, kind: Kind) -> Vec<Fields> {
        let all = Query::parse("");
        self.cloud(|state, caller| state.cloud.list(caller, kind, &all).unwrap().items)
    }

    /// Where a port is: trunk and VLAN.
    pub(crate) fn place(&self, port: &str) -> Option<(String, u16)> {
        let at = self.cloud(|state, _| state.cloud.membership(port).cloned());
        at.map(|at| (at.trunk, at.vlan))
    }

    pub(crate) fn add_subport(&self, node: usize, port: &str, vlan: u16) {
        let trunk = self.trunk(node);
        let body = json!({"sub_ports": [{
            "port_id": port, "segmentation_type": "vlan", "segmentation_id": vlan,
        }]});
        let added = self.cloud(|state, caller| state.cloud.add_subports(caller, &trunk, &body));
        added.unwrap();
    }

    pub(crate) fn remove_subport(&self, port: &str) {
        let (trunk, _) = self.place(port).unwrap();
        let body = json!({"sub_ports": [{"port_id": port}]});
        let gone = self.cloud(|state, caller| state.cloud.remove_subports(caller, &trunk, &body));
        gone.unwrap();
    }
}
