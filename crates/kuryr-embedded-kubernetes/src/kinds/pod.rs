//! Pods: defaults of k8s.io/kubernetes `pkg/apis/core/v1/defaults.go`, what may change,
//! and how a pod shows in `kubectl get`.

use serde_json::{Value, json};

use super::{
    Behaviour, Context,
    table::{Cell, Column},
};
use crate::model::{
    error::{ApiError, FieldError},
    object,
};

pub(super) const BEHAVIOUR: Behaviour = Behaviour {
    defaults,
    on_create: prepare,
    validate,
    selectable: &[
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "spec.hostNetwork",
        "status.phase",
        "status.podIP",
        "status.nominatedNodeName",
    ],
    columns: &[
        Column::new("Ready", ready),
        Column::new("Status", status),
        Column::integer("Restarts", restarts),
        Column::age("Age"),
        Column::wide("IP", |pod| none_if_empty(pod, &["status", "podIP"])),
        Column::wide("Node", |pod| none_if_empty(pod, &["spec", "nodeName"])),
        Column::wide("Nominated Node", |pod| {
            none_if_empty(pod, &["status", "nominatedNodeName"])
        }),
        Column::wide("Readiness Gates", |_| Cell::or_none("")),
    ],
    subresources: &[("binding", "Binding"), ("eviction", "Eviction")],
    delete_returns_object: true,
    ..Behaviour::PLAIN
};

const CONTAINER_LISTS: [&str; 2] = ["initContainers", "containers"];

fn defaults(pod: &mut Value) {
    for (field, value) in [
        ("restartPolicy", json!("Always")),
        ("terminationGracePeriodSeconds", json!(30)),
        ("dnsPolicy", json!("ClusterFirst")),
        ("schedulerName", json!("default-scheduler")),
        ("securityContext", json!({})),
        ("enableServiceLinks", json!(true)),
    ] {
        object::set_default(pod, &["spec", field], value);
    }
    for list in CONTAINER_LISTS {
        let containers = object::entry(pod, &["spec"])
            .get_mut(list)
            .and_then(Value::as_array_mut);
        containers.into_iter().flatten().for_each(default_container);
    }
}

fn default_container(container: &mut Value) {
    let image = object::text(container, &["image"]).unwrap_or_default();
    let tag = image
        .rsplit('/')
        .next()
        .and_then(|last| last.split_once(':'));
    let latest = tag.is_none_or(|(_, tag)| tag == "latest") && !image.contains('@');
    let policy = if latest { "Always" } else { "IfNotPresent" };
    for (field, value) in [
        ("imagePullPolicy", json!(policy)),
        ("terminationMessagePath", json!("/dev/termination-log")),
        ("terminationMessagePolicy", json!("File")),
        ("resources", json!({})),
    ] {
        object::set_default(container, &[field], value);
    }
    let ports = container.get_mut("ports").and_then(Value::as_array_mut);
    for port in ports.into_iter().flatten() {
        object::set_default(port, &["protocol"], json!("TCP"));
    }
}

/// What admission adds to a new pod, and its first status.
fn prepare(pod: &mut Value, _: Context<'_>) -> Result<(), ApiError> {
    let account = object::text(pod, &["spec", "serviceAccountName"])
        .unwrap_or("default")
        .to_owned();
    object::set(pod, &["spec", "serviceAccount"], json!(account));
    object::set(pod, &["spec", "serviceAccountName"], json!(account));
    object::set_default(pod, &["spec", "priority"], json!(0));
    object::set_default(
        pod,
        &["spec", "preemptionPolicy"],
        json!("PreemptLowerPriority"),
    );
    add_default_tolerations(pod);
    let class = quality_of_service(pod);
    object::set(
        pod,
        &["status"],
        json!({"phase": "Pending", "qosClass": class}),
    );
    Ok(())
}

fn add_default_tolerations(pod: &mut Value) {
    let list = object::entry(pod, &["spec"])
        .entry("tolerations")
        .or_insert_with(|| json!([]));
    let Value::Array(list) = list else { return };
    for key in [
        "node.kubernetes.io/not-ready",
        "node.kubernetes.io/unreachable",
    ] {
        if !list.iter().any(|toleration| toleration["key"] == key) {
            list.push(json!({
                "key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300,
            }));
        }
    }
}

/// `Guaranteed`, `Burstable` or `BestEffort` by the containers' resources.
fn quality_of_service(pod: &Value) -> &'static str {
    let containers = || {
        CONTAINER_LISTS
            .iter()
            .flat_map(|list| object::list(pod, &["spec", list]))
    };
    let amounts = |container: &Value, field: &str| {
        object::at(container, &["resources", field])
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default()
    };
    let any = containers().any(|container| {
        !amounts(container, "requests").is_empty() || !amounts(container, "limits").is_empty()
    });
    let all = containers().all(|container| {
        let (requests, limits) = (amounts(container, "requests"), amounts(container, "limits"));
        let both = ["cpu", "memory"]
            .iter()
            .all(|resource| limits.contains_key(*resource));
        both && requests
            .iter()
            .all(|(resource, amount)| limits.get(resource) == Some(amount))
    });
    match (any, all) {
        (false, _) => "BestEffort",
        (true, true) => "Guaranteed",
        (true, false) => "Burstable",
    }
}

