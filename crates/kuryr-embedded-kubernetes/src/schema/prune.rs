//! Taking out unknown fields and filling in defaults.

use serde_json::{Map, Value};

fn flag(schema: &Value, name: &str) -> bool {
    schema.get(name).and_then(Value::as_bool).unwrap_or(false)
}

/// Prunes a whole object; `apiVersion`, `kind` and `metadata` are always known.
pub(super) fn prune_root(value: &mut Value, schema: &Value, pruned: &mut Vec<String>) {
    prune_fields(value, schema, "", true, pruned);
}

fn prune(value: &mut Value, schema: &Value, path: &str, pruned: &mut Vec<String>) {
    match value {
        Value::Object(_) => {
            let embedded = flag(schema, "x-kubernetes-embedded-resource");
            prune_fields(value, schema, path, embedded, pruned);
        }
        Value::Array(items) => {
            let Some(schema) = schema.get("items") else {
                return;
            };
            for (index, item) in items.iter_mut().enumerate() {
                prune(item, schema, &format!("{path}[{index}]"), pruned);
            }
        }
        _ => {}
    }
}

fn prune_fields(
    value: &mut Value,
    schema: &Value,
    path: &str,
    resource: bool,
    pruned: &mut Vec<String>,
) {
    let Value::Object(fields) = value else { return };
    let preserve = flag(schema, "x-kubernetes-preserve-unknown-fields");
    let properties = schema.get("properties").and_then(Value::as_object);
    let others = schema.get("additionalProperties");
    fields.retain(|key, value| {
        if resource && matches!(key.as_str(), "apiVersion" | "kind" | "metadata") {
            return true;
        }
        let path = join(path, key);
        let known = properties.and_then(|properties| properties.get(key));
        match known.or(others.filter(|schema| schema.is_object())) {
            Some(schema) => prune(value, schema, &path, pruned),
            None if preserve || others == Some(&Value::Bool(true)) => {}
            None => {
                pruned.push(path);
                return false;
            }
        }
        true
    });
}

fn join(path: &str, key: &str) -> String {
    match path {
        "" => key.to_owned(),
        _ => format!("{path}.{key}"),
    }
}

/// Fills in `default` where a field is absent. A null that is not allowed counts as absent:
/// without a default it goes.
pub(super) fn default(value: &mut Value, schema: &Value) {
    match value {
        Value::Object(fields) => default_fields(fields, schema),
        Value::Array(items) => {
            if let Some(schema) = schema.get("items") {
                items.iter_mut().for_each(|item| default(item, schema));
            }
        }
        _ => {}
    }
}

fn default_fields(fields: &mut Map<String, Value>, schema: &Value) {
    let properties = schema.get("properties").and_then(Value::as_object);
    for (key, schema) in properties.into_iter().flatten() {
        if fields.get(key).is_some_and(Value::is_null) && !flag(schema, "nullable") {
            fields.remove(key);
        }
        if let Some(preset) = schema.get("default")
            && !fields.contains_key(key)
        {
            fields.insert(key.clone(), preset.clone());
        }
        if let Some(value) = fields.get_mut(key) {
            default(value, schema);
        }
    }
    if let Some(schema) = schema
        .get("additionalProperties")
        .filter(|schema| schema.is_object())
    {
        let named = |key: &String| properties.is_some_and(|known| known.contains_key(key));
        if !flag(schema, "nullable") {
            fields.retain(|key, value| named(key) || !value.is_null());
        }
        for (_, value) in fields.iter_mut().filter(|(key, _)| !named(key)) {
            default(value, schema);
        }
    }
}
