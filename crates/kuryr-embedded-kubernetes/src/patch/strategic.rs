//! Strategic merge patch: a merge patch that merges certain lists item by item
//! (k8s.io/apimachinery `pkg/util/strategicpatch`).

use serde_json::{Map, Value};

use super::lists::{ListKind, ListRules, position};

/// Directive of an object or list item: `delete`, `replace` or `merge`.
const DIRECTIVE: &str = "$patch";
/// Prefix of the directive that takes items out of a set.
const DELETE_FROM: &str = "$deleteFromPrimitiveList/";
/// Prefix of the directive that orders a list; the order is not kept here.
const ORDER: &str = "$setElementOrder/";
/// Directive that lists the fields to keep.
const RETAIN: &str = "$retainKeys";

/// Applies a strategic merge patch.
pub(crate) fn apply(object: &Value, patch: &Value, rules: ListRules<'_>) -> Value {
    let mut result = object.clone();
    merge_value(&mut result, patch, &mut Vec::new(), rules);
    result
}

fn merge_value<'p>(
    target: &mut Value,
    patch: &'p Value,
    path: &mut Vec<&'p str>,
    rules: ListRules<'_>,
) {
    match patch {
        Value::Object(fields) => {
            if fields
                .get(DIRECTIVE)
                .is_some_and(|directive| directive == "replace")
            {
                *target = without_directives(patch);
                return;
            }
            if !target.is_object() {
                *target = Value::Object(Map::new());
            }
            if let Value::Object(target) = target {
                merge_fields(target, fields, path, rules);
            }
        }
        Value::Array(items) => merge_list(target, items, path, rules),
        other => *target = other.clone(),
    }
}

fn merge_fields<'p>(
    target: &mut Map<String, Value>,
    patch: &'p Map<String, Value>,
    path: &mut Vec<&'p str>,
    rules: ListRules<'_>,
) {
    if let Some(Value::Array(keep)) = patch.get(RETAIN) {
        target.retain(|key, _| keep.iter().any(|kept| kept == key));
    }
    for (key, value) in patch {
        if let Some(list) = key.strip_prefix(DELETE_FROM) {
            delete_from(target.get_mut(list), value);
        } else if key == RETAIN || key == DIRECTIVE || key.starts_with(ORDER) {
        } else if value.is_null() || is_delete(value) {
            target.remove(key);
        } else {
            path.push(key);
            merge_value(
                target.entry(key.clone()).or_insert(Value::Null),
                value,
                path,
                rules,
            );
            path.pop();
        }
    }
}

fn merge_list<'p>(
    target: &mut Value,
    patch: &'p [Value],
    path: &mut Vec<&'p str>,
    rules: ListRules<'_>,
) {
    let replace = patch.iter().any(|item| {
        item.get(DIRECTIVE)
            .is_some_and(|directive| directive == "replace")
    });
    let kind = rules.kind_of(path);
    let Value::Array(items) = target else {
        *target = fresh_list(patch);
        return;
    };
    match kind {
        _ if replace => *target = fresh_list(patch),
        ListKind::Atomic => *target = fresh_list(patch),
        ListKind::Set => {
            let new = patch.iter().filter(|item| !items.contains(item));
            let new: Vec<Value> = new.cloned().collect();
            items.extend(new);
        }
        ListKind::Map(keys) => {
            let mut new = Vec::new();
            for item in patch {
                match position(items, item, &keys) {
                    Some(at) if is_delete(item) => drop(items.remove(at)),
                    Some(at) => merge_value(&mut items[at], item, path, rules),
                    None if is_delete(item) => {}
                    None => new.push(without_directives(item)),
                }
            }
            // New items come first, as the real service orders them.
            items.splice(0..0, new);
        }
    }
}

/// A list made of the patch's items; directive items leave nothing behind.
fn fresh_list(patch: &[Value]) -> Value {
    let real = |item: &&Value| {
        let only_directive = item
            .as_object()
            .is_some_and(|fields| fields.len() == 1 && fields.contains_key(DIRECTIVE));
        !only_directive && !is_delete(item)
    };
    patch.iter().filter(real).map(without_directives).collect()
}

fn is_delete(value: &Value) -> bool {
    value
        .get(DIRECTIVE)
        .is_some_and(|directive| directive == "delete")
}

fn delete_from(target: Option<&mut Value>, gone: &Value) {
    if let (Some(Value::Array(items)), Some(gone)) = (target, gone.as_array()) {
        items.retain(|item| !gone.contains(item));
    }
}

fn without_directives(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let plain = fields
                .iter()
                .filter(|(key, value)| !key.starts_with('$') && !value.is_null());
            Value::Object(
                plain
                    .map(|(key, value)| (key.clone(), without_directives(value)))
                    .collect(),
            )
        }
        Value::Array(items) => items.iter().map(without_directives).collect(),
        other => other.clone(),
    }
}
