//! From what a client sent to the stored form of an object.

use serde_json::{Value, json};

use super::{WriteOptions, metadata};
use crate::{
    kinds::{Form, Kind, builtin},
    model::{
        error::{ApiError, FieldError, qualified},
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
    let version = kind.api_version();
    match object::text(sent, &["apiVersion"]).unwrap_or_default() {
        "" => sent["apiVersion"] = json!(version),
        found if found == version => {}
        found => {
            return Err(ApiError::bad_request(format!(
                "the API version in the data ({found}) does not match the expected API version ({version})"
            )));
        }
    }
    match object::text(sent, &["kind"]).unwrap_or_default() {
        "" if kind.is_custom() => {
            let message = format!("Object 'Kind' is missing in '{sent}'");
            Err(ApiError::bad_request(message))
        }
        "" => {
            sent["kind"] = json!(kind.kind);
            Ok(())
        }
        found if found == kind.kind => Ok(()),
        found if kind.is_custom() => {
            let detail = format!("must be {}", kind.kind);
            let error = FieldError::invalid("kind", &json!(found), &detail);
            Err(ApiError::invalid(
                &kind.group,
                found,
                object::name(sent),
                &[error],
            ))
        }
        found => Err(ApiError::bad_request(format!(
            "{found} in version \"{version}\" cannot be handled as a {}",
            qualified(&kind.kind, &kind.group)
        ))),
    }
}

/// Everything that is wrong with an object in its stored form.
pub(super) fn validate(kind: &Kind, object: &Value, old: Option<&Value>) -> Result<(), ApiError> {
    let mut errors = metadata::validate(kind, object, old.is_none());
    errors.extend((kind.behaviour.validate)(object, old));
    if let Form::Custom(form) = &kind.form {
        errors.extend(form.schema.validate(object));
    }
    match errors.as_slice() {
        [] => Ok(()),
        // The stored form is what is judged, and named.
        errors => Err(ApiError::invalid(
            kind.behaviour
                .conversion
                .map_or(kind.group.as_str(), |_| ""),
            &kind.kind,
            object::name(object),
            errors,
        )),
    }
}
