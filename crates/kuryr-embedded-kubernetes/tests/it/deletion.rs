//! Deleting: finalizers, grace, owners, namespaces.

use serde_json::{Value, json};

use crate::support::{CONFIG_MAPS, Cluster, JSON, MERGE, PODS, config_map, pod};

fn held(name: &str) -> Value {
    let mut object = config_map(name, json!({}));
    object["metadata"]["finalizers"] = json!(["example.org/hold"]);
    object
}

fn owned(name: &str, owner: &Value) -> Value {
    let mut object = config_map(name, json!({}));
    object["metadata"]["ownerReferences"] = json!([{
        "apiVersion": "v1", "kind": "ConfigMap", "blockOwnerDeletion": true,
        "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"],
    }]);
    object
}

fn path(name: &str) -> String {
    format!("{CONFIG_MAPS}/{name}")
}

async fn delete_with(cluster: &Cluster, path: &str, options: Value) -> (u16, Value) {
    cluster.call("DELETE", path, JSON, options).await
}

#[tokio::test]
async fn a_deleted_object_is_gone_and_the_answer_says_which() {
    let cluster = Cluster::start().await;
    let created = cluster
        .create(CONFIG_MAPS, config_map("a", json!({})))
        .await;
    let (code, status) = cluster.delete(&path("a")).await;
    assert_eq!((code, &status["status"]), (200, &json!("Success")));
    assert_eq!(status["details"]["uid"], created["metadata"]["uid"]);
    assert_eq!(cluster.delete(&path("a")).await.0, 404);
}

#[tokio::test]
async fn a_finalizer_holds_an_object() {
    let cluster = Cluster::start().await;
    cluster.create(CONFIG_MAPS, held("a")).await;
    let (_, object) = cluster.delete(&path("a")).await;
    assert!(object["metadata"]["deletionTimestamp"].is_string());
    let add = json!({"metadata": {"finalizers": ["example.org/hold", "example.org/late"]}});
    assert_eq!(cluster.patch(&path("a"), MERGE, add).await.0, 422);
    let release = json!({"metadata": {"finalizers": []}});
    assert_eq!(cluster.patch(&path("a"), MERGE, release).await.0, 200);
    assert_eq!(cluster.get(&path("a")).await.0, 404);
}

#[tokio::test]
async fn a_precondition_that_does_not_hold_is_refused() {
    let cluster = Cluster::start().await;
    cluster
        .create(CONFIG_MAPS, config_map("a", json!({})))
        .await;
    let options = json!({"preconditions": {"uid": "other"}});
    let (code, status) = delete_with(&cluster, &path("a"), options).await;
    assert_eq!((code, &status["reason"]), (409, &json!("Conflict")));
    assert_eq!(cluster.get(&path("a")).await.0, 200);
}

#[tokio::test]
async fn a_pod_on_a_node_waits_for_its_kubelet() {
    let cluster = Cluster::start().await;
    let mut bound = pod("a");
    bound["spec"]["nodeName"] = json!("node1");
    cluster.create(PODS, bound).await;
    let pod_path = format!("{PODS}/a");
    let (_, marked) = cluster.delete(&pod_path).await;
    assert_eq!(marked["metadata"]["deletionGracePeriodSeconds"], 30);
    let (_, again) = cluster.delete(&pod_path).await;
    assert_eq!(again["metadata"], marked["metadata"]);
    let (code, _) = delete_with(&cluster, &pod_path, json!({"gracePeriodSeconds": 0})).await;
    assert_eq!(code, 200);
    assert_eq!(cluster.get(&pod_path).await.0, 404);
}

#[tokio::test]
async fn a_pod_without_a_node_goes_at_once() {
    let cluster = Cluster::start().await;
    cluster.create(PODS, pod("a")).await;
    let (_, object) = cluster.delete(&format!("{PODS}/a")).await;
    assert_eq!(object["kind"], "Pod");
    assert_eq!(cluster.get(&format!("{PODS}/a")).await.0, 404);
}

#[tokio::test]
async fn a_pod_with_a_finalizer_outlives_its_kubelet() {
    let cluster = Cluster::start().await;
    let mut bound = pod("a");
    bound["spec"]["nodeName"] = json!("node1");
    bound["metadata"]["finalizers"] = json!(["example.org/hold"]);
    cluster.create(PODS, bound).await;
    let pod_path = format!("{PODS}/a");
    cluster.delete(&pod_path).await;
    let release = json!({"metadata": {"finalizers": null}});
    let (_, pod) = delete_with(&cluster, &pod_path, json!({"gracePeriodSeconds": 0})).await;
    assert_eq!(pod["metadata"]["deletionGracePeriodSeconds"], 0);
    cluster.patch(&pod_path, MERGE, release).await;
    assert_eq!(cluster.get(&pod_path).await.0, 404);
}

