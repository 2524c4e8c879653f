//! Which pods have to do with which groups or policies, both ways.

use std::collections::{BTreeMap, BTreeSet};

use super::groups::forget;
use crate::policy::mark::Mark;
use crate::policy::model::PodKey;

/// Pairs of pods and groups, or whatever `G` is.
#[derive(Clone, Debug)]
pub(in crate::policy) struct Pairs<G = Mark> {
    of_group: BTreeMap<G, BTreeSet<PodKey>>,
    of_pod: BTreeMap<PodKey, BTreeSet<G>>,
}

impl<G> Default for Pairs<G> {
    fn default() -> Self {
        Self {
            of_group: BTreeMap::new(),
            of_pod: BTreeMap::new(),
        }
    }
}

impl<G: Ord + Clone> Pairs<G> {
    /// The pods of a group.
    pub(in crate::policy) fn pods(&self, group: &G) -> impl Iterator<Item = &PodKey> {
        self.of_group.get(group).into_iter().flatten()
    }

    /// Whether a pod has a group.
    pub(in crate::policy) fn has_pod(&self, pod: &PodKey) -> bool {
        self.of_pod.contains_key(pod)
    }

    /// Whether a group has a pod.
    pub(in crate::policy) fn has(&self, group: &G) -> bool {
        self.of_group.contains_key(group)
    }

    /// The groups of a pod from now on; returns those that have no pod any more.
    pub(in crate::policy) fn set(&mut self, pod: &PodKey, groups: BTreeSet<G>) -> Vec<G> {
        let old = self.of_pod.remove(pod).unwrap_or_default();
        for group in &groups {
            let pods = self.of_group.entry(group.clone()).or_default();
            pods.insert(pod.clone());
        }
        let gone = old.into_iter().filter(|group| !groups.contains(group));
        let gone: Vec<G> = gone.collect();
        for group in &gone {
            forget(&mut self.of_group, group, pod);
        }
        if !groups.is_empty() {
            self.of_pod.insert(pod.clone(), groups);
        }
        gone.into_iter().filter(|group| !self.has(group)).collect()
    }
}
