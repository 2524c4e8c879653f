//! Custom resources: what a CRD adds to the API.

use kube::CustomResourceExt as _;
use kuryr_api::KuryrPort;
use serde_json::{Value, json};

use crate::support::{Cluster, MERGE};

const CRDS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const CRD: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/ports.example.org";
pub(crate) const PORTS: &str = "/apis/example.org/v1/namespaces/default/ports";

fn crd(status: bool) -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "ports.example.org"},
        "spec": {
            "group": "example.org", "scope": "Namespaced",
            "names": {"plural": "ports", "kind": "Port", "shortNames": ["pt"]},
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "subresources": if status { json!({"status": {}}) } else { json!({}) },
                "additionalPrinterColumns": [
                    {"name": "VLAN", "type": "integer", "jsonPath": ".status.vlan"},
                    {"name": "Uid", "type": "string", "jsonPath": ".spec.podUid"},
                ],
                "schema": {"openAPIV3Schema": {
                    "type": "object", "required": ["spec"],
                    "properties": {
                        "spec": {
                            "type": "object", "required": ["podUid"],
                            "properties": {
                                "podUid": {"type": "string"},
                                "mode": {"type": "string", "default": "vlan"},
                            },
                        },
                        "status": {
                            "type": "object",
                            "properties": {"vlan": {"type": "integer", "minimum": 1, "maximum": 4094}},
                        },
                    },
                }},
            }],
        },
    })
}

pub(crate) fn port(name: &str) -> Value {
    json!({
        "apiVersion": "example.org/v1", "kind": "Port",
        "metadata": {"name": name}, "spec": {"podUid": "u"},
    })
}

/// Adds the resource `ports` with a status subresource.
pub(crate) async fn define(cluster: &Cluster) {
    cluster.create(CRDS, crd(true)).await;
}

