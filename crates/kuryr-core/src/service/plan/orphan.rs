//! What nobody wants any more: load balancers, floating IPs, claims.

use super::Draft;
use crate::service::action::Action;
use crate::service::desired::Nothing;
use crate::service::model::{Claim, Id, Service, ServiceKey};
use crate::service::tree::{BalancerKey, Slot};
use crate::service::world::{Doubt, Held, World};

impl World {
    /// A Service that is to have no load balancer, or is not there at all.
    ///
    /// The claim is dropped last: as long as it is there, nothing is forgotten.
    pub(super) fn plan_nothing(&mut self, key: &ServiceKey, why: Nothing, draft: &mut Draft) {
        let service = self.services.get(key).cloned();
        let claim = self.claims.get(key).cloned();
        let known = service.is_some() || claim.is_some();
        let mut shared = false;
        for lb in self.ids_of(key) {
            if self.plan_kept(&lb, true, draft) {
                shared = true;
            } else if known || self.grace_is_over(key, &lb) {
                self.plan_deletion(&lb, draft);
            }
        }
        if let Some(claim) = &claim {
            self.look_for_recorded(claim, draft);
        }
        let released = !shared && self.release_all(key, claim.as_ref(), known, draft);
        let mut cleared = true;
        if let (Some(service), Some(_)) = (&service, &claim)
            && why != Nothing::Gone
        {
            cleared = service.ingress.is_empty();
            self.write_status(service, Vec::new(), draft);
        }
        let over = released && cleared && !self.has_balancers(key);
        match (claim, service) {
            (Some(claim), _) if over => self.drop_claim(&claim, draft),
            (None, Some(service)) if over => {
                self.forget(key);
                self.drop_finalizer(&service, draft);
            }
            (None, None) if over => {
                self.reported.remove(key);
                self.forget(key);
            }
            _ => {}
        }
    }

    fn has_balancers(&self, key: &ServiceKey) -> bool {
        let there = self.of_service.contains_key(key) || self.is_recorded_unknown(key);
        there
            || [Slot::First, Slot::Second].into_iter().any(|slot| {
                let service = key.clone();
                let key = BalancerKey { service, slot };
                self.creating.contains(&key) || self.list.is_in_doubt(&Doubt::Balancer(key.clone()))
            })
    }

    /// Whether a load balancer that neither Service nor claim has was left alone for long
    /// enough: another part of a cluster that is being set up may still come.
    fn grace_is_over(&mut self, key: &ServiceKey, lb: &Id) -> bool {
        let now = self.agenda.now();
        let Some(state) = self.balancers.get_mut(lb) else {
            return false;
        };
        let until = *state.orphan_since.get_or_insert(now) + self.settings.orphan_grace;
        if until > now {
            self.later(until, key);
        }
        until <= now
    }

    fn drop_claim(&self, claim: &Claim, draft: &mut Draft) {
        let key = &claim.service;
        if !self.claim_waits(key) {
            draft.actions.push(Action::DropClaim {
                service: key.clone(),
                uid: claim.uid.clone(),
                deleting: claim.deleting,
            });
        }
    }

    /// Upstream's finalizer, on a Service that is being deleted.
    fn drop_finalizer(&self, service: &Service, draft: &mut Draft) {
        let key = &service.key;
        let waits = self.service_calls.contains(key) || self.is_held(&Held::Status(key.clone()));
        if service.deleting && service.finalizer && !waits && self.claims.call(key).is_none() {
            draft.actions.push(Action::DropServiceFinalizer {
                service: key.clone(),
                uid: service.uid.clone(),
            });
        }
    }

    /// What went wrong with it is over.
    fn forget(&mut self, key: &ServiceKey) {
        for slot in [Slot::First, Slot::Second] {
            let service = key.clone();
            let key = BalancerKey { service, slot };
            self.ills.remove(&key);
            for held in [Held::Balancer(key.clone()), Held::Ill(key)] {
                self.agenda.untell(&held);
                self.agenda.release(&held);
            }
        }
        let held = Held::Floating(key.clone());
        self.agenda.untell(&held);
        self.agenda.release(&held);
    }
}
