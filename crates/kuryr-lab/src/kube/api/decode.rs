//! From what a client sent to the stored form of an object.

use serde_json::{Value, json};

use super::WriteOptions;
use crate::kube::{
    kinds::{Form, Kind, builtin},
    model::{
        error::{ApiError, FieldError},
        object,
    },
};

/// Reads an object of this kind: right type, unknown fields gone, defaults filled in.
pub(super) fn decode(
    kind: &Kind,
    mut sent: Value,
    options: &WriteOptions,
) -> Result<Value, ApiError> {
    if !sent.is_object() {
        return Err(ApiError::bad_request(format!(
            "the object provided is unrecognized (must be of type {})",
            kind.kind
        )));
    }
    check_type(kind, &mut sent)?;
    let cannot = |detail: &str| {
        ApiError::bad_request(format!(
            "{} in version \"{}\" cannot be handled as a {}: {detail}",
            kind.kind, kind.version, kind.kind
        ))
    };
    let mut object = match &kind.form {
        Form::BuiltIn(read) => read(&sent).map_err(|detail| cannot(&detail))?,
        Form::Custom(form) => {
            let metadata = sent.get("metadata").cloned().unwrap_or_else(|| json!({}));
            sent["metadata"] =
                builtin::decode_metadata(&metadata).map_err(|detail| cannot(&detail))?;
            builtin::drop_empty_metadata(&mut sent);
            let unknown = form.schema.prune_and_default(&mut sent);
            if options.strict && !unknown.is_empty() {
                let fields: Vec<String> = unknown
                    .iter()
                    .map(|field| format!("unknown field \"{field}\""))
                    .collect();
                return Err(cannot(&format!(
                    "strict decoding error: {}",
                    fields.join(", ")
                )));
            }
            sent
        }
    };
    object = kind.store(object);
    (kind.behaviour.defaults)(&mut object);
    Ok(object)
}

/// `apiVersion` and `kind` must be those of the path; a built-in kind may leave them out.
fn check_type(kind: &Kind, sent: &mut Value) -> Result<(), ApiError> {
    for (field, wanted, what) in [
        ("kind", kind.kind.clone(), "kind"),
        ("apiVersion", kind.api_version(), "API version"),
    ] {
        match object::text(sent, &[field]) {
            Some(found) if found == wanted => {}
            Some(found) if !found.is_empty() => {
                return Err(ApiError::bad_request(format!(
                    "the {what} in the data ({found}) does not match the expected {what} ({wanted})"
                )));
            }
            _ if kind.is_custom() && field == "kind" => {
                return Err(ApiError::bad_request(format!(
                    "Object 'Kind' is missing in '{sent}'"
                )));
            }
            _ => sent[field] = json!(wanted),
        }
    }
    Ok(())
}

/// Everything that is wrong with an object in its stored form.
pub(super) fn validate(kind: &Kind, object: &Value, old: Option<&Value>) -> Result<(), ApiError> {
    let mut errors = Vec::new();
    if old.is_none() {
        errors.extend(bad_name(kind, object));
    }
    errors.extend(bad_owners(object));
    errors.extend((kind.behaviour.validate)(object, old));
    if let Form::Custom(form) = &kind.form {
        errors.extend(form.schema.validate(object));
    }
    match errors.as_slice() {
        [] => Ok(()),
        errors => Err(ApiError::invalid(
            &kind.group,
            &kind.kind,
            object::name(object),
            errors,
        )),
    }
}

fn bad_name(kind: &Kind, value: &Value) -> Option<FieldError> {
    let name = object::name(value);
    if name.is_empty() {
        let detail = "name or generateName is required";
        return Some(FieldError::required("metadata.name", detail));
    }
    let detail = kind.names.refuse(name)?;
    Some(FieldError::invalid("metadata.name", &json!(name), detail))
}

fn bad_owners(value: &Value) -> Vec<FieldError> {
    let owners = object::list(value, &["metadata", "ownerReferences"])
        .iter()
        .enumerate();
    let mut errors = Vec::new();
    for (index, owner) in owners {
        for (field, detail) in [
            ("apiVersion", "version must not be empty"),
            ("kind", "kind must not be empty"),
            ("name", "name must not be empty"),
            ("uid", "uid must not be empty"),
        ] {
            if object::text(owner, &[field]).unwrap_or_default().is_empty() {
                let path = format!("metadata.ownerReferences[{index}].{field}");
                errors.push(FieldError::invalid(path, &json!(""), detail));
            }
        }
    }
    errors
}
