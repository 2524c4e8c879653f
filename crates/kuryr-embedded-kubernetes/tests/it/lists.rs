//! Lists: selectors, pages, versions and forms.

use serde_json::{Value, json};

use crate::support::{CONFIG_MAPS, Cluster, PODS, config_map, pod};

fn names(list: &Value) -> Vec<&str> {
    let items = list["items"].as_array().unwrap();
    items
        .iter()
        .map(|item| item["metadata"]["name"].as_str().unwrap())
        .collect()
}

async fn with_config_maps(count: usize) -> Cluster {
    let cluster = Cluster::start().await;
    for number in 0..count {
        let labels = json!({"parity": if number % 2 == 0 { "even" } else { "odd" }});
        cluster
            .create(CONFIG_MAPS, config_map(&format!("c{number}"), labels))
            .await;
    }
    cluster
}

#[tokio::test]
async fn selectors_choose() {
    let cluster = with_config_maps(4).await;
    let list = async |query: &str| {
        let (code, list) = cluster.get(&format!("{CONFIG_MAPS}?{query}")).await;
        assert_eq!(code, 200, "{list}");
        names(&list).join(" ")
    };
    assert_eq!(list("labelSelector=parity%3Dodd").await, "c1 c3");
    assert_eq!(list("labelSelector=parity%20notin%20(odd)").await, "c0 c2");
    assert_eq!(list("fieldSelector=metadata.name%3Dc2").await, "c2");
    assert_eq!(
        list("labelSelector=parity%3Dodd&fieldSelector=metadata.name!%3Dc1").await,
        "c3"
    );
}

#[tokio::test]
async fn a_field_that_cannot_be_selected_is_named() {
    let cluster = Cluster::start().await;
    let (code, status) = cluster
        .get(&format!("{PODS}?fieldSelector=spec.foo%3Da"))
        .await;
    assert_eq!(
        (code, &status["message"]),
        (400, &json!("field label not supported: spec.foo"))
    );
    assert_eq!(
        cluster.get(&format!("{PODS}?labelSelector=a%20b")).await.0,
        400
    );
}

#[tokio::test]
async fn pods_are_selected_by_node_and_phase() {
    let cluster = Cluster::start().await;
    let mut bound = pod("a");
    bound["spec"]["nodeName"] = json!("node1");
    cluster.create(PODS, bound).await;
    cluster.create(PODS, pod("b")).await;
    let list = async |selector: &str| {
        let (_, list) = cluster
            .get(&format!("/api/v1/pods?fieldSelector={selector}"))
            .await;
        names(&list).join(" ")
    };
    assert_eq!(list("spec.nodeName%3Dnode1").await, "a");
    assert_eq!(list("spec.nodeName%3D").await, "b");
    assert_eq!(
        list("status.phase%3DPending,spec.nodeName%3Dnode1").await,
        "a"
    );
}

#[tokio::test]
async fn all_pages_show_one_state() {
    let cluster = with_config_maps(5).await;
    let (_, first) = cluster.get(&format!("{CONFIG_MAPS}?limit=2")).await;
    assert_eq!(first["metadata"]["remainingItemCount"], 3);
    cluster.delete(&format!("{CONFIG_MAPS}/c3")).await;
    let mut seen = names(&first).join(" ");
    let mut page = first.clone();
    while let Some(token) = page["metadata"]["continue"].as_str() {
        page = cluster
            .get(&format!("{CONFIG_MAPS}?limit=2&continue={token}"))
            .await
            .1;
        assert_eq!(
            page["metadata"]["resourceVersion"],
            first["metadata"]["resourceVersion"]
        );
        seen = format!("{seen} {}", names(&page).join(" "));
    }
    assert_eq!(seen, "c0 c1 c2 c3 c4");
}

#[tokio::test]
async fn a_forgotten_page_or_version_is_gone() {
    let cluster = with_config_maps(3).await;
    let (_, first) = cluster.get(&format!("{CONFIG_MAPS}?limit=1")).await;
    let token = first["metadata"]["continue"].as_str().unwrap();
    let version = first["metadata"]["resourceVersion"].as_str().unwrap();
    cluster.api.expire_history();
    let exact = format!("resourceVersion={version}&resourceVersionMatch=Exact");
    for query in [format!("limit=1&continue={token}"), exact] {
        let (code, status) = cluster.get(&format!("{CONFIG_MAPS}?{query}")).await;
        assert_eq!(
            (code, &status["reason"]),
            (410, &json!("Expired")),
            "{query}"
        );
    }
}

#[tokio::test]
async fn versions_are_kept_exactly_or_refused() {
    let cluster = with_config_maps(2).await;
    let (_, before) = cluster.get(CONFIG_MAPS).await;
    let version: u64 = before["metadata"]["resourceVersion"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    cluster.delete(&format!("{CONFIG_MAPS}/c0")).await;
    let list = async |query: String| cluster.get(&format!("{CONFIG_MAPS}?{query}")).await;
    let (_, exact) = list(format!(
        "resourceVersion={version}&resourceVersionMatch=Exact"
    ))
    .await;
    assert_eq!(names(&exact), ["c0", "c1"]);
    let (_, newer) = list(format!(
        "resourceVersion={version}&resourceVersionMatch=NotOlderThan"
    ))
    .await;
    assert_eq!(names(&newer), ["c1"]);
    let (code, status) = list(format!("resourceVersion={}", version + 1000)).await;
    assert_eq!((code, &status["reason"]), (504, &json!("Timeout")));
    assert_eq!(list("resourceVersion=abc".into()).await.0, 400);
    assert_eq!(list("resourceVersionMatch=Exact".into()).await.0, 422);
}

#[tokio::test]
async fn a_table_has_cells_and_metadata() {
    let cluster = Cluster::start().await;
    cluster.create(PODS, pod("a")).await;
    let accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
    let (_, table) = cluster.get_as(PODS, accept).await;
    assert_eq!(table["kind"], "Table");
    let columns: Vec<&str> = table["columnDefinitions"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|column| column["priority"] == 0)
        .map(|column| column["name"].as_str().unwrap())
        .collect();
    assert_eq!(columns, ["Name", "Ready", "Status", "Restarts", "Age"]);
    assert_eq!(table["rows"][0]["cells"][0], "a");
    assert_eq!(table["rows"][0]["cells"][2], "Pending");
    assert_eq!(table["rows"][0]["object"]["kind"], "PartialObjectMetadata");
}

#[tokio::test]
async fn metadata_alone_can_be_asked_for() {
    let cluster = with_config_maps(1).await;
    let accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
    let (_, list) = cluster.get_as(CONFIG_MAPS, accept).await;
    assert_eq!(list["kind"], "PartialObjectMetadataList");
    assert_eq!(list["items"][0]["data"], Value::Null);
    assert_eq!(list["items"][0]["metadata"]["name"], "c0");
}

#[tokio::test]
async fn items_of_built_in_lists_stand_without_their_kind() {
    let cluster = with_config_maps(1).await;
    let (_, list) = cluster.get(CONFIG_MAPS).await;
    assert_eq!(list["kind"], "ConfigMapList");
    assert_eq!(list["items"][0]["kind"], Value::Null);
}
