//! What is read of Kubernetes' answers: by `k8s-openapi`'s types in controller and daemon, and by `kubectl`.

use serde_json::Value;

use super::Reads;

/// Metadata as all parts read it.
const METADATA: &[&str] = &[
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "metadata.resourceVersion",
    "metadata.generation",
    "metadata.labels",
    "metadata.annotations",
    "metadata.finalizers",
    "metadata.ownerReferences",
    "metadata.creationTimestamp",
    "metadata.deletionTimestamp",
    "metadata.deletionGracePeriodSeconds",
    "metadata.continue",
    "metadata.remainingItemCount",
    "apiVersion",
    "kind",
];
const POD: &[&str] = &[
    "spec.nodeName",
    "spec.hostNetwork",
    "spec.schedulerName",
    "spec.restartPolicy",
    "spec.containers.name",
    "spec.containers.image",
    "status.phase",
    "status.podIP",
    "status.podIPs",
    "status.hostIP",
    "status.startTime",
    "status.conditions",
];
const NODE: &[&str] = &[
    "status.addresses",
    "status.conditions",
    "status.capacity",
    "status.allocatable",
];
const EVENT: &[&str] = &[
    "eventTime",
    "action",
    "reason",
    "note",
    "message",
    "type",
    "series",
    "regarding",
    "involvedObject",
    "reportingController",
    "reportingComponent",
    "reportingInstance",
];
const DEFINITION: &[&str] = &[
    "spec",
    "status.conditions",
    "status.acceptedNames",
    "status.storedVersions",
];
const NAMESPACE: &[&str] = &["status.phase"];
/// Of discovery what finds a kind by any of its names.
const RESOURCES: &[&str] = &[
    "groupVersion",
    "resources.name",
    "resources.singularName",
    "resources.namespaced",
    "resources.kind",
    "resources.verbs",
    "resources.shortNames",
    "resources.categories",
];
const GROUP: &[&str] = &["name", "versions", "preferredVersion"];
const TABLE: &[&str] = &[
    "columnDefinitions.name",
    "columnDefinitions.type",
    "columnDefinitions.format",
    "columnDefinitions.priority",
    "rows",
];

/// What is read of a body, by its kind.
pub fn of_kubernetes(body: &Value) -> Reads {
    if let Value::Array(events) = body {
        let object = events
            .first()
            .map_or(&Value::Null, |event| &event["object"]);
        return Reads::only(&["type"]).with("object", of_object(object, ""));
    }
    of_object(body, "")
}

fn of_object(body: &Value, of_list: &str) -> Reads {
    let kind = body["kind"].as_str().unwrap_or(of_list);
    let more = match kind {
        "Pod" => POD,
        "Node" => NODE,
        "Event" => EVENT,
        "Namespace" => NAMESPACE,
        "CustomResourceDefinition" => DEFINITION,
        "APIResourceList" => RESOURCES,
        "APIGroup" => GROUP,
        "Table" => TABLE,
        "APIGroupList" => {
            return Reads::only(&["apiVersion", "kind"]).with("groups", Reads::only(GROUP));
        }
        "APIVersions" => return Reads::only(&["kind", "versions"]),
        "PodList" | "NodeList" | "EventList" => {
            let item = of_object(&Value::Null, kind.trim_end_matches("List"));
            return Reads::paths(METADATA).with("items", item);
        }
        // Custom resources, leases, errors and all else: everything.
        _ => return Reads::All,
    };
    Reads::paths(&[METADATA, more].concat())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn of_a_pod_the_controller_reads_the_node_and_not_the_volumes() {
        for body in [
            json!({"kind": "Pod"}),
            json!([{"type": "ADDED", "object": {"kind": "Pod"}}]),
        ] {
            let reads = of_kubernetes(&body);
            let pod = if body.is_array() {
                reads.field("object")
            } else {
                &reads
            };
            assert_eq!(pod.field("spec").field("nodeName"), &Reads::All);
            assert_eq!(pod.field("spec").field("volumes"), &Reads::Nothing);
        }
    }

    #[test]
    fn custom_resources_are_read_whole() {
        assert_eq!(of_kubernetes(&json!({"kind": "KuryrPort"})), Reads::All);
        assert_eq!(of_kubernetes(&json!({"kind": "Status"})), Reads::All);
    }
}
