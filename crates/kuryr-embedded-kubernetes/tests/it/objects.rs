//! Creating, reading and updating single objects, and the answers to bad requests.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::support::{CONFIG_MAPS, Cluster, JSON, PODS, config_map, pod};

fn path(base: &str, name: &str) -> String {
    format!("{base}/{name}")
}

#[tokio::test]
async fn a_new_object_gets_its_identity() {
    let cluster = Cluster::start().await;
    let created = cluster
        .create(CONFIG_MAPS, config_map("a", json!({})))
        .await;
    let meta = &created["metadata"];
    assert_eq!(
        (&created["kind"], &created["apiVersion"]),
        (&json!("ConfigMap"), &json!("v1"))
    );
    assert_eq!(meta["namespace"], "default");
    for field in ["uid", "resourceVersion", "creationTimestamp"] {
        assert!(meta[field].is_string(), "{field}");
    }
    assert_eq!(cluster.get(&path(CONFIG_MAPS, "a")).await, (200, created));
}

#[tokio::test]
async fn a_name_is_generated_from_its_prefix() {
    let cluster = Cluster::start().await;
    let object = json!({"metadata": {"generateName": "a-"}});
    let created = cluster.create(CONFIG_MAPS, object).await;
    let name = created["metadata"]["name"].as_str().unwrap();
    assert!(name.starts_with("a-") && name.len() == 7, "{name}");
}

#[tokio::test]
async fn a_taken_name_is_refused() {
    let cluster = Cluster::start().await;
    cluster
        .create(CONFIG_MAPS, config_map("a", json!({})))
        .await;
    let (code, status) = cluster.post(CONFIG_MAPS, config_map("a", json!({}))).await;
    assert_eq!((code, &status["reason"]), (409, &json!("AlreadyExists")));
    assert_eq!(status["message"], "configmaps \"a\" already exists");
    assert_eq!(
        status["details"],
        json!({"name": "a", "kind": "configmaps"})
    );
}

#[tokio::test]
async fn a_stale_version_is_refused_and_nothing_is_lost() {
    let cluster = Cluster::start().await;
    let old = cluster
        .create(CONFIG_MAPS, config_map("a", json!({})))
        .await;
    let mut new = old.clone();
    new["data"]["a"] = json!("2");
    assert_eq!(cluster.put(&path(CONFIG_MAPS, "a"), &new).await.0, 200);
    let (code, status) = cluster.put(&path(CONFIG_MAPS, "a"), &old).await;
    assert_eq!((code, &status["reason"]), (409, &json!("Conflict")));
    assert_eq!(
        status["message"],
        "Operation cannot be fulfilled on configmaps \"a\": the object has been modified; \
         please apply your changes to the latest version and try again"
    );
    assert_eq!(
        cluster.get(&path(CONFIG_MAPS, "a")).await.1["data"]["a"],
        "2"
    );
}

#[tokio::test]
async fn an_update_that_changes_nothing_makes_no_version() {
    let cluster = Cluster::start().await;
    let created = cluster
        .create(CONFIG_MAPS, config_map("a", json!({"b": "c"})))
        .await;
    let (_, same) = cluster.put(&path(CONFIG_MAPS, "a"), &created).await;
    assert_eq!(same, created);
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let cluster = Cluster::start().await;
    let (code, status) = cluster.get(&path(PODS, "a")).await;
    assert_eq!(
        (code, &status["message"]),
        (404, &json!("pods \"a\" not found"))
    );
    let elsewhere = "/api/v1/namespaces/nowhere/configmaps";
    let (code, status) = cluster.post(elsewhere, config_map("a", json!({}))).await;
    assert_eq!(
        (code, &status["message"]),
        (404, &json!("namespaces \"nowhere\" not found"))
    );
    let (code, status) = cluster.get("/api/v1/unknowns").await;
    assert_eq!((code, &status["reason"]), (404, &json!("NotFound")));
    assert_eq!(cluster.get("/nothing").await.0, 404);
}

#[tokio::test]
async fn bad_requests_are_refused_with_a_status() {
    let cluster = Cluster::start().await;
    let bodies = [
        "{\"metadata\":",
        "[]",
        "<html>",
        "",
        "{\"kind\":\"Pod\"}",
        "{\"data\":3}",
    ];
    for body in bodies {
        let (code, status) = cluster.call("POST", CONFIG_MAPS, JSON, body).await;
        assert_eq!((code, &status["kind"]), (400, &json!("Status")), "{body}");
    }
    for name in ["Upper", "-a", "a_b", ""] {
        let (code, status) = cluster.post(CONFIG_MAPS, config_map(name, json!({}))).await;
        assert_eq!(
            (code, &status["details"]["causes"][0]["field"]),
            (422, &json!("metadata.name"))
        );
    }
    let huge = "x".repeat(4 * 1024 * 1024);
    assert_eq!(cluster.call("POST", CONFIG_MAPS, JSON, huge).await.0, 413);
    assert_eq!(cluster.call("PUT", CONFIG_MAPS, JSON, "{}").await.0, 405);
}

#[tokio::test]
async fn bad_metadata_is_refused() {
    let cluster = Cluster::start().await;
    for (field, value) in [
        ("labels", json!({"a b": "c"})),
        ("labels", json!({"a": "c d"})),
        ("annotations", json!({"a b": "c"})),
        ("finalizers", json!(["without-domain"])),
        (
            "ownerReferences",
            json!([{"apiVersion": "v1", "kind": "Pod", "name": "a", "uid": ""}]),
        ),
    ] {
        let object = json!({"metadata": {"name": "a", field: value}});
        let (code, status) = cluster.post(CONFIG_MAPS, object).await;
        let cause = status["details"]["causes"][0]["field"]
            .as_str()
            .unwrap_or_default();
        assert!(code == 422 && cause.contains(field), "{field}: {status}");
    }
}

