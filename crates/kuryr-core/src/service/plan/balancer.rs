//! One load balancer: what to call next.

use std::sync::Arc;

use super::Draft;
use crate::Millis;
use crate::service::action::{Action, Change};
use crate::service::complaint::{Complaint, Reason};
use crate::service::diff;
use crate::service::model::{Id, Service, ServiceKey};
use crate::service::observed::{Observed, State};
use crate::service::provider::Traits;
use crate::service::tree::{BalancerKey, Tree};
use crate::service::world::{Doubt, Held, World};

impl World {
    /// The load balancer that is, or will be, the one wanted. Where there are several, the
    /// claim says which, then the VIP, then the id: whoever asks gets the same answer.
    pub(super) fn choose(&self, key: &BalancerKey, tree: &Tree) -> Option<Id> {
        let of = self.of_service.get(&key.service)?;
        let placed = of.iter().filter(|id| self.place.get(*id) == Some(key));
        // A load balancer whose VIP is no longer the wanted one, and that other Services share, stays with those.
        let placed = placed.filter(|id| {
            let is = self.balancers.get(*id).map(|b| b.balancer.address);
            is == Some(tree.vip.address) || !self.has_guests(id)
        });
        let order = |id: &&Id| {
            let claimed = self.is_recorded_by(id, &key.service);
            let is = self.balancers.get(*id).map(|b| b.balancer.address);
            (!claimed, is != Some(tree.vip.address), (*id).clone())
        };
        placed.min_by_key(order).cloned()
    }

    /// What leads to the load balancer wanted; it, if nothing is to be done.
    pub(super) fn plan_balancer(
        &mut self,
        key: &BalancerKey,
        tree: &Tree,
        chosen: Option<&Id>,
        service: &Service,
        draft: &mut Draft,
    ) -> Option<Arc<Observed>> {
        let Some(lb) = chosen else {
            self.plan_creation(key, tree, service, draft);
            return None;
        };
        if !self.may_change(key, lb, draft) {
            return None;
        }
        let state = self.balancers.get(lb)?;
        if state.balancer.state == State::Error {
            let traits = self.traits_of(service);
            self.plan_repair(key, lb, &traits, draft);
            return None;
        }
        if let Some(_why) = diff::must_rebuild(tree, &state.balancer) {
            draft.change(key, lb, Change::Delete);
            return None;
        }
        let observed = state.observed.clone()?;
        let ready = self.without_held_guests(key, lb, &observed);
        let Some(step) = diff::next(tree, &ready) else {
            self.rest(key, lb);
            return Some(observed);
        };
        if step.heals && self.is_held(&Held::Ill(key.clone())) {
            return None;
        }
        draft.change(key, lb, step.change);
        None
    }

    /// Whether a change may be sent; if not yet, what has to come before.
    pub(super) fn may_change(&mut self, key: &BalancerKey, lb: &Id, draft: &mut Draft) -> bool {
        let Some(state) = self.balancers.get(lb) else {
            return false;
        };
        if state.busy {
            return false;
        }
        if !state.fresh {
            let at = state.look_at;
            self.note_stuck(key, lb);
            self.want_look(&key.service, lb, at, draft);
            return false;
        }
        if !self.is_ours(lb) {
            let message = format!(
                "load balancer {lb} has not this cluster's tag and is left alone; the operator \
                 may let load balancers be taken over"
            );
            let complaint = Complaint::new(Reason::LoadBalancerNotOurs, "", message);
            self.agenda.tell(Held::Balancer(key.clone()), complaint);
            return false;
        }
        !self.is_held(&Held::Balancer(key.clone()))
    }

    fn plan_creation(
        &mut self,
        key: &BalancerKey,
        tree: &Tree,
        service: &Service,
        draft: &mut Draft,
    ) {
        let waits = self.creating.contains(key)
            || self.list.is_in_doubt(&Doubt::Balancer(key.clone()))
            || self.is_held(&Held::Balancer(key.clone()))
            || self.is_recorded_unknown(&key.service)
            || self.gathers(service);
        if waits || self.waits_for_quota(key) {
            return;
        }
        let traits = self.traits_of(service);
        let tree = match (traits.full_tree, traits.monitor_in_tree) {
            (true, true) => tree.clone(),
            (true, false) => tree.unmonitored(),
            (false, _) => tree.bare(),
        };
        draft.changes.push(Action::CreateBalancer {
            key: key.clone(),
            tree: Arc::new(tree),
        });
    }

