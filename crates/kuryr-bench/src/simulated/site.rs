//! The cloud: an embedded OpenStack and Kubernetes, with a trunk and a Node for each node.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use kuryr_embedded_kubernetes::api::WriteOptions;
use kuryr_embedded_kubernetes::{KubeApi, KubeOptions};
use kuryr_embedded_openstack::{Caller, Fields, Kind, OpenStack, Settings, State};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::BenchError;

/// The account whose project the cluster lives in.
const ACCOUNT: (&str, &str) = ("kuryr", "k8s");
/// Room for as many nodes as anybody has.
const NODES_CIDR: &str = "10.0.0.0/14";
/// Room for a million pods.
const PODS_CIDR: &str = "10.64.0.0/10";
/// Namespace of the pods.
pub(crate) const NAMESPACE: &str = "default";
/// Id of the cluster, in the tags of its ports.
pub(crate) const CLUSTER_ID: &str = "scale";

/// A node: Kubernetes' object and its trunk.
#[derive(Clone, Debug)]
pub(crate) struct SimNode {
    pub(crate) name: String,
    pub(crate) trunk: String,
}

/// What was made; all of it goes when this is dropped.
pub(crate) struct Site {
    pub(crate) openstack: OpenStack,
    pub(crate) kube: KubeApi,
    pub(crate) nodes: Vec<SimNode>,
    pub(crate) pod_network: String,
    pub(crate) pod_subnet: String,
    pub(crate) security_group: String,
    node_network: String,
    node_subnet: String,
    folder: TempDir,
}

fn refused(what: &str) -> impl Fn(kuryr_embedded_openstack::ApiError) -> BenchError {
    move |error| BenchError::Cloud {
        what: what.to_owned(),
        message: error.message,
    }
}

impl Site {
    /// Starts an empty cloud for about so many pods.
    pub(crate) async fn start(pods: usize) -> Result<Self, BenchError> {
        let failed = |what: &str, message: String| BenchError::Cloud {
            what: what.to_owned(),
            message,
        };
        let unlimited = ["port", "trunk", "security_group", "security_group_rule"];
        let unlimited = unlimited.map(|resource| (resource.to_owned(), -1));
        let openstack = OpenStack::start(Settings {
            parents_plugged: true,
            quotas: unlimited.into_iter().collect(),
            ..Settings::default()
        });
        let openstack = openstack
            .await
            .map_err(|e| failed("start OpenStack", e.to_string()))?;
        let kube = KubeApi::start(KubeOptions {
            // A watch that is behind by a burst is not to begin again.
            history: 16_384 + 8 * pods,
            scheduler: false,
            ..KubeOptions::default()
        });
        let kube = kube
            .await
            .map_err(|e| failed("start Kubernetes", e.to_string()))?;
        install_crds(&kube)?;
        let folder =
            tempfile::tempdir().map_err(|e| failed("make a temporary folder", e.to_string()))?;
        let ids = openstack.handle().with(tenant)?;
        let [
            node_network,
            node_subnet,
            pod_network,
            pod_subnet,
            security_group,
        ] = ids;
        Ok(Self {
            openstack,
            kube,
            nodes: Vec::new(),
            pod_network,
            pod_subnet,
            security_group,
            node_network,
            node_subnet,
            folder,
        })
    }

    /// Adds nodes until there are so many.
    pub(crate) fn grow(&mut self, nodes: usize) -> Result<(), BenchError> {
        for number in self.nodes.len()..nodes {
            let name = format!("node-{number:04}");
            let (trunk, address) = self.openstack.handle().with(|state| {
                let port = json!({"name": name, "network_id": self.node_network});
                let port = create(state, Kind::Port, port)?;
                let address = port["fixed_ips"][0]["ip_address"].clone();
                let trunk = json!({"name": name, "port_id": port["id"]});
                let trunk = create(state, Kind::Trunk, trunk)?;
                Ok::<_, BenchError>((id(&trunk), address))
            })?;
            self.make("", "nodes", "", node(&name, &address))?;
            self.nodes.push(SimNode { name, trunk });
        }
        Ok(())
    }

    /// Creates a Kubernetes object without HTTP: it is not the controller's call.
    pub(crate) fn make(
        &self,
        group: &str,
        plural: &str,
        namespace: &str,
        object: Value,
    ) -> Result<(), BenchError> {
        make(&self.kube, group, plural, namespace, object)
    }

