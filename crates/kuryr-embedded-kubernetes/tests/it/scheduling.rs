//! Pods come to nodes.

use kuryr_embedded_kubernetes::KubeOptions;
use serde_json::json;

use crate::support::{Cluster, MERGE, PODS, node, pod};

#[tokio::test]
async fn pods_go_to_ready_nodes_in_turn() {
    let cluster = Cluster::start().await;
    for (name, ready) in [("n1", true), ("n2", true), ("n3", false)] {
        cluster.create("/api/v1/nodes", node(name, ready)).await;
    }
    let mut nodes = Vec::new();
    for number in 0..4 {
        cluster.create(PODS, pod(&format!("p{number}"))).await;
        let path = format!("{PODS}/p{number}");
        let pod = cluster
            .until(&path, |_, pod| pod["spec"]["nodeName"].is_string())
            .await;
        nodes.push(pod["spec"]["nodeName"].as_str().unwrap().to_owned());
        assert_eq!(pod["status"]["conditions"][0]["type"], "PodScheduled");
    }
    assert_eq!(nodes, ["n1", "n2", "n1", "n2"]);
}

#[tokio::test]
async fn a_pod_waits_for_a_node_that_fits() {
    let cluster = Cluster::start().await;
    cluster.create("/api/v1/nodes", node("n1", true)).await;
    cluster.create("/api/v1/nodes", node("n2", false)).await;
    let mut picky = pod("p");
    picky["spec"]["nodeSelector"] = json!({"name": "n2"});
    cluster.create(PODS, picky).await;
    let path = format!("{PODS}/p");
    cluster
        .until(&path, |_, pod| {
            pod["status"]["conditions"][0]["reason"] == "Unschedulable"
        })
        .await;
    let ready = json!({"status": node("n2", true)["status"]});
    cluster.patch("/api/v1/nodes/n2/status", MERGE, ready).await;
    cluster
        .until(&path, |_, pod| pod["spec"]["nodeName"] == "n2")
        .await;
}

#[tokio::test]
async fn a_cordoned_node_gets_nothing() {
    let cluster = Cluster::start().await;
    for name in ["n1", "n2"] {
        cluster.create("/api/v1/nodes", node(name, true)).await;
    }
    let cordon = json!({"spec": {"unschedulable": true}});
    cluster.patch("/api/v1/nodes/n1", MERGE, cordon).await;
    for number in 0..2 {
        cluster.create(PODS, pod(&format!("p{number}"))).await;
        let path = format!("{PODS}/p{number}");
        cluster
            .until(&path, |_, pod| pod["spec"]["nodeName"] == "n2")
            .await;
    }
}

#[tokio::test]
async fn without_the_scheduler_a_binding_decides_once() {
    let options = KubeOptions {
        scheduler: false,
        ..KubeOptions::default()
    };
    let cluster = Cluster::with(options).await;
    cluster.create(PODS, pod("p")).await;
    let binding = json!({"metadata": {"name": "p"}, "target": {"kind": "Node", "name": "n1"}});
    let path = format!("{PODS}/p/binding");
    assert_eq!(cluster.post(&path, binding.clone()).await.0, 201);
    assert_eq!(
        cluster.get(&format!("{PODS}/p")).await.1["spec"]["nodeName"],
        "n1"
    );
    assert_eq!(cluster.post(&path, binding).await.0, 409);
}
