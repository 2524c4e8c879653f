//! How many pods of each namespace want a port, and how many ports each network has: what networks are made and undone by.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{Order, World};
use crate::port::model::{Id, Pod, PodKey, PodLife, Want};

/// Counts, and which of them changed since they were last taken.
#[derive(Clone, Debug, Default)]
pub(crate) struct Population {
    /// Pods that want a port, by namespace.
    pods: BTreeMap<Id, BTreeSet<PodKey>>,
    /// Ports that are there or being made, by network.
    ports: HashMap<Id, usize>,
    namespaces: BTreeSet<Id>,
    networks: BTreeSet<Id>,
}

impl Population {
    /// A pod as it is now.
    pub(crate) fn pod(&mut self, pod: &Pod) {
        if pod.want == Want::Nothing || pod.life == PodLife::Over {
            return self.forget(&pod.key);
        }
        let namespace = &pod.key.namespace;
        let pods = self.pods.entry(namespace.clone()).or_default();
        if pods.insert(pod.key.clone()) {
            self.namespaces.insert(namespace.clone());
        }
    }

    /// A pod that is gone.
    pub(crate) fn forget(&mut self, key: &PodKey) {
        let Some(pods) = self.pods.get_mut(&key.namespace) else {
            return;
        };
        if pods.remove(key) {
            self.namespaces.insert(key.namespace.clone());
        }
        if pods.is_empty() {
            self.pods.remove(&key.namespace);
        }
    }

    /// So many ports more are on a network.
    pub(crate) fn more(&mut self, network: &Id, ports: usize) {
        *self.ports.entry(network.clone()).or_default() += ports;
        self.networks.insert(network.clone());
    }

    /// So many ports fewer are.
    pub(crate) fn fewer(&mut self, network: &Id, ports: usize) {
        if let Some(count) = self.ports.get_mut(network) {
            *count = count.saturating_sub(ports);
            if *count == 0 {
                self.ports.remove(network);
            }
        }
        self.networks.insert(network.clone());
    }

    /// A bulk create is sent.
    pub(crate) fn making(&mut self, orders: &[Order]) {
        orders
            .iter()
            .for_each(|(_, kind, n)| self.more(&kind.network, *n));
    }

    /// It was answered.
    pub(crate) fn made(&mut self, orders: &[Order]) {
        orders
            .iter()
            .for_each(|(_, kind, n)| self.fewer(&kind.network, *n));
    }
}

impl World {
    /// Namespaces whose number of pods that want a port changed, with the number.
    pub fn take_namespaces(&mut self) -> Vec<(Id, usize)> {
        let changed = std::mem::take(&mut self.population.namespaces);
        let count = |name: &Id| self.population.pods.get(name).map_or(0, BTreeSet::len);
        changed
            .into_iter()
            .map(|n| (n.clone(), count(&n)))
            .collect()
    }

    /// Networks whose number of ports changed, with the number.
    pub fn take_networks(&mut self) -> Vec<(Id, usize)> {
        let changed = std::mem::take(&mut self.population.networks);
        let count = |id: &Id| self.population.ports.get(id).copied().unwrap_or(0);
        changed
            .into_iter()
            .map(|n| (n.clone(), count(&n)))
            .collect()
    }

    /// Pods of a namespace that want a port want this from now on.
    pub fn want(&mut self, namespace: &Id, want: &Want) {
        let keys = self.population.pods.get(namespace).cloned();
        for key in keys.into_iter().flatten() {
            if let Some(pod) = self.pods.get(&key).filter(|pod| pod.want != *want) {
                let mut pod = pod.clone();
                pod.want = want.clone();
                self.apply_pod(pod);
            }
        }
    }

    /// Whether it is known of all pods what they want. Nothing is done before.
    pub fn wants_are_known(&mut self, known: bool) {
        if std::mem::replace(&mut self.synced.wants, known) != known {
            self.touch_all();
        }
    }

    /// Nothing is to be kept on these networks: they are being undone.
    pub fn retire(&mut self, networks: &BTreeSet<Id>) {
        if self.retiring == *networks {
            return;
        }
        let news: BTreeSet<Id> = networks.difference(&self.retiring).cloned().collect();
        self.retiring.clone_from(networks);
        let on = self
            .ports
            .values()
            .filter(|(p, _)| news.contains(&p.kind.network));
        let on: Vec<Id> = on.map(|(port, _)| port.id.clone()).collect();
        on.iter().for_each(|id| self.touch_port_node(id));
    }

    /// Whether a port is on a network that is being undone.
    pub(crate) fn is_retiring(&self, port: &Id) -> bool {
        let network = self.ports.get(port).map(|(p, _)| &p.kind.network);
        network.is_some_and(|network| self.retiring.contains(network))
    }
}