fn validate(pod: &Value, old: Option<&Value>) -> Vec<FieldError> {
    if let Some(old) = old {
        return changed_spec(pod, old).into_iter().collect();
    }
    let containers = object::list(pod, &["spec", "containers"]);
    let mut errors = Vec::new();
    if containers.is_empty() {
        errors.push(FieldError::required("spec.containers", ""));
    }
    for (index, container) in containers.iter().enumerate() {
        for field in ["name", "image"] {
            if object::text(container, &[field])
                .unwrap_or_default()
                .is_empty()
            {
                errors.push(FieldError::required(
                    format!("spec.containers[{index}].{field}"),
                    "",
                ));
            }
        }
        let name = &container["name"];
        if containers[..index]
            .iter()
            .any(|other| other["name"] == *name)
        {
            errors.push(FieldError::duplicate(
                format!("spec.containers[{index}].name"),
                name,
            ));
        }
    }
    errors
}

/// Only images, deadlines and tolerations of a pod may change.
fn changed_spec(pod: &Value, old: &Value) -> Option<FieldError> {
    let fixed = |pod: &Value| {
        let mut spec = pod.get("spec").cloned().unwrap_or_default();
        for field in [
            "activeDeadlineSeconds",
            "tolerations",
            "terminationGracePeriodSeconds",
        ] {
            object::remove(&mut spec, &[field]);
        }
        for list in CONTAINER_LISTS {
            let containers = spec.get_mut(list).and_then(Value::as_array_mut);
            for container in containers.into_iter().flatten() {
                object::remove(container, &["image"]);
            }
        }
        spec
    };
    (fixed(pod) != fixed(old)).then(|| {
        FieldError::forbidden(
            "spec",
            "pod updates may not change fields other than `spec.containers[*].image`, \
             `spec.initContainers[*].image`, `spec.activeDeadlineSeconds` or `spec.tolerations` \
             (only additions to existing tolerations)",
        )
    })
}

fn none_if_empty(pod: &Value, path: &[&str]) -> Cell {
    Cell::or_none(object::text(pod, path).unwrap_or_default())
}

fn ready(pod: &Value) -> Cell {
    let statuses = object::list(pod, &["status", "containerStatuses"]);
    let ready = statuses
        .iter()
        .filter(|status| status["ready"] == true)
        .count();
    Cell::from(format!(
        "{ready}/{}",
        object::list(pod, &["spec", "containers"]).len()
    ))
}

fn status(pod: &Value) -> Cell {
    if object::is_deleting(pod) {
        return Cell::from("Terminating".to_owned());
    }
    let reason = |status: &Value| {
        ["waiting", "terminated"]
            .iter()
            .find_map(|state| object::text(status, &["state", state, "reason"]))
            .map(str::to_owned)
    };
    let by_container = object::list(pod, &["status", "containerStatuses"])
        .iter()
        .find_map(reason);
    let overall = || {
        object::text(pod, &["status", "reason"])
            .or_else(|| object::text(pod, &["status", "phase"]))
            .unwrap_or("Unknown")
            .to_owned()
    };
    Cell::from(by_container.unwrap_or_else(overall))
}

fn restarts(pod: &Value) -> Cell {
    let statuses = object::list(pod, &["status", "containerStatuses"]);
    let total: i64 = statuses
        .iter()
        .filter_map(|status| status["restartCount"].as_i64())
        .sum();
    Cell(json!(total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_keep_what_is_given() {
        let mut pod = json!({"spec": {
            "restartPolicy": "Never",
            "containers": [{"name": "a", "image": "host:5000/x"}, {"name": "b", "image": "x:1"}],
        }});
        defaults(&mut pod);
        assert_eq!(pod["spec"]["restartPolicy"], "Never");
        assert_eq!(pod["spec"]["containers"][0]["imagePullPolicy"], "Always");
        assert_eq!(
            pod["spec"]["containers"][1]["imagePullPolicy"],
            "IfNotPresent"
        );
    }

    #[test]
    fn only_the_image_may_change() {
        let pod = json!({"spec": {"nodeName": "a", "containers": [{"name": "a", "image": "x"}]}});
        let mut other = pod.clone();
        other["spec"]["containers"][0]["image"] = json!("y");
        assert!(validate(&other, Some(&pod)).is_empty());
        other["spec"]["nodeName"] = json!("b");
        assert_eq!(validate(&other, Some(&pod)).len(), 1);
    }

    #[test]
    fn quality_of_service_classes() {
        let class = |resources: Value| {
            quality_of_service(&json!({"spec": {"containers": [{"resources": resources}]}}))
        };
        let full = json!({"cpu": "1", "memory": "1Gi"});
        assert_eq!(class(json!({})), "BestEffort");
        assert_eq!(class(json!({"requests": {"cpu": "1"}})), "Burstable");
        assert_eq!(
            class(json!({"requests": full, "limits": full})),
            "Guaranteed"
        );
    }
}
