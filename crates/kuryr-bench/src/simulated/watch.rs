//! What is seen of the pods: a look at each change of the embedded Kubernetes, in this
//! process, so that watching costs the API server nothing.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use kuryr_embedded_kubernetes::KubeApi;
use kuryr_embedded_kubernetes::api::{Api, Part, Target, WriteOptions};
use kuryr_embedded_kubernetes::store::{ChangeKind, Key, Observed};
use serde_json::Value;
use tokio::sync::mpsc;

use super::objects;
use crate::stats::Runs;

/// Where a KuryrPort has its port.
const VIF: &str = "/status/vifs/eth0/vif/versioned_object.data";

/// What was seen so far.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Pods that wait for their port, since when.
    pub(crate) waiting: HashMap<String, Instant>,
    /// Pods whose KuryrPort has an ACTIVE port, with its id.
    pub(crate) ready: HashMap<String, String>,
    /// KuryrPorts that are there.
    pub(crate) claims: HashSet<String>,
    /// Seconds from a pod's creation until its port was ACTIVE, since last taken.
    pub(crate) waits: Runs,
    /// Changes of KuryrPorts so far.
    pub(crate) claim_changes: u64,
    /// Events so far, by reason.
    pub(crate) events: BTreeMap<String, u64>,
}

/// The watcher; clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watch(Arc<Mutex<Seen>>);

impl Watch {
    /// Watches from now on, and plays kubelet: a pod whose port is ACTIVE is running.
    pub(crate) fn start(kube: &KubeApi) -> Self {
        let watch = Self::default();
        let (mut changes, api) = (kube.store().observe(), kube.api().clone());
        let own = watch.clone();
        tokio::spawn(async move {
            let mut batch = Vec::new();
            while next(&mut changes, &mut batch).await {
                for observed in batch.drain(..) {
                    if own.see(&observed) {
                        let claim = &observed.change.object;
                        run(&api, claim.key(), &claim.value);
                    }
                }
            }
        });
        watch
    }

    pub(crate) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A pod is about to be created.
    pub(crate) fn expect(&self, pod: &str) {
        self.seen().waiting.insert(pod.to_owned(), Instant::now());
    }

    /// A pod is about to be deleted.
    pub(crate) fn forget(&self, pod: &str) {
        self.seen().waiting.remove(pod);
    }

    /// Takes a change in; whether a pod became ready by it. Pods have names that no other has, in any namespace.
    fn see(&self, observed: &Observed) -> bool {
        let change = &observed.change;
        match observed.table.as_str() {
            "kuryrports.openstack.org" => {
                let name = change.object.key().name;
                self.seen().claim(&name, change.kind, &change.object.value)
            }
            table if table.starts_with("events") => {
                let reason = change.object.value["reason"].as_str().unwrap_or_default();
                *self.seen().events.entry(reason.to_owned()).or_default() += 1;
                false
            }
            _ => false,
        }
    }
}

async fn next(changes: &mut mpsc::UnboundedReceiver<Observed>, batch: &mut Vec<Observed>) -> bool {
    changes.recv_many(batch, 256).await > 0
}

impl Seen {
    fn claim(&mut self, name: &str, kind: ChangeKind, value: &Value) -> bool {
        self.claim_changes += 1;
        if kind == ChangeKind::Deleted {
            self.claims.remove(name);
            self.ready.remove(name);
            return false;
        }
        self.claims.insert(name.to_owned());
        let Some(vif) = value.pointer(VIF) else {
            return false;
        };
        if vif["active"] != true || self.ready.contains_key(name) {
            return false;
        }
        let port = vif["id"].as_str().unwrap_or_default().to_owned();
        self.ready.insert(name.to_owned(), port);
        let since = self.waiting.remove(name);
        self.waits
            .runs
            .extend(since.map(|since| since.elapsed().as_secs_f64()));
        since.is_some()
    }
}

/// Writes a pod's status as its kubelet would. That it is gone meanwhile is no matter.
fn run(api: &Api, pod: Key, claim: &Value) {
    let Ok(kind) = api.kind("", "pods") else {
        return;
    };
    let target = Target { kind, key: pod };
    let address = claim
        .pointer(VIF)
        .and_then(|vif| vif.pointer("/network/versioned_object.data/subnets/versioned_object.data/objects/0/versioned_object.data/ips/versioned_object.data/objects/0/versioned_object.data/address"))
        .and_then(Value::as_str)
        .unwrap_or_default();
    let status = objects::running(address);
    let written = api.update(&target, Part::Status, &WriteOptions::default(), |old| {
        let mut new = old.clone();
        new["status"] = status.clone();
        Ok(new)
    });
    if let Err(error) = written.map(drop) {
        tracing_gone(&error);
    }
}

/// A pod that was deleted meanwhile has no status to write; anything else is a mistake here.
fn tracing_gone(error: &kuryr_embedded_kubernetes::ApiError) {
    if error.code != 404 {
        eprintln!("a pod's status can't be written: {}", error.message);
    }
}
