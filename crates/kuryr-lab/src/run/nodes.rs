//! The kubelets of a lab, one for each worker.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::future::join_all;
use k8s_openapi::api::core::v1::Node;
use kube::api::ListParams;
use kube::runtime::wait::await_condition;
use kube::{Api, Client, ResourceExt};
use kuryr_api::vif::link_name;
use kuryr_net::links::Links;
use kuryr_net::netns;
use serde::Deserialize;
use serde_json::json;

use super::folder::write_private;
use super::site::Site;
use super::{LabError, PodRow, Worker};
use crate::kubelet::{Kubelet, KubeletSpec};

/// The daemon's socket, in its worker's folder.
pub(super) const SOCKET: &str = "cni.sock";

/// Running kubelets; they stop when dropped.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    kubelets: Vec<Kubelet>,
    /// Where they keep what they know of their pods.
    state_dirs: Vec<PathBuf>,
}

/// What of a kubelet's checkpoint of a pod says where its namespace is.
#[derive(Deserialize)]
struct Checkpoint {
    uid: String,
    netns: String,
}

impl Nodes {
    /// Starts a kubelet for each worker, with Kuryr's plugin as its only network.
    pub(super) async fn start(
        &mut self,
        site: &Site,
        client: &Client,
        plugins: &Path,
    ) -> Result<(), LabError> {
        let mut starts = Vec::new();
        for worker in &site.workers {
            let own = site.folder.make_dir(&worker.name)?;
            let conf_dir = site.folder.make_dir(&format!("{}/net.d", worker.name))?;
            let conf = network(&own.join(SOCKET));
            write_private(&conf_dir.join("10-kuryr.conflist"), &conf)?;
            let state_dir = own.join("kubelet");
            let spec = KubeletSpec {
                node: worker.name.clone(),
                addresses: vec![worker.address],
                netns: Some(worker.netns.clone()),
                netns_prefix: format!("{}-", site.name()),
                cni_conf_dir: conf_dir,
                cni_bin_dirs: vec![plugins.to_owned()],
                state_dir: state_dir.clone(),
            };
            starts.push(Kubelet::start(client.clone(), spec));
            self.state_dirs.push(state_dir);
        }
        for started in join_all(starts).await {
            self.kubelets.push(started?);
        }
        Ok(())
    }

    /// The network namespace of a pod that runs.
    pub(super) fn pod_netns(&self, pod: &PodRow) -> Option<PathBuf> {
        let files = self
            .state_dirs
            .iter()
            .filter_map(|dir| fs::read_dir(dir).ok())
            .flatten();
        let read = |path: PathBuf| serde_json::from_slice::<Checkpoint>(&fs::read(path).ok()?).ok();
        let mut checkpoints = files.filter_map(|entry| read(entry.ok()?.path()));
        let checkpoint = checkpoints.find(|checkpoint| checkpoint.uid == pod.uid)?;
        Some(netns::path(&checkpoint.netns))
    }

    /// Stops all of them, and waits for what they have begun; their pods stay as they are.
    pub(super) async fn shutdown(&mut self) {
        join_all(self.kubelets.drain(..).map(Kubelet::shutdown)).await;
    }
}

/// Waits until the Node of each worker is ready.
pub(super) async fn ready(
    client: &Client,
    workers: &[Worker],
    patience: Duration,
) -> Result<(), LabError> {
    let all = async {
        for worker in workers {
            let api: Api<Node> = Api::all(client.clone());
            let ready = |node: Option<&Node>| node.is_some_and(|node| not_ready(node).is_none());
            let waited = await_condition(api, &worker.name, ready).await;
            waited.map_err(|error| {
                let source = kube::Error::Service(error.into());
                LabError::call(format!("wait for node {}", worker.name))(source)
            })?;
        }
        Ok(())
    };
    match tokio::time::timeout(patience, all).await {
        Ok(done) => done,
        Err(_) => Err(LabError::Late {
            what: "nodes are not ready".to_owned(),
            seconds: patience.as_secs(),
            state: standing(client).await,
        }),
    }
}

/// Why a node is not ready; `None`: it is.
fn not_ready(node: &Node) -> Option<String> {
    let conditions = node
        .status
        .as_ref()
        .and_then(|status| status.conditions.as_ref());
    let ready = conditions
        .into_iter()
        .flatten()
        .find(|condition| condition.type_ == "Ready");
    match ready {
        Some(ready) if ready.status == "True" => None,
        Some(ready) => Some(ready.message.clone().unwrap_or_default()),
        None => Some("its kubelet has not reported it".to_owned()),
    }
}

/// How nodes stand that are not ready, a line each.
async fn standing(client: &Client) -> String {
    let nodes = Api::<Node>::all(client.clone())
        .list(&ListParams::default())
        .await;
    let line = |node: &Node| Some(format!("\n  {}: {}", node.name_any(), not_ready(node)?));
    nodes.map_or_else(
        |error| format!("\n  {error}"),
        |nodes| nodes.items.iter().filter_map(line).collect(),
    )
}

/// The worker's end of a pod's veth pair, if the pod was plugged by one.
pub(super) fn tap_of(worker: &Worker, subport: &str) -> Option<String> {
    let name = link_name(subport);
    let links = Links::open(Some(&worker.netns)).ok()?;
    links.get(&name).ok()?.map(|link| link.name)
}

/// A network configuration list (CNI specification 1.1, section 1) with Kuryr's plugin alone.
fn network(socket: &Path) -> String {
    let list = json!({
        "cniVersion": "1.1.0",
        "name": "kuryr",
        "plugins": [{"type": "kuryr-cni", "socket": socket}],
    });
    format!("{list:#}\n")
}
