//! Which pods have to do with which groups, both ways.

use std::collections::{BTreeMap, BTreeSet};

use super::groups::forget;
use crate::policy::mark::Mark;
use crate::policy::model::PodKey;

/// Pairs of pods and groups.
#[derive(Clone, Debug, Default)]
pub(in crate::policy) struct Pairs {
    of_group: BTreeMap<Mark, BTreeSet<PodKey>>,
    of_pod: BTreeMap<PodKey, BTreeSet<Mark>>,
}

impl Pairs {
    /// The pods of a group.
    pub(in crate::policy) fn pods(&self, group: &Mark) -> impl Iterator<Item = &PodKey> {
        self.of_group.get(group).into_iter().flatten()
    }

    /// Whether a group has a pod.
    pub(in crate::policy) fn has(&self, group: &Mark) -> bool {
        self.of_group.contains_key(group)
    }

    /// The groups of a pod from now on; returns those that have no pod any more.
    pub(in crate::policy) fn set(&mut self, pod: &PodKey, groups: BTreeSet<Mark>) -> Vec<Mark> {
        let old = self.of_pod.remove(pod).unwrap_or_default();
        for group in &groups {
            self.of_group.entry(*group).or_default().insert(pod.clone());
        }
        let gone = old.into_iter().filter(|group| !groups.contains(group));
        let gone: Vec<Mark> = gone.collect();
        for group in &gone {
            forget(&mut self.of_group, group, pod);
        }
        if !groups.is_empty() {
            self.of_pod.insert(pod.clone(), groups);
        }
        gone.into_iter().filter(|group| !self.has(group)).collect()
    }
}
