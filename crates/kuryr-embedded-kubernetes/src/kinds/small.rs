//! Kinds that have a default or a column of their own and nothing more.

use serde_json::{Value, json};

use super::{
    Behaviour,
    table::{Cell, Column},
};
use crate::model::{error::FieldError, object};

/// The longest list of endpoints shown in a column.
const SHOWN_ENDPOINTS: usize = 3;

pub(super) const ENDPOINTS: Behaviour = Behaviour {
    defaults: |endpoints| {
        for subset in items_mut(endpoints, "subsets") {
            default_protocols(subset.get_mut("ports"));
        }
    },
    columns: &[Column::new("Endpoints", endpoints)],
    put_creates: true,
    ..Behaviour::PLAIN
};

pub(super) const LEASES: Behaviour = Behaviour {
    validate: |lease, _| {
        let duration = object::at(lease, &["spec", "leaseDurationSeconds"]);
        let wrong = duration.filter(|value| value.as_i64().is_some_and(|seconds| seconds <= 0));
        let field = "spec.leaseDurationSeconds";
        wrong
            .map(|value| FieldError::invalid(field, value, "must be greater than 0"))
            .into_iter()
            .collect()
    },
    put_creates: true,
    ..Behaviour::PLAIN
};

pub(super) const CONFIG_MAPS: Behaviour = Behaviour {
    columns: &[Column::integer("Data", |object| {
        Cell(json!(size(object, "data") + size(object, "binaryData")))
    })],
    ..Behaviour::PLAIN
};

pub(super) const SECRETS: Behaviour = Behaviour {
    defaults: |secret| object::set_default(secret, &["type"], json!("Opaque")),
    selectable: &["type"],
    columns: &[
        Column::new("Type", |secret| Cell::text(secret, &["type"])),
        Column::integer("Data", |secret| Cell(json!(size(secret, "data")))),
    ],
    ..Behaviour::PLAIN
};

pub(super) const NETWORK_POLICIES: Behaviour = Behaviour {
    defaults: default_policy,
    columns: &[Column::new("Pod-Selector", |policy| {
        Cell::pairs(policy, &["spec", "podSelector", "matchLabels"])
    })],
    ..Behaviour::PLAIN
};

fn default_policy(policy: &mut Value) {
    let egress = object::at(policy, &["spec", "egress"]).is_some();
    let types = if egress {
        json!(["Ingress", "Egress"])
    } else {
        json!(["Ingress"])
    };
    object::set_default(policy, &["spec", "policyTypes"], types);
    object::set_default(policy, &["spec", "podSelector"], json!({}));
    let Some(spec) = policy.get_mut("spec") else {
        return;
    };
    for direction in ["ingress", "egress"] {
        for rule in items_mut(spec, direction) {
            default_protocols(rule.get_mut("ports"));
        }
    }
}

/// Ports of the list are TCP unless they say otherwise.
fn default_protocols(ports: Option<&mut Value>) {
    for port in ports.and_then(Value::as_array_mut).into_iter().flatten() {
        object::set_default(port, &["protocol"], json!("TCP"));
    }
}

/// The items of the list in a field.
fn items_mut<'a>(parent: &'a mut Value, field: &str) -> impl Iterator<Item = &'a mut Value> {
    let list = parent.get_mut(field).and_then(Value::as_array_mut);
    list.into_iter().flatten()
}

fn endpoints(endpoints: &Value) -> Cell {
    let mut found = Vec::new();
    for subset in object::list(endpoints, &["subsets"]) {
        for port in object::list(subset, &["ports"]) {
            for address in object::list(subset, &["addresses"]) {
                let address = object::text(address, &["ip"]).unwrap_or_default();
                found.push(format!("{address}:{}", port["port"]));
            }
        }
    }
    if found.len() > SHOWN_ENDPOINTS {
        let more = found.len() - SHOWN_ENDPOINTS;
        found.truncate(SHOWN_ENDPOINTS);
        return Cell::from(format!("{} + {more} more...", found.join(",")));
    }
    Cell::or_none(&found.join(","))
}

fn size(object: &Value, field: &str) -> usize {
    object
        .get(field)
        .and_then(Value::as_object)
        .map_or(0, serde_json::Map::len)
}
