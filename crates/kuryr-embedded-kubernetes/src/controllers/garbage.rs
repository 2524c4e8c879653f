//! Garbage collection: what is owned goes with its owners
//! (k8s.io/kubernetes `pkg/controller/garbagecollector`).

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};

use super::{Controller, delete, ignore_gone, target};
use crate::{
    api::{Api, FOREGROUND, ORPHAN, Part, WriteOptions},
    model::{error::ApiError, object},
    store::{Change, ChangeKind, Key, Object, Observed, TableName},
};

#[derive(Debug, Clone)]
struct Place {
    table: TableName,
    key: Key,
}

/// Who owns whom, by uid.
#[derive(Debug, Default)]
pub(super) struct Garbage {
    live: HashMap<String, Place>,
    dependents: HashMap<String, HashSet<String>>,
}

impl Controller for Garbage {
    fn name(&self) -> &'static str {
        "garbage collector"
    }

    fn on_change(&mut self, api: &Api, observed: &Observed) -> Result<(), ApiError> {
        let change = &observed.change;
        self.learn(&observed.table, change);
        let uid = object::uid(&change.object.value);
        if change.kind == ChangeKind::Deleted {
            for dependent in self.dependents_of(api, uid) {
                self.collect(api, &dependent)?;
            }
            // The owner may wait for its dependents.
            let owners: Vec<&str> = object::owner_uids(&change.object.value).collect();
            return owners
                .into_iter()
                .try_for_each(|owner| self.finish(api, owner));
        }
        self.collect(api, &(observed.table.clone(), change.object.clone()))?;
        self.finish(api, uid)
    }
}

impl Garbage {
    fn learn(&mut self, table: &TableName, change: &Change) {
        let uid = object::uid(&change.object.value).to_owned();
        for owner in change
            .previous
            .iter()
            .flat_map(|previous| object::owner_uids(&previous.value))
        {
            if let Some(dependents) = self.dependents.get_mut(owner) {
                dependents.remove(&uid);
            }
        }
        if change.kind == ChangeKind::Deleted {
            self.live.remove(&uid);
            return;
        }
        for owner in object::owner_uids(&change.object.value) {
            self.dependents
                .entry(owner.to_owned())
                .or_default()
                .insert(uid.clone());
        }
        let place = Place {
            table: table.clone(),
            key: change.object.key(),
        };
        self.live.insert(uid, place);
    }

    fn find(&self, api: &Api, uid: &str) -> Option<(TableName, Object)> {
        let place = self.live.get(uid)?;
        let object = api.store().get(&place.table, &place.key)?;
        (object::uid(&object.value) == uid).then(|| (place.table.clone(), object))
    }

    fn dependents_of(&self, api: &Api, owner: &str) -> Vec<(TableName, Object)> {
        let uids = self.dependents.get(owner).into_iter().flatten();
        uids.filter_map(|uid| self.find(api, uid)).collect()
    }

    /// Deletes an object that has owners, none of which is there any more.
    fn collect(&self, api: &Api, found: &(TableName, Object)) -> Result<(), ApiError> {
        let (table, object) = found;
        let mut owners = object::owner_uids(&object.value).peekable();
        let owned = owners.peek().is_some();
        if !owned
            || object::is_deleting(&object.value)
            || owners.any(|uid| self.live.contains_key(uid))
        {
            return Ok(());
        }
        delete(api, table, object)
    }

    /// Goes on with the deletion of an owner that waits for its dependents.
    fn finish(&self, api: &Api, owner: &str) -> Result<(), ApiError> {
        let Some((table, object)) = self.find(api, owner) else {
            return Ok(());
        };
        if !object::is_deleting(&object.value) {
            return Ok(());
        }
        let held_by = |name: &str| object::finalizers(&object.value).any(|held| held == name);
        if held_by(ORPHAN) {
            for (table, dependent) in self.dependents_of(api, owner) {
                edit(api, &table, &dependent, |value| disown(value, owner))?;
            }
            return edit(api, &table, &object, |value| drop_finalizer(value, ORPHAN));
        }
        if !held_by(FOREGROUND) {
            return Ok(());
        }
        let dependents = self.dependents_of(api, owner);
        for (table, dependent) in &dependents {
            if !object::is_deleting(&dependent.value) {
                delete(api, table, dependent)?;
            }
        }
        let remaining = self.dependents_of(api, owner);
        match remaining
            .iter()
            .any(|(_, dependent)| blocks(&dependent.value, owner))
        {
            true => Ok(()),
            false => edit(api, &table, &object, |value| {
                drop_finalizer(value, FOREGROUND)
            }),
        }
    }
}

fn blocks(dependent: &Value, owner: &str) -> bool {
    object::list(dependent, &["metadata", "ownerReferences"])
        .iter()
        .any(|reference| reference["uid"] == owner && reference["blockOwnerDeletion"] == true)
}

fn disown(dependent: &mut Value, owner: &str) {
    let list = object::meta_mut(dependent)
        .entry("ownerReferences")
        .or_insert_with(|| json!([]));
    if let Value::Array(list) = list {
        list.retain(|reference| reference["uid"] != owner);
    }
}

fn drop_finalizer(value: &mut Value, finalizer: &str) {
    let list = object::meta_mut(value)
        .entry("finalizers")
        .or_insert_with(|| json!([]));
    if let Value::Array(list) = list {
        list.retain(|held| held != finalizer);
    }
}

fn edit(
    api: &Api,
    table: &TableName,
    object: &Object,
    change: impl Fn(&mut Value),
) -> Result<(), ApiError> {
    let target = target(api, table, object)?;
    let update = api.update(&target, Part::Internal, &WriteOptions::default(), |old| {
        let mut new = old.clone();
        change(&mut new);
        Ok(new)
    });
    ignore_gone(update.map(drop))
}
