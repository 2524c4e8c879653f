//! Watches: order, versions, bookmarks, filters, and how they end.

use std::{pin::pin, time::Duration};

use futures::TryStreamExt as _;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api,
    runtime::watcher::{self, Event},
};
use kuryr_embedded_kubernetes::KubeOptions;
use serde_json::json;

use crate::support::{CONFIG_MAPS, Cluster, MERGE, PODS, config_map, next, next_brief, pod};

async fn version(cluster: &Cluster) -> String {
    let (_, list) = cluster.get(CONFIG_MAPS).await;
    list["metadata"]["resourceVersion"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn a_watch_goes_on_where_the_list_ended() {
    let cluster = Cluster::start().await;
    cluster
        .create(CONFIG_MAPS, config_map("a", json!({})))
        .await;
    let version = version(&cluster).await;
    cluster
        .create(CONFIG_MAPS, config_map("b", json!({})))
        .await;
    let mut lines = cluster
        .watch(&format!(
            "{CONFIG_MAPS}?watch=true&resourceVersion={version}"
        ))
        .await;
    assert_eq!(next_brief(&mut lines).await, "ADDED b");
    cluster
        .patch(
            &format!("{CONFIG_MAPS}/a"),
            MERGE,
            json!({"data": {"a": "2"}}),
        )
        .await;
    assert_eq!(next_brief(&mut lines).await, "MODIFIED a");
    let (_, gone) = cluster.delete(&format!("{CONFIG_MAPS}/a")).await;
    let line = next(&mut lines).await;
    assert_eq!(line["type"], "DELETED");
    assert_eq!(line["object"]["metadata"]["uid"], gone["details"]["uid"]);
    assert_eq!(line["object"]["kind"], "ConfigMap");
}

#[tokio::test]
async fn a_watch_without_a_version_starts_with_the_state() {
    let cluster = Cluster::start().await;
    cluster
        .create(CONFIG_MAPS, config_map("a", json!({})))
        .await;
    for query in ["watch=1", "watch=true&resourceVersion=0"] {
        let mut lines = cluster.watch(&format!("{CONFIG_MAPS}?{query}")).await;
        assert_eq!(next_brief(&mut lines).await, "ADDED a");
    }
}

#[tokio::test]
async fn a_forgotten_version_is_an_error_event() {
    let options = KubeOptions {
        history: 3,
        ..KubeOptions::default()
    };
    let cluster = Cluster::with(options).await;
    for name in ["a", "b", "c", "d", "e", "f"] {
        cluster
            .create(CONFIG_MAPS, config_map(name, json!({})))
            .await;
    }
    let mut lines = cluster
        .watch(&format!("{CONFIG_MAPS}?watch=true&resourceVersion=1"))
        .await;
    let line = next(&mut lines).await;
    assert_eq!(line["type"], "ERROR");
    assert_eq!(
        (&line["object"]["code"], &line["object"]["reason"]),
        (&json!(410), &json!("Expired"))
    );
    assert_eq!(next(&mut lines).await["type"], "END");
}

#[tokio::test]
async fn an_object_that_moves_out_of_the_filter_is_deleted_for_it() {
    let cluster = Cluster::start().await;
    let mut bound = pod("a");
    bound["spec"]["nodeName"] = json!("node1");
    let path = "/api/v1/pods?watch=true&fieldSelector=spec.nodeName%3Dnode1,status.phase%3DPending";
    let mut lines = cluster.watch(path).await;
    cluster.create(PODS, pod("other")).await;
    cluster.create(PODS, bound).await;
    assert_eq!(next_brief(&mut lines).await, "ADDED a");
    let status = json!({"status": {"phase": "Running"}});
    cluster
        .patch(&format!("{PODS}/a/status"), MERGE, status)
        .await;
    assert_eq!(next_brief(&mut lines).await, "DELETED a");
}

#[tokio::test]
async fn bookmarks_tell_how_far_a_quiet_watch_has_come() {
    let options = KubeOptions {
        bookmark_every: Duration::from_millis(20),
        ..KubeOptions::default()
    };
    let cluster = Cluster::with(options).await;
    let version = version(&cluster).await;
    let path =
        format!("{CONFIG_MAPS}?watch=true&allowWatchBookmarks=true&resourceVersion={version}");
    let mut lines = cluster.watch(&path).await;
    let other = cluster.create(PODS, pod("a")).await;
    let wanted: u64 = other["metadata"]["resourceVersion"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    loop {
        let line = next(&mut lines).await;
        assert_eq!(
            (&line["type"], &line["object"]["kind"]),
            (&json!("BOOKMARK"), &json!("ConfigMap"))
        );
        let seen: u64 = line["object"]["metadata"]["resourceVersion"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap();
        if seen >= wanted {
            break;
        }
    }
}

#[tokio::test]
async fn a_watch_ends_after_its_time() {
    let cluster = Cluster::start().await;
    let mut lines = cluster
        .watch(&format!("{CONFIG_MAPS}?watch=true&timeoutSeconds=1"))
        .await;
    assert_eq!(next(&mut lines).await["type"], "END");
}

#[tokio::test]
async fn streamed_lists_are_refused() {
    let cluster = Cluster::start().await;
    let query = "watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan";
    let (code, status) = cluster.get(&format!("{CONFIG_MAPS}?{query}")).await;
    assert_eq!((code, &status["reason"]), (422, &json!("Invalid")));
}

#[tokio::test]
async fn a_watch_of_tables_sends_rows() {
    let cluster = Cluster::start().await;
    cluster
        .create(CONFIG_MAPS, config_map("a", json!({})))
        .await;
    let request = axum::http::Request::get(format!("{CONFIG_MAPS}?watch=true&timeoutSeconds=1"))
        .header("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io")
        .body(kube::client::Body::empty())
        .unwrap();
    let (_, line) = cluster.send(request).await;
    assert_eq!(line["object"]["kind"], "Table");
    assert_eq!(line["object"]["rows"][0]["cells"][0], "a");
}

#[tokio::test]
async fn the_watcher_of_kube_lists_again_after_410() {
    let cluster = Cluster::start().await;
    cluster
        .create(CONFIG_MAPS, config_map("a", json!({})))
        .await;
    let api: Api<ConfigMap> = Api::namespaced(cluster.client.clone(), "default");
    let mut events = pin!(watcher::watcher(api, watcher::Config::default()));
    let mut lists = 0;
    while lists < 2 {
        match events.try_next().await {
            Ok(Some(Event::InitDone)) => {
                lists += 1;
                cluster
                    .create(CONFIG_MAPS, config_map(&format!("b{lists}"), json!({})))
                    .await;
            }
            // The watch is open once it delivers: then its history goes.
            Ok(Some(Event::Apply(_))) => cluster.api.expire_history(),
            Ok(event) => assert!(event.is_some()),
            Err(watcher::Error::WatchError(status)) => assert_eq!(status.code, 410),
            Err(error) => panic!("{error}"),
        }
    }
}
