//! All facts, with what decisions need beside them.

mod fact;
mod groups;
mod ports;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::complaint::{Complaint, Reason};
use super::group::{Compiled, Group, GroupKey};
use super::model::{Facts, Id, PodKey, PolicyKey};
use super::observed::SeenPort;
use super::settings::Settings;
use crate::Millis;
use crate::backoff::{Backoff, Steps};

pub use self::fact::{Fact, FactKind};
pub(crate) use self::groups::{GroupState, Groups};
pub(crate) use self::ports::Ports;

/// What a pod's port is to carry now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortGroups {
    /// Whether it carries the operator's own groups for pods.
    pub operator: bool,
    /// Ids of groups of ours.
    pub groups: BTreeSet<Id>,
}

/// How far a policy has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Pods that it selects.
    pub selected: usize,
    /// Those whose ports carry what they are to, and those without a port yet: they get none
    /// without.
    pub enforced: usize,
}

/// What a failure holds up.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Held {
    List,
    /// Making a group or its rules.
    Make(GroupKey),
    /// Deleting a group.
    Delete(Id),
}

/// The facts. See the module's page.
#[derive(Clone, Debug)]
pub struct World {
    pub(crate) settings: Settings,
    pub(crate) facts: Facts,
    pub(crate) synced: BTreeSet<FactKind>,
    /// What the policies come to, as of the last plan.
    pub(crate) compiled: Arc<Compiled>,
    /// Whether facts changed since.
    pub(crate) compile_wanted: bool,
    pub(crate) groups: Groups,
    pub(crate) ports: Ports,
    /// What each pod's port is to carry now.
    pub(crate) answers: BTreeMap<PodKey, PortGroups>,
    /// Whether something changed that the answers depend on.
    pub(crate) switch_wanted: bool,
    /// Pods whose answers changed since they were last taken.
    pub(crate) changed: BTreeSet<PodKey>,
    /// Since when a port is to let less pass.
    pub(crate) narrowing: BTreeMap<Id, Millis>,
    /// Groups being created.
    pub(crate) creating: BTreeSet<GroupKey>,
    /// A creation was not answered: what it made, only a list that begins later can say.
    pub(crate) unsure: bool,
    pub(crate) unsure_at: u64,
    /// Groups that were deleted, until no list is older.
    pub(crate) dead: BTreeMap<Id, u64>,
    /// Changing calls under way.
    pub(crate) calls: usize,
    pub(crate) listing: bool,
    pub(crate) list_wanted: bool,
    pub(crate) list_from: u64,
    /// Lists that began before this say nothing.
    pub(crate) led_from: u64,
    pub(crate) listed: bool,
    pub(crate) backoff: Backoff<Held>,
    /// Why something is held up.
    pub(crate) trouble: BTreeMap<Held, (Reason, String)>,
    pub(crate) told: BTreeMap<PolicyKey, BTreeSet<(Reason, String)>>,
    /// Policies that were seen not to be in force.
    pub(crate) pending: BTreeSet<PolicyKey>,
    pub(crate) sequence: u64,
    pub(crate) now: Millis,
}

