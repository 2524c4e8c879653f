//! Server-side apply: an object merges into the stored one, and what its manager
//! applied before but does not any more goes (sigs.k8s.io/structured-merge-diff).
//!
//! Only managers that apply are recorded: a field set by another kind of write has
//! no owner here, so such a write never conflicts. The real service records these too.

use serde_json::{Map, Value, json};

use super::{
    fieldset::{self, is_leaf},
    lists::{ListKind, ListRules, position},
};
use crate::model::{error::ApiError, object};

/// Who applies, and how.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Applier<'a> {
    /// `fieldManager` of the request.
    pub manager: &'a str,
    /// `force` of the request: take fields from other managers.
    pub force: bool,
    /// Subresource of the request; "" for the object itself.
    pub subresource: &'a str,
}

impl Applier<'_> {
    fn owns(&self, entry: &Value) -> bool {
        object::text(entry, &["manager"]) == Some(self.manager)
            && object::text(entry, &["operation"]) == Some("Apply")
            && object::text(entry, &["subresource"]).unwrap_or_default() == self.subresource
    }
}

/// The object after `applied` is applied to `live` (null if there is none yet).
///
/// # Errors
/// 409 with a cause for each field that another manager owns with another value.
pub(crate) fn apply(
    live: &Value,
    applied: &Value,
    applier: Applier<'_>,
    rules: ListRules<'_>,
) -> Result<Value, ApiError> {
    let new_set = fieldset::of(applied, rules);
    let mut entries = object::list(live, &["metadata", "managedFields"]).to_vec();
    let before = entries
        .iter()
        .position(|entry| applier.owns(entry))
        .map(|at| entries.remove(at));
    settle_conflicts(live, applied, &new_set, &mut entries, applier.force)?;
    let mut result = live.clone();
    if let Some(old_set) = before.as_ref().and_then(|entry| entry.get("fieldsV1")) {
        let others: Vec<&Value> = entries
            .iter()
            .filter_map(|entry| entry.get("fieldsV1"))
            .collect();
        remove_abandoned(&mut result, old_set, Some(&new_set), &others);
    }
    merge(&mut result, applied, &mut Vec::new(), rules);
    entries.push(record(applied, new_set, before.as_ref(), applier));
    object::set(
        &mut result,
        &["metadata", "managedFields"],
        Value::Array(entries),
    );
    Ok(result)
}

/// The manager's entry; its time stays while its fields do, so that applying the
/// same again changes nothing.
fn record(applied: &Value, set: Value, before: Option<&Value>, applier: Applier<'_>) -> Value {
    let unchanged = before.filter(|entry| entry.get("fieldsV1") == Some(&set));
    let mut entry = json!({
        "manager": applier.manager,
        "operation": "Apply",
        "apiVersion": applied.get("apiVersion"),
        "time": unchanged.map_or_else(|| json!(object::now()), |entry| entry["time"].clone()),
        "fieldsType": "FieldsV1",
        "fieldsV1": set,
    });
    if !applier.subresource.is_empty() {
        entry["subresource"] = json!(applier.subresource);
    }
    entry
}

/// Takes contested fields from other managers, or refuses.
fn settle_conflicts(
    live: &Value,
    applied: &Value,
    new_set: &Value,
    entries: &mut [Value],
    force: bool,
) -> Result<(), ApiError> {
    let mut conflicts = Vec::new();
    for entry in entries {
        let manager = object::text(entry, &["manager"])
            .unwrap_or_default()
            .to_owned();
        let Some(owned) = entry.get_mut("fieldsV1") else {
            continue;
        };
        for path in fieldset::common_leaves(new_set, owned) {
            if fieldset::lookup(live, &path) == fieldset::lookup(applied, &path) {
                continue;
            }
            if force {
                fieldset::take_out(owned, &path);
            } else {
                conflicts.push((manager.clone(), fieldset::display(&path)));
            }
        }
    }
    match conflicts.as_slice() {
        [] => Ok(()),
        _ => Err(conflict_answer(&conflicts)),
    }
}

