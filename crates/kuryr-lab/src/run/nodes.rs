//! The kubelets of a lab, one for each worker.

use std::fs;
use std::path::{Path, PathBuf};

use kube::Client;
use kuryr_net::netns;
use serde::Deserialize;
use serde_json::json;

use super::folder::{Folder, write_private};
use super::{LabError, PodRow, Worker};
use crate::kubelet::{Kubelet, KubeletSpec};

/// Running kubelets; they stop when dropped.
#[derive(Debug)]
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
        lab: &str,
        folder: &Folder,
        client: &Client,
        plugins: &Path,
        workers: &[Worker],
    ) -> Result<Self, LabError> {
        let mut nodes = Self {
            kubelets: vec![],
            state_dirs: vec![],
        };
        for worker in workers {
            let own = folder.make_dir(&worker.name)?;
            let conf_dir = folder.make_dir(&format!("{}/net.d", worker.name))?;
            let conf = network(&own.join("cni.sock"));
            write_private(&conf_dir.join("10-kuryr.conflist"), &conf)?;
            let state_dir = own.join("kubelet");
            let spec = KubeletSpec {
                node: worker.name.clone(),
                addresses: vec![worker.address],
                netns: Some(worker.netns.clone()),
                netns_prefix: format!("{lab}-"),
                cni_conf_dir: conf_dir,
                cni_bin_dirs: vec![plugins.to_owned()],
                state_dir: state_dir.clone(),
            };
            nodes
                .kubelets
                .push(Kubelet::start(client.clone(), spec).await?);
            nodes.state_dirs.push(state_dir);
        }
        Ok(nodes)
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

    /// Stops all of them; their pods stay as they are.
    pub(super) fn shutdown(&mut self) {
        self.kubelets.clear();
    }
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
