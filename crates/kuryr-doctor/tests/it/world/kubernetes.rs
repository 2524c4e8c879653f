//! Nodes, pods, KuryrPorts and the Lease, by hand.

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Node, Pod};
use k8s_openapi::jiff::Timestamp;
use kube::api::{Api, ApiResource, DeleteParams, Patch, PatchParams, PostParams};
use kube::core::DynamicObject;
use kuryr_api::KuryrPort;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{LEASE, NAMESPACE, World, vif};

fn object<K: DeserializeOwned>(value: Value) -> K {
    serde_json::from_value(value).unwrap()
}

impl World {
    pub(crate) async fn add_node(&self, number: usize, address: &str) {
        let api: Api<Node> = Api::all(self.client.clone());
        let node: Node = object(json!({
            "metadata": {"name": format!("node{number}")},
            "status": {"addresses": [{"type": "InternalIP", "address": address}]},
        }));
        api.create(&PostParams::default(), &node).await.unwrap();
    }

    pub(crate) async fn delete_node(&self, number: usize) {
        let api: Api<Node> = Api::all(self.client.clone());
        let name = format!("node{number}");
        api.delete(&name, &DeleteParams::default()).await.unwrap();
    }

    pub(crate) fn pods(&self) -> Api<Pod> {
        Api::namespaced(self.client.clone(), NAMESPACE)
    }

    pub(crate) fn claims(&self) -> Api<DynamicObject> {
        let resource = ApiResource::erase::<KuryrPort>(&());
        Api::namespaced_with(self.client.clone(), NAMESPACE, &resource)
    }

    pub(crate) async fn add_pod(&self, name: &str, node: usize) {
        self.add_pod_with(name, node, json!({})).await;
    }

    pub(crate) async fn add_pod_with(&self, name: &str, node: usize, mut metadata: Value) {
        metadata["name"] = json!(name);
        let pod: Pod = object(json!({
            "metadata": metadata,
            "spec": {
                "nodeName": format!("node{node}"),
                "terminationGracePeriodSeconds": 0,
                "containers": [{"name": "c", "image": "i"}],
            },
        }));
        self.pods()
            .create(&PostParams::default(), &pod)
            .await
            .unwrap();
    }

    /// Deletes a pod whose KuryrPort the garbage collector does not come by.
    pub(crate) async fn delete_pod(&self, name: &str) {
        if self.claim(name).await.is_some() {
            self.patch_claim(name, json!({"metadata": {"ownerReferences": null}}))
                .await;
        }
        let now = DeleteParams::default().grace_period(0);
        self.pods().delete(name, &now).await.unwrap();
    }

    /// Changes a KuryrPort by a merge patch.
    pub(crate) async fn patch_claim(&self, name: &str, patch: Value) {
        let patch = Patch::Merge(patch);
        self.claims()
            .patch(name, &PatchParams::default(), &patch)
            .await
            .unwrap();
    }

    pub(crate) async fn claim(&self, name: &str) -> Option<DynamicObject> {
        self.claims().get_opt(name).await.unwrap()
    }

    /// The port of a pod, by its KuryrPort.
    pub(crate) async fn port_of(&self, name: &str) -> String {
        let claim = self.claim(name).await.unwrap();
        vif(&claim)["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn vlan_of(&self, name: &str) -> u16 {
        let claim = self.claim(name).await.unwrap();
        u16::try_from(vif(&claim)["vlan_id"].as_u64().unwrap()).unwrap()
    }

    /// Says that somebody leads, and will for an hour.
    pub(crate) async fn pretend_leader(&self) {
        let api: Api<Lease> = Api::namespaced(self.client.clone(), NAMESPACE);
        let _ = api.delete(LEASE, &DeleteParams::default()).await;
        let lease: Lease = object(json!({
            "metadata": {"name": LEASE},
            "spec": {
                "holderIdentity": "somebody",
                "leaseDurationSeconds": 3600,
                "renewTime": format!("{:.6}", Timestamp::now()),
            },
        }));
        api.create(&PostParams::default(), &lease).await.unwrap();
    }

    pub(crate) async fn lease_holder(&self) -> String {
        let api: Api<Lease> = Api::namespaced(self.client.clone(), NAMESPACE);
        let lease = api.get(LEASE).await.unwrap();
        lease.spec.unwrap().holder_identity.unwrap_or_default()
    }
}
