//! Namespaces with networks of their own, and what there is of them.

use k8s_openapi::api::core::v1::{Namespace, Service};
use kube::api::{Api, ApiResource, DeleteParams, Patch, PatchParams, PostParams};
use kube::core::DynamicObject;
use kuryr_api::names::{KURYRNETWORK_FINALIZER, cluster_tag};
use kuryr_api::{KuryrNetwork, KuryrPort};
use kuryr_controller::NamespaceNetworks;
use kuryr_embedded_openstack::{Fields, Kind};
use serde_json::{Value, json};

use super::state::text;
use super::{CLUSTER, Options, World, service_ports};

/// A KuryrNetwork.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) namespace: String,
    pub(crate) network: String,
    pub(crate) subnet: String,
    pub(crate) cidr: String,
    pub(crate) router: String,
}

impl World {
    /// A subnet pool.
    pub(crate) fn pool(&self, name: &str, prefix: &str, length: u8) -> String {
        let asked = json!({"name": name, "prefixes": [prefix], "default_prefixlen": length});
        self.create(Kind::SubnetPool, asked)
    }

    pub(crate) fn router(&self) -> String {
        let routers = self.objects(Kind::Router);
        routers[0]["id"].as_str().unwrap().to_owned()
    }

    /// A controller that makes networks of namespaces from these pools.
    pub(crate) fn with_pools(&self, options: Options, pools: Vec<String>) -> Options {
        Options {
            namespaces: Some(NamespaceNetworks {
                router: self.router(),
                pools,
                networks_by_annotation: false,
                ports_by_annotation: false,
            }),
            ..options
        }
    }

    /// The same from one pool that has room for all.
    pub(crate) fn namespaced(&self, options: Options) -> Options {
        let pools = self.objects(Kind::SubnetPool);
        let pool = pools.first().map(|p| p["id"].as_str().unwrap().to_owned());
        let pool = pool.unwrap_or_else(|| self.pool("pods", "10.64.0.0/16", 24));
        self.with_pools(options, vec![pool])
    }

    /// Sets an annotation of a namespace.
    pub(crate) async fn annotate(&self, namespace: &str, name: &str, value: &str) {
        let api: Api<Namespace> = Api::all(self.client.clone());
        let patch = json!({"metadata": {"annotations": {name: value}}});
        api.patch(namespace, &PatchParams::default(), &Patch::Merge(&patch))
            .await
            .unwrap();
    }

    /// Deletes a namespace; it goes when all in it is gone.
    pub(crate) async fn delete_namespace(&self, name: &str) {
        let api: Api<Namespace> = Api::all(self.client.clone());
        api.delete(name, &DeleteParams::default()).await.unwrap();
    }

    pub(crate) fn is_namespace(&self, name: &str) -> bool {
        let all = self.table("namespaces");
        all.iter().any(|n| text(n, "/metadata/name") == name)
    }

    /// All KuryrNetworks.
    pub(crate) fn told_networks(&self) -> Vec<Told> {
        let read = |o: &Value| Told {
            namespace: text(o, "/metadata/namespace"),
            network: text(o, "/status/netId"),
            subnet: text(o, "/status/subnetId"),
            cidr: text(o, "/status/subnetCIDR"),
            router: text(o, "/status/routerId"),
        };
        let all = self.table("kuryrnetworks.openstack.org");
        all.iter().map(read).collect()
    }

    /// Networks of Neutron's that carry the cluster's tag or description.
    pub(crate) fn own_networks(&self) -> Vec<Fields> {
        let tag = cluster_tag(CLUSTER);
        let mut all = self.objects(Kind::Network);
        all.retain(|n| {
            let tagged = n["tags"].as_array().unwrap().iter().any(|t| *t == *tag);
            tagged || n["description"] == *tag
        });
        all
    }

    /// The network that a pod's port is on.
    pub(crate) fn network_of(&self, namespace: &str, pod: &str) -> Option<String> {
        let mut claims = self.all_claims().into_iter();
        let claim = claims.find(|c| c.namespace == namespace && c.name == pod)?;
        let port = self.object(Kind::Port, &claim.vif?.0)?;
        Some(port["network_id"].as_str().unwrap().to_owned())
    }

