//! DELETE of an object or a collection.

use axum::{http::StatusCode, response::Response};
use serde_json::{Value, json};

use super::{Call, body, encode, json as answer};
use crate::model::{error::ApiError, object};

pub(super) fn one(call: &Call) -> Result<Response, ApiError> {
    if !call.path.subresource.is_empty() {
        return Err(ApiError::method_not_allowed());
    }
    let options = call.query.delete(&call.body)?;
    let deleted = call.api().delete(&call.target(), &options)?;
    if !deleted.gone || call.kind.behaviour.delete_returns_object {
        let shape = encode::Shape::wanted(call);
        return Ok(body(
            StatusCode::OK,
            encode::one(&call.kind, &deleted.object, shape),
        ));
    }
    let kind = &call.kind;
    let mut details: Value = json!({
        "name": call.path.name,
        "kind": kind.plural,
        "uid": object::uid(&deleted.object.value),
    });
    if !kind.group.is_empty() {
        details["group"] = json!(kind.group);
    }
    Ok(answer(&json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {},
        "status": "Success", "details": details,
    })))
}

pub(super) fn collection(call: &Call) -> Result<Response, ApiError> {
    let filter = call.query.filter(&call.kind, &call.path.namespace)?;
    let options = call.query.delete(&call.body)?;
    let objects = call
        .api()
        .delete_collection(&call.kind, &filter, &options)?;
    let metadata = json!({"resourceVersion": call.api().store().version().to_string()});
    let shape = encode::Shape::wanted(call);
    Ok(body(
        StatusCode::OK,
        encode::list(&call.kind, &objects, &metadata, shape),
    ))
}
