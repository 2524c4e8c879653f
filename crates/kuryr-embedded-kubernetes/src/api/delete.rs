//! Deleting objects: preconditions, grace, finalizers.

use serde_json::{Value, json};

use super::{Api, Filter, Target, WriteOptions, write};
use crate::{
    kinds::{Kind, crd},
    model::{error::ApiError, object},
    store::{Expect, Object},
};

/// Holds an owner until its blocking dependents are gone.
pub const FOREGROUND: &str = "foregroundDeletion";
/// Holds an owner until its dependents no longer name it.
pub const ORPHAN: &str = "orphan";
/// The table of CRDs, each of which outlives its objects.
const CRDS: &str = "customresourcedefinitions.apiextensions.k8s.io";
/// Seconds that a pod gets if neither it nor the request says.
const DEFAULT_GRACE: i64 = 30;

/// What happens to the dependents of a deleted object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Propagation {
    /// They are deleted after it.
    #[default]
    Background,
    /// They are deleted before it.
    Foreground,
    /// They stay.
    Orphan,
}

/// The body and query of a DELETE (`DeleteOptions`).
#[derive(Debug, Clone, Default)]
pub struct DeleteOptions {
    /// Seconds until the object may be removed; of a meaning for pods only.
    pub grace: Option<i64>,
    /// The object must have this uid.
    pub uid: Option<String>,
    /// The object must have this resourceVersion.
    pub version: Option<String>,
    /// What happens to its dependents.
    pub propagation: Propagation,
    /// Do all but delete.
    pub dry_run: bool,
}

/// Answer to a DELETE.
#[derive(Debug)]
pub struct Deleted {
    /// The object as it is now, or as it was last.
    pub object: Object,
    /// It is removed; otherwise something holds it.
    pub gone: bool,
}

impl Api {
    /// Deletes an object, or marks it as being deleted if something holds it.
    ///
    /// # Errors
    /// 404; 409 if a precondition does not hold or others keep writing.
    pub fn delete(&self, target: &Target, options: &DeleteOptions) -> Result<Deleted, ApiError> {
        let kind = &target.kind;
        let write = WriteOptions {
            dry_run: options.dry_run,
            ..WriteOptions::default()
        };
        loop {
            let old = self.get(target)?;
            check_preconditions(kind, &old.value, options)?;
            let mut new = old.value.clone();
            mark(kind, &mut new, options);
            let expect = Expect::Version(old.version);
            if write::is_over(&new) {
                // Only pods show the marks of a deletion that is carried out at once.
                let last = match kind.table.as_str() {
                    "pods" => new,
                    _ => old.value.clone(),
                };
                if let Ok(object) = self.commit_removal(kind, expect, last, &write) {
                    return Ok(Deleted { object, gone: true });
                }
            } else if new == old.value {
                return Ok(Deleted {
                    object: old,
                    gone: false,
                });
            } else if let Ok(object) = self.commit(kind, expect, new, &write) {
                return Ok(Deleted {
                    object,
                    gone: false,
                });
            }
        }
    }

    /// Deletes every object that the filter lets through; answers with them.
    ///
    /// # Errors
    /// The first refusal, except that an object is gone already.
    pub fn delete_collection(
        &self,
        kind: &std::sync::Arc<Kind>,
        filter: &Filter,
        options: &DeleteOptions,
    ) -> Result<Vec<Object>, ApiError> {
        let (objects, _) = self.store.list(&kind.table, &filter.namespace);
        let chosen: Vec<Object> = objects
            .into_iter()
            .filter(|object| filter.matches(&object.value))
            .collect();
        for object in &chosen {
            let target = Target {
                kind: kind.clone(),
                key: object.key(),
            };
            match self.delete(&target, options) {
                Err(error) if error.code != 404 => return Err(error),
                _ => {}
            }
        }
        Ok(chosen)
    }
}

fn check_preconditions(
    kind: &Kind,
    object: &Value,
    options: &DeleteOptions,
) -> Result<(), ApiError> {
    let (uid, version) = (object::uid(object), object::meta(object, "resourceVersion"));
    let detail = match (&options.uid, &options.version) {
        (Some(wanted), _) if wanted != uid => format!(
            "the UID in the precondition ({wanted}) does not match the UID in record ({uid}). \
             The object might have been deleted and then recreated"
        ),
        (_, Some(wanted)) if wanted != version => format!(
            "the ResourceVersion in the precondition ({wanted}) does not match the \
             ResourceVersion in record ({version}). The object might have been modified"
        ),
        _ => return Ok(()),
    };
    // The real service names the kind here, not the resource.
    Err(ApiError::conflict(
        &kind.group,
        &kind.kind,
        object::name(object),
        &detail,
    ))
}

/// Marks an object as being deleted; a second mark may only shorten the grace.
fn mark(kind: &Kind, new: &mut Value, options: &DeleteOptions) {
    if kind.table.as_str() == CRDS && !object::is_deleting(new) {
        hold(new, crd::CLEANUP_FINALIZER);
    }
    hold_for_dependents(new, options.propagation);
    let grace = grace(kind, new, options);
    let before =
        object::at(new, &["metadata", "deletionGracePeriodSeconds"]).and_then(Value::as_i64);
    let marked = object::is_deleting(new);
    if marked && before.unwrap_or(0) <= grace {
        return;
    }
    object::set(
        new,
        &["metadata", "deletionTimestamp"],
        json!(object::in_seconds(grace)),
    );
    object::set(
        new,
        &["metadata", "deletionGracePeriodSeconds"],
        json!(grace),
    );
    let generation = object::at(new, &["metadata", "generation"]).and_then(Value::as_i64);
    if let Some(generation) = generation.filter(|_| !marked) {
        object::set(new, &["metadata", "generation"], json!(generation + 1));
    }
    if kind.table.as_str() == "namespaces" {
        object::remove(new, &["metadata", "deletionGracePeriodSeconds"]);
        object::set(new, &["status", "phase"], json!("Terminating"));
    }
}

fn hold_for_dependents(new: &mut Value, propagation: Propagation) {
    match propagation {
        Propagation::Background => {}
        Propagation::Foreground => hold(new, FOREGROUND),
        Propagation::Orphan => hold(new, ORPHAN),
    }
}

fn hold(new: &mut Value, finalizer: &str) {
    if object::finalizers(new).any(|held| held == finalizer) {
        return;
    }
    let list = object::meta_mut(new)
        .entry("finalizers")
        .or_insert_with(|| json!([]));
    if let Value::Array(list) = list {
        list.push(json!(finalizer));
    }
}

/// Only a pod that may run somewhere gets time to end.
fn grace(kind: &Kind, pod: &Value, options: &DeleteOptions) -> i64 {
    let bound = object::text(pod, &["spec", "nodeName"]).is_some_and(|node| !node.is_empty());
    let over = matches!(
        object::text(pod, &["status", "phase"]),
        Some("Succeeded" | "Failed")
    );
    if kind.table.as_str() != "pods" || !bound || over {
        return 0;
    }
    let own = object::at(pod, &["spec", "terminationGracePeriodSeconds"]).and_then(Value::as_i64);
    options.grace.or(own).unwrap_or(DEFAULT_GRACE).max(0)
}
