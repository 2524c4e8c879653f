//! What the controller asked of Neutron, by kind, counted without keeping each call.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use kuryr_embedded_openstack::{Call, CallLog};

/// Calls so far, by kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) by_kind: BTreeMap<&'static str, u64>,
    /// Calls that were to change something.
    pub(crate) changing: u64,
}

impl Counts {
    /// All calls, logins left out.
    pub(crate) fn total(&self) -> u64 {
        self.by_kind.values().sum()
    }
}

/// Counts a log's calls; clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Counter {
    log: CallLog,
    counts: Arc<Mutex<Counts>>,
}

impl Counter {
    pub(crate) fn new(log: &CallLog) -> Self {
        Self {
            log: log.clone(),
            counts: Arc::default(),
        }
    }

    /// Everything up to now.
    pub(crate) fn read(&self) -> Counts {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        for call in self.log.take() {
            counts.changing += u64::from(call.changes());
            if let Some(kind) = kind(&call) {
                *counts.by_kind.entry(kind).or_default() += 1;
            }
        }
        counts.clone()
    }
}

/// The names of kinds in plots; logins have none.
fn kind(call: &Call) -> Option<&'static str> {
    let path = call.path.trim_start_matches("/v2.0/");
    Some(match (call.method.as_str(), path) {
        (_, p) if p.ends_with("/auth/tokens") => return None,
        ("POST", "ports") => "create ports",
        ("PUT", p) if p.ends_with("/add_subports") => "add_subports",
        ("PUT", p) if p.ends_with("/remove_subports") => "remove_subports",
        ("DELETE", "ports/{id}") => "delete port",
        ("PUT", "ports/{id}") => "set security groups",
        ("POST" | "DELETE", p) if p.starts_with("security-group") => "security groups and rules",
        ("GET", "ports") => "list ports",
        ("GET", "trunks") => "list trunks",
        ("GET", _) => "other reads",
        _ => "other changes",
    })
}
