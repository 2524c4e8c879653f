//! Which pods are members of which groups.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::index::Index;
use crate::policy::group::{Member, Where};
use crate::policy::model::{Facts, Id, Pod, Selector};

/// Members, by what selects them.
#[derive(Clone, Debug)]
pub(super) struct Membership {
    in_namespace: HashMap<Id, Index<Arc<Member>>>,
    /// An index for each selector of namespaces.
    matching: Vec<Index<Arc<Member>>>,
    /// Which of those select a namespace.
    matching_of: HashMap<Id, Vec<usize>>,
    /// The namespaces whose policies name each.
    named_in: BTreeMap<Arc<Member>, BTreeSet<Id>>,
}

impl Membership {
    /// Of the members that policies of these namespaces name.
    pub(super) fn new(named_in: BTreeMap<Arc<Member>, BTreeSet<Id>>, facts: &Facts) -> Self {
        let mut in_namespace: HashMap<Id, Index<_>> = HashMap::new();
        let mut matching: BTreeMap<&Selector, Index<_>> = BTreeMap::new();
        for member in named_in.keys() {
            match &member.namespaces {
                Where::In(name) => in_namespace.entry(name.clone()).or_default(),
                Where::Matching(selector) => matching.entry(selector).or_default(),
            }
            .add(&member.pods, member.clone());
        }
        let selectors: Vec<Selector> = matching.keys().map(|s| (*s).clone()).collect();
        let matching_of = facts.namespaces.iter().map(|(name, namespace)| {
            let of = 0..selectors.len();
            let of = of.filter(|n| selectors[*n].matches(&namespace.labels));
            (name.clone(), of.collect())
        });
        let matching_of = matching_of.collect();
        let matching = matching.into_values().collect();
        Self {
            in_namespace,
            matching,
            matching_of,
            named_in,
        }
    }

    /// All of them.
    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<Member>> {
        self.named_in.keys()
    }

    /// The groups that a pod is a member of.
    pub(super) fn of(&self, pod: &Pod) -> BTreeSet<Arc<Member>> {
        let namespace = &pod.key.namespace;
        let own = self.in_namespace.get(namespace);
        let others = self.matching_of.get(namespace).into_iter().flatten();
        let others = others.filter_map(|n| self.matching.get(*n));
        let all = own.into_iter().chain(others);
        let selecting = all.flat_map(|index| index.selecting(&pod.labels));
        selecting.filter(|m| has_port(m, pod)).cloned().collect()
    }

    /// The same in the order in which they are let go where there is no room for all: each namespace whose policies name them
    /// keeps its first, then its second, and so on, so that none crowds out another.
    pub(super) fn in_turn(&self, members: BTreeSet<Arc<Member>>) -> Vec<Arc<Member>> {
        let mut taken: HashMap<&Id, usize> = HashMap::new();
        let mut turns: Vec<(usize, Arc<Member>)> = Vec::new();
        for member in members {
            let namespaces = self.named_in.get(&member).into_iter().flatten();
            let turns_of = namespaces.map(|namespace| {
                let turn = taken.entry(namespace).or_default();
                *turn += 1;
                *turn
            });
            turns.push((turns_of.min().unwrap_or_default(), member));
        }
        turns.sort();
        turns.into_iter().map(|(_, member)| member).collect()
    }
}

fn has_port(member: &Member, pod: &Pod) -> bool {
    let Some((name, protocol, number)) = &member.port else {
        return true;
    };
    pod.numbers(name, *protocol).any(|n| n == *number)
}