    /// While the quota is used up one creation at a time is tried, for all that wait.
    fn waits_for_quota(&mut self, key: &BalancerKey) -> bool {
        let Some(told) = self.quota.clone() else {
            return false;
        };
        self.agenda.tell(Held::Balancer(key.clone()), told);
        let other = self.probe.as_ref().filter(|p| *p != key);
        let goes = |p: &BalancerKey| self.creating.contains(p) || self.changes.contains(&p.service);
        if self.is_held(&Held::Quota) || other.is_some_and(goes) {
            return true;
        }
        self.probe = Some(key.clone());
        false
    }

    /// Whether the endpoints of a new Service are still to come.
    fn gathers(&mut self, service: &Service) -> bool {
        let seen = self.first_seen.get(&service.key).copied().unwrap_or(0);
        let until = seen + self.settings.gather;
        let bare = service.has_selector && !self.slices.are_of(&service.key);
        let waits = bare && until > self.agenda.now();
        if waits {
            self.later(until, &service.key);
        }
        waits
    }

    /// ERROR: failover once where the provider has it, then delete; creation follows.
    pub(super) fn plan_repair(
        &mut self,
        key: &BalancerKey,
        lb: &Id,
        traits: &Traits,
        draft: &mut Draft,
    ) {
        if self.is_held(&Held::Ill(key.clone())) {
            return;
        }
        let ill = self.ills.get(key).copied().unwrap_or_default();
        let fresh = ill.repairs == 0 || ill.at + self.settings.calm < self.agenda.now();
        let failover = fresh && traits.failover;
        let (change, what) = if failover {
            (Change::Failover, "failed over")
        } else {
            (Change::Delete, "deleted and created anew with the same VIP")
        };
        let message = format!("load balancer {lb} is in ERROR; it is {what}");
        let complaint = Complaint::new(Reason::LoadBalancerError, what, message);
        self.agenda.tell(Held::Ill(key.clone()), complaint);
        draft.change(key, lb, change);
    }

    /// All is as it is to be.
    pub(super) fn rest(&mut self, key: &BalancerKey, lb: &Id) {
        if let Some(state) = self.balancers.get_mut(lb) {
            state.last = None;
        }
        self.agenda.untell(&Held::Ill(key.clone()));
        self.agenda.untell(&Held::Balancer(key.clone()));
        self.agenda.release(&Held::Balancer(key.clone()));
    }

    /// Load balancers of a Service besides those wanted.
    pub(super) fn plan_others(&mut self, service: &ServiceKey, kept: &[Id], draft: &mut Draft) {
        for lb in self.ids_of(service) {
            if !kept.contains(&lb) && !self.plan_kept(&lb, false, draft) {
                self.plan_deletion(&lb, draft);
            }
        }
    }

    pub(super) fn ids_of(&self, service: &ServiceKey) -> Vec<Id> {
        let of = self.of_service.get(service).into_iter().flatten();
        of.cloned().collect()
    }

    /// What leads to a load balancer being gone.
    pub(super) fn plan_deletion(&mut self, lb: &Id, draft: &mut Draft) {
        let Some(key) = self.place.get(lb).cloned() else {
            return;
        };
        if self.may_change(&key, lb, draft) {
            draft.change(&key, lb, Change::Delete);
        }
    }

    /// A look at a load balancer, not before `at`.
    pub(super) fn want_look(
        &mut self,
        service: &ServiceKey,
        lb: &Id,
        at: Millis,
        draft: &mut Draft,
    ) {
        if self.looking.contains(lb) || self.is_held(&Held::Look(lb.clone())) {
            return;
        }
        if at > self.agenda.now() {
            self.later(at, service);
            return;
        }
        let look = Action::Look { lb: lb.clone() };
        if !draft.looks.contains(&look) {
            draft.looks.push(look);
        }
    }

    /// A load balancer that stays in a state in which nothing can be changed is told of.
    fn note_stuck(&mut self, key: &BalancerKey, lb: &Id) {
        let since = self.balancers.get(lb).and_then(|b| b.pending_since);
        let Some(since) = since.filter(|s| s + self.settings.stuck < self.agenda.now()) else {
            return;
        };
        let seconds = (self.agenda.now() - since) / 1000;
        let message = format!(
            "load balancer {lb} has been changing for {seconds} s, and Octavia lets nothing be \
             changed meanwhile; it is looked at until that is over"
        );
        let complaint = Complaint::new(Reason::LoadBalancerStuck, "", message);
        self.agenda.tell(Held::Balancer(key.clone()), complaint);
    }
}

impl Draft {
    pub(super) fn change(&mut self, key: &BalancerKey, lb: &Id, change: Change) {
        self.changes.push(Action::Change {
            key: key.clone(),
            lb: lb.clone(),
            change,
        });
    }
}
