//! The stage as its loop sees it.

use std::collections::{BTreeMap, BTreeSet};

use super::action::{Action, Answer};
use super::model::{Claim, Namespace, Standing};
use super::world::World;
use crate::reconcile::{Outcome, Reconciler, Watched};
use crate::{Id, Millis};

/// News from a watch.
#[derive(Clone, Debug)]
pub enum Event {
    Namespace(Watched<Id, Namespace>),
    /// KuryrNetworks, by namespace.
    Claim(Watched<Id, Claim>),
}

/// Figures of namespaces' networks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Networks of ours that pods get ports on.
    pub ready: usize,
    /// Namespaces whose pods wait for their network.
    pub waiting: usize,
    /// Networks that are being undone.
    pub ending: usize,
    /// How many more subnets each pool has room for, where that is known.
    pub room: BTreeMap<Id, u64>,
}

impl Reconciler for World {
    type Event = Event;
    type Action = Action;
    type Answer = Answer;
    type Figures = Figures;

    fn learn(&mut self, now: Millis, event: Event) {
        self.tick(now);
        match event {
            Event::Namespace(news) => self.learn_namespace(news),
            Event::Claim(news) => match news {
                Watched::Begin => self.claims.list_begins(self.sequence),
                Watched::There(claim) => self.apply_claim(claim),
                Watched::Gone(name, version) => {
                    if self.claims.is_gone(&name, version) {
                        self.delete_claim(&name, version);
                    }
                }
                Watched::All(there) => self.retain_claims(&there),
            },
        }
    }

    fn lead(&mut self) {
        self.sequence += 1;
        self.list.start_term(self.sequence);
        self.agenda.start_term();
        self.reported.clear();
        self.refused.clear();
        self.brought.clear();
        self.told_low.clear();
        self.touch_all();
    }

    fn look_anew(&mut self) {
        self.list.want();
    }

    fn step(&mut self, now: Millis) -> Vec<Action> {
        self.tick(now);
        let actions = super::plan::plan(self);
        actions.iter().for_each(|action| self.begin(action));
        actions
    }

    fn finish(&mut self, now: Millis, action: &Action, outcome: Outcome<Self>, _took: Millis) {
        self.tick(now);
        self.conclude(action, outcome);
    }

    fn next_wake(&self) -> Option<Millis> {
        self.agenda.next_wake()
    }

    fn is_synced(&self) -> bool {
        self.has_read_all()
    }

    fn figures(&mut self) -> Figures {
        let is_ready = |name: &&Id| matches!(self.standings.get(*name), Some(Standing::Ready(_)));
        Figures {
            ready: self.of.keys().filter(is_ready).count(),
            waiting: self.pods.keys().filter(|name| !is_ready(name)).count(),
            ending: self.retiring.len(),
            room: self.room.clone(),
        }
    }
}

impl World {
    fn tick(&mut self, now: Millis) {
        for held in self.agenda.tick(now) {
            self.touch_held(&held);
        }
    }

    fn learn_namespace(&mut self, news: Watched<Id, Namespace>) {
        match news {
            Watched::Begin => {}
            Watched::There(namespace) => {
                let known = self.namespaces.get(&namespace.name);
                if known != Some(&namespace) {
                    self.agenda.touch(namespace.name.clone());
                    self.namespaces.insert(namespace.name.clone(), namespace);
                }
            }
            Watched::Gone(name, _) => self.forget_namespace(&name),
            Watched::All(there) => {
                let gone = self.namespaces.keys().filter(|name| !there.contains(*name));
                let gone: Vec<Id> = gone.cloned().collect();
                gone.iter().for_each(|name| self.forget_namespace(name));
                if !std::mem::replace(&mut self.namespaces_listed, true) {
                    self.touch_all();
                }
            }
        }
    }

    fn forget_namespace(&mut self, name: &Id) {
        self.namespaces.remove(name);
        self.brought.remove(name);
        self.reported.remove(name);
        self.agenda.touch(name.clone());
    }

    /// A KuryrNetwork is there, or changed.
    pub(super) fn apply_claim(&mut self, claim: Claim) {
        self.sequence += 1;
        let name = claim.namespace.clone();
        if !self.claims.is_news(&name, &claim, self.sequence) {
            return;
        }
        let network = claim.status.network.clone();
        self.claims.put(name.clone(), claim, self.sequence);
        // A network whose name says nothing is this namespace's because its KuryrNetwork says so.
        if let Some(network) = network.and_then(|id| self.networks.get(&id).cloned()) {
            self.put_network(network);
        }
        self.agenda.touch(name);
    }

    /// A KuryrNetwork is gone.
    pub(super) fn delete_claim(&mut self, name: &Id, version: u64) {
        self.claims.remove(name, version);
        self.agenda.touch(name.clone());
    }

    fn retain_claims(&mut self, there: &BTreeSet<Id>) {
        for name in self.claims.absent(there) {
            self.delete_claim(&name, u64::MAX);
        }
        if self.claims.list_ends() {
            self.touch_all();
        }
    }
}
