//! The four kinds of patches, and the status subresource.

use serde_json::{Value, json};

use crate::{
    crds,
    support::{APPLY, CONFIG_MAPS, Cluster, JSON_PATCH, MERGE, PODS, STRATEGIC, config_map, pod},
};

async fn with_config_map() -> (Cluster, String) {
    let cluster = Cluster::start().await;
    cluster
        .create(CONFIG_MAPS, config_map("a", json!({"x": "1"})))
        .await;
    (cluster, format!("{CONFIG_MAPS}/a"))
}

#[tokio::test]
async fn a_merge_patch_sets_and_removes() {
    let (cluster, path) = with_config_map().await;
    let patch = json!({"data": {"a": null, "b": "2"}});
    let (code, object) = cluster.patch(&path, MERGE, patch).await;
    assert_eq!((code, &object["data"]), (200, &json!({"b": "2"})));
}

#[tokio::test]
async fn a_merge_patch_with_a_stale_version_is_refused() {
    let (cluster, path) = with_config_map().await;
    let patch = json!({"metadata": {"resourceVersion": "1"}, "data": {"b": "2"}});
    assert_eq!(cluster.patch(&path, MERGE, patch).await.0, 409);
}

#[tokio::test]
async fn a_json_patch_that_does_not_fit_changes_nothing() {
    let (cluster, path) = with_config_map().await;
    let patch = json!([
        {"op": "add", "path": "/data/b", "value": "2"},
        {"op": "test", "path": "/data/a", "value": "other"},
    ]);
    let (code, status) = cluster.patch(&path, JSON_PATCH, patch).await;
    assert_eq!((code, &status["reason"]), (422, &json!("Invalid")));
    assert_eq!(cluster.get(&path).await.1["data"], json!({"a": "1"}));
}

#[tokio::test]
async fn unreadable_and_unknown_patches_are_refused() {
    let (cluster, path) = with_config_map().await;
    for (kind, body, wanted) in [
        (JSON_PATCH, "{", 400),
        (JSON_PATCH, "{}", 400),
        (MERGE, "[]", 400),
        ("text/plain", "{}", 415),
    ] {
        let (code, status) = cluster.call("PATCH", &path, kind, body).await;
        assert_eq!(
            (code, &status["kind"]),
            (wanted, &json!("Status")),
            "{kind} {body}"
        );
    }
}

#[tokio::test]
async fn a_strategic_patch_joins_conditions() {
    let cluster = Cluster::start().await;
    cluster.create(PODS, pod("a")).await;
    let path = format!("{PODS}/a/status");
    for (kind, status) in [("Ready", "False"), ("Other", "True"), ("Ready", "True")] {
        let patch = json!({"status": {"conditions": [{"type": kind, "status": status}]}});
        assert_eq!(cluster.patch(&path, STRATEGIC, patch).await.0, 200);
    }
    let (_, pod) = cluster.get(&path).await;
    let find = |kind: &str| -> Vec<&Value> {
        let conditions = pod["status"]["conditions"].as_array().unwrap();
        conditions
            .iter()
            .filter(|condition| condition["type"] == kind)
            .collect()
    };
    assert_eq!(find("Ready").len(), 1);
    assert_eq!(find("Ready")[0]["status"], "True");
    assert_eq!(find("Other").len(), 1);
}

#[tokio::test]
async fn custom_resources_take_no_strategic_patch() {
    let cluster = Cluster::start().await;
    crds::define(&cluster).await;
    cluster.create(crds::PORTS, crds::port("a")).await;
    let path = format!("{}/a", crds::PORTS);
    assert_eq!(cluster.patch(&path, STRATEGIC, json!({})).await.0, 415);
}

