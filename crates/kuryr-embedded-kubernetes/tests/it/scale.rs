//! Ten thousand pods and as many custom objects.

use std::{collections::HashSet, pin::pin};

use futures::TryStreamExt as _;
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api,
    runtime::{WatchStreamExt as _, watcher},
};
use kuryr_embedded_kubernetes::{KubeOptions, api::WriteOptions};
use serde_json::json;

use crate::{
    crds,
    support::{Cluster, MERGE, PODS, pod},
};

const MANY: usize = 10_000;

#[tokio::test]
async fn ten_thousand_pods_are_listed_and_every_change_is_seen() {
    let options = KubeOptions {
        scheduler: false,
        ..KubeOptions::default()
    };
    let cluster = Cluster::with(options).await;
    crds::define(&cluster).await;
    let api = cluster.api.api();
    let (pods, ports) = (
        api.kind("", "pods").unwrap(),
        api.kind("example.org", "ports").unwrap(),
    );
    for number in 0..MANY {
        let (name, write) = (format!("p{number}"), WriteOptions::default());
        api.create(&pods, "default", pod(&name), &write).unwrap();
        api.create(&ports, "default", crds::port(&name), &write)
            .unwrap();
    }

    let watched: Api<Pod> = Api::all(cluster.client.clone());
    let stream = watcher::watcher(watched, watcher::Config::default()).applied_objects();
    let mut applied = pin!(stream);
    let mut seen = HashSet::new();
    while seen.len() < MANY {
        seen.insert(applied.try_next().await.unwrap().unwrap().metadata.name);
    }
    for number in 0..50 {
        let path = format!("{PODS}/p{number}");
        let patch = json!({"metadata": {"labels": {"changed": "yes"}}});
        assert_eq!(cluster.patch(&path, MERGE, patch).await.0, 200);
    }
    let mut changed = HashSet::new();
    while changed.len() < 50 {
        let pod = applied.try_next().await.unwrap().unwrap();
        if pod.metadata.labels.is_some() {
            changed.insert(pod.metadata.name);
        }
    }
    let (_, page) = cluster.get(&format!("{}?limit=1", crds::PORTS)).await;
    assert_eq!(page["metadata"]["remainingItemCount"], MANY - 1);
}
