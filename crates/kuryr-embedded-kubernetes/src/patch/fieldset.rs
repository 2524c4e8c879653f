//! Sets of fields in the form of `managedFields[].fieldsV1`
//! (sigs.k8s.io/structured-merge-diff `fieldpath`).
//!
//! A set is a JSON object: `f:<field>` for a member of an object, `k:{...}` for a list
//! item by its keys, `v:<value>` for an item of a set, `.` for the item itself; a leaf is `{}`.

use serde_json::{Map, Value, json};

use super::lists::{ListKind, ListRules};

/// The fields that an applied object names, without those that identify it.
pub(super) fn of(applied: &Value, rules: ListRules<'_>) -> Value {
    let mut set = of_value(applied, &mut Vec::new(), rules);
    if let Value::Object(members) = &mut set {
        members.remove("f:apiVersion");
        members.remove("f:kind");
        if let Some(Value::Object(meta)) = members.get_mut("f:metadata") {
            for key in [
                "name",
                "namespace",
                "uid",
                "resourceVersion",
                "creationTimestamp",
            ] {
                meta.remove(&format!("f:{key}"));
            }
            if meta.is_empty() {
                members.remove("f:metadata");
            }
        }
    }
    set
}

fn of_value<'a>(value: &'a Value, path: &mut Vec<&'a str>, rules: ListRules<'_>) -> Value {
    match value {
        Value::Object(fields) => {
            let mut set = Map::new();
            for (key, value) in fields {
                path.push(key);
                set.insert(format!("f:{key}"), of_value(value, path, rules));
                path.pop();
            }
            Value::Object(set)
        }
        Value::Array(items) => {
            let kind = rules.kind_of(path);
            let mut set = Map::new();
            for item in items {
                let Some(element) = element_of(item, &kind) else {
                    return json!({});
                };
                let mut inner = of_value(item, path, rules);
                if let (ListKind::Map(_), Value::Object(inner)) = (&kind, &mut inner) {
                    inner.insert(".".to_owned(), json!({}));
                }
                set.insert(element, inner);
            }
            Value::Object(set)
        }
        _ => json!({}),
    }
}

/// The name of a list item in a set; `None` in an atomic list.
pub(super) fn element_of(item: &Value, kind: &ListKind) -> Option<String> {
    match kind {
        ListKind::Atomic => None,
        ListKind::Set => Some(format!("v:{item}")),
        ListKind::Map(keys) => {
            let keys = keys
                .iter()
                .filter_map(|key| Some((key.clone(), item.get(key)?.clone())));
            Some(format!("k:{}", Value::Object(keys.collect())))
        }
    }
}

/// A set without members: a leaf.
pub(super) fn is_leaf(set: &Value) -> bool {
    set.as_object().is_none_or(Map::is_empty)
}

/// Every leaf of `a` that is in `b` too, as paths of members.
pub(super) fn common_leaves(a: &Value, b: &Value) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    collect_common(a, b, &mut Vec::new(), &mut found);
    found
}

fn collect_common(a: &Value, b: &Value, path: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    if is_leaf(a) && is_leaf(b) {
        found.push(path.clone());
        return;
    }
    let (Some(a), Some(b)) = (a.as_object(), b.as_object()) else {
        return;
    };
    for (key, inner) in a.iter().filter(|(key, _)| *key != ".") {
        if let Some(other) = b.get(key) {
            path.push(key.clone());
            collect_common(inner, other, path, found);
            path.pop();
        }
    }
}

/// Takes one path out of a set, and parents that become empty.
pub(super) fn take_out(set: &mut Value, path: &[String]) {
    let (Some((first, rest)), Some(members)) = (path.split_first(), set.as_object_mut()) else {
        return;
    };
    let emptied = match members.get_mut(first) {
        Some(_) if rest.is_empty() => true,
        Some(inner) => {
            take_out(inner, rest);
            is_leaf(inner)
        }
        None => false,
    };
    if emptied {
        members.remove(first);
    }
}

/// The value that a path of members leads to in an object.
pub(super) fn lookup<'a>(object: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(object, |value, member| {
        match member.split_at_checked(2)? {
            ("f:", key) => value.get(key),
            ("k:", keys) => {
                let keys: Map<String, Value> = serde_json::from_str(keys).ok()?;
                let fits = |item: &&Value| {
                    keys.iter()
                        .all(|(key, wanted)| item.get(key) == Some(wanted))
                };
                value.as_array()?.iter().find(fits)
            }
            ("v:", wanted) => {
                let wanted: Value = serde_json::from_str(wanted).ok()?;
                value.as_array()?.iter().find(|item| **item == wanted)
            }
            _ => None,
        }
    })
}

/// A path as conflict messages write it: `.spec.ports[name="a"].port`.
pub(super) fn display(path: &[String]) -> String {
    let part = |member: &String| match member.split_at_checked(2) {
        Some(("f:", key)) => format!(".{key}"),
        Some(("k:", keys)) => {
            let keys: Map<String, Value> = serde_json::from_str(keys).unwrap_or_default();
            let keys: Vec<String> = keys
                .iter()
                .map(|(key, value)| format!("{key}={value}"))
                .collect();
            format!("[{}]", keys.join(","))
        }
        Some((_, value)) => format!("[={value}]"),
        None => member.clone(),
    };
    path.iter().map(part).collect()
}
