//! Pods in the world.

use std::collections::BTreeSet;

use super::World;
use crate::port::model::{Id, Pod, PodKey};

impl World {
    /// A pod that is bound to a node is there, or changed.
    pub(crate) fn apply_pod(&mut self, mut pod: Pod) {
        self.share_pod(&mut pod);
        if self.pods.get(&pod.key) == Some(&pod) {
            return;
        }
        self.forget_pod_place(&pod.key);
        self.touch(&pod.node);
        self.population.pod(&pod);
        self.node_mut(&pod.node).pods.insert(pod.key.clone());
        self.pods.insert(pod.key.clone(), pod);
    }

    /// A pod is gone.
    pub(crate) fn delete_pod(&mut self, key: &PodKey) {
        self.forget_pod_place(key);
        self.population.forget(key);
        self.pods.remove(key);
        self.reported.remove(key);
        self.warned.remove(key);
    }

    /// The list of pods was read whole: those not in it are gone.
    pub(crate) fn retain_pods(&mut self, there: &BTreeSet<PodKey>) {
        let gone: Vec<_> = self
            .pods
            .keys()
            .filter(|k| !there.contains(*k))
            .cloned()
            .collect();
        for key in gone {
            self.delete_pod(&key);
        }
        if !self.synced.pods {
            self.synced.pods = true;
            self.touch_all();
        }
    }

    fn forget_pod_place(&mut self, key: &PodKey) {
        if let Some(node) = self.pods.get(key).map(|p| p.node.clone()) {
            self.node_mut(&node).pods.remove(key);
            self.touch(&node);
            self.forget_if_nothing(&node);
        }
    }

    /// The pod of this namespace and name, if it is bound to a node.
    #[must_use]
    pub fn pod(&self, key: &PodKey) -> Option<&Pod> {
        self.pods.get(key)
    }

    /// Names of the nodes on which pods or claims are.
    pub fn node_names(&self) -> impl Iterator<Item = &Id> {
        self.nodes.keys()
    }
}
