//! Rules for the metadata of every object
//! (k8s.io/apimachinery `pkg/api/validation/objectmeta.go`).

use serde_json::{Value, json};

use crate::{
    kinds::Kind,
    model::{error::FieldError, names, object},
};

/// Finalizers without a domain that Kubernetes itself uses.
const STANDARD_FINALIZERS: [&str; 3] = ["orphan", "foregroundDeletion", "kubernetes"];

/// Everything that is wrong with an object's metadata; its name counts only when it is new.
pub(super) fn validate(kind: &Kind, object: &Value, new: bool) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if new {
        errors.extend(name(kind, object));
    }
    errors.extend(labels(object));
    errors.extend(annotations(object));
    errors.extend(owners(object));
    errors.extend(finalizers(kind, object));
    errors
}

fn name(kind: &Kind, value: &Value) -> Option<FieldError> {
    let name = object::name(value);
    if name.is_empty() {
        let detail = "name or generateName is required";
        return Some(FieldError::required("metadata.name", detail));
    }
    let detail = kind.names.refuse(name)?;
    Some(FieldError::invalid("metadata.name", &json!(name), detail))
}

fn pairs<'a>(value: &'a Value, field: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    let map = object::at(value, &["metadata", field]).and_then(Value::as_object);
    map.into_iter().flatten()
}

fn labels(value: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    for (key, value) in pairs(value, "labels") {
        if !names::is_qualified_name(key) {
            let error = FieldError::invalid("metadata.labels", &json!(key), names::QUALIFIED_NAME);
            errors.push(error);
        }
        if !value.as_str().is_some_and(names::is_label_value) {
            errors.push(FieldError::invalid(
                "metadata.labels",
                value,
                names::LABEL_VALUE,
            ));
        }
    }
    errors
}

fn annotations(value: &Value) -> Vec<FieldError> {
    pairs(value, "annotations")
        .filter(|(key, _)| !names::is_qualified_name(&key.to_lowercase()))
        .map(|(key, _)| {
            FieldError::invalid("metadata.annotations", &json!(key), names::QUALIFIED_NAME)
        })
        .collect()
}

fn owners(value: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    for owner in object::list(value, &["metadata", "ownerReferences"]) {
        for (field, detail) in [
            ("apiVersion", "version must not be empty"),
            ("kind", "kind must not be empty"),
            ("name", "name must not be empty"),
            ("uid", "uid must not be empty"),
        ] {
            if object::text(owner, &[field]).unwrap_or_default().is_empty() {
                let path = format!("metadata.ownerReferences.{field}");
                errors.push(FieldError::invalid(path, &json!(""), detail));
            }
        }
    }
    errors
}

/// A finalizer is a qualified name; for built-in kinds it needs a domain.
fn finalizers(kind: &Kind, value: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    for (index, finalizer) in object::finalizers(value).enumerate() {
        let with_domain = finalizer.contains('/') || STANDARD_FINALIZERS.contains(&finalizer);
        let detail = if !names::is_qualified_name(finalizer) {
            names::QUALIFIED_NAME
        } else if !with_domain && !kind.is_custom() && kind.group.is_empty() {
            "name is neither a standard finalizer name nor is it fully qualified"
        } else {
            continue;
        };
        let field = format!("metadata.finalizers[{index}]");
        errors.push(FieldError::invalid(field, &json!(finalizer), detail));
    }
    errors
}
