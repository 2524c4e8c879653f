//! From policies to groups.
//!
//! Each policy's directions become drafts, rules that name member groups; then each pod is asked which members it is of and which
//! policies select it. So the work grows with policies plus pods, not with their product: selectors are found by the labels that
//! they want. What all pods have in common is kept (`frame`), and so is what follows from each pod alone: one that comes, goes or
//! changes is worked out by itself, unless what all have in common depends on it.

mod draft;
mod frame;
mod index;
mod membership;
mod operator;
mod pod;
mod prefixes;
mod room;
mod services;
mod split;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use self::frame::{Frame, counted};
use self::split::split;
use super::group::{Compiled, GroupKey, Needs, Purpose, Rule};
use super::model::{Direction, Facts, Pod, PodKey, PolicyKey};
use super::settings::Settings;

/// What the policies come to.
#[must_use]
pub fn compile(facts: &Facts, settings: &Settings) -> Compiled {
    Compilation::whole(facts, settings).1
}

/// What it takes to work out a changed pod by itself.
#[derive(Clone, Debug)]
pub(super) struct Compilation {
    frame: Frame,
    parts: HashMap<PodKey, Part>,
    /// By how many pods each group is there that is for certain pods.
    uses: HashMap<GroupKey, usize>,
}

/// What follows from one pod.
#[derive(Clone, Debug)]
struct Part {
    pod: Arc<Pod>,
    /// The policies that select it, by number.
    own: Vec<usize>,
    /// The groups that let its packets pass.
    effects: Vec<GroupKey>,
    /// Whether a policy is complained of because of it, and maybe of it alone.
    complains: bool,
}

/// What a change comes to.
#[derive(Clone, Debug, Default)]
pub(super) struct Touched {
    /// Groups that are there now, or not any more, and the rules that they had.
    pub(super) groups: BTreeMap<GroupKey, Option<BTreeSet<Rule>>>,
    pub(super) policies: BTreeSet<PolicyKey>,
    /// Whether that is not all of it: it is to be compiled as a whole.
    pub(super) is_partial: bool,
}

impl Compilation {
    /// Everything.
    pub(super) fn whole(facts: &Facts, settings: &Settings) -> (Self, Compiled) {
        let mut compilation = Self {
            frame: Frame::new(facts, settings),
            parts: HashMap::new(),
            uses: HashMap::new(),
        };
        let mut compiled = Compiled::default();
        let mut compiler = compilation.compiler(facts, settings, &mut compiled);
        compiler.members();
        compiler.policies();
        for pod in counted(facts) {
            compiler.add(pod);
        }
        (compilation, compiled)
    }

    /// What these pods changed; none where all is to be compiled anew, and nothing was done.
    pub(super) fn pods(
        &mut self,
        changed: &BTreeSet<PodKey>,
        facts: &Facts,
        settings: &Settings,
        compiled: &mut Compiled,
    ) -> Option<Touched> {
        let now = |key: &PodKey| facts.pods.get(key).filter(|pod| pod.counts());
        let changes = changed.iter().map(|key| (self.parts.get(key), now(key)));
        let changes: Vec<_> = changes.collect();
        if !self.frame.stays(&changes) {
            return None;
        }
        let mut compiler = self.compiler(facts, settings, compiled);
        for key in changed {
            compiler.remove(key);
            if let Some(pod) = now(key) {
                compiler.add(pod);
            }
        }
        Some(compiler.touched)
    }

    fn compiler<'a>(
        &'a mut self,
        facts: &'a Facts,
        settings: &'a Settings,
        out: &'a mut Compiled,
    ) -> Compiler<'a> {
        Compiler {
            facts,
            settings,
            frame: &mut self.frame,
            parts: &mut self.parts,
            uses: &mut self.uses,
            out,
            touched: Touched::default(),
        }
    }
}

struct Compiler<'a> {
    facts: &'a Facts,
    settings: &'a Settings,
    frame: &'a mut Frame,
    parts: &'a mut HashMap<PodKey, Part>,
    uses: &'a mut HashMap<GroupKey, usize>,
    out: &'a mut Compiled,
    touched: Touched,
}

impl Compiler<'_> {
    fn members(&mut self) {
        let members = self.frame.membership.all().cloned();
        let members = members.map(|m| (Purpose::Member(m).into(), BTreeSet::new()));
        self.out.groups.extend(members);
    }

    /// The groups that follow from policies alone.
    fn policies(&mut self) {
        for number in 0..self.frame.drafted.len() {
            let drafted = Arc::clone(&self.frame.drafted[number]);
            let key = &drafted.policy.key;
            self.needs(key).complaints = draft::wrong(&drafted.policy);
            for (direction, draft) in &drafted.drafts {
                let mut rules = draft.rules.clone();
                if *direction == Direction::Egress && !draft.is_open {
                    let reach = &mut self.frame.reach;
                    let verdict = reach.verdict([number].into(), &[&draft.rules]);
                    rules.extend(verdict.vips.iter().cloned());
                }
                if draft.may_allow {
                    let purpose = Purpose::Policy(drafted.selecting.clone(), *direction);
                    let groups = self.put(purpose, || rules);
                    self.needs(key).groups.extend(groups);
                }
            }
        }
    }

    fn needs(&mut self, policy: &PolicyKey) -> &mut Needs {
        self.out.of_policy.entry(policy.clone()).or_default()
    }

    /// Notes a group, of several parts if need be. What is for one purpose has the same rules whoever it is noted for.
    fn put(&mut self, purpose: Purpose, rules: impl FnOnce() -> BTreeSet<Rule>) -> Vec<GroupKey> {
        let there = self.parts_of(&purpose);
        if !there.is_empty() {
            return there;
        }
        let parts = split(&purpose, rules(), self.settings.limits.rules_per_group);
        let keys: Vec<GroupKey> = parts.iter().map(|(key, _)| key.clone()).collect();
        for (key, rules) in parts {
            self.put_part(key, rules);
        }
        keys
    }

    fn put_part(&mut self, key: GroupKey, rules: BTreeSet<Rule>) {
        if !self.out.groups.contains_key(&key) {
            self.touched.groups.entry(key.clone()).or_insert(None);
            self.out.groups.insert(key, rules);
        }
    }

    /// The parts that there are of a group.
    fn parts_of(&self, purpose: &Purpose) -> Vec<GroupKey> {
        let from = GroupKey::from(purpose.clone());
        let all = self.out.groups.range(&from..);
        let own = all.take_while(|(key, _)| key.purpose == from.purpose);
        own.map(|(key, _)| key.clone()).collect()
    }
}
