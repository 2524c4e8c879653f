//! Reading and writing the common parts of a Kubernetes object held as JSON.

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

/// The string at `path`, if there is one.
pub(crate) fn text<'a>(object: &'a Value, path: &[&str]) -> Option<&'a str> {
    at(object, path).and_then(Value::as_str)
}

/// The value at `path`, if there is one.
pub(crate) fn at<'a>(object: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(object, |value, key| value.get(key))
}

/// The list at `path`; empty if it is absent or no list.
pub(crate) fn list<'a>(object: &'a Value, path: &[&str]) -> &'a [Value] {
    at(object, path)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// `metadata.<field>` as a string; empty if absent.
pub(crate) fn meta<'a>(object: &'a Value, field: &str) -> &'a str {
    text(object, &["metadata", field]).unwrap_or_default()
}

/// `metadata.name`, or "".
pub(crate) fn name(object: &Value) -> &str {
    meta(object, "name")
}

/// `metadata.namespace`, or "".
pub(crate) fn namespace(object: &Value) -> &str {
    meta(object, "namespace")
}

/// `metadata.uid`, or "".
pub(crate) fn uid(object: &Value) -> &str {
    meta(object, "uid")
}

/// `metadata.deletionTimestamp` is set.
pub(crate) fn is_deleting(object: &Value) -> bool {
    text(object, &["metadata", "deletionTimestamp"]).is_some()
}

/// The finalizers, in their order.
pub(crate) fn finalizers(object: &Value) -> impl Iterator<Item = &str> {
    list(object, &["metadata", "finalizers"])
        .iter()
        .filter_map(Value::as_str)
}

/// The value of one label.
pub(crate) fn label<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    text(object, &["metadata", "labels", key])
}

/// The object's uids of `metadata.ownerReferences`.
pub(crate) fn owner_uids(object: &Value) -> impl Iterator<Item = &str> {
    list(object, &["metadata", "ownerReferences"])
        .iter()
        .filter_map(|owner| text(owner, &["uid"]))
}

/// The fields of `value`, which becomes an object if it was none.
pub(crate) fn fields(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = json!({});
    }
    match value {
        Value::Object(fields) => fields,
        _ => unreachable!("made an object above"),
    }
}

/// The fields of `metadata`, which is made where absent.
pub(crate) fn meta_mut(object: &mut Value) -> &mut Map<String, Value> {
    entry(object, &["metadata"])
}

/// The fields of the object at `path`; objects are made where they are absent.
pub(crate) fn entry<'a>(object: &'a mut Value, path: &[&str]) -> &'a mut Map<String, Value> {
    path.iter().fold(fields(object), |map, key| {
        fields(map.entry(*key).or_insert_with(|| json!({})))
    })
}

/// Sets `path` to `value`; objects on the way are made where they are absent.
pub(crate) fn set(object: &mut Value, path: &[&str], value: Value) {
    if let Some((last, parents)) = path.split_last() {
        entry(object, parents).insert((*last).to_owned(), value);
    }
}

/// Sets `path` to `value` unless it holds something other than null.
pub(crate) fn set_default(object: &mut Value, path: &[&str], value: Value) {
    if at(object, path).is_none_or(Value::is_null) {
        set(object, path, value);
    }
}

/// Takes out the value at `path`; makes nothing.
pub(crate) fn remove(object: &mut Value, path: &[&str]) -> Option<Value> {
    let (last, parents) = path.split_last()?;
    let parent = parents
        .iter()
        .try_fold(object, |value, key| value.get_mut(key))?;
    parent.as_object_mut()?.remove(*last)
}

/// Makes `to` hold at `path` what `from` holds there: the value, or nothing.
pub(crate) fn copy(from: &Value, to: &mut Value, path: &[&str]) {
    match at(from, path) {
        Some(value) => set(to, path, value.clone()),
        None => {
            remove(to, path);
        }
    }
}

/// Adds or replaces the condition of this type in `status.conditions`.
pub(crate) fn set_condition(object: &mut Value, condition: Value) {
    let conditions = entry(object, &["status"])
        .entry("conditions")
        .or_insert_with(|| json!([]));
    if !conditions.is_array() {
        *conditions = json!([]);
    }
    if let Value::Array(list) = conditions {
        list.retain(|other| other.get("type") != condition.get("type"));
        list.push(condition);
    }
}

/// The condition of this type is "True".
pub(crate) fn has_condition(object: &Value, kind: &str) -> bool {
    list(object, &["status", "conditions"])
        .iter()
        .any(|condition| {
            text(condition, &["type"]) == Some(kind) && text(condition, &["status"]) == Some("True")
        })
}

/// This moment as Kubernetes writes times: RFC 3339, whole seconds, UTC.
pub(crate) fn now() -> String {
    in_seconds(0)
}

/// The moment `seconds` from now as Kubernetes writes times.
pub(crate) fn in_seconds(seconds: i64) -> String {
    let moment = Timestamp::now()
        .checked_add(SignedDuration::from_secs(seconds))
        .unwrap_or(Timestamp::MAX);
    moment.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn set_makes_parents_and_remove_makes_nothing() {
        let mut object = json!({});
        set(&mut object, &["a", "b"], json!(1));
        assert_eq!(object, json!({"a": {"b": 1}}));
        assert_eq!(remove(&mut object, &["x", "y"]), None);
        assert_eq!(remove(&mut object, &["a", "b"]), Some(json!(1)));
        assert_eq!(object, json!({"a": {}}));
    }

    #[test]
    fn a_condition_replaces_the_one_of_its_type() {
        let mut object = json!({"status": {"conditions": [{"type": "A", "status": "False"}]}});
        set_condition(&mut object, json!({"type": "A", "status": "True"}));
        assert!(has_condition(&object, "A"));
        assert_eq!(list(&object, &["status", "conditions"]).len(), 1);
    }
}