#[tokio::test]
async fn a_collection_is_deleted_by_selector() {
    let cluster = Cluster::start().await;
    cluster
        .create(CONFIG_MAPS, config_map("a", json!({"x": "1"})))
        .await;
    cluster
        .create(CONFIG_MAPS, config_map("b", json!({"x": "2"})))
        .await;
    cluster
        .delete(&format!("{CONFIG_MAPS}?labelSelector=x%3D1"))
        .await;
    assert_eq!(cluster.get(&path("a")).await.0, 404);
    assert_eq!(cluster.get(&path("b")).await.0, 200);
}

#[tokio::test]
async fn what_is_owned_goes_with_its_owner() {
    let cluster = Cluster::start().await;
    let owner = cluster
        .create(CONFIG_MAPS, config_map("owner", json!({})))
        .await;
    let child = cluster.create(CONFIG_MAPS, owned("child", &owner)).await;
    cluster
        .create(CONFIG_MAPS, owned("grandchild", &child))
        .await;
    cluster.delete(&path("owner")).await;
    cluster.until_gone(&path("grandchild")).await;
    assert_eq!(cluster.get(&path("child")).await.0, 404);
}

#[tokio::test]
async fn an_object_whose_owner_never_was_goes() {
    let cluster = Cluster::start().await;
    let nobody = json!({"metadata": {"name": "x", "uid": "none"}});
    cluster.create(CONFIG_MAPS, owned("child", &nobody)).await;
    cluster.until_gone(&path("child")).await;
}

#[tokio::test]
async fn foreground_deletion_waits_for_what_is_owned() {
    let cluster = Cluster::start().await;
    let owner = cluster
        .create(CONFIG_MAPS, config_map("owner", json!({})))
        .await;
    let mut child = owned("child", &owner);
    child["metadata"]["finalizers"] = json!(["example.org/hold"]);
    cluster.create(CONFIG_MAPS, child).await;
    let options = json!({"propagationPolicy": "Foreground"});
    delete_with(&cluster, &path("owner"), options).await;
    cluster
        .until(&path("child"), |_, child| {
            child["metadata"]["deletionTimestamp"].is_string()
        })
        .await;
    assert_eq!(cluster.get(&path("owner")).await.0, 200);
    cluster
        .patch(
            &path("child"),
            MERGE,
            json!({"metadata": {"finalizers": null}}),
        )
        .await;
    cluster.until_gone(&path("owner")).await;
}

#[tokio::test]
async fn orphans_stay() {
    let cluster = Cluster::start().await;
    let owner = cluster
        .create(CONFIG_MAPS, config_map("owner", json!({})))
        .await;
    cluster.create(CONFIG_MAPS, owned("child", &owner)).await;
    let options = json!({"propagationPolicy": "Orphan"});
    delete_with(&cluster, &path("owner"), options).await;
    cluster.until_gone(&path("owner")).await;
    let (code, child) = cluster.get(&path("child")).await;
    assert_eq!(
        (code, &child["metadata"]["ownerReferences"]),
        (200, &Value::Null)
    );
}

#[tokio::test]
async fn a_namespace_goes_after_its_contents() {
    let cluster = Cluster::start().await;
    cluster
        .create("/api/v1/namespaces", json!({"metadata": {"name": "n"}}))
        .await;
    let inside = "/api/v1/namespaces/n/configmaps";
    cluster.create(inside, held("a")).await;
    cluster.create(inside, config_map("b", json!({}))).await;
    let (_, namespace) = cluster.delete("/api/v1/namespaces/n").await;
    assert_eq!(namespace["status"]["phase"], "Terminating");
    cluster.until_gone(&format!("{inside}/b")).await;
    let (code, status) = cluster.post(inside, config_map("c", json!({}))).await;
    assert_eq!(
        (code, &status["details"]["causes"][0]["reason"]),
        (403, &json!("NamespaceTerminating"))
    );
    assert_eq!(cluster.get("/api/v1/namespaces/n").await.0, 200);
    cluster
        .patch(
            &format!("{inside}/a"),
            MERGE,
            json!({"metadata": {"finalizers": null}}),
        )
        .await;
    cluster.until_gone("/api/v1/namespaces/n").await;
}

#[tokio::test]
async fn every_namespace_has_its_service_account() {
    let cluster = Cluster::start().await;
    cluster
        .create("/api/v1/namespaces", json!({"metadata": {"name": "n"}}))
        .await;
    let account = "/api/v1/namespaces/n/serviceaccounts/default";
    cluster.until(account, |code, _| code == 200).await;
}