    /// Writes the controller's configuration; the file.
    pub(crate) fn configure(
        &self,
        health: u16,
        metrics: u16,
        pools: bool,
    ) -> Result<PathBuf, BenchError> {
        let clouds = self.write("clouds.yaml", &self.openstack.clouds_yaml())?;
        let conf = format!(
            "[neutron]\n\
             cloud = {cloud}\n\
             clouds_file = {clouds}\n\
             [neutron_defaults]\n\
             pod_subnet = {subnet}\n\
             pod_security_groups = {group}\n\
             [pod_vif_nested]\n\
             worker_nodes_subnets = {nodes}\n\
             [kubernetes]\n\
             vif_pool_driver = {pools}\n\
             [kuryr]\n\
             cluster_id = {CLUSTER_ID}\n\
             [health_server]\n\
             port = {health}\n\
             [prometheus_exporter]\n\
             controller_exporter_port = {metrics}\n",
            cloud = ACCOUNT.0,
            clouds = clouds.display(),
            subnet = self.pod_subnet,
            group = self.security_group,
            nodes = self.node_subnet,
            pools = if pools { "nested" } else { "noop" },
        );
        self.write("controller.conf", &conf)
    }

    /// Writes the kubeconfig; the file.
    pub(crate) fn kubeconfig(&self) -> Result<PathBuf, BenchError> {
        self.write("kubeconfig", &self.kube.kubeconfig())
    }

    /// Where the controller's log goes.
    pub(crate) fn log(&self) -> PathBuf {
        self.folder.path().join("controller.log")
    }

    fn write(&self, name: &str, text: &str) -> Result<PathBuf, BenchError> {
        write(&self.folder.path().join(name), text)
    }
}

/// Writes a file.
pub(crate) fn write(path: &Path, text: &str) -> Result<PathBuf, BenchError> {
    std::fs::write(path, text).map_err(|source| BenchError::Write {
        path: path.to_owned(),
        source,
    })?;
    Ok(path.to_owned())
}

pub(crate) fn make(
    kube: &KubeApi,
    group: &str,
    plural: &str,
    namespace: &str,
    object: Value,
) -> Result<(), BenchError> {
    let api = kube.api();
    let made = api
        .kind(group, plural)
        .and_then(|kind| api.create(&kind, namespace, object, &WriteOptions::default()));
    made.map(drop).map_err(|error| BenchError::Cloud {
        what: format!("create one of {plural}"),
        message: error.message,
    })
}

fn install_crds(kube: &KubeApi) -> Result<(), BenchError> {
    for definition in kuryr_api::crd::all() {
        let object = serde_json::to_value(definition).unwrap_or_default();
        make(
            kube,
            "apiextensions.k8s.io",
            "customresourcedefinitions",
            "",
            object,
        )?;
    }
    Ok(())
}

/// The project that the cluster lives in, as who calls.
pub(crate) fn caller(state: &State) -> Caller {
    let project_id = state.identity.project_id(ACCOUNT.1);
    Caller {
        project_id: project_id.unwrap_or_default().to_owned(),
        admin: false,
    }
}

pub(crate) fn create(state: &mut State, kind: Kind, asked: Value) -> Result<Fields, BenchError> {
    let asked = asked.as_object().cloned().unwrap_or_default();
    let caller = caller(state);
    let made = state.cloud.create(&caller, kind, asked);
    made.map_err(refused(&format!("make a {}", kind.singular())))
}

pub(crate) fn id(object: &Fields) -> String {
    object["id"].as_str().unwrap_or_default().to_owned()
}

/// Networks, subnets and the pods' group: node network and subnet, pod network and subnet, group.
fn tenant(state: &mut State) -> Result<[String; 5], BenchError> {
    let mut network = |name: &str, cidr: &str| {
        let network = create(state, Kind::Network, json!({"name": name}))?;
        let subnet = json!({
            "name": name, "network_id": network["id"], "cidr": cidr, "ip_version": 4,
        });
        let subnet = create(state, Kind::Subnet, subnet)?;
        Ok::<_, BenchError>((id(&network), id(&subnet)))
    };
    let (node_network, node_subnet) = network("nodes", NODES_CIDR)?;
    let (pod_network, pod_subnet) = network("pods", PODS_CIDR)?;
    let group = create(state, Kind::SecurityGroup, json!({"name": "pods"}))?;
    Ok([
        node_network,
        node_subnet,
        pod_network,
        pod_subnet,
        id(&group),
    ])
}

fn node(name: &str, address: &Value) -> Value {
    json!({
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
        "status": {
            "addresses": [
                {"type": "InternalIP", "address": address},
                {"type": "Hostname", "address": name},
            ],
            "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady"}],
            "nodeInfo": {"kubeletVersion": "v1.33.0", "osImage": "Debian GNU/Linux 12 (bookworm)"},
        },
    })
}

/// The first address of a port.
pub(crate) fn address(port: &Fields) -> Option<IpAddr> {
    port["fixed_ips"][0]["ip_address"].as_str()?.parse().ok()
}
