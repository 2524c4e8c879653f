//! All objects in memory, one version number for all, and each table's recent history.
//!
//! The store knows nothing of kinds: it keeps JSON by table, namespace and name. A write
//! says what it builds on, so that two writers never overwrite each other unseen.

mod table;

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use axum::body::Bytes;
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};

pub use table::Forgotten;
use table::Table;

use super::model::object;

/// Name of a table: `pods`, `kuryrports.openstack.org`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableName(Arc<str>);

impl From<&str> for TableName {
    fn from(name: &str) -> Self {
        Self(Arc::from(name))
    }
}

impl TableName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Namespace ("" if cluster-wide) and name of an object.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// Namespace; "" for cluster-wide objects.
    pub namespace: String,
    pub name: String,
}

impl Key {
    /// The key of an object by its metadata.
    pub fn of(object: &Value) -> Self {
        Self::new(object::namespace(object), object::name(object))
    }

    /// A key by namespace and name.
    pub fn new(namespace: &str, name: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.namespace.as_str() {
            "" => formatter.write_str(&self.name),
            namespace => write!(formatter, "{namespace}/{}", self.name),
        }
    }
}

/// One version of an object; never changes.
#[derive(Debug)]
pub struct Stored {
    /// The object.
    pub value: Value,
    /// The object as JSON without `apiVersion` and `kind`, made once for all who read it.
    pub body: Bytes,
    /// Its resourceVersion.
    pub version: u64,
}

/// A shared version of an object.
pub type Object = Arc<Stored>;

impl Stored {
    fn new(mut value: Value, version: u64) -> Object {
        object::meta_mut(&mut value)
            .insert("resourceVersion".to_owned(), json!(version.to_string()));
        Self::unversioned(value, version)
    }

    /// An object that is not in the store, such as the answer to a dry run.
    pub fn unversioned(value: Value, version: u64) -> Object {
        let body = match &value {
            Value::Object(fields) => {
                let rest = fields
                    .iter()
                    .filter(|(key, _)| !matches!(key.as_str(), "apiVersion" | "kind"));
                serde_json::to_vec(&rest.collect::<std::collections::BTreeMap<_, _>>())
            }
            other => serde_json::to_vec(other),
        };
        Arc::new(Self {
            value,
            body: Bytes::from(body.unwrap_or_default()),
            version,
        })
    }

    /// Namespace and name.
    pub fn key(&self) -> Key {
        Key::of(&self.value)
    }
}

/// What a change did to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// It has a new version.
    Modified,
    /// It is gone.
    Deleted,
}

/// One change of one object.
#[derive(Debug, Clone)]
pub struct Change {
    /// The version number that the change made.
    pub version: u64,
    /// What it did.
    pub kind: ChangeKind,
    /// The object after it; the last one if it is gone.
    pub object: Object,
    /// The object before it.
    pub previous: Option<Object>,
}

/// A change and the table it happened in.
#[derive(Debug, Clone)]
pub struct Observed {
    pub table: TableName,
    pub change: Change,
}

/// What a write builds on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// No object of this name.
    Absent,
    /// The object in exactly this version.
    Version(u64),
}

/// The store holds something else than the write builds on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the object was changed meanwhile")]
pub struct Raced;

/// All objects of an API.
#[derive(Debug)]
pub struct Store {
    inner: RwLock<Inner>,
    history: usize,
}

#[derive(Debug)]
struct Inner {
    version: u64,
    /// Tables that are made later start with their history forgotten up to here.
    forgotten: u64,
    tables: HashMap<TableName, Table>,
    observers: Vec<mpsc::UnboundedSender<Observed>>,
}

impl Store {
    /// An empty store that remembers this many changes of each table.
    pub fn new(history: usize) -> Self {
        let inner = Inner {
            version: 1,
            forgotten: 0,
            tables: HashMap::new(),
            observers: Vec::new(),
        };
        Self {
            inner: RwLock::new(inner),
            history,
        }
    }

    /// The version number of the newest change.
    pub fn version(&self) -> u64 {
        self.read().version
    }

    /// One object.
    pub fn get(&self, table: &TableName, key: &Key) -> Option<Object> {
        self.read().tables.get(table)?.get(key)
    }

    /// A table's objects, in one namespace or (with "") all, and the version of this view.
    pub fn list(&self, table: &TableName, namespace: &str) -> (Vec<Object>, u64) {
        let inner = self.read();
        let objects = inner.tables.get(table).map(|table| table.list(namespace));
        (objects.unwrap_or_default(), inner.version)
    }

    /// All objects of a table.
    pub fn all(&self, table: &TableName) -> Vec<Object> {
        self.list(table, "").0
    }

