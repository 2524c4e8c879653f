//! The reconciler of pods and their ports, as its loop sees it.

use std::collections::BTreeMap;

use super::action::{Action, Answer, Reason};
use super::event::Event;
use super::world::World;
use crate::Millis;
use crate::reconcile::{Outcome, Reconciler, Watched};

/// Figures of pods and ports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Ports of ours that pods have, and that none has.
    pub ports: (usize, usize),
    /// Pods that wait for a port.
    pub waiting: usize,
    /// How long pods waited whose port became ACTIVE since the last figures, milliseconds each.
    pub waited: Vec<Millis>,
    /// What holds pods or pools up, by the reason that Events give: how many things are held.
    pub held_up: BTreeMap<Reason, usize>,
}

impl Reconciler for World {
    type Event = Event;
    type Action = Action;
    type Answer = Answer;
    type Figures = Figures;

    fn learn(&mut self, now: Millis, event: Event) {
        self.tick(now);
        match event {
            Event::Pod(news) => self.learn_pod(news),
            Event::Claim(news) => self.learn_claim(news),
            Event::Node(news) => match news {
                Watched::Begin => {}
                Watched::There((name, addresses)) => self.apply_node(&name, addresses),
                Watched::Gone(name, _) => self.delete_node(&name),
                Watched::All(there) => self.retain_nodes(&there),
            },
        }
    }

    fn lead(&mut self) {
        self.start_term();
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

    fn finish(&mut self, now: Millis, action: &Action, outcome: Outcome<Self>, took: Millis) {
        self.tick(now);
        self.conclude(action, outcome, took);
    }

    fn next_wake(&self) -> Option<Millis> {
        self.wakes_at()
    }

    fn is_synced(&self) -> bool {
        self.has_read_all()
    }

    fn figures(&mut self) -> Figures {
        let used = self.ports.keys().filter(|id| self.users.contains_key(*id));
        let used = used.count();
        let mut held_up: BTreeMap<Reason, usize> = BTreeMap::new();
        for reason in self.troubles() {
            *held_up.entry(reason).or_default() += 1;
        }
        Figures {
            ports: (used, self.ports.len() - used),
            waiting: self.waiting.len(),
            waited: self.waiting.take_waited(),
            held_up,
        }
    }
}

impl World {
    fn learn_pod(&mut self, news: Watched<super::PodKey, super::Pod>) {
        match news {
            Watched::Begin => {}
            Watched::There(pod) => {
                let has_port = self.claim(&pod.key).is_some();
                self.waiting.pod(&pod, has_port, self.agenda.now());
                self.apply_pod(pod);
            }
            Watched::Gone(key, _) => {
                self.waiting.forget(&key);
                self.delete_pod(&key);
            }
            Watched::All(there) => {
                self.waiting.retain(&there);
                self.retain_pods(&there);
            }
        }
    }

    fn learn_claim(&mut self, news: Watched<super::PodKey, super::Claim>) {
        match news {
            Watched::Begin => self.claims.list_begins(self.sequence),
            Watched::There(claim) => {
                // Pods are listed before their KuryrPorts: these did not wait.
                if !self.has_read_all() && claim.vif.as_ref().is_some_and(|v| v.active) {
                    self.waiting.forget(&claim.pod);
                }
                self.apply_claim(claim);
            }
            Watched::Gone(key, version) => self.delete_claim(&key, version),
            Watched::All(there) => self.retain_claims(&there),
        }
    }
}
