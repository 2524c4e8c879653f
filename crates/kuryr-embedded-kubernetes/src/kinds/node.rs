//! Nodes.

use serde_json::{Value, json};

use super::{
    Behaviour,
    table::{Cell, Column},
};
use crate::model::object;

/// Prefix of the labels that name a node's roles.
const ROLE: &str = "node-role.kubernetes.io/";

pub(super) const BEHAVIOUR: Behaviour = Behaviour {
    selectable: &["spec.unschedulable"],
    // A kubelet registers its node with the status it has.
    status_on_create: true,
    columns: &[
        Column::new("Status", status),
        Column::new("Roles", roles),
        Column::age("Age"),
        Column::new("Version", |node| {
            Cell::text(node, &["status", "nodeInfo", "kubeletVersion"])
        }),
        Column::wide("Internal-IP", |node| address(node, "InternalIP")),
        Column::wide("External-IP", |node| address(node, "ExternalIP")),
        Column::wide("OS-Image", |node| info(node, "osImage")),
        Column::wide("Kernel-Version", |node| info(node, "kernelVersion")),
        Column::wide("Container-Runtime", |node| {
            info(node, "containerRuntimeVersion")
        }),
    ],
    ..Behaviour::PLAIN
};

fn status(node: &Value) -> Cell {
    let conditions = object::list(node, &["status", "conditions"]);
    let known = conditions
        .iter()
        .any(|condition| condition["type"] == "Ready");
    let mut words = match (known, object::has_condition(node, "Ready")) {
        (false, _) => "Unknown".to_owned(),
        (true, true) => "Ready".to_owned(),
        (true, false) => "NotReady".to_owned(),
    };
    if object::at(node, &["spec", "unschedulable"]) == Some(&json!(true)) {
        words.push_str(",SchedulingDisabled");
    }
    Cell::from(words)
}

fn roles(node: &Value) -> Cell {
    let labels = object::at(node, &["metadata", "labels"]).and_then(Value::as_object);
    let roles = labels
        .into_iter()
        .flatten()
        .filter_map(|(key, _)| key.strip_prefix(ROLE));
    Cell::or_none(&roles.collect::<Vec<_>>().join(","))
}

fn address(node: &Value, kind: &str) -> Cell {
    let addresses = object::list(node, &["status", "addresses"]);
    let found = addresses.iter().find(|address| address["type"] == kind);
    Cell::or_none(
        found
            .and_then(|address| address["address"].as_str())
            .unwrap_or_default(),
    )
}

fn info(node: &Value, field: &str) -> Cell {
    let text = object::text(node, &["status", "nodeInfo", field]).unwrap_or_default();
    Cell::from(if text.is_empty() { "<unknown>" } else { text }.to_owned())
}
