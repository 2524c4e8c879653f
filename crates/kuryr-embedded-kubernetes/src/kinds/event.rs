//! Events, which are served in two forms and stored in that of core/v1
//! (k8s.io/kubernetes `pkg/apis/events/v1/conversion.go`).

use serde_json::Value;

use super::{
    Behaviour, Conversion,
    table::{Cell, Column},
};
use crate::model::{duration, error::FieldError, object};

/// Name in events.k8s.io/v1, name in core/v1.
const RENAMED: &[(&str, &str)] = &[
    ("regarding", "involvedObject"),
    ("note", "message"),
    ("deprecatedSource", "source"),
    ("deprecatedFirstTimestamp", "firstTimestamp"),
    ("deprecatedLastTimestamp", "lastTimestamp"),
    ("deprecatedCount", "count"),
    ("reportingController", "reportingComponent"),
];

const SELECTABLE: &[&str] = &[
    "involvedObject.kind",
    "involvedObject.namespace",
    "involvedObject.name",
    "involvedObject.uid",
    "involvedObject.apiVersion",
    "involvedObject.resourceVersion",
    "involvedObject.fieldPath",
    "reason",
    "reportingComponent",
    "source",
    "type",
];

pub(super) const CORE: Behaviour = Behaviour {
    selectable: SELECTABLE,
    columns: &[
        Column::new("Last Seen", last_seen),
        Column::new("Type", |event| Cell::text(event, &["type"])),
        Column::new("Reason", |event| Cell::text(event, &["reason"])),
        Column::new("Object", about),
        Column::wide("Source", |event| {
            Cell::text(event, &["source", "component"])
        }),
        Column::new("Message", |event| Cell::text(event, &["message"])),
    ],
    put_creates: true,
    ..Behaviour::PLAIN
};

pub(super) const EVENTS: Behaviour = Behaviour {
    conversion: Some(Conversion {
        store: |event| rename(event, |(new, old)| (*new, *old), "v1"),
        load: |event| rename(event, |(new, old)| (*old, *new), "events.k8s.io/v1"),
    }),
    validate: |event, old| match old {
        None => missing(event),
        Some(_) => Vec::new(),
    },
    ..CORE
};

/// What a new event of events.k8s.io lacks: it must say when, and then what it is about.
fn missing(event: &Value) -> Vec<FieldError> {
    let required = |field: &str| FieldError::required(field, "");
    let lacks = |field: &&str| object::text(event, &[field]).unwrap_or_default().is_empty();
    if lacks(&"eventTime") {
        return vec![required("eventTime")];
    }
    let namespace = object::text(event, &["metadata", "namespace"]).unwrap_or_default();
    let of = object::text(event, &["involvedObject", "namespace"]).unwrap_or_default();
    // What has no namespace is told of in kube-system; older servers take `default` from clients of core/v1 only.
    if of.is_empty() && namespace != "kube-system" {
        let (field, found) = ("involvedObject.namespace", Value::from(of));
        return vec![FieldError::invalid(
            field,
            &found,
            "does not match event.namespace",
        )];
    }
    // As stored, and as the API calls it.
    let needed = [
        ("reportingComponent", "reportingController"),
        ("reportingInstance", "reportingInstance"),
        ("action", "action"),
        ("reason", "reason"),
    ];
    needed
        .into_iter()
        .filter(|(stored, _)| lacks(stored))
        .map(|(_, name)| required(name))
        .collect()
}

fn rename(
    mut event: Value,
    direction: fn(&(&'static str, &'static str)) -> (&'static str, &'static str),
    version: &str,
) -> Value {
    for (from, to) in RENAMED.iter().map(direction) {
        if let Some(value) = object::remove(&mut event, &[from]) {
            event[to] = value;
        }
    }
    event["apiVersion"] = Value::from(version);
    event
}

fn last_seen(event: &Value) -> Cell {
    let moment = ["lastTimestamp", "eventTime", "firstTimestamp"]
        .iter()
        .find_map(|field| object::text(event, &[field]));
    Cell::from(duration::age(moment))
}

fn about(event: &Value) -> Cell {
    let field = |name| object::text(event, &["involvedObject", name]).unwrap_or_default();
    Cell::from(format!(
        "{}/{}",
        field("kind").to_lowercase(),
        field("name")
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_about_what_has_no_namespace_is_in_kube_system() {
        let refused = |of: &str, namespace: &str| {
            let event = json!({
                "metadata": {"namespace": namespace}, "eventTime": "t", "action": "a", "reason": "r",
                "reportingComponent": "kuryr", "reportingInstance": "i",
                "involvedObject": {"kind": "Node", "name": "n", "namespace": of},
            });
            !missing(&event).is_empty()
        };
        assert!(refused("", "default"));
        // As real servers do, whatever their documentation says of the second.
        assert!(!refused("", "kube-system") && !refused("a", "b"));
    }

    #[test]
    fn an_event_survives_both_conversions() {
        let event = json!({
            "apiVersion": "events.k8s.io/v1", "kind": "Event", "reason": "R", "note": "n",
            "regarding": {"kind": "Pod", "name": "p"}, "reportingController": "kuryr",
        });
        let conversion = EVENTS.conversion.unwrap_or_else(|| unreachable!());
        let stored = (conversion.store)(event.clone());
        assert_eq!(stored["involvedObject"]["name"], "p");
        assert_eq!(stored["message"], "n");
        assert_eq!((conversion.load)(stored), event);
    }
}