    /// Legs of the router.
    pub(crate) fn legs(&self) -> usize {
        let ports = self.objects(Kind::Port);
        let is_leg = |p: &&Fields| p["device_owner"] == "network:router_interface";
        ports.iter().filter(is_leg).count()
    }

    /// Gives the router a leg in a subnet, or takes it away, past the API.
    pub(crate) fn add_leg(&self, router: &str, subnet: &str) {
        let body = Fields::from_iter([("subnet_id".to_owned(), json!(subnet))]);
        let done =
            self.cloud(|state, caller| state.cloud.add_router_interface(caller, router, &body));
        done.unwrap();
    }

    pub(crate) fn remove_leg(&self, router: &str, subnet: &str) {
        let body = Fields::from_iter([("subnet_id".to_owned(), json!(subnet))]);
        let done =
            self.cloud(|state, caller| state.cloud.remove_router_interface(caller, router, &body));
        done.unwrap();
    }

    /// How many of a kind the project may have.
    pub(crate) fn update_quota(&self, what: &str, limit: i64) {
        self.cloud(|state, _| {
            let project = state
                .identity
                .project_id(super::PROJECT)
                .unwrap()
                .to_owned();
            state.cloud.set_quota(&project, what, limit);
        });
    }

    /// Creates a KuryrNetwork as upstream left it.
    pub(crate) async fn put_kuryrnetwork(&self, namespace: &str, status: Value) {
        let api = self.kuryrnetworks(namespace);
        let object = json!({
            "apiVersion": "openstack.org/v1", "kind": "KuryrNetwork",
            "metadata": {"name": namespace, "finalizers": [KURYRNETWORK_FINALIZER]},
            "spec": {"nsName": namespace, "projectId": "p", "nsLabels": {}},
            "status": status,
        });
        let object = serde_json::from_value(object).unwrap();
        api.create(&PostParams::default(), &object).await.unwrap();
    }

    fn kuryrnetworks(&self, namespace: &str) -> Api<DynamicObject> {
        let resource = ApiResource::erase::<KuryrNetwork>(&());
        Api::namespaced_with(self.client.clone(), namespace, &resource)
    }

    /// A namespace goes with all in it, whatever finalizers hold it: while no controller looks.
    pub(crate) async fn forget_namespace(&self, name: &str) {
        self.delete_namespace(name).await;
        let none = Patch::Merge(json!({"metadata": {"finalizers": []}}));
        let params = PatchParams::default();
        let resource = ApiResource::erase::<KuryrPort>(&());
        let ports: Api<DynamicObject> = Api::namespaced_with(self.client.clone(), name, &resource);
        let claims = self.all_claims().into_iter();
        for claim in claims.filter(|c| c.namespace == name) {
            let _ = ports.patch(&claim.name, &params, &none).await;
        }
        let _ = self.kuryrnetworks(name).patch(name, &params, &none).await;
        self.until_true("the namespace is gone", |w| !w.is_namespace(name))
            .await;
    }

    /// Creates a Service without endpoints in a namespace.
    pub(crate) async fn add_service_in(&self, namespace: &str, name: &str, ports: &[u16]) {
        let api: Api<Service> = Api::namespaced(self.client.clone(), namespace);
        let service = json!({
            "metadata": {"name": name},
            "spec": {"selector": {"app": name}, "ports": service_ports(ports)},
        });
        let service = serde_json::from_value(service).unwrap();
        api.create(&PostParams::default(), &service).await.unwrap();
    }

    /// Nothing of namespaces but `default` is left anywhere.
    pub(crate) fn check_nothing_left(&self) -> Result<(), String> {
        let namespaces: Vec<String> = self
            .table("namespaces")
            .iter()
            .map(|n| text(n, "/metadata/name"))
            .filter(|n| n.starts_with("ns"))
            .collect();
        let left = (
            namespaces,
            self.told_networks(),
            self.own_networks().len(),
            self.all_claims().len(),
            self.ports_of(CLUSTER).len(),
        );
        let is_nothing = left.0.is_empty() && left.1.is_empty() && left.2 + left.3 + left.4 == 0;
        is_nothing.then_some(()).ok_or_else(|| format!("{left:?}"))
    }
}
