//! Finding the kind that a path asks for.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use super::Kind;

type Key = (String, String, String);

/// All kinds served now, by group, version and plural.
#[derive(Debug)]
pub struct Registry {
    kinds: RwLock<BTreeMap<Key, Arc<Kind>>>,
}

fn key(kind: &Kind) -> Key {
    (
        kind.group.clone(),
        kind.version.clone(),
        kind.plural.clone(),
    )
}

impl Registry {
    /// Serves these kinds.
    pub fn new(kinds: Vec<Kind>) -> Self {
        let kinds = kinds.into_iter().map(|kind| (key(&kind), Arc::new(kind)));
        Self {
            kinds: RwLock::new(kinds.collect()),
        }
    }

    /// The kind of this group, version and plural.
    pub fn find(&self, group: &str, version: &str, plural: &str) -> Option<Arc<Kind>> {
        let key = (group.to_owned(), version.to_owned(), plural.to_owned());
        self.read(|kinds| kinds.get(&key).cloned())
    }

    /// Some resource of this group is served.
    pub(crate) fn has_group(&self, group: &str) -> bool {
        self.read(|kinds| kinds.values().any(|kind| kind.group == group))
    }

    /// Some served version of a resource.
    pub fn any_version(&self, group: &str, plural: &str) -> Option<Arc<Kind>> {
        let same = |kind: &&Arc<Kind>| kind.group == group && kind.plural == plural;
        self.read(|kinds| kinds.values().find(same).cloned())
    }

    /// Every kind, ordered by group, version and plural.
    pub fn all(&self) -> Vec<Arc<Kind>> {
        self.read(|kinds| kinds.values().cloned().collect())
    }

    /// Serves exactly these versions of a custom resource.
    pub fn replace(&self, group: &str, plural: &str, versions: Vec<Kind>) {
        let mut kinds = self.kinds.write().unwrap_or_else(PoisonError::into_inner);
        kinds.retain(|_, kind| !(kind.group == group && kind.plural == plural && kind.is_custom()));
        for kind in versions {
            kinds.insert(key(&kind), Arc::new(kind));
        }
    }

    fn read<T>(&self, look: impl FnOnce(&BTreeMap<Key, Arc<Kind>>) -> T) -> T {
        look(&self.kinds.read().unwrap_or_else(PoisonError::into_inner))
    }
}
