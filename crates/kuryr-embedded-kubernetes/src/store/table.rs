//! One table: its objects by namespace and name, and its recent changes.

use std::collections::{BTreeMap, VecDeque};

use tokio::sync::watch;

use super::{Change, ChangeKind, Key, Object};

/// The history no longer reaches back to the version asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the history starts after version {oldest}")]
pub struct Forgotten {
    /// Changes after this version are known.
    pub oldest: u64,
}

#[derive(Debug)]
pub(super) struct Table {
    objects: BTreeMap<Key, Object>,
    changes: VecDeque<Change>,
    /// Changes up to this version are forgotten.
    floor: u64,
    capacity: usize,
    pub(super) head: watch::Sender<u64>,
}

impl Table {
    /// An empty table in a store that is at `version` and forgot all up to `floor`.
    pub(super) fn new(capacity: usize, floor: u64, version: u64) -> Self {
        Self {
            objects: BTreeMap::new(),
            changes: VecDeque::new(),
            floor,
            capacity,
            head: watch::Sender::new(version),
        }
    }

    pub(super) fn get(&self, key: &Key) -> Option<Object> {
        self.objects.get(key).cloned()
    }

    pub(super) fn has_none_in(&self, namespace: &str) -> bool {
        let first = self.objects.range(Key::new(namespace, "")..).next();
        first.is_none_or(|(key, _)| key.namespace != namespace)
    }

    pub(super) fn list(&self, namespace: &str) -> Vec<Object> {
        in_namespace(&self.objects, namespace)
    }

    /// Undoes the changes after `version`.
    pub(super) fn list_at(&self, namespace: &str, version: u64) -> Result<Vec<Object>, Forgotten> {
        self.reaches(version)?;
        let mut objects = self.objects.clone();
        for change in self
            .changes
            .iter()
            .rev()
            .take_while(|change| change.version > version)
        {
            let key = change.object.key();
            match &change.previous {
                Some(previous) => objects.insert(key, previous.clone()),
                None => objects.remove(&key),
            };
        }
        Ok(in_namespace(&objects, namespace))
    }

    pub(super) fn since(&self, version: u64) -> Result<Vec<Change>, Forgotten> {
        self.reaches(version)?;
        let start = self
            .changes
            .partition_point(|change| change.version <= version);
        Ok(self.changes.range(start..).cloned().collect())
    }

    pub(super) fn record(&mut self, key: Key, change: Change) {
        match change.kind {
            ChangeKind::Deleted => self.objects.remove(&key),
            ChangeKind::Added | ChangeKind::Modified => {
                self.objects.insert(key, change.object.clone())
            }
        };
        let version = change.version;
        self.changes.push_back(change);
        if self.changes.len() > self.capacity
            && let Some(oldest) = self.changes.pop_front()
        {
            self.floor = oldest.version;
        }
        self.head.send_replace(version);
    }

    pub(super) fn forget(&mut self, version: u64) {
        self.changes.clear();
        self.floor = version;
    }

    fn reaches(&self, version: u64) -> Result<(), Forgotten> {
        match version < self.floor {
            true => Err(Forgotten { oldest: self.floor }),
            false => Ok(()),
        }
    }
}

fn in_namespace(objects: &BTreeMap<Key, Object>, namespace: &str) -> Vec<Object> {
    if namespace.is_empty() {
        return objects.values().cloned().collect();
    }
    objects
        .range(Key::new(namespace, "")..)
        .take_while(|(key, _)| key.namespace == namespace)
        .map(|(_, object)| object.clone())
        .collect()
}