#[tokio::test]
async fn a_crd_serves_its_resource_at_once() {
    let cluster = Cluster::start().await;
    assert_eq!(cluster.get(PORTS).await.0, 404);
    let created = cluster.create(CRDS, crd(true)).await;
    let conditions = created["status"]["conditions"].as_array().unwrap();
    assert!(
        conditions
            .iter()
            .any(|one| one["type"] == "Established" && one["status"] == "True")
    );
    let made = cluster.create(PORTS, port("a")).await;
    assert_eq!(made["metadata"]["generation"], 1);
    assert_eq!(made["spec"], json!({"podUid": "u", "mode": "vlan"}));
    let (_, resources) = cluster.get("/apis/example.org/v1").await;
    let names: Vec<&Value> = resources["resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["name"])
        .collect();
    assert_eq!(names, ["ports", "ports/status"]);
}

#[tokio::test]
async fn an_object_that_breaks_the_schema_is_refused_with_its_causes() {
    let cluster = Cluster::start().await;
    define(&cluster).await;
    let mut broken = port("a");
    broken["spec"] = json!({"podUid": 3});
    let (code, status) = cluster.post(PORTS, broken).await;
    assert_eq!((code, &status["reason"]), (422, &json!("Invalid")));
    assert_eq!(
        status["message"],
        "Port.example.org \"a\" is invalid: spec.podUid: Invalid value: \"integer\": \
         spec.podUid in body must be of type string: \"integer\""
    );
    let cause = &status["details"]["causes"][0];
    assert_eq!(cause["field"], "spec.podUid");
    assert_eq!(status["details"]["group"], "example.org");
    assert_eq!(status["details"]["kind"], "Port");
}

#[tokio::test]
async fn unknown_fields_go_or_are_refused_if_strict() {
    let cluster = Cluster::start().await;
    define(&cluster).await;
    let mut odd = port("a");
    odd["spec"]["odd"] = json!(1);
    let (code, status) = cluster
        .post(&format!("{PORTS}?fieldValidation=Strict"), odd.clone())
        .await;
    assert_eq!(code, 400);
    assert!(
        status["message"]
            .as_str()
            .unwrap()
            .contains("unknown field \"spec.odd\"")
    );
    assert_eq!(cluster.create(PORTS, odd).await["spec"]["odd"], Value::Null);
}

#[tokio::test]
async fn status_and_spec_are_apart_where_the_crd_says_so() {
    let cluster = Cluster::start().await;
    define(&cluster).await;
    let mut with_status = port("a");
    with_status["status"] = json!({"vlan": 5});
    let created = cluster.create(PORTS, with_status).await;
    assert_eq!(created["status"], Value::Null);
    let path = format!("{PORTS}/a");
    let both =
        json!({"metadata": {"labels": {"a": "b"}}, "spec": {"podUid": "v"}, "status": {"vlan": 7}});
    let (_, object) = cluster
        .patch(&format!("{path}/status"), MERGE, both.clone())
        .await;
    assert_eq!(
        (&object["status"]["vlan"], &object["spec"]["podUid"]),
        (&json!(7), &json!("u"))
    );
    assert_eq!(object["metadata"]["labels"], Value::Null);
    assert_eq!(object["metadata"]["generation"], 1);
    let (_, object) = cluster.patch(&path, MERGE, both).await;
    assert_eq!(
        (&object["metadata"]["generation"], &object["spec"]["podUid"]),
        (&json!(2), &json!("v"))
    );
    let (code, _) = cluster
        .patch(
            &format!("{path}/status"),
            MERGE,
            json!({"status": {"vlan": 0}}),
        )
        .await;
    assert_eq!(code, 422);
}

#[tokio::test]
async fn without_the_subresource_status_is_a_field_like_others() {
    let cluster = Cluster::start().await;
    cluster.create(CRDS, crd(false)).await;
    cluster.create(PORTS, port("a")).await;
    let path = format!("{PORTS}/a");
    let (_, object) = cluster
        .patch(&path, MERGE, json!({"status": {"vlan": 7}}))
        .await;
    assert_eq!(object["status"]["vlan"], 7);
    assert_eq!(cluster.get(&format!("{path}/status")).await.0, 404);
}

#[tokio::test]
async fn an_update_without_a_version_is_refused() {
    let cluster = Cluster::start().await;
    define(&cluster).await;
    cluster.create(PORTS, port("a")).await;
    let (code, status) = cluster.put(&format!("{PORTS}/a"), &port("a")).await;
    assert_eq!(code, 422);
    assert_eq!(
        status["details"]["causes"][0]["field"],
        "metadata.resourceVersion"
    );
}

#[tokio::test]
async fn printer_columns_are_cells() {
    let cluster = Cluster::start().await;
    define(&cluster).await;
    cluster.create(PORTS, port("a")).await;
    let patch = json!({"status": {"vlan": 7}});
    cluster
        .patch(&format!("{PORTS}/a/status"), MERGE, patch)
        .await;
    let (_, table) = cluster
        .get_as(PORTS, "application/json;as=Table;v=v1;g=meta.k8s.io")
        .await;
    assert_eq!(table["rows"][0]["cells"], json!(["a", 7, "u"]));
    assert_eq!(table["columnDefinitions"][1]["name"], "VLAN");
}

#[tokio::test]
async fn a_changed_schema_holds_at_once() {
    let cluster = Cluster::start().await;
    define(&cluster).await;
    let patch = json!({"spec": {"versions": [crd(true)["spec"]["versions"][0].clone()]}});
    let mut stricter = patch.clone();
    stricter["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
        ["podUid"]["pattern"] = json!("^x");
    assert_eq!(cluster.patch(CRD, MERGE, stricter).await.0, 200);
    assert_eq!(cluster.post(PORTS, port("a")).await.0, 422);
}

#[tokio::test]
async fn a_crd_goes_after_its_objects() {
    let cluster = Cluster::start().await;
    define(&cluster).await;
    let mut held = port("a");
    held["metadata"]["finalizers"] = json!(["example.org/hold"]);
    cluster.create(PORTS, held).await;
    cluster.create(PORTS, port("b")).await;
    cluster.delete(CRD).await;
    cluster.until_gone(&format!("{PORTS}/b")).await;
    assert_eq!(cluster.get(CRD).await.0, 200);
    let release = json!({"metadata": {"finalizers": null}});
    cluster.patch(&format!("{PORTS}/a"), MERGE, release).await;
    cluster.until_gone(CRD).await;
    assert_eq!(cluster.get(PORTS).await.0, 404);
}

#[tokio::test]
async fn bad_crds_are_refused() {
    let cluster = Cluster::start().await;
    let mut wrong_name = crd(true);
    wrong_name["metadata"]["name"] = json!("other.example.org");
    let mut no_schema = crd(true);
    no_schema["spec"]["versions"][0]["schema"] = json!({});
    for bad in [wrong_name, no_schema] {
        assert_eq!(cluster.post(CRDS, bad).await.0, 422);
    }
}

#[tokio::test]
async fn the_crds_of_the_project_are_taken() {
    let cluster = Cluster::start().await;
    let crd = serde_json::to_value(KuryrPort::crd()).unwrap();
    cluster.create(CRDS, crd).await;
    assert_eq!(
        cluster.get("/apis/openstack.org/v1/kuryrports").await.0,
        200
    );
}
