//! All facts of policies, with the indexes that decisions need.

mod claims;
mod closing;
mod compiled;
mod groups;
mod pairs;
mod ports;
mod told;

use std::collections::{BTreeMap, BTreeSet};

use super::action::Trouble;
use super::claim::Claim;
use super::compile::Compilation;
use super::group::{Compiled, GroupKey, Purpose, Rule};
use super::mark::Mark;
use super::model::{Facts, Id, PodKey, PolicyKey};
use super::settings::Settings;
use crate::Millis;
use crate::reconcile::{Agenda, Listing, Mirror};

pub(super) use self::closing::Closing;
pub(super) use self::compiled::Stale;
pub(super) use self::groups::{GroupState, Groups};
use self::pairs::Pairs;
pub(super) use self::ports::Ports;
pub use self::ports::SeenPort;
pub(super) use self::told::Told;

/// Who is to be planned.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Subject {
    /// What a pod's port carries. Pods come first: a group is established when no pod lacks it.
    Pod(PodKey),
    /// A security group.
    Group(Mark),
    /// What a policy's owner is told, and its KuryrNetworkPolicy.
    Policy(PolicyKey),
}

/// What a failure holds up.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Held {
    List,
    /// A group is made, or its rules are.
    Make(Mark),
    Delete(Id),
    /// A KuryrNetworkPolicy is written, or released.
    Claim(PolicyKey),
}

/// What the port of a pod is to carry now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dress {
    /// It can't be said yet: a pod without a port waits, and a port that the pod has stays as it is.
    Wait,
    /// These security groups.
    Groups(BTreeSet<Id>),
}

/// Which watches and lists have been read whole at least once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Synced {
    pub(super) policies: bool,
    pub(super) pods: bool,
    pub(super) namespaces: bool,
    pub(super) nodes: bool,
    pub(super) services: bool,
    pub(super) ports: bool,
}

/// The facts. See the module's page.
#[derive(Clone, Debug)]
pub struct World {
    pub(super) settings: Settings,
    pub(super) facts: Facts,
    pub(super) synced: Synced,
    pub(super) compiled: Compiled,
    /// What it takes to work out a changed pod by itself; none before all was compiled once.
    pub(super) compilation: Option<Compilation>,
    pub(super) stale: Stale,
    /// The groups that are to be, by mark.
    pub(super) wanted: BTreeMap<Mark, GroupKey>,
    /// The other way round.
    pub(super) marks: BTreeMap<GroupKey, Mark>,
    /// The groups that are to have rules that name a group.
    pub(super) users: BTreeMap<Mark, BTreeSet<Mark>>,
    pub(super) groups: Groups,
    pub(super) ports: Ports,
    /// Groups that are being created.
    pub(super) creating: BTreeSet<Mark>,
    /// All groups. One in doubt is a creation without an answer.
    pub(super) list: Listing<Id, Mark>,
    pub(super) agenda: Agenda<Subject, Held, (Trouble, String)>,
    pub(super) dress: BTreeMap<PodKey, Dress>,
    /// Pods whose dress changed since it was last asked.
    pub(super) changed: BTreeSet<PodKey>,
    /// Pods that wait for a group, or go without it meanwhile.
    pub(super) waiting: Pairs,
    /// Pods and policies of each namespace that are to let less pass than they do.
    pub(super) closing: BTreeMap<Id, BTreeMap<Subject, Closing>>,
    /// Groups of policies of each namespace that are to let more pass once others let less.
    pub(super) gated: BTreeMap<Id, BTreeSet<Mark>>,
    /// Pods of each namespace that are to let more pass once the others let less.
    pub(super) withheld: BTreeMap<Id, BTreeSet<PodKey>>,
    /// When each member group of which not all members have it yet was wanted.
    pub(super) founded: BTreeMap<Mark, Millis>,
    /// Pods that lack a member group.
    pub(super) lacking: Pairs,
    /// Pods on which policies that select them are not in force yet.
    pub(super) behind: Pairs<PolicyKey>,
    /// What policies' owners were told.
    pub(super) told: BTreeMap<PolicyKey, Told>,
    /// KuryrNetworkPolicies.
    pub(super) claims: Mirror<PolicyKey, Claim>,
    /// Groups that upstream made, by which KuryrNetworkPolicy names them.
    pub(super) old_groups: BTreeMap<Id, PolicyKey>,
    pub(super) sequence: u64,
}