    /// A table's objects as they were at `version`.
    ///
    /// # Errors
    /// The history no longer reaches back so far.
    pub fn list_at(
        &self,
        table: &TableName,
        namespace: &str,
        version: u64,
    ) -> Result<Vec<Object>, Forgotten> {
        match self.read().tables.get(table) {
            Some(table) => table.list_at(namespace, version),
            None => Ok(Vec::new()),
        }
    }

    /// Every object of a namespace, with its table.
    pub fn in_namespace(&self, namespace: &str) -> Vec<(TableName, Object)> {
        let inner = self.read();
        let pairs = inner.tables.iter().flat_map(|(name, table)| {
            table
                .list(namespace)
                .into_iter()
                .map(|object| (name.clone(), object))
        });
        pairs.collect()
    }

    /// No table holds an object of this namespace.
    pub fn is_namespace_empty(&self, namespace: &str) -> bool {
        self.read()
            .tables
            .values()
            .all(|table| table.has_none_in(namespace))
    }

    /// Writes an object. Its resourceVersion is set to that of the change.
    ///
    /// # Errors
    /// The store holds something else than `expect`.
    pub fn put(&self, table: &TableName, expect: Expect, value: Value) -> Result<Object, Raced> {
        self.write(table, expect, value, false)
    }

    /// Removes an object; `last` is what watchers are told of it.
    ///
    /// # Errors
    /// The store holds something else than `expect`.
    pub fn remove(&self, table: &TableName, expect: Expect, last: Value) -> Result<Object, Raced> {
        self.write(table, expect, last, true)
    }

    /// Changes after `version`, oldest first.
    ///
    /// # Errors
    /// The history no longer reaches back so far.
    pub fn changes_since(&self, table: &TableName, version: u64) -> Result<Vec<Change>, Forgotten> {
        let inner = self.read();
        match inner.tables.get(table) {
            Some(table) => table.since(version),
            None if version < inner.forgotten => Err(Forgotten {
                oldest: inner.forgotten,
            }),
            None => Ok(Vec::new()),
        }
    }

    /// A receiver that wakes after each change of the table.
    pub fn wake(&self, table: &TableName) -> watch::Receiver<u64> {
        self.write_lock()
            .table(table, self.history)
            .head
            .subscribe()
    }

    /// Every change from now on, in order.
    pub fn observe(&self) -> mpsc::UnboundedReceiver<Observed> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.write_lock().observers.push(sender);
        receiver
    }

    /// Forgets the history of all tables, as a compaction does.
    pub fn forget_history(&self) {
        let mut inner = self.write_lock();
        // A change of its own: else a watcher of the newest version would miss nothing.
        inner.version += 1;
        let version = inner.version;
        inner.forgotten = version;
        inner
            .tables
            .values_mut()
            .for_each(|table| table.forget(version));
    }

    /// Adds, replaces or removes one object and tells everyone.
    fn write(
        &self,
        name: &TableName,
        expect: Expect,
        value: Value,
        remove: bool,
    ) -> Result<Object, Raced> {
        let key = Key::of(&value);
        let mut inner = self.write_lock();
        let version = inner.version + 1;
        let table = inner.table(name, self.history);
        let previous = table.get(&key);
        let held = previous.as_ref().map(|object| object.version);
        let kind = match (expect, held) {
            (Expect::Absent, None) if !remove => ChangeKind::Added,
            (Expect::Version(wanted), Some(held)) if wanted == held => match remove {
                true => ChangeKind::Deleted,
                false => ChangeKind::Modified,
            },
            _ => return Err(Raced),
        };
        let object = Stored::new(value, version);
        let change = Change {
            version,
            kind,
            object: Arc::clone(&object),
            previous,
        };
        table.record(key, change.clone());
        inner.version = version;
        inner.tell(name, &change);
        Ok(object)
    }

    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_lock(&self) -> RwLockWriteGuard<'_, Inner> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn table(&mut self, name: &TableName, history: usize) -> &mut Table {
        let (floor, version) = (self.forgotten, self.version);
        self.tables
            .entry(name.clone())
            .or_insert_with(|| Table::new(history, floor, version))
    }

    fn tell(&mut self, table: &TableName, change: &Change) {
        self.observers.retain(|observer| {
            let observed = Observed {
                table: table.clone(),
                change: change.clone(),
            };
            observer.send(observed).is_ok()
        });
    }
}

/// The same object under another version number.
pub fn with_version(object: &Object, version: u64) -> Object {
    Stored::new(object.value.clone(), version)
}

#[cfg(test)]
mod tests;
