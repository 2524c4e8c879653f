//! Nodes, pods and namespaces of the cluster.

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Namespace, Node, Pod};
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, DynamicObject, GroupVersionKind};
use kuryr_api::KuryrPort;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::World;

/// The namespace of pods that are not put elsewhere.
pub(crate) const NAMESPACE: &str = "default";

fn ours(kind: &str) -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk("openstack.org", "v1", kind))
}

fn object<K: DeserializeOwned>(value: Value) -> K {
    serde_json::from_value(value).unwrap()
}

impl World {
    /// Pods of the usual namespace.
    pub(crate) fn pods(&self) -> Api<Pod> {
        Api::namespaced(self.client.clone(), NAMESPACE)
    }

    /// KuryrPorts of the usual namespace.
    pub(crate) fn claims(&self) -> Api<DynamicObject> {
        let resource = kube::api::ApiResource::erase::<KuryrPort>(&());
        Api::namespaced_with(self.client.clone(), NAMESPACE, &resource)
    }

    /// Creates one of our custom resources that nobody owns.
    pub(crate) async fn leave(&self, kind: &str, name: &str, spec: Value) {
        let resource = ours(kind);
        let left = DynamicObject::new(name, &resource).data(json!({"spec": spec}));
        let api = self.of(&resource);
        api.create(&PostParams::default(), &left).await.unwrap();
    }

    /// Deletes one of our custom resources, as a person may.
    pub(crate) async fn remove(&self, kind: &str, name: &str) {
        let api = self.of(&ours(kind));
        api.delete(name, &DeleteParams::default()).await.unwrap();
    }

    fn of(&self, resource: &ApiResource) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), NAMESPACE, resource)
    }

    /// Creates a pod that is bound to a node.
    pub(crate) async fn add_pod(&self, name: &str, node: &str) {
        self.add_pod_with(name, node, json!({})).await;
    }

    /// The same with more metadata.
    pub(crate) async fn add_pod_with(&self, name: &str, node: &str, metadata: Value) {
        let pod = pod(name, node, metadata);
        self.pods()
            .create(&PostParams::default(), &pod)
            .await
            .unwrap();
    }

    /// Creates pods `PREFIX1` to `PREFIXn`, on the nodes in turn.
    pub(crate) async fn add_pods(&self, prefix: &str, count: usize, nodes: usize) {
        for at in 0..count {
            let node = format!("node{}", at % nodes + 1);
            self.add_pod(&format!("{prefix}{}", at + 1), &node).await;
        }
    }

    /// Deletes a pod, whose kubelet is done with it at once.
    pub(crate) async fn delete_pod(&self, name: &str) {
        let now = DeleteParams::default().grace_period(0);
        self.pods().delete(name, &now).await.unwrap();
    }

    /// The same in a namespace.
    pub(crate) async fn delete_pod_in(&self, namespace: &str, name: &str) {
        let api: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
        let now = DeleteParams::default().grace_period(0);
        api.delete(name, &now).await.unwrap();
    }

    /// Deletes all pods of the usual namespace.
    pub(crate) async fn delete_pods(&self) {
        for pod in self.all_pods() {
            self.delete_pod(&pod.name).await;
        }
    }

    /// Creates a namespace.
    pub(crate) async fn add_namespace(&self, name: &str) {
        let api: Api<Namespace> = Api::all(self.client.clone());
        let namespace = object(json!({"metadata": {"name": name}}));
        api.create(&PostParams::default(), &namespace)
            .await
            .unwrap();
    }

    /// Creates a bound pod in a namespace.
    pub(crate) async fn add_pod_in(&self, namespace: &str, name: &str, node: &str) {
        let api: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
        api.create(&PostParams::default(), &pod(name, node, json!({})))
            .await
            .unwrap();
    }

    /// Creates a Node that has this address.
    pub(crate) async fn add_node(&self, name: &str, address: &str) {
        let api: Api<Node> = Api::all(self.client.clone());
        let node: Node = object(json!({"metadata": {"name": name}}));
        api.create(&PostParams::default(), &node).await.unwrap();
        self.move_node(name, address).await;
    }

    /// Gives a Node another address.
    pub(crate) async fn move_node(&self, name: &str, address: &str) {
        let api: Api<Node> = Api::all(self.client.clone());
        let status = json!({"status": {"addresses": [
            {"type": "Hostname", "address": name},
            {"type": "InternalIP", "address": address},
        ]}});
        api.patch_status(name, &PatchParams::default(), &Patch::Merge(&status))
            .await
            .unwrap();
    }

    /// Deletes a Node.
    pub(crate) async fn delete_node(&self, name: &str) {
        let api: Api<Node> = Api::all(self.client.clone());
        api.delete(name, &DeleteParams::default()).await.unwrap();
    }

    /// What the end of the Lease's time brings, now: whoever asks gets it.
    pub(crate) async fn expire_lease(&self) {
        let api: Api<Lease> = Api::namespaced(self.client.clone(), NAMESPACE);
        for lease in api.list(&Default::default()).await.unwrap() {
            let name = lease.name_any();
            api.delete(&name, &DeleteParams::default()).await.unwrap();
        }
    }
}

fn pod(name: &str, node: &str, metadata: Value) -> Pod {
    let mut whole = json!({
        "metadata": metadata,
        "spec": {
            "nodeName": node,
            "terminationGracePeriodSeconds": 0,
            "automountServiceAccountToken": false,
            "containers": [{"name": "sleep", "image": "lab/sleep"}],
        },
    });
    whole["metadata"]["name"] = json!(name);
    object(whole)
}
