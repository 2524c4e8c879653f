//! POST, PUT and PATCH of objects.

use axum::{
    http::{StatusCode, header},
    response::Response,
};
use serde_json::Value;

use super::{Call, body, encode, protobuf, query::invalid_options};
use crate::{
    api::{Part, WriteOptions},
    model::{
        error::{ApiError, FieldError},
        object,
    },
    patch::{self, apply::Applier},
    store::Object,
};

/// Content types of patches that every kind takes.
const PATCH_TYPES: &str =
    "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml";

/// The body as an object: JSON, YAML, or for some kinds protobuf. A body says by itself
/// which it is.
pub(super) fn parse(body: &[u8]) -> Result<Value, ApiError> {
    if body.starts_with(protobuf::MAGIC) {
        return protobuf::parse(body);
    }
    serde_json::from_slice(body).or_else(|error| {
        let yaml = serde_yaml_ng::from_slice::<Value>(body)
            .ok()
            .filter(Value::is_object);
        yaml.ok_or_else(|| {
            ApiError::bad_request(format!(
                "couldn't get version/kind; json parse error: {error}"
            ))
        })
    })
}

fn respond(call: &Call, status: StatusCode, object: &Object) -> Response {
    let shape = encode::Shape::wanted(call);
    body(status, encode::one(&call.kind, object, shape))
}

fn part(call: &Call) -> Part {
    match call.path.subresource.as_str() {
        "status" => Part::Status,
        _ => Part::Main,
    }
}

pub(super) fn create(call: &Call) -> Result<Response, ApiError> {
    let options = call.query.write()?;
    let object = call.api().create(
        &call.kind,
        &call.path.namespace,
        parse(&call.body)?,
        &options,
    )?;
    Ok(respond(call, StatusCode::CREATED, &object))
}

pub(super) fn replace(call: &Call) -> Result<Response, ApiError> {
    let (options, new) = (call.query.write()?, parse(&call.body)?);
    let written = call
        .api()
        .update(&call.target(), part(call), &options, |_| Ok(new.clone()));
    match written {
        Err(error) if error.code == 404 && call.kind.behaviour.put_creates => {
            create_by_put(call, new, &options)
        }
        written => written.map(|object| respond(call, StatusCode::OK, &object)),
    }
}

/// Creates what a PUT did not find, whatever version it builds on.
fn create_by_put(
    call: &Call,
    mut new: Value,
    options: &WriteOptions,
) -> Result<Response, ApiError> {
    object::remove(&mut new, &["metadata", "resourceVersion"]);
    let object = call
        .api()
        .create(&call.kind, &call.path.namespace, new, options)?;
    Ok(respond(call, StatusCode::CREATED, &object))
}

fn patch_options(call: &Call) -> Result<WriteOptions, ApiError> {
    Ok(WriteOptions {
        patch: true,
        ..call.query.write()?
    })
}

pub(super) fn patch(call: &Call) -> Result<Response, ApiError> {
    let content_type = call
        .header(header::CONTENT_TYPE)
        .split(';')
        .next()
        .unwrap_or_default();
    let options = patch_options(call)?;
    let change: fn(&Call, &Value, &Value) -> Result<Value, ApiError> = match content_type.trim() {
        "application/json-patch+json" => |_, old, patch| patch::json::apply(old, patch),
        "application/merge-patch+json" => |_, old, patch| merge(old, patch),
        "application/strategic-merge-patch+json" if !call.kind.is_custom() => {
            |call, old, patch| Ok(patch::strategic::apply(old, patch, call.kind.list_rules()))
        }
        "application/apply-patch+yaml" => return apply(call),
        _ => return Err(ApiError::unsupported_media_type(PATCH_TYPES)),
    };
    let sent: Value = serde_json::from_slice(&call.body)
        .map_err(|error| ApiError::bad_request(format!("error decoding patch: {error}")))?;
    let make = |old: &Value| change(call, old, &sent);
    let object = call
        .api()
        .update(&call.target(), part(call), &options, make)?;
    Ok(respond(call, StatusCode::OK, &object))
}

fn merge(old: &Value, patch: &Value) -> Result<Value, ApiError> {
    if !patch.is_object() {
        return Err(ApiError::bad_request(
            "error decoding patch: a merge patch must be an object",
        ));
    }
    let mut new = old.clone();
    patch::json_merge(&mut new, patch);
    Ok(new)
}

/// Server-side apply: updates the object or, unless it is about a subresource, creates it.
fn apply(call: &Call) -> Result<Response, ApiError> {
    let manager = call.query.text("fieldManager");
    if manager.is_empty() {
        let error = FieldError::required("fieldManager", "is required for apply patch");
        return Err(invalid_options("PatchOptions", &error));
    }
    let (mut config, options) = (parse(&call.body)?, patch_options(call)?);
    if !object::list(&config, &["metadata", "managedFields"]).is_empty() {
        return Err(ApiError::bad_request("metadata.managedFields must be nil"));
    }
    let version = object::text(&config, &["apiVersion"]).unwrap_or_default();
    if version != call.kind.api_version() {
        return Err(ApiError::bad_request(format!(
            "Incorrect version specified in apply patch. Specified patch version: {version}, \
             expected: {}",
            call.kind.api_version()
        )));
    }
    let named = !object::name(&config).is_empty();
    if !named {
        object::set(
            &mut config,
            &["metadata", "name"],
            Value::from(call.path.name.as_str()),
        );
    }
    let applier = Applier {
        manager,
        force: call.query.flag("force"),
        subresource: &call.path.subresource,
    };
    let make = |live: &Value| patch::apply::apply(live, &config, applier, call.kind.list_rules());
    let target = call.target();
    match call.api().update(&target, part(call), &options, make) {
        Err(error) if error.code == 404 && call.path.subresource.is_empty() => {
            if !named {
                return Err(ApiError::bad_request(format!(
                    "the name of the object ({} based on URL) was undeterminable: name must be \
                     provided",
                    call.path.name
                )));
            }
            let new = make(&Value::Object(serde_json::Map::new()))?;
            let object = call
                .api()
                .create(&call.kind, &call.path.namespace, new, &options)?;
            Ok(respond(call, StatusCode::CREATED, &object))
        }
        answer => answer.map(|object| respond(call, StatusCode::OK, &object)),
    }
}
