//! The reconciler of Services and their load balancers, as its loop sees it.

use std::collections::BTreeMap;

use super::action::{Action, Answer};
use super::complaint::Reason;
use super::event::Event;
use super::model::{Claim, ServiceKey};
use super::world::World;
use crate::Millis;
use crate::reconcile::{Outcome, Reconciler, Watched};

/// Figures of Services and load balancers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    pub services: usize,
    /// Services that wait for their turn to change a load balancer.
    pub waiting: usize,
    /// What holds Services up, by the reason that Events give: how many things are held.
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
            Event::Service(news) => match news {
                Watched::Begin => {}
                Watched::There(service) => self.apply_service(*service),
                Watched::Gone(key, _) => self.delete_service(&key),
                Watched::All(there) => self.retain_services(&there.into_iter().collect()),
            },
            Event::Slice(news) => self.learn_slices(|all| all.learn(news)),
            Event::Endpoints(news) => self.learn_slices(|all| all.learn_endpoints(news)),
            Event::Subnet(news) => match news {
                Watched::Begin => {}
                Watched::There((namespace, subnet)) => self.apply_subnet(&namespace, subnet),
                Watched::Gone(namespace, _) => self.apply_subnet(&namespace, None),
                Watched::All(there) => self.retain_subnets(&there),
            },
            Event::Claim(news) => self.learn_claim(news),
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

    fn finish(&mut self, now: Millis, action: &Action, outcome: Outcome<Self>, _: Millis) {
        self.tick(now);
        self.conclude(action, outcome);
    }

    fn next_wake(&self) -> Option<Millis> {
        self.wakes_at()
    }

    fn is_synced(&self) -> bool {
        self.has_read_all()
    }

    fn figures(&mut self) -> Figures {
        let mut held_up: BTreeMap<Reason, usize> = BTreeMap::new();
        for reason in self.troubles() {
            *held_up.entry(reason).or_default() += 1;
        }
        Figures {
            services: self.services.len(),
            waiting: self.changes.len(),
            held_up,
        }
    }
}

impl World {
    fn learn_claim(&mut self, news: Watched<ServiceKey, Box<Claim>>) {
        match news {
            Watched::Begin => self.claims.list_begins(self.sequence),
            Watched::There(claim) => self.apply_claim(*claim),
            Watched::Gone(key, version) => self.delete_claim(&key, version),
            Watched::All(there) => self.retain_claims(&there),
        }
    }
}
