//! GET of an object or a collection.

use axum::{http::StatusCode, response::Response};
use serde_json::json;

use super::{Call, body, encode};
use crate::model::error::ApiError;

pub(super) fn get(call: &Call) -> Result<Response, ApiError> {
    let object = call.api().get(&call.target())?;
    let shape = encode::Shape::wanted(call);
    Ok(body(
        StatusCode::OK,
        encode::one(&call.kind, &object, shape),
    ))
}

pub(super) fn list(call: &Call) -> Result<Response, ApiError> {
    let query = call.query.list(&call.kind, &call.path.namespace)?;
    let page = call.api().list(&call.kind, &query)?;
    let mut metadata = json!({"resourceVersion": page.version.to_string()});
    if call.kind.is_custom() {
        // Lists of custom resources always have this field.
        metadata["continue"] = json!("");
    }
    if !page.token.is_empty() {
        metadata["continue"] = json!(page.token);
        // How many of the rest a selector would let through is not counted.
        if ["labelSelector", "fieldSelector"]
            .iter()
            .all(|name| call.query.text(name).is_empty())
        {
            metadata["remainingItemCount"] = json!(page.remaining);
        }
    }
    let shape = encode::Shape::wanted(call);
    Ok(body(
        StatusCode::OK,
        encode::list(&call.kind, &page.objects, &metadata, shape),
    ))
}
