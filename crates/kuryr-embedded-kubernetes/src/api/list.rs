//! Listing objects: filters, versions and pages.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use serde_json::Value;

use super::Api;
use crate::{
    kinds::Kind,
    model::{
        error::ApiError,
        object,
        selector::{FieldSelector, LabelSelector},
    },
    store::Object,
};

/// Lists whose later pages are kept at a time; the oldest is forgotten first.
const KEPT_LISTS: usize = 64;

/// Which objects a list or watch is about.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Namespace; "" for all.
    pub namespace: String,
    pub labels: LabelSelector,
    pub fields: FieldSelector,
}

impl Filter {
    /// Whether the object passes.
    pub fn matches(&self, value: &Value) -> bool {
        (self.namespace.is_empty() || object::namespace(value) == self.namespace)
            && self.labels.matches(value)
            && self.fields.matches(value)
    }
}

/// How `resourceVersion` is meant (`resourceVersionMatch`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum VersionMatch {
    /// The newest state.
    #[default]
    Newest,
    /// A state at least as new as this version.
    NotOlderThan(u64),
    /// The state of exactly this version.
    Exact(u64),
}

/// Which objects, of when, and how many.
#[derive(Debug, Clone, Default)]
pub struct ListQuery {
    /// Which objects.
    pub filter: Filter,
    pub version: VersionMatch,
    /// At most so many; 0 for all.
    pub limit: usize,
    /// The rest of an earlier list.
    pub token: String,
}

/// One page of a list.
#[derive(Debug)]
pub struct Listed {
    /// The objects, ordered by namespace and name.
    pub objects: Vec<Object>,
    /// The version of the state that they are part of.
    pub version: u64,
    /// Asks for the next page; "" on the last one.
    pub token: String,
    /// How many objects follow.
    pub remaining: usize,
}

/// Later pages of lists, so that all pages show one state.
#[derive(Debug, Default)]
pub(super) struct Snapshots(Mutex<(u64, VecDeque<Snapshot>)>);

#[derive(Debug)]
struct Snapshot {
    token: String,
    version: u64,
    rest: Vec<Object>,
}

impl Snapshots {
    fn keep(&self, version: u64, rest: Vec<Object>) -> String {
        let mut guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (counter, kept) = &mut *guard;
        *counter += 1;
        let token = format!("{version}.{counter}");
        kept.push_back(Snapshot {
            token: token.clone(),
            version,
            rest,
        });
        if kept.len() > KEPT_LISTS {
            kept.pop_front();
        }
        token
    }

    /// The kept rest; it stays, since a client may ask for the same page again.
    fn find(&self, token: &str) -> Option<(u64, Vec<Object>)> {
        let guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = guard.1.iter().find(|snapshot| snapshot.token == token)?;
        Some((found.version, found.rest.clone()))
    }

    fn forget(&self) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .1
            .clear();
    }
}

/// Whether a token may be one of ours.
fn is_token(token: &str) -> bool {
    token.split_once('.').is_some_and(|(version, count)| {
        version.parse::<u64>().is_ok() && count.parse::<u64>().is_ok()
    })
}

impl Api {
    /// One page of the objects that a query asks for.
    ///
    /// # Errors
    /// 410 for a forgotten version or token, 504 for a version not reached yet.
    pub fn list(&self, kind: &Kind, query: &ListQuery) -> Result<Listed, ApiError> {
        let (objects, version) = match query.token.as_str() {
            "" => self.state(kind, query)?,
            token if !is_token(token) => {
                return Err(ApiError::bad_request(
                    "invalid continue token: continue key is not valid",
                ));
            }
            token => {
                let (version, rest) = self.snapshots.find(token).ok_or_else(|| {
                    ApiError::expired(
                        "The provided continue parameter is too old to display a consistent list \
                         result. You must start a new list without the continue parameter.",
                    )
                })?;
                (rest, version)
            }
        };
        Ok(self.page(objects, version, query.limit))
    }

    /// Forgets versions and pages, as a compaction does.
    pub fn forget_history(&self) {
        self.store.forget_history();
        self.snapshots.forget();
    }

    fn state(&self, kind: &Kind, query: &ListQuery) -> Result<(Vec<Object>, u64), ApiError> {
        let filter = &query.filter;
        let (mut objects, mut version) = self.store.list(&kind.table, &filter.namespace);
        match query.version {
            VersionMatch::Newest => {}
            VersionMatch::NotOlderThan(asked) | VersionMatch::Exact(asked) if asked > version => {
                return Err(ApiError::version_too_large(asked, version));
            }
            VersionMatch::NotOlderThan(_) => {}
            VersionMatch::Exact(asked) => {
                objects = self
                    .store
                    .list_at(&kind.table, &filter.namespace, asked)
                    .map_err(|_| {
                        ApiError::expired("The resourceVersion for the provided list is too old.")
                    })?;
                version = asked;
            }
        }
        objects.retain(|object| filter.matches(&object.value));
        Ok((objects, version))
    }

    fn page(&self, mut objects: Vec<Object>, version: u64, limit: usize) -> Listed {
        if limit == 0 || objects.len() <= limit {
            return Listed {
                objects,
                version,
                token: String::new(),
                remaining: 0,
            };
        }
        let rest = objects.split_off(limit);
        let remaining = rest.len();
        Listed {
            objects,
            version,
            token: self.snapshots.keep(version, rest),
            remaining,
        }
    }
}
