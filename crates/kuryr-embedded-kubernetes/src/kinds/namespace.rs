//! Namespaces: phase, and the finalizer that holds one until it is empty.

use serde_json::{Value, json};

use super::{
    Behaviour, Context,
    table::{Cell, Column},
};
use crate::model::{error::ApiError, object};

pub(super) const BEHAVIOUR: Behaviour = Behaviour {
    on_create: prepare,
    defaults: |namespace| {
        // Every namespace can be selected by its name.
        let name = object::name(namespace).to_owned();
        if !name.is_empty() {
            object::set(
                namespace,
                &["metadata", "labels", "kubernetes.io/metadata.name"],
                json!(name),
            );
        }
    },
    on_update: |namespace, old, _| {
        object::copy(old, namespace, &["spec", "finalizers"]);
        Ok(())
    },
    selectable: &["status.phase"],
    columns: &[Column::new("Status", |namespace| {
        Cell::text(namespace, &["status", "phase"])
    })],
    subresources: &[("finalize", "Namespace")],
    ..Behaviour::PLAIN
};

fn prepare(namespace: &mut Value, _: Context<'_>) -> Result<(), ApiError> {
    object::set(namespace, &["spec", "finalizers"], json!(["kubernetes"]));
    object::set(namespace, &["status"], json!({"phase": "Active"}));
    Ok(())
}