/// The refusal that names each manager and the field it owns.
fn conflict_answer(conflicts: &[(String, String)]) -> ApiError {
    let plural = if conflicts.len() == 1 {
        "conflict"
    } else {
        "conflicts"
    };
    let lines: Vec<String> = conflicts
        .iter()
        .map(|(manager, field)| format!("conflict with \"{manager}\": {field}"))
        .collect();
    let message = format!(
        "Apply failed with {} {plural}: {}",
        lines.len(),
        lines.join("\n")
    );
    let cause = |(manager, field): &(String, String)| {
        json!({
            "reason": "FieldManagerConflict",
            "message": format!("conflict with \"{manager}\""),
            "field": field,
        })
    };
    let causes: Vec<Value> = conflicts.iter().map(cause).collect();
    ApiError {
        details: json!({"causes": causes}),
        ..ApiError::new(409, "Conflict", message)
    }
}

/// Takes out of `live` what is in `old`, not in `new` and in none of `others`.
fn remove_abandoned(live: &mut Value, old: &Value, new: Option<&Value>, others: &[&Value]) {
    let Some(members) = old.as_object() else {
        return;
    };
    for (member, inner) in members.iter().filter(|(member, _)| *member != ".") {
        let still = new.and_then(|new| new.get(member));
        let shared: Vec<&Value> = others
            .iter()
            .filter_map(|other| other.get(member))
            .collect();
        let own_item = is_leaf(inner) || inner.get(".").is_some();
        if still.is_none() && shared.is_empty() && own_item {
            remove_member(live, member);
        } else if let Some(value) = member_mut(live, member) {
            remove_abandoned(value, inner, still, &shared);
        }
    }
}

fn index_of(items: &[Value], member: &str) -> Option<usize> {
    match member.split_at_checked(2)? {
        ("k:", keys) => {
            let keys: Map<String, Value> = serde_json::from_str(keys).ok()?;
            let fits = |item: &Value| {
                keys.iter()
                    .all(|(key, wanted)| item.get(key) == Some(wanted))
            };
            items.iter().position(fits)
        }
        ("v:", wanted) => {
            let wanted: Value = serde_json::from_str(wanted).ok()?;
            items.iter().position(|item| *item == wanted)
        }
        _ => None,
    }
}

fn member_mut<'a>(value: &'a mut Value, member: &str) -> Option<&'a mut Value> {
    match value {
        Value::Object(fields) => fields.get_mut(member.strip_prefix("f:")?),
        Value::Array(items) => index_of(items, member).and_then(|at| items.get_mut(at)),
        _ => None,
    }
}

fn remove_member(value: &mut Value, member: &str) {
    match value {
        Value::Object(fields) => {
            fields.remove(member.trim_start_matches("f:"));
        }
        Value::Array(items) => {
            if let Some(at) = index_of(items, member) {
                items.remove(at);
            }
        }
        _ => {}
    }
}

fn merge<'a>(
    target: &mut Value,
    applied: &'a Value,
    path: &mut Vec<&'a str>,
    rules: ListRules<'_>,
) {
    match (target, applied) {
        (Value::Object(target), Value::Object(applied)) => {
            for (key, value) in applied {
                path.push(key);
                merge(
                    target.entry(key.clone()).or_insert(Value::Null),
                    value,
                    path,
                    rules,
                );
                path.pop();
            }
        }
        (Value::Array(items), Value::Array(applied)) => match rules.kind_of(path) {
            ListKind::Atomic => items.clone_from(applied),
            ListKind::Set => {
                let new: Vec<Value> = applied
                    .iter()
                    .filter(|item| !items.contains(item))
                    .cloned()
                    .collect();
                items.extend(new);
            }
            ListKind::Map(keys) => {
                // Items that no key tells apart, as a port's of two protocols, are each merged into one of their own.
                let mut taken = Vec::new();
                for item in applied {
                    let same = |at: &usize| position(&items[*at..=*at], item, &keys).is_some();
                    let mut free = (0..items.len()).filter(|at| !taken.contains(at));
                    let at = free.find(same).unwrap_or(items.len());
                    taken.push(at);
                    match items.get_mut(at) {
                        Some(there) => merge(there, item, path, rules),
                        None => items.push(item.clone()),
                    }
                }
            }
        },
        (target, applied) => *target = applied.clone(),
    }
}