#[tokio::test]
async fn a_pod_gets_defaults_and_its_spec_stays() {
    let cluster = Cluster::start().await;
    let mut created = cluster.create(PODS, pod("a")).await;
    assert_eq!(
        created["status"],
        json!({"phase": "Pending", "qosClass": "BestEffort"})
    );
    assert_eq!(created["spec"]["restartPolicy"], "Always");
    created["spec"]["hostNetwork"] = json!(true);
    object_without_version(&mut created);
    let (code, status) = cluster.put(&path(PODS, "a"), &created).await;
    assert_eq!(
        (code, &status["details"]["causes"][0]["field"]),
        (422, &json!("spec"))
    );
    let (code, status) = cluster.post(PODS, json!({"metadata": {"name": "b"}})).await;
    assert_eq!(code, 422);
    assert_eq!(
        status["message"],
        "Pod \"b\" is invalid: spec.containers: Required value"
    );
}

fn object_without_version(object: &mut Value) {
    object["metadata"]
        .as_object_mut()
        .unwrap()
        .remove("resourceVersion");
}

#[tokio::test]
async fn services_get_different_addresses_and_keep_them() {
    let cluster = Cluster::start().await;
    let services = "/api/v1/namespaces/default/services";
    let service = |name: String| json!({"metadata": {"name": name}, "spec": {"type": "NodePort", "ports": [{"port": 80}]}});
    let names = (0..20).map(|number| format!("s{number}"));
    let creations = names.map(|name| cluster.create(services, service(name)));
    let created = futures::future::join_all(creations).await;
    let addresses: HashSet<String> = created
        .iter()
        .map(|service| service["spec"]["clusterIP"].to_string())
        .collect();
    let ports: HashSet<String> = created
        .iter()
        .map(|service| service["spec"]["ports"][0]["nodePort"].to_string())
        .collect();
    assert_eq!((addresses.len(), ports.len()), (20, 20));

    let name = created[0]["metadata"]["name"].as_str().unwrap();
    let (code, updated) = cluster
        .put(&path(services, name), &service(name.to_owned()))
        .await;
    assert_eq!((code, &updated["spec"]), (200, &created[0]["spec"]));
    let mut other = service(name.to_owned());
    other["spec"]["clusterIP"] = json!("10.96.200.1");
    assert_eq!(cluster.put(&path(services, name), &other).await.0, 422);
    let taken = created[0]["spec"]["clusterIP"].clone();
    for address in [taken, json!("192.0.2.1"), json!("no address")] {
        let mut wanted = service("new".to_owned());
        wanted["spec"]["clusterIP"] = address;
        assert_eq!(cluster.post(services, wanted).await.0, 422);
    }
}

#[tokio::test]
async fn an_event_shows_in_both_versions() {
    let cluster = Cluster::start().await;
    let event = json!({
        "metadata": {"name": "e"}, "regarding": {"kind": "Pod", "name": "p", "namespace": "default"},
        "reason": "R", "note": "n", "type": "Normal", "action": "A",
        "reportingController": "kuryr", "reportingInstance": "i",
        "eventTime": "2024-01-01T00:00:00.000000Z",
    });
    cluster
        .create("/apis/events.k8s.io/v1/namespaces/default/events", event)
        .await;
    let core = "/api/v1/namespaces/default/events?fieldSelector=involvedObject.name=p";
    let (_, list) = cluster.get(core).await;
    assert_eq!(list["items"][0]["message"], "n");
    assert_eq!(list["items"][0]["reportingComponent"], "kuryr");
    let (_, new) = cluster
        .get("/apis/events.k8s.io/v1/namespaces/default/events/e")
        .await;
    assert_eq!(
        (&new["note"], &new["apiVersion"]),
        (&json!("n"), &json!("events.k8s.io/v1"))
    );
}

#[tokio::test]
async fn a_dry_run_answers_and_stores_nothing() {
    let cluster = Cluster::start().await;
    let dry = format!("{CONFIG_MAPS}?dryRun=All");
    assert_eq!(cluster.post(&dry, config_map("a", json!({}))).await.0, 201);
    assert_eq!(cluster.get(&path(CONFIG_MAPS, "a")).await.0, 404);
}

#[tokio::test]
async fn yaml_is_taken_too() {
    let cluster = Cluster::start().await;
    let yaml = "metadata:\n  name: a\ndata:\n  b: c\n";
    let (code, object) = cluster
        .call("POST", CONFIG_MAPS, "application/yaml", yaml)
        .await;
    assert_eq!((code, &object["data"]["b"]), (201, &json!("c")));
}

#[tokio::test]
async fn discovery_and_health_answer() {
    let cluster = Cluster::start().await;
    for path in ["/healthz", "/livez", "/readyz"] {
        assert_eq!(cluster.get(path).await, (200, json!("ok")));
    }
    let version = cluster.client.apiserver_version().await.unwrap();
    assert_eq!(
        (version.major.as_str(), version.minor.as_str()),
        ("1", "33")
    );
    let groups = cluster.client.list_api_groups().await.unwrap();
    assert!(
        groups
            .groups
            .iter()
            .any(|group| group.name == "networking.k8s.io")
    );
    let core = cluster.client.list_core_api_resources("v1").await.unwrap();
    assert!(
        core.resources
            .iter()
            .any(|resource| resource.name == "pods/status")
    );
}

#[tokio::test]
async fn every_access_review_is_granted() {
    let cluster = Cluster::start().await;
    let review = json!({
        "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {"verb": "list", "resource": "pods"}},
    });
    let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    assert_eq!(
        cluster.create(path, review).await["status"]["allowed"],
        true
    );
}
