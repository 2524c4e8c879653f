//! The kubelet with the embedded Kubernetes API and a plugin that is a shell script. Needs root for namespaces.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use k8s_openapi::api::core::v1::{Event, Node, Pod};
use kube::api::{Api, DeleteParams, ListParams, PostParams};
use kube::runtime::wait::{await_condition, conditions};
use kuryr_embedded_kubernetes::{KubeApi, KubeOptions};
use kuryr_lab::kubelet::{Kubelet, KubeletSpec};
use serde_json::{Value, json};

const PLUGIN: &str = r#"#!/bin/sh
dir=$(dirname "$0")
cat > "$dir/stdin.$CNI_COMMAND"
env | grep ^CNI_ > "$dir/env.$CNI_COMMAND"
echo "$CNI_COMMAND $CNI_CONTAINERID" >> "$dir/calls"
if [ "$CNI_COMMAND" = ADD ]; then
    if [ -e "$dir/fail" ]; then
        echo '{"cniVersion":"1.0.0","code":11,"msg":"no trunk on this node","details":"node1"}'
        exit 1
    fi
    echo '{"cniVersion":"1.0.0","ips":[{"address":"10.9.0.7/24"}]}'
fi
"#;

struct Cluster {
    _api: KubeApi,
    client: kube::Client,
    dir: tempfile::TempDir,
    prefix: String,
}

impl Cluster {
    async fn new(prefix: &str) -> Option<Self> {
        if !nix_is_root() {
            eprintln!("skipped: namespaces need root");
            return None;
        }
        let api = KubeApi::start(KubeOptions::default()).await.unwrap();
        let client = api.client().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let plugin = dir.path().join("script");
        fs::write(&plugin, PLUGIN).unwrap();
        fs::set_permissions(&plugin, fs::Permissions::from_mode(0o755)).unwrap();
        Some(Self {
            _api: api,
            client,
            dir,
            prefix: prefix.to_owned(),
        })
    }

    fn configure(&self) {
        let config = json!({"name": "n", "cniVersion": "1.0.0", "plugins": [{"type": "script"}]});
        let conf = self.dir.path().join("net.d");
        fs::create_dir_all(&conf).unwrap();
        fs::write(conf.join("10-script.conflist"), config.to_string()).unwrap();
    }

    async fn kubelet(&self) -> Kubelet {
        let spec = KubeletSpec {
            node: "node1".to_owned(),
            addresses: vec!["10.0.0.1".parse().unwrap()],
            netns: None,
            netns_prefix: self.prefix.clone(),
            cni_conf_dir: self.dir.path().join("net.d"),
            cni_bin_dirs: vec![self.dir.path().to_owned()],
            state_dir: self.dir.path().join("state"),
        };
        Kubelet::start(self.client.clone(), spec).await.unwrap()
    }

    fn pods(&self) -> Api<Pod> {
        Api::namespaced(self.client.clone(), "default")
    }

    async fn create(&self, name: &str, host_network: bool) -> Pod {
        let spec = json!({
            "nodeName": "node1", "hostNetwork": host_network, "containers": [{"name": "c", "image": "i"}],
        });
        let pod =
            serde_json::from_value(json!({"metadata": {"name": name}, "spec": spec})).unwrap();
        self.pods()
            .create(&PostParams::default(), &pod)
            .await
            .unwrap()
    }

    async fn ready(&self, name: &str) -> Pod {
        let ready = await_condition(self.pods(), name, conditions::is_pod_running());
        within(ready).await.unwrap().unwrap()
    }

    async fn delete(&self, pod: &Pod) {
        let name = pod.metadata.name.clone().unwrap();
        let gone = await_condition(
            self.pods(),
            &name,
            conditions::is_deleted(pod.metadata.uid.as_deref().unwrap()),
        );
        self.pods()
            .delete(&name, &DeleteParams::default())
            .await
            .unwrap();
        within(gone).await.unwrap();
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn calls(&self) -> Vec<String> {
        let calls = fs::read_to_string(self.file("calls")).unwrap_or_default();
        calls
            .lines()
            .map(|line| line.split(' ').next().unwrap().to_owned())
            .collect()
    }

    fn namespaces(&self) -> BTreeSet<String> {
        let entries = fs::read_dir("/run/netns").into_iter().flatten();
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        names
            .filter(|name| name.starts_with(&self.prefix))
            .collect()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for name in self.namespaces() {
            let _ = kuryr_net::netns::delete(&name);
        }
    }
}

fn nix_is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").unwrap().uid() == 0
}

/// A bound for what would otherwise wait for ever; no measure of speed.
async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), future)
        .await
        .expect("it should have happened by now")
}