#[tokio::test]
async fn apply_creates_updates_and_gives_up_fields() {
    let cluster = Cluster::start().await;
    let path = format!("{CONFIG_MAPS}/a?fieldManager=m");
    let config = |data: Value| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": data});
    let (code, _) = cluster
        .patch(&path, APPLY, config(json!({"x": "1", "y": "1"})))
        .await;
    assert_eq!(code, 201);
    let (code, object) = cluster.patch(&path, APPLY, config(json!({"x": "2"}))).await;
    assert_eq!((code, &object["data"]), (200, &json!({"x": "2"})));
    let (_, same) = cluster.patch(&path, APPLY, config(json!({"x": "2"}))).await;
    assert_eq!(
        same["metadata"]["resourceVersion"],
        object["metadata"]["resourceVersion"]
    );
    let fields = &object["metadata"]["managedFields"][0];
    assert_eq!(
        (&fields["manager"], &fields["operation"]),
        (&json!("m"), &json!("Apply"))
    );
    assert_eq!(fields["fieldsV1"], json!({"f:data": {"f:x": {}}}));
}

#[tokio::test]
async fn apply_needs_a_version_and_to_create_a_name() {
    let cluster = Cluster::start().await;
    let path = format!("{CONFIG_MAPS}/a?fieldManager=m");
    let nameless = json!({"apiVersion": "v1", "kind": "ConfigMap"});
    let (code, status) = cluster.patch(&path, APPLY, nameless).await;
    assert_eq!(code, 400);
    assert_eq!(
        status["message"],
        "the name of the object (a based on URL) was undeterminable: name must be provided"
    );
    let versionless = json!({"kind": "ConfigMap", "metadata": {"name": "a"}});
    assert_eq!(cluster.patch(&path, APPLY, versionless).await.0, 400);
}

#[tokio::test]
async fn a_patch_cannot_change_the_uid() {
    let (cluster, path) = with_config_map().await;
    let patch = json!({"metadata": {"uid": "other"}});
    let (code, status) = cluster.patch(&path, MERGE, patch).await;
    assert_eq!(
        (code, &status["details"]["causes"][0]["field"]),
        (422, &json!("metadata.uid"))
    );
}

#[tokio::test]
async fn apply_conflicts_between_managers_unless_forced() {
    let cluster = Cluster::start().await;
    let config = |x: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"x": x}});
    let path = |query: &str| format!("{CONFIG_MAPS}/a?fieldManager={query}");
    cluster.patch(&path("one"), APPLY, config("1")).await;
    let (code, status) = cluster.patch(&path("two"), APPLY, config("2")).await;
    assert_eq!((code, &status["reason"]), (409, &json!("Conflict")));
    assert_eq!(
        status["message"],
        "Apply failed with 1 conflict: conflict with \"one\": .data.x"
    );
    assert_eq!(status["details"]["causes"][0]["field"], ".data.x");
    let (code, _) = cluster
        .patch(&path("two&force=true"), APPLY, config("2"))
        .await;
    assert_eq!(code, 200);
    let (code, _) = cluster
        .patch(&format!("{CONFIG_MAPS}/a"), APPLY, config("2"))
        .await;
    assert_eq!(code, 422, "a manager must be named");
}

#[tokio::test]
async fn the_status_changes_by_its_subresource_alone() {
    let cluster = Cluster::start().await;
    cluster.create(PODS, pod("a")).await;
    let both = json!({
        "metadata": {"labels": {"b": "c"}},
        "status": {"phase": "Running"},
    });
    let (_, main) = cluster.patch(&format!("{PODS}/a"), MERGE, both).await;
    assert_eq!(
        (&main["status"]["phase"], &main["metadata"]["labels"]["b"]),
        (&json!("Pending"), &json!("c"))
    );
    let both = json!({"spec": {"restartPolicy": "Never"}, "status": {"phase": "Running"}});
    let (_, sub) = cluster
        .patch(&format!("{PODS}/a/status"), MERGE, both)
        .await;
    assert_eq!(
        (&sub["status"]["phase"], &sub["spec"]["restartPolicy"]),
        (&json!("Running"), &json!("Always"))
    );
}

#[tokio::test]
async fn patches_at_once_are_all_kept() {
    let (cluster, path) = with_config_map().await;
    let patches = (0..16).map(|number| {
        let patch = json!({"data": {format!("k{number}"): "1"}});
        cluster.patch(&path, MERGE, patch)
    });
    let codes = futures::future::join_all(patches).await;
    assert!(codes.iter().all(|(code, _)| *code == 200));
    assert_eq!(
        cluster.get(&path).await.1["data"]
            .as_object()
            .unwrap()
            .len(),
        17
    );
}
