//! A controller: its world and the calls that it has under way.

use std::collections::BTreeSet;

use super::cloud::{Cloud, Fate};
use super::*;

pub(super) struct Controller {
    pub(super) world: World,
    pub(super) under_way: Vec<Action>,
    /// Calls that were carried out; their answers are on their way.
    pub(super) answers: Vec<(Action, Outcome)>,
    pub(super) now: u64,
}

impl Controller {
    /// As after a start: the watches are read, Octavia is not yet.
    pub(super) fn start(cloud: &mut Cloud, settings: Settings, now: u64) -> Self {
        let mut world = World::new(settings);
        world.tick(now);
        let mut controller = Self {
            world,
            under_way: vec![],
            answers: vec![],
            now,
        };
        controller.relist(cloud);
        controller
    }

    /// All watch events since the last time.
    pub(super) fn watch(&mut self, cloud: &mut Cloud) {
        cloud.collect();
        for service in cloud.services.values() {
            self.world.apply_service(service.clone());
        }
        let there = cloud.services.keys().cloned().collect();
        self.world.retain_services(&there);
        for slice in cloud.slices.values() {
            self.world.apply_slice(slice.clone());
        }
        let there = cloud.slices.keys().cloned().collect();
        self.world.retain_slices(&there);
        for (key, version) in cloud.deleted.drain(..) {
            self.world.delete_claim(&key, version);
        }
        for claim in cloud.claims.values() {
            self.world.apply_claim(claim.clone());
        }
    }

    /// The watch of claims broke, and they are listed anew.
    pub(super) fn relist(&mut self, cloud: &mut Cloud) {
        let from = self.world.mark();
        cloud.deleted.clear();
        self.watch(cloud);
        let there = cloud.claims.keys().cloned().collect();
        self.world.retain_claims(&there, from);
    }

    pub(super) fn plan(&mut self) -> Vec<Action> {
        self.now += 1;
        self.world.tick(self.now);
        let actions = plan(&mut self.world);
        for action in &actions {
            self.world.begin(action);
        }
        self.under_way.extend(actions.iter().cloned());
        self.check();
        actions
    }

    /// One changing call a load balancer, and not too many over all.
    fn check(&self) {
        let answered = self.answers.iter().map(|(a, _)| a);
        let all: Vec<_> = self.under_way.iter().chain(answered).collect();
        let changing = all.iter().filter(|a| a.changes_octavia()).count();
        assert!(changing <= self.world.settings.changes_at_once, "{all:?}");
        let mut busy = BTreeSet::new();
        for action in all {
            let what = match action {
                Action::Change { lb, .. } => lb.to_string(),
                Action::CreateBalancer { key, .. } => format!("{key:?}"),
                Action::Look { lb } => format!("look {lb}"),
                Action::List => "list".to_owned(),
                _ => continue,
            };
            assert!(busy.insert(what), "twice at once: {action:?}");
        }
    }

    /// A call is carried out, and its answer arrives.
    pub(super) fn answer(&mut self, which: usize, cloud: &mut Cloud, fate: Fate) {
        self.carry_out(which, cloud, fate);
        if let Some((action, outcome)) = self.answers.pop() {
            self.world.finish(&action, outcome);
        }
    }

    /// A call is carried out.
    pub(super) fn carry_out(&mut self, which: usize, cloud: &mut Cloud, fate: Fate) {
        if self.under_way.is_empty() {
            return;
        }
        let action = self.under_way.remove(which % self.under_way.len());
        let outcome = cloud.carry_out(&action, fate);
        self.answers.push((action, outcome));
        cloud.check_always();
    }

    /// The answer to a call that was carried out some time ago arrives.
    pub(super) fn arrive(&mut self, which: usize) {
        if !self.answers.is_empty() {
            let which = which % self.answers.len();
            let (action, outcome) = self.answers.remove(which);
            self.world.finish(&action, outcome);
        }
    }

    /// Runs until nothing is to be done; the calls that it took, or none if it never rests.
    pub(super) fn settle(&mut self, cloud: &mut Cloud) -> Option<Vec<Action>> {
        let before = cloud.calls.len();
        for _ in 0..3_000 {
            self.watch(cloud);
            while !self.answers.is_empty() {
                self.arrive(0);
            }
            self.plan();
            if self.under_way.is_empty() {
                match self.world.next_wake() {
                    Some(at) => self.now = self.now.max(at),
                    None => return Some(cloud.calls.split_off(before)),
                }
            }
            while !self.under_way.is_empty() {
                self.answer(0, cloud, Fate::Works);
            }
        }
        None
    }
}
