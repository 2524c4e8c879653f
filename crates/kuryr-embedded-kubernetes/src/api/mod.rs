//! The verbs of the API on objects, without HTTP: what the server and the controllers call.

mod decode;
mod delete;
mod list;
mod metadata;
mod namespaces;
mod write;

use std::sync::Arc;

use serde_json::Value;

pub use delete::{DeleteOptions, Deleted, FOREGROUND, ORPHAN, Propagation};
pub use list::{Filter, ListQuery, Listed, VersionMatch};
pub use write::Part;

use super::{
    kinds::{Addresses, Kind, Registry, ServiceRange, builtin, crd},
    model::error::ApiError,
    store::{Key, Object, Store, TableName},
};
use list::Snapshots;

/// All objects and the rules for them.
#[derive(Debug)]
pub struct Api {
    store: Store,
    registry: Registry,
    addresses: Addresses,
    snapshots: Snapshots,
}

/// One object of one kind.
#[derive(Debug, Clone)]
pub struct Target {
    pub kind: Arc<Kind>,
    /// Its namespace and name.
    pub key: Key,
}

#[derive(Debug, Clone, Default)]
pub struct WriteOptions {
    /// Do all but store.
    pub dry_run: bool,
    /// Refuse fields that the kind does not know (`fieldValidation=Strict`).
    pub strict: bool,
    /// The new object comes from a patch, not from the client.
    pub patch: bool,
}

impl Api {
    /// An API without objects.
    pub fn new(range: ServiceRange, history: usize) -> Self {
        Self {
            store: Store::new(history),
            registry: Registry::new(builtin::kinds()),
            addresses: Addresses::new(range),
            snapshots: Snapshots::default(),
        }
    }

    /// All objects, to read and to watch.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The kinds served now.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// One object.
    ///
    /// # Errors
    /// 404.
    pub fn get(&self, target: &Target) -> Result<Object, ApiError> {
        self.store
            .get(&target.kind.table, &target.key)
            .ok_or_else(|| target.kind.not_found(&target.key.name))
    }

    /// A built-in kind by its plural, for the API's own use.
    ///
    /// # Errors
    /// 404 if there is no such kind.
    pub fn kind(&self, group: &str, plural: &str) -> Result<Arc<Kind>, ApiError> {
        self.registry
            .any_version(group, plural)
            .ok_or_else(ApiError::no_such_resource)
    }

    /// The kind whose objects a table holds.
    ///
    /// # Errors
    /// 404 if it is served no more.
    pub fn kind_of_table(&self, table: &TableName) -> Result<Arc<Kind>, ApiError> {
        let (plural, group) = table
            .as_str()
            .split_once('.')
            .unwrap_or((table.as_str(), ""));
        self.kind(group, plural)
    }

    /// What a stored change means for the kinds served: a CRD adds and removes some.
    fn after_change(&self, table: &TableName, object: &Value, gone: bool) {
        if table.as_str() == "customresourcedefinitions.apiextensions.k8s.io" {
            let (group, plural) = crd::resource(object);
            let kinds = if gone { Vec::new() } else { crd::kinds(object) };
            self.registry.replace(group, plural, kinds);
        }
    }
}
