//! What policies come to, kept up with the facts.

use std::collections::{BTreeMap, BTreeSet};

use super::groups::forget;
use super::{Subject, World};
use crate::policy::compile::{Compilation, Touched};
use crate::policy::group::{Compiled, GroupKey, Purpose, Rule};
use crate::policy::mark::Mark;
use crate::policy::model::{PodKey, PolicyKey};

/// What changed since policies were compiled.
#[derive(Clone, Debug)]
pub(in crate::policy) enum Stale {
    /// These pods and nothing else.
    Pods(BTreeSet<PodKey>),
    /// Something that may be about all of them.
    Whole,
}

impl Stale {
    /// A pod changed, too.
    pub(in crate::policy) fn pod(&mut self, pod: &PodKey) {
        if let Self::Pods(pods) = self {
            pods.insert(pod.clone());
        }
    }
}

impl World {
    /// What policies come to now, and what of it changed.
    pub(in crate::policy) fn recompile(&mut self) {
        let stale = std::mem::replace(&mut self.stale, Stale::Pods(BTreeSet::new()));
        if let Stale::Pods(pods) = &stale
            && (pods.is_empty() || self.compile_pods(pods))
        {
            return;
        }
        let (compilation, new) = Compilation::whole(&self.facts, &self.settings);
        self.compilation = Some(compilation);
        let old = std::mem::replace(&mut self.compiled, new);
        let touched = Touched {
            groups: differing(&old, &self.compiled),
            policies: self.news_of_policies(&old),
            is_partial: false,
        };
        let is_news = |pod: &&PodKey| self.compiled.of_pod.get(*pod) != old.of_pod.get(*pod);
        let pods = self.compiled.of_pod.keys().chain(old.of_pod.keys());
        let pods = pods.filter(is_news).cloned().collect();
        self.take(touched, &pods);
    }

    /// Whether these pods alone had to be worked out.
    pub(in crate::policy) fn compile_pods(&mut self, pods: &BTreeSet<PodKey>) -> bool {
        let Some(compilation) = &mut self.compilation else {
            return false;
        };
        let compiled = &mut self.compiled;
        let touched = compilation.pods(pods, &self.facts, &self.settings, compiled);
        let Some(touched) = touched else {
            return false;
        };
        let is_all = !touched.is_partial;
        self.take(touched, pods);
        is_all
    }

    /// Follows what changed in what is compiled.
    fn take(&mut self, touched: Touched, pods: &BTreeSet<PodKey>) {
        let mut marks: BTreeSet<Mark> = BTreeSet::new();
        let mut over = Vec::new();
        for (key, old) in &touched.groups {
            let there = self.compiled.groups.contains_key(key);
            if !there && let Some(mark) = self.unwant(key, old.as_ref()) {
                if let Purpose::Policy(of, _) = &key.purpose {
                    over.push((of.policy.namespace.clone(), mark));
                }
                marks.insert(mark);
            }
        }
        for (key, old) in &touched.groups {
            let rules = self.compiled.groups.get(key);
            if rules.is_some_and(|rules| old.as_ref() != Some(rules)) {
                marks.insert(self.want(key));
            }
        }
        for (key, old) in &touched.groups {
            self.use_groups(key, old.as_ref());
        }
        for (namespace, mark) in over {
            self.close(&namespace, Subject::Group(mark), BTreeSet::new());
        }
        let policies = touched.policies.into_iter().map(Subject::Policy);
        self.agenda.touch_all(policies);
        let pods = pods.iter().cloned().map(Subject::Pod);
        self.agenda.touch_all(pods);
        marks.iter().for_each(|mark| self.touch_group(mark));
    }

    fn want(&mut self, key: &GroupKey) -> Mark {
        let mark = self.marks.entry(key.clone());
        let mark = *mark.or_insert_with(|| Mark::of(key));
        if self.wanted.insert(mark, key.clone()).is_none() && key.purpose.is_member() {
            self.founded.insert(mark, self.agenda.now());
        }
        mark
    }

    fn unwant(&mut self, key: &GroupKey, old: Option<&BTreeSet<Rule>>) -> Option<Mark> {
        let mark = *self.marks.get(key)?;
        self.forget_users(mark, old);
        self.users.remove(&mark);
        self.marks.remove(key);
        self.wanted.remove(&mark);
        self.founded.remove(&mark);
        Some(mark)
    }

    /// Notes which groups the rules of one are to name.
    fn use_groups(&mut self, key: &GroupKey, old: Option<&BTreeSet<Rule>>) {
        let Some(by) = self.marks.get(key).copied() else {
            return;
        };
        self.forget_users(by, old);
        let rules = self.compiled.groups.get(key).into_iter().flatten();
        for remote in rules.filter_map(Rule::remote_group) {
            if let Some(named) = self.marks.get(remote) {
                self.users.entry(*named).or_default().insert(by);
            }
        }
    }

    /// Those that they named before. What is not wanted any more has no users, whoever named it.
    fn forget_users(&mut self, by: Mark, old: Option<&BTreeSet<Rule>>) {
        let remotes = old.into_iter().flatten().filter_map(Rule::remote_group);
        let named: Vec<Mark> = remotes
            .filter_map(|key| self.marks.get(key))
            .copied()
            .collect();
        for named in named {
            forget(&mut self.users, &named, &by);
        }
    }

    /// The policies of which something changed, or that are gone.
    fn news_of_policies(&self, old: &Compiled) -> BTreeSet<PolicyKey> {
        let (new, told) = (&self.compiled.of_policy, &self.told);
        let is_news = |key: &&PolicyKey| {
            let policy = self.facts.policies.get(*key);
            let is_same = policy.zip(told.get(*key)).is_some_and(|(p, t)| t.is_of(p));
            !is_same || new.get(*key) != old.of_policy.get(*key)
        };
        let all = new.keys().chain(old.of_policy.keys());
        all.filter(is_news).cloned().collect()
    }
}

/// The groups that differ, with the rules that they had.
fn differing(old: &Compiled, new: &Compiled) -> BTreeMap<GroupKey, Option<BTreeSet<Rule>>> {
    let gone = old
        .groups
        .iter()
        .filter(|(key, _)| !new.groups.contains_key(*key));
    let gone = gone.map(|(key, rules)| (key.clone(), Some(rules.clone())));
    let news = new.groups.iter();
    let news = news.filter(|(key, rules)| old.groups.get(*key) != Some(*rules));
    let news = news.map(|(key, _)| (key.clone(), old.groups.get(key).cloned()));
    gone.chain(news).collect()
}
