//! Ports of ours, by pod and by the groups that they carry.

use std::collections::{BTreeMap, BTreeSet};

use super::groups::forget;
use crate::policy::model::{Id, PodKey};

/// A port of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenPort {
    pub id: Id,
    /// The pod that has it; none: it waits in a pool.
    pub pod: Option<PodKey>,
    /// All its security groups, ours or not.
    pub groups: BTreeSet<Id>,
}

/// The ports, with indexes.
#[derive(Clone, Debug, Default)]
pub(in crate::policy) struct Ports {
    all: BTreeMap<Id, SeenPort>,
    of_pod: BTreeMap<PodKey, Id>,
    /// The ports that carry a group.
    carriers: BTreeMap<Id, BTreeSet<Id>>,
}

impl Ports {
    pub(in crate::policy) fn get(&self, id: &Id) -> Option<&SeenPort> {
        self.all.get(id)
    }

    pub(in crate::policy) fn of_pod(&self, pod: &PodKey) -> Option<&SeenPort> {
        self.all.get(self.of_pod.get(pod)?)
    }

    pub(in crate::policy) fn is_carried(&self, group: &Id) -> bool {
        self.carriers.contains_key(group)
    }

    /// The pods whose ports carry a group.
    pub(in crate::policy) fn pods_with(&self, group: &Id) -> impl Iterator<Item = &PodKey> {
        let ports = self.carriers.get(group).into_iter().flatten();
        ports.filter_map(|id| self.all.get(id)?.pod.as_ref())
    }

    pub(in crate::policy) fn ids(&self) -> impl Iterator<Item = &Id> {
        self.all.keys()
    }

    pub(in crate::policy) fn put(&mut self, port: SeenPort) {
        self.remove(&port.id);
        for group in &port.groups {
            let of = self.carriers.entry(group.clone()).or_default();
            of.insert(port.id.clone());
        }
        if let Some(pod) = &port.pod {
            self.of_pod.insert(pod.clone(), port.id.clone());
        }
        self.all.insert(port.id.clone(), port);
    }

    pub(in crate::policy) fn remove(&mut self, id: &Id) -> Option<SeenPort> {
        let port = self.all.remove(id)?;
        for group in &port.groups {
            forget(&mut self.carriers, group, id);
        }
        if let Some(pod) = &port.pod
            && self.of_pod.get(pod) == Some(id)
        {
            self.of_pod.remove(pod);
        }
        Some(port)
    }
}
