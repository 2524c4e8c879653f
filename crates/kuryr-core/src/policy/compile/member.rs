//! Member groups: a group for what a rule's peer selects.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

use super::index::Index;
use crate::policy::group::{Group, GroupKey, GroupKind};
use crate::policy::model::{Facts, Id, Pod, Protocol};
use crate::policy::selector::Selector;

/// What a peer selects.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Member {
    pub(super) namespaces: Where,
    pub(super) pods: Selector,
    /// Only those of them whose port of this name and protocol has this number: a rule of egress
    /// with a named port has another number for each.
    pub(super) port: Option<(Id, Protocol, u16)>,
}

/// In which namespaces.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Where {
    /// In this one.
    In(Id),
    /// In those that this selects.
    Matching(Selector),
}

impl Member {
    /// Everything in every namespace.
    pub(super) fn all() -> Self {
        Self {
            namespaces: Where::Matching(Selector::default()),
            pods: Selector::default(),
            port: None,
        }
    }

    fn has_port(&self, pod: &Pod) -> bool {
        let Some((name, protocol, number)) = &self.port else {
            return true;
        };
        pod.numbers(name, *protocol).any(|n| n == *number)
    }
}

/// Of two that differ the texts differ: the key is made from it.
impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespaces {
            Where::In(name) => write!(f, "pods {} in namespace {name}", self.pods)?,
            Where::Matching(s) => write!(f, "pods {} in namespaces with {s}", self.pods)?,
        }
        if let Some((name, protocol, number)) = &self.port {
            write!(f, " whose {protocol} port {name} is {number}")?;
        }
        Ok(())
    }
}

/// All member groups.
#[derive(Debug, Default)]
pub(super) struct Members {
    keys: BTreeMap<Arc<Member>, GroupKey>,
}

impl Members {
    pub(super) fn key(&mut self, member: Member) -> GroupKey {
        if let Some(key) = self.keys.get(&member) {
            return *key;
        }
        let key = GroupKey::of(&format!("member: {member}"));
        self.keys.insert(Arc::new(member), key);
        key
    }

    /// The groups, and what each means.
    pub(super) fn groups(&self) -> impl Iterator<Item = (GroupKey, Group)> {
        self.keys.iter().map(|(member, key)| {
            let group = Group {
                kind: GroupKind::Member,
                about: super::effect::short(&format!("Member: {member}")),
                rules: BTreeSet::new(),
            };
            (*key, group)
        })
    }
}

/// Members by what selects them.
pub(super) struct Membership {
    in_namespace: HashMap<Id, Index<(Arc<Member>, GroupKey)>>,
    /// An index for each selector of namespaces.
    matching: Vec<Index<(Arc<Member>, GroupKey)>>,
    /// Which of those select a namespace.
    matching_of: HashMap<Id, Vec<usize>>,
}

impl Membership {
    pub(super) fn new(members: &Members, facts: &Facts) -> Self {
        let mut in_namespace: HashMap<Id, Index<_>> = HashMap::new();
        let mut matching: BTreeMap<&Selector, Index<_>> = BTreeMap::new();
        for (member, key) in &members.keys {
            let entry = (member.clone(), *key);
            match &member.namespaces {
                Where::In(name) => in_namespace.entry(name.clone()).or_default(),
                Where::Matching(selector) => matching.entry(selector).or_default(),
            }
            .add(&member.pods, entry);
        }
        let selectors: Vec<&Selector> = matching.keys().copied().collect();
        let matching_of = facts.namespaces.iter().map(|(name, namespace)| {
            let of = (0..selectors.len()).filter(|n| selectors[*n].matches(&namespace.labels));
            (name.clone(), of.collect())
        });
        Self {
            in_namespace,
            matching_of: matching_of.collect(),
            matching: matching.into_values().collect(),
        }
    }

    /// The member groups that a pod carries.
    pub(super) fn of(&self, pod: &Pod) -> BTreeSet<GroupKey> {
        let namespace = &pod.key.namespace;
        let own = self.in_namespace.get(namespace);
        let others = self.matching_of.get(namespace).into_iter().flatten();
        let others = others.filter_map(|n| self.matching.get(*n));
        let all = own.into_iter().chain(others);
        let selecting = all.flat_map(|index| index.selecting(&pod.labels));
        selecting
            .filter(|(member, _)| member.has_port(pod))
            .map(|(_, key)| *key)
            .collect()
    }
}