impl World {
    /// A world in which nothing is known.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            facts: Facts::default(),
            synced: Synced::default(),
            compiled: Compiled::default(),
            compilation: None,
            stale: Stale::Whole,
            wanted: BTreeMap::new(),
            marks: BTreeMap::new(),
            users: BTreeMap::new(),
            groups: Groups::default(),
            ports: Ports::default(),
            creating: BTreeSet::new(),
            list: Listing::default(),
            agenda: Agenda::default(),
            dress: BTreeMap::new(),
            changed: BTreeSet::new(),
            waiting: Pairs::default(),
            closing: BTreeMap::new(),
            gated: BTreeMap::new(),
            withheld: BTreeMap::new(),
            founded: BTreeMap::new(),
            lacking: Pairs::default(),
            behind: Pairs::default(),
            told: BTreeMap::new(),
            claims: Mirror::default(),
            old_groups: BTreeMap::new(),
            sequence: 0,
        }
    }

    /// What the port of a pod is to carry now.
    #[must_use]
    pub fn dress(&self, pod: &PodKey) -> Dress {
        let known = self.dress.get(pod).cloned();
        known.unwrap_or(Dress::Wait)
    }

    /// Pods whose [`World::dress`] changed since this was last asked.
    pub fn take_changed(&mut self) -> BTreeSet<PodKey> {
        std::mem::take(&mut self.changed)
    }

    /// What policies come to.
    #[must_use]
    pub fn compiled(&self) -> &Compiled {
        &self.compiled
    }

    /// What is known of the cluster.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Whether all that is watched was listed at least once.
    #[must_use]
    pub fn has_watched_all(&self) -> bool {
        let Synced {
            policies,
            pods,
            namespaces,
            nodes,
            services,
            ports: _,
        } = self.synced;
        policies && pods && namespaces && nodes && services
    }

    pub(super) fn has_read_all(&self) -> bool {
        let watched = self.has_watched_all() && self.synced.ports;
        // Without what the operator's groups let pass, the groups that say it too would lose all their rules.
        let mut operators = self.settings.operator.iter();
        let are_known = operators.all(|id| self.facts.operator.contains_key(id));
        watched && are_known && self.list.is_listed()
    }

    /// Everything that there is or is to be.
    pub(super) fn touch_all(&mut self) {
        let groups: BTreeSet<Mark> = self
            .groups
            .marks()
            .chain(self.wanted.keys().copied())
            .collect();
        let pods = self.compiled.of_pod.keys().cloned().map(Subject::Pod);
        let pods: Vec<Subject> = pods.collect();
        self.agenda
            .touch_all(groups.into_iter().map(Subject::Group));
        self.agenda.touch_all(pods);
        self.touch_policies();
    }

    /// All policies, and those of which only the KuryrNetworkPolicy is left.
    pub(super) fn touch_policies(&mut self) {
        let policies = self.facts.policies.keys().chain(self.claims.keys());
        let policies: Vec<Subject> = policies.cloned().map(Subject::Policy).collect();
        self.agenda.touch_all(policies);
    }

    pub(super) fn touch_held(&mut self, held: &Held) {
        match held {
            Held::List => self.touch_all(),
            Held::Make(mark) => self.touch_group(mark),
            Held::Delete(id) => {
                if let Some(mark) = self.groups.get(id).map(|g| g.mark) {
                    self.touch_group(&mark);
                }
            }
            Held::Claim(policy) => self.agenda.touch(Subject::Policy(policy.clone())),
        }
    }

    /// Something changed for a group: it is to be planned, with what names it, and the pods that wait for it.
    pub(super) fn touch_group(&mut self, mark: &Mark) {
        self.agenda.touch(Subject::Group(*mark));
        let ids: Vec<Id> = self.groups.of(mark).cloned().collect();
        let naming = ids.iter().flat_map(|id| self.groups.named_by(id));
        let named: Vec<Mark> = ids
            .iter()
            .filter_map(|id| self.groups.get(id))
            .flat_map(|g| g.rules.keys().filter_map(Rule::remote_group))
            .filter_map(|id| self.groups.get(id).map(|g| g.mark))
            .collect();
        let mut marks: Vec<Mark> = naming.chain(named).collect();
        marks.extend(self.users.get(mark).into_iter().flatten());
        self.agenda.touch_all(marks.into_iter().map(Subject::Group));
        let users = self.users.get(mark).into_iter().flatten();
        let waiting = users.chain([mark]).flat_map(|mark| self.waiting.pods(mark));
        let waiting = waiting.cloned();
        let waiting: Vec<Subject> = waiting.map(Subject::Pod).collect();
        self.agenda.touch_all(waiting);
    }

    /// What a group's policy is told may be something else now.
    pub(super) fn touch_policy_of(&mut self, mark: &Mark) {
        let purpose = self.wanted.get(mark).map(|key| &key.purpose);
        if let Some(Purpose::Policy(of, _) | Purpose::Named(of, _)) = purpose {
            self.agenda.touch(Subject::Policy(of.policy.clone()));
        }
    }

    /// Of several groups of a mark one that is carried or named is used, else the first.
    pub(super) fn chosen(&self, mark: &Mark) -> Option<&Id> {
        let is_used = |id: &&Id| self.ports.is_carried(id) || self.groups.is_named(id);
        let mut all = self.groups.of(mark);
        let first = all.next()?;
        if is_used(&first) {
            return Some(first);
        }
        Some(all.find(is_used).unwrap_or(first))
    }
}
