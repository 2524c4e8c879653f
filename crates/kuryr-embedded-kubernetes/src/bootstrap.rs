//! What a new cluster holds before anyone asks for anything.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::{
    api::{Api, WriteOptions},
    kinds::ServiceRange,
    model::error::ApiError,
};

const NAMESPACES: [&str; 4] = ["default", "kube-system", "kube-public", "kube-node-lease"];

/// Creates the usual namespaces and the service `kubernetes`, which leads to `address`.
///
/// # Errors
/// What the API answered.
pub(crate) fn fill(api: &Api, range: ServiceRange, address: SocketAddr) -> Result<(), ApiError> {
    let create = |plural: &str, namespace: &str, object: Value| {
        let kind = api.kind("", plural)?;
        api.create(&kind, namespace, object, &WriteOptions::default())
            .map(drop)
    };
    for name in NAMESPACES {
        create("namespaces", "", json!({"metadata": {"name": name}}))?;
    }
    let metadata = json!({
        "name": "kubernetes",
        "labels": {"component": "apiserver", "provider": "kubernetes"},
    });
    let port = json!({"name": "https", "port": 443, "targetPort": address.port()});
    let service = json!({
        "metadata": metadata,
        "spec": {"clusterIP": range.first(), "ports": [port]},
    });
    create("services", "default", service)?;
    let subset = json!({
        "addresses": [{"ip": address.ip()}],
        "ports": [{"name": "https", "port": address.port(), "protocol": "TCP"}],
    });
    let endpoints = json!({"metadata": {"name": "kubernetes"}, "subsets": [subset]});
    create("endpoints", "default", endpoints)
}
