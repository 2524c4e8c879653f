//! Schemas as CRDs declare them.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn schema(root: Value) -> Schema {
    Schema::new(root, false).unwrap()
}

fn port_schema() -> Schema {
    schema(json!({
        "type": "object",
        "required": ["spec"],
        "properties": {
            "spec": {
                "type": "object",
                "required": ["podUid"],
                "properties": {
                    "podUid": {"type": "string", "minLength": 1},
                    "vlan": {"type": "integer", "minimum": 1, "maximum": 4094},
                    "mode": {"type": "string", "enum": ["a", "b"], "default": "a"},
                    "note": {"type": "string", "nullable": true},
                    "mac": {"type": "string", "pattern": "^[0-9a-f:]+$"},
                },
            },
            "status": {
                "type": "object",
                "properties": {
                    "vifs": {
                        "type": "object",
                        "additionalProperties": {
                            "type": "object",
                            "required": ["default"],
                            "properties": {
                                "default": {"type": "boolean"},
                                "vif": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
                            },
                        },
                    },
                },
            },
        },
    }))
}

fn lines(schema: &Schema, value: Value) -> Vec<String> {
    let errors = schema.validate(&value);
    errors
        .iter()
        .map(|error| format!("{}: {}", error.field, error.message))
        .collect()
}

#[test]
fn every_broken_rule_is_named_by_its_path() {
    let broken = json!({
        "spec": {"podUid": "", "vlan": 5000, "mode": "c", "note": null, "mac": "x!"},
        "status": {"vifs": {"eth0": {"vif": {}}}},
    });
    assert_eq!(
        lines(&port_schema(), broken),
        [
            "spec.mac: Invalid value: \"x!\": spec.mac in body should match '^[0-9a-f:]+$'",
            "spec.mode: Unsupported value: \"c\": supported values: \"a\", \"b\"",
            "spec.podUid: Invalid value: \"\": spec.podUid in body should be at least 1 chars long",
            "spec.vlan: Invalid value: 5000: spec.vlan in body should be less than or equal to 4094",
            "status.vifs.eth0.default: Required value",
        ]
    );
}

#[test]
fn a_wrong_type_is_named() {
    let broken = json!({"spec": {"podUid": 3, "mac": []}});
    assert_eq!(
        lines(&port_schema(), broken),
        [
            "spec.mac: Invalid value: \"array\": spec.mac in body must be of type string: \"array\"",
            "spec.podUid: Invalid value: \"integer\": spec.podUid in body must be of type string: \"integer\"",
        ]
    );
    assert_eq!(lines(&port_schema(), json!({})), ["spec: Required value"]);
}

#[test]
fn a_null_that_is_not_allowed_counts_as_absent() {
    let mut value = json!({"spec": {"podUid": "u", "mac": null, "mode": null, "note": null}});
    port_schema().prune_and_default(&mut value);
    assert_eq!(
        value,
        json!({"spec": {"podUid": "u", "mode": "a", "note": null}})
    );
    let mut value = json!({"spec": {"podUid": null}});
    port_schema().prune_and_default(&mut value);
    assert_eq!(
        lines(&port_schema(), value),
        ["spec.podUid: Required value"]
    );
}

#[test]
fn unknown_fields_go_and_preserved_ones_stay() {
    let mut value = json!({
        "apiVersion": "openstack.org/v1", "kind": "KuryrPort", "metadata": {"name": "a"},
        "spec": {"podUid": "u", "extra": 1},
        "status": {"vifs": {"eth0": {"default": true, "odd": 1, "vif": {"any": {"thing": 1}}}}},
    });
    let pruned = port_schema().prune_and_default(&mut value);
    assert_eq!(pruned, ["spec.extra", "status.vifs.eth0.odd"]);
    assert_eq!(value["spec"], json!({"podUid": "u", "mode": "a"}));
    assert_eq!(
        value["status"]["vifs"]["eth0"]["vif"],
        json!({"any": {"thing": 1}})
    );
    assert_eq!(value["metadata"]["name"], "a");
}

#[test]
fn alternatives_formats_and_keys() {
    let schema = schema(json!({
        "type": "object",
        "properties": {
            "port": {"x-kubernetes-int-or-string": true},
            "ip": {"type": "string", "anyOf": [{"format": "ipv4"}, {"format": "ipv6"}]},
            "cidr": {"type": "string", "format": "cidr"},
            "list": {
                "type": "array", "items": {"type": "object"},
                "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
            },
        },
    }));
    assert!(
        lines(
            &schema,
            json!({"port": "http", "ip": "::1", "cidr": "10.0.0.0/8"})
        )
        .is_empty()
    );
    let broken = json!({"port": true, "ip": "no", "cidr": "10.0.0.1", "list": [{"name": "a"}, {"name": "a"}]});
    assert_eq!(lines(&schema, broken).len(), 4);
}

#[test]
fn a_bad_pattern_is_refused() {
    assert!(Schema::new(json!({"properties": {"a": {"pattern": "("}}}), false).is_err());
}

proptest! {
    #[test]
    fn pruning_twice_changes_nothing_more(extra in "[a-z]{1,6}", vlan in 0u32..9000) {
        let mut value = json!({"spec": {"podUid": "u", "vlan": vlan, extra: 1}});
        let schema = port_schema();
        schema.prune_and_default(&mut value);
        let once = value.clone();
        prop_assert!(schema.prune_and_default(&mut value).is_empty());
        prop_assert_eq!(once, value);
    }
}