fn json_of(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_gets_its_network_and_leaves_nothing() {
    let Some(cluster) = Cluster::new("labk1-").await else {
        return;
    };
    cluster.configure();
    let _kubelet = cluster.kubelet().await;
    cluster.create("p", false).await;
    let pod = cluster.ready("p").await;
    let status = pod.status.clone().unwrap();
    assert_eq!(status.pod_ip.as_deref(), Some("10.9.0.7"));
    assert_eq!(status.host_ip.as_deref(), Some("10.0.0.1"));
    assert!(
        status
            .container_statuses
            .unwrap()
            .iter()
            .all(|container| container.ready)
    );
    assert_eq!(cluster.namespaces().len(), 1);

    let environment = fs::read_to_string(cluster.file("env.ADD")).unwrap();
    let uid = pod.metadata.uid.clone().unwrap();
    for part in [
        "CNI_IFNAME=eth0",
        "CNI_NETNS=/run/netns/labk1-cni-",
        "K8S_POD_NAME=p",
        "K8S_POD_NAMESPACE=default",
    ] {
        assert!(environment.contains(part), "{part} in {environment}");
    }
    assert!(environment.contains(&format!("K8S_POD_UID={uid}")));
    assert_eq!(
        json_of(&cluster.file("stdin.ADD")),
        json!({"type": "script", "name": "n", "cniVersion": "1.0.0"})
    );

    cluster.delete(&pod).await;
    assert_eq!(cluster.calls(), ["ADD", "DEL"]);
    let before = json_of(&cluster.file("stdin.DEL"))["prevResult"].clone();
    assert_eq!(before["ips"][0]["address"], "10.9.0.7/24");
    assert!(cluster.namespaces().is_empty());
    assert_eq!(fs::read_dir(cluster.file("state")).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_network_pod_has_the_nodes_address_and_no_plugin() {
    let Some(cluster) = Cluster::new("labk2-").await else {
        return;
    };
    cluster.configure();
    let _kubelet = cluster.kubelet().await;
    cluster.create("h", true).await;
    let pod = cluster.ready("h").await;
    assert_eq!(
        pod.status.clone().unwrap().pod_ip.as_deref(),
        Some("10.0.0.1")
    );
    cluster.delete(&pod).await;
    assert!(cluster.calls().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_plugin_is_told_by_an_event_and_tried_again() {
    let Some(cluster) = Cluster::new("labk3-").await else {
        return;
    };
    cluster.configure();
    fs::write(cluster.file("fail"), "").unwrap();
    let _kubelet = cluster.kubelet().await;
    let events: Api<Event> = Api::namespaced(cluster.client.clone(), "default");
    cluster.create("p", false).await;
    let told = async {
        loop {
            let events = events.list(&ListParams::default()).await.unwrap().items;
            let found = events
                .into_iter()
                .find(|event| event.reason.as_deref() == Some("FailedCreatePodSandBox"));
            match found {
                Some(event) => return event.message.unwrap(),
                None => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    };
    let message = within(told).await;
    assert!(
        message.contains(r#"plugin type="script" failed (add): no trunk on this node; node1"#),
        "{message}"
    );
    fs::remove_file(cluster.file("fail")).unwrap();
    let pod = cluster.ready("p").await;
    assert_eq!(cluster.namespaces().len(), 1, "failed sandboxes are gone");
    cluster.delete(&pod).await;
    assert!(cluster.namespaces().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_kubelet_knows_its_pods_and_removes_those_that_went() {
    let Some(cluster) = Cluster::new("labk4-").await else {
        return;
    };
    cluster.configure();
    let kubelet = cluster.kubelet().await;
    cluster.create("stays", false).await;
    cluster.create("goes", false).await;
    cluster.ready("stays").await;
    cluster.ready("goes").await;
    drop(kubelet);
    let now = DeleteParams::default().grace_period(0);
    cluster.pods().delete("goes", &now).await.unwrap();

    let _kubelet = cluster.kubelet().await;
    let one_left = async {
        while cluster.namespaces().len() != 1 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    within(one_left).await;
    let pod = cluster.ready("stays").await;
    cluster.delete(&pod).await;
    let calls = cluster.calls();
    let count = |verb: &str| calls.iter().filter(|call| *call == verb).count();
    assert_eq!(
        (count("ADD"), count("DEL")),
        (2, 2),
        "nothing was added twice"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_is_ready_once_there_is_a_network() {
    let Some(cluster) = Cluster::new("labk5-").await else {
        return;
    };
    let _kubelet = cluster.kubelet().await;
    let nodes: Api<Node> = Api::all(cluster.client.clone());
    let ready = |node: &Node| {
        let conditions = node
            .status
            .clone()
            .unwrap_or_default()
            .conditions
            .unwrap_or_default();
        let ready = conditions
            .into_iter()
            .find(|condition| condition.type_ == "Ready")
            .unwrap();
        (ready.status, ready.message.unwrap_or_default())
    };
    let (status, message) = ready(&nodes.get("node1").await.unwrap());
    assert_eq!(status, "False");
    assert!(message.contains("cni plugin not initialized"), "{message}");
    cluster.configure();
    let is_ready = |node: Option<&Node>| node.is_some_and(|node| ready(node).0 == "True");
    within(await_condition(nodes, "node1", is_ready))
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_completed_pod_gives_its_network_back_and_stays() {
    let Some(cluster) = Cluster::new("labk6-").await else {
        return;
    };
    cluster.configure();
    let _kubelet = cluster.kubelet().await;
    cluster.create("p", false).await;
    cluster.ready("p").await;
    let done = json!({"status": {"phase": "Succeeded"}});
    let patch = kube::api::Patch::Merge(&done);
    let parameters = kube::api::PatchParams::default();
    cluster
        .pods()
        .patch_status("p", &parameters, &patch)
        .await
        .unwrap();
    let given_back = async {
        while !cluster.namespaces().is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    within(given_back).await;
    let pod = cluster.pods().get("p").await.unwrap();
    assert_eq!(
        pod.status.clone().unwrap().phase.as_deref(),
        Some("Succeeded")
    );
    cluster.delete(&pod).await;
    assert_eq!(cluster.calls(), ["ADD", "DEL"]);
}