impl World {
    /// A world in which nothing is known.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            facts: Facts::default(),
            synced: BTreeSet::new(),
            compiled: Arc::default(),
            compile_wanted: true,
            groups: Groups::default(),
            ports: Ports::default(),
            answers: BTreeMap::new(),
            switch_wanted: true,
            changed: BTreeSet::new(),
            narrowing: BTreeMap::new(),
            creating: BTreeSet::new(),
            unsure: false,
            unsure_at: 0,
            dead: BTreeMap::new(),
            calls: 0,
            listing: false,
            list_wanted: true,
            list_from: 0,
            led_from: 0,
            listed: false,
            backoff: Backoff::new(Steps {
                first: 250,
                longest: 30_000,
            }),
            trouble: BTreeMap::new(),
            told: BTreeMap::new(),
            pending: BTreeSet::new(),
            sequence: 0,
            now: 0,
        }
    }

    /// Moves the clock.
    pub fn tick(&mut self, now: Millis) {
        self.now = self.now.max(now);
    }

    /// Asks for a list of groups: the periodic look for drift.
    pub fn want_list(&mut self) {
        self.list_wanted = true;
    }

    /// This process leads from now on. While it did not, another may have changed Neutron:
    /// nothing is done before all is listed, and what failed before may work now.
    pub fn lead(&mut self) {
        self.sequence += 1;
        self.led_from = self.sequence;
        (self.list_wanted, self.listed) = (true, false);
        self.backoff.retain(|_| false);
        self.trouble.clear();
        self.switch_wanted = true;
    }

    /// Whether all watches and lists have been read, so that absence means something. Services
    /// count only if one was ever told of.
    #[must_use]
    pub fn is_synced(&self) -> bool {
        self.listed && FactKind::NEEDED.iter().all(|k| self.synced.contains(k))
    }

    /// When something is to be looked at again without any new fact.
    #[must_use]
    pub fn next_wake(&self) -> Option<Millis> {
        let held = self.backoff.next(self.now);
        let patience = self.settings.patience;
        let gives_up = self.narrowing.values();
        let gives_up = gives_up.filter_map(|at| at.checked_add(patience));
        let lingers = self.groups.idle().map(|at| at + self.settings.linger);
        let later = gives_up.chain(lingers).filter(|at| *at > self.now);
        held.into_iter().chain(later).min()
    }

    /// What the port of a pod is to carry now. None: it can't be said yet, because a group is
    /// not complete; a port that the pod has keeps what it carries, and a pod without one waits.
    #[must_use]
    pub fn port_groups(&self, pod: &PodKey) -> Option<&PortGroups> {
        self.answers.get(pod)
    }

    /// Pods whose [`World::port_groups`] changed since this was last asked.
    pub fn take_changed(&mut self) -> BTreeSet<PodKey> {
        std::mem::take(&mut self.changed)
    }

    /// Ports without a pod that carry a group which is to be deleted: they are to be given the
    /// operator's groups.
    pub fn ports_to_clear(&self) -> impl Iterator<Item = &Id> {
        let idle = self.ports.iter().filter(|p| p.pod.is_none());
        let unwanted = |id: &Id| self.groups.get(id).is_some_and(|g| !self.is_wanted(g));
        idle.filter(move |p| p.groups.iter().any(unwanted))
            .map(|p| &p.id)
    }

    /// The groups that a policy's rules are in, with those that they name, as far as they are
    /// there.
    #[must_use]
    pub fn policy_groups(&self, policy: &PolicyKey) -> Vec<(Id, Arc<Group>)> {
        let needs = self.compiled.of_policy.get(policy);
        let keys = needs.into_iter().flat_map(|n| &n.groups);
        keys.filter_map(|key| {
            let id = self.groups.id_of(key)?;
            Some((id.clone(), self.compiled.groups.get(key)?.clone()))
        })
        .collect()
    }

    /// How far a policy has come; none if there is no such policy, or nothing is known yet.
    #[must_use]
    pub fn progress(&self, policy: &PolicyKey) -> Option<Progress> {
        let needs = self.compiled.of_policy.get(policy)?;
        let enforced = needs
            .pods
            .iter()
            .filter(|pod| self.is_enforced(pod))
            .count();
        Some(Progress {
            selected: needs.pods.len(),
            enforced,
        })
    }

    /// What is wrong with a policy now.
    #[must_use]
    pub fn complaints(&self, policy: &PolicyKey) -> BTreeSet<Complaint> {
        let Some(needs) = self.compiled.of_policy.get(policy) else {
            return BTreeSet::new();
        };
        let troubled = needs.groups.iter().filter_map(|key| {
            let held = Held::Make(*key);
            let (reason, message) = self.trouble.get(&held)?;
            let often = self.backoff.failures(&held) >= self.settings.quiet;
            let told = often || *reason == Reason::QuotaReached;
            told.then(|| Complaint::new(*reason, "", message.clone()))
        });
        needs
            .complaints
            .iter()
            .cloned()
            .chain(troubled.take(1))
            .collect()
    }

    /// What holds groups up now, for metrics: a reason for each thing held.
    pub fn troubles(&self) -> impl Iterator<Item = Reason> + '_ {
        self.trouble.values().map(|(reason, _)| *reason)
    }

    /// What the policies come to, as of the last plan.
    #[must_use]
    pub fn compiled(&self) -> &Compiled {
        &self.compiled
    }

    /// The facts of Kubernetes.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Whether the group is one that is to be: of several with one key, one is.
    pub(crate) fn is_wanted(&self, group: &GroupState) -> bool {
        let seen = &group.seen;
        self.compiled.groups.contains_key(&seen.key)
            && self.groups.id_of(&seen.key) == Some(&seen.id)
    }

    fn is_enforced(&self, pod: &PodKey) -> bool {
        let Some(port) = self.ports.of_pod(pod) else {
            return true;
        };
        let wanted = self.final_groups(pod);
        wanted.is_some_and(|wanted| self.carries(port, &wanted))
    }

    /// Whether the port carries exactly these groups.
    pub(crate) fn carries(&self, port: &SeenPort, wanted: &PortGroups) -> bool {
        let is_ours = |id: &&Id| self.groups.get(id).is_some();
        let operator = !port.groups.iter().all(|id| is_ours(&id));
        operator == wanted.operator && port.groups.iter().filter(is_ours).eq(&wanted.groups)
    }

    /// What the pod's port is to carry in the end; none while a group is not complete.
    pub(crate) fn final_groups(&self, pod: &PodKey) -> Option<PortGroups> {
        let assigned = self.compiled.of_pod.get(pod)?;
        let ids = assigned.groups.iter().map(|key| {
            let id = self.groups.id_of(key)?;
            self.groups.get(id)?.complete.then(|| id.clone())
        });
        Some(PortGroups {
            operator: assigned.operator,
            groups: ids.collect::<Option<_>>()?,
        })
    }

    pub(crate) fn is_held(&self, held: &Held) -> bool {
        !self.backoff.ready(held, self.now)
    }
}
