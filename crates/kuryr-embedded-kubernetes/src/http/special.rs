//! What is no plain object: bindings, evictions, finalizing a namespace, access reviews.

use axum::{
    http::{Method, StatusCode},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::{Call, body, encode, write::parse};
use crate::{
    api::{DeleteOptions, Part, Target, WriteOptions},
    model::{error::ApiError, object, path::ResourcePath},
};

/// Reviews of authorization.k8s.io, which is answered though nothing is stored: all may do all.
const REVIEWS: [&str; 2] = ["selfsubjectaccessreviews", "subjectaccessreviews"];

/// Answers an access review; `None` if the request is none.
pub(super) fn review(
    method: &Method,
    path: &ResourcePath,
    sent: &[u8],
) -> Option<Result<Response, ApiError>> {
    if path.group != "authorization.k8s.io" || !REVIEWS.contains(&path.resource.as_str()) {
        return None;
    }
    if *method != Method::POST {
        return Some(Err(ApiError::method_not_allowed()));
    }
    Some(parse(sent).map(|mut review| {
        object::set(&mut review, &["status"], json!({"allowed": true}));
        (StatusCode::CREATED, super::json(&review)).into_response()
    }))
}

/// A request on a subresource other than `status`.
pub(super) fn subresource(call: &Call, method: &Method) -> Result<Response, ApiError> {
    match (call.path.subresource.as_str(), method) {
        ("binding", &Method::POST) => bind(call),
        ("eviction", &Method::POST) => evict(call),
        ("finalize", &Method::PUT) => finalize(call),
        _ => Err(ApiError::method_not_allowed()),
    }
}

fn success() -> Response {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201,
    });
    (StatusCode::CREATED, super::json(&status)).into_response()
}

fn bind(call: &Call) -> Result<Response, ApiError> {
    let binding = parse(&call.body)?;
    let node = object::text(&binding, &["target", "name"]).unwrap_or_default();
    call.api().bind(&call.target(), node)?;
    Ok(success())
}

impl crate::api::Api {
    /// Gives a pod to a node, once.
    ///
    /// # Errors
    /// 404; 409 if the pod has a node already.
    pub fn bind(&self, pod: &Target, node: &str) -> Result<(), ApiError> {
        let name = &pod.key.name;
        self.update(pod, Part::Internal, &WriteOptions::default(), |old| {
            let bound = object::text(old, &["spec", "nodeName"]).unwrap_or_default();
            if !bound.is_empty() {
                let detail = format!("pod {name} is already assigned to node \"{bound}\"");
                return Err(ApiError::conflict("", "pods/binding", name, &detail));
            }
            let mut new = old.clone();
            object::set(&mut new, &["spec", "nodeName"], json!(node));
            let condition = json!({
                "type": "PodScheduled", "status": "True",
                "lastProbeTime": null, "lastTransitionTime": object::now(),
            });
            object::set_condition(&mut new, condition);
            Ok(new)
        })?;
        Ok(())
    }
}

/// An eviction is a deletion here: there are no disruption budgets.
fn evict(call: &Call) -> Result<Response, ApiError> {
    let eviction = parse(&call.body)?;
    let grace = object::at(&eviction, &["deleteOptions", "gracePeriodSeconds"]);
    let options = DeleteOptions {
        grace: grace.and_then(Value::as_i64),
        ..DeleteOptions::default()
    };
    call.api().delete(&call.target(), &options)?;
    Ok(success())
}

fn finalize(call: &Call) -> Result<Response, ApiError> {
    let sent = parse(&call.body)?;
    let options = WriteOptions::default();
    let object = call
        .api()
        .update(&call.target(), Part::Internal, &options, |old| {
            let mut new = old.clone();
            object::copy(&sent, &mut new, &["spec", "finalizers"]);
            Ok(new)
        })?;
    let shape = encode::Shape::wanted(call);
    Ok(body(
        StatusCode::OK,
        encode::one(&call.kind, &object, shape),
    ))
}
