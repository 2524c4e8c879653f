//! Ports of ours, by pod and by the groups that they carry.

use std::collections::{BTreeMap, BTreeSet};

use super::{FactKind, World};
use crate::policy::model::{Id, PodKey};
use crate::policy::observed::SeenPort;

/// The ports, with indexes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ports {
    all: BTreeMap<Id, SeenPort>,
    of_pod: BTreeMap<PodKey, Id>,
    /// How many ports carry a group.
    carriers: BTreeMap<Id, usize>,
}

impl Ports {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &SeenPort> {
        self.all.values()
    }

    pub(crate) fn of_pod(&self, pod: &PodKey) -> Option<&SeenPort> {
        self.all.get(self.of_pod.get(pod)?)
    }

    pub(crate) fn is_carried(&self, group: &Id) -> bool {
        self.carriers.contains_key(group)
    }

    /// All groups that a port carries, ours or not.
    pub(crate) fn carried(&self) -> impl Iterator<Item = &Id> {
        self.carriers.keys()
    }

    fn put(&mut self, port: SeenPort) -> bool {
        if self.all.get(&port.id) == Some(&port) {
            return false;
        }
        self.remove(&port.id);
        for group in &port.groups {
            *self.carriers.entry(group.clone()).or_default() += 1;
        }
        if let Some(pod) = &port.pod {
            self.of_pod.insert(pod.clone(), port.id.clone());
        }
        self.all.insert(port.id.clone(), port);
        true
    }

    fn remove(&mut self, id: &Id) -> bool {
        let Some(port) = self.all.remove(id) else {
            return false;
        };
        for group in &port.groups {
            if let Some(count) = self.carriers.get_mut(group) {
                *count -= 1;
                if *count == 0 {
                    self.carriers.remove(group);
                }
            }
        }
        if let Some(pod) = &port.pod
            && self.of_pod.get(pod) == Some(id)
        {
            self.of_pod.remove(pod);
        }
        true
    }
}

impl World {
    /// A port is new, or changed: another pod has it, or it carries other groups.
    pub fn apply_port(&mut self, port: SeenPort) {
        self.switch_wanted |= self.ports.put(port);
    }

    /// A port is gone.
    pub fn delete_port(&mut self, id: &Id) {
        self.switch_wanted |= self.ports.remove(id);
    }

    /// All ports of ours are known: those not in the set are gone.
    pub fn retain_ports(&mut self, there: &BTreeSet<Id>) {
        let all = self.ports.all.keys();
        let gone: Vec<Id> = all.filter(|id| !there.contains(*id)).cloned().collect();
        gone.iter().for_each(|id| self.delete_port(id));
        self.synced.insert(FactKind::Ports);
    }
}
