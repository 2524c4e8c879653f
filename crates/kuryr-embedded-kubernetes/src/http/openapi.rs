//! As much OpenAPI as `kubectl` needs to leave validation and defaults to the server:
//! that PATCH of each kind takes `fieldValidation`. There are no schemas.

use std::collections::BTreeSet;

use axum::response::Response;
use serde_json::{Map, Value, json};

use super::json as answer_json;
use crate::{
    api::Api,
    kinds::{Kind, group_version},
    model::error::ApiError,
};

/// Answers a path below `/openapi/`.
pub(super) fn answer(api: &Api, path: &str) -> Result<Response, ApiError> {
    if path == "v3" {
        return Ok(answer_json(&index(api)));
    }
    let Some(root) = path.strip_prefix("v3/") else {
        return Err(ApiError::no_such_resource());
    };
    let kinds = api.registry().all();
    let chosen: Vec<&Kind> = kinds
        .iter()
        .map(AsRef::as_ref)
        .filter(|kind| root_of(kind) == root)
        .collect();
    match chosen.is_empty() {
        true => Err(ApiError::no_such_resource()),
        false => Ok(answer_json(&document(&chosen))),
    }
}

fn root_of(kind: &Kind) -> String {
    let prefix = if kind.group.is_empty() { "api" } else { "apis" };
    format!("{prefix}/{}", group_version(&kind.group, &kind.version))
}

fn index(api: &Api) -> Value {
    let roots: BTreeSet<String> = api
        .registry()
        .all()
        .iter()
        .map(|kind| root_of(kind))
        .collect();
    let entry = |root: &String| {
        (
            root.clone(),
            json!({"serverRelativeURL": format!("/openapi/v3/{root}")}),
        )
    };
    json!({"paths": roots.iter().map(entry).collect::<Map<_, _>>()})
}

fn document(kinds: &[&Kind]) -> Value {
    let paths: Map<String, Value> = kinds
        .iter()
        .map(|kind| (path_of(kind), operations(kind)))
        .collect();
    json!({
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": "unversioned"},
        "paths": paths,
        "components": {"schemas": {}},
    })
}

fn path_of(kind: &Kind) -> String {
    let namespace = if kind.namespaced {
        "namespaces/{namespace}/"
    } else {
        ""
    };
    format!("/{}/{namespace}{}/{{name}}", root_of(kind), kind.plural)
}

fn operations(kind: &Kind) -> Value {
    let parameter = |name: &str| json!({"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": true}});
    let parameters = ["dryRun", "fieldManager", "fieldValidation"].map(parameter);
    let gvk = json!({"group": kind.group, "version": kind.version, "kind": kind.kind});
    json!({
        "patch": {
            "x-kubernetes-action": "patch",
            "x-kubernetes-group-version-kind": gvk,
            "parameters": parameters,
            "responses": {"200": {"description": "OK"}},
        },
    })
}
