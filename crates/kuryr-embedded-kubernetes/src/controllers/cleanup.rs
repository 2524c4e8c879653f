//! A namespace that is deleted is emptied first, and a CRD likewise.

use serde_json::{Value, json};

use super::{Controller, delete, ignore_gone, target};
use crate::{
    api::{Api, Part, WriteOptions},
    kinds::crd::{self, CLEANUP_FINALIZER},
    model::{
        error::{ApiError, qualified},
        object,
    },
    store::{ChangeKind, Key, Object, Observed, TableName},
};

const NAMESPACES: &str = "namespaces";
const CRDS: &str = "customresourcedefinitions.apiextensions.k8s.io";

#[derive(Debug)]
pub(super) struct Cleanup;

impl Controller for Cleanup {
    fn name(&self) -> &'static str {
        "cleanup"
    }

    fn on_change(&mut self, api: &Api, observed: &Observed) -> Result<(), ApiError> {
        let (table, change) = (&observed.table, &observed.change);
        let live = change.kind != ChangeKind::Deleted;
        match table.as_str() {
            NAMESPACES if live => return empty_namespace(api, &change.object),
            CRDS if live => return empty_resource(api, &change.object),
            NAMESPACES | CRDS => return Ok(()),
            _ => {}
        }
        let container = |table: &str, name: &str| {
            let found = api
                .store()
                .get(&TableName::from(table), &Key::new("", name));
            found.filter(|container| object::is_deleting(&container.value))
        };
        let key = change.object.key();
        let namespace = container(NAMESPACES, &key.namespace);
        let resource = container(CRDS, table.as_str());
        if change.kind == ChangeKind::Added && (namespace.is_some() || resource.is_some()) {
            return delete(api, table, &change.object);
        }
        if change.kind == ChangeKind::Deleted {
            namespace.map_or(Ok(()), |namespace| release_namespace(api, &namespace))?;
            resource.map_or(Ok(()), |resource| release_resource(api, &resource))?;
        }
        Ok(())
    }
}

fn empty_namespace(api: &Api, namespace: &Object) -> Result<(), ApiError> {
    if !object::is_deleting(&namespace.value) {
        return Ok(());
    }
    for (table, object) in api.store().in_namespace(object::name(&namespace.value)) {
        if !object::is_deleting(&object.value) {
            delete(api, &table, &object)?;
        }
    }
    release_namespace(api, namespace)
}

/// Takes the namespace's own hold away once nothing is in it.
fn release_namespace(api: &Api, namespace: &Object) -> Result<(), ApiError> {
    if api
        .store()
        .is_namespace_empty(object::name(&namespace.value))
    {
        change(api, NAMESPACES, namespace, |namespace| {
            object::set(namespace, &["spec", "finalizers"], json!([]));
        })?;
    }
    Ok(())
}

fn table_of(crd: &Object) -> TableName {
    let (group, plural) = crd::resource(&crd.value);
    TableName::from(qualified(plural, group).as_str())
}

fn empty_resource(api: &Api, crd: &Object) -> Result<(), ApiError> {
    if !object::is_deleting(&crd.value) {
        return Ok(());
    }
    let table = table_of(crd);
    for object in api.store().all(&table) {
        if !object::is_deleting(&object.value) {
            delete(api, &table, &object)?;
        }
    }
    release_resource(api, crd)
}

/// Takes the CRD's finalizer away once it has no objects.
fn release_resource(api: &Api, crd: &Object) -> Result<(), ApiError> {
    if api.store().all(&table_of(crd)).is_empty() {
        change(api, CRDS, crd, |crd| {
            let list = object::meta_mut(crd)
                .get_mut("finalizers")
                .and_then(Value::as_array_mut);
            if let Some(list) = list {
                list.retain(|finalizer| finalizer != CLEANUP_FINALIZER);
            }
        })?;
    }
    Ok(())
}

fn change(
    api: &Api,
    table: &str,
    object: &Object,
    edit: impl Fn(&mut Value),
) -> Result<(), ApiError> {
    let target = target(api, &TableName::from(table), object)?;
    let update = api.update(&target, Part::Internal, &WriteOptions::default(), |old| {
        let mut new = old.clone();
        edit(&mut new);
        Ok(new)
    });
    ignore_gone(update.map(drop))
}
