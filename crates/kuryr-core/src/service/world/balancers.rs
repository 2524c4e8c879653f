//! Load balancers in the world.

use std::sync::Arc;

use super::{Held, World};
use crate::Millis;
use crate::service::action::Change;
use crate::service::complaint::{Complaint, Reason};
use crate::service::model::{Id, ServiceKey};
use crate::service::observed::{Balancer, Observed, State};
use crate::service::tree::{BalancerKey, Slot};

/// What is known of a load balancer.
#[derive(Clone, Debug)]
pub(crate) struct BalancerState {
    pub(crate) balancer: Balancer,
    /// What is in it, as last seen while it was ACTIVE.
    pub(crate) observed: Option<Arc<Observed>>,
    /// Whether it was looked at since it last changed.
    pub(crate) fresh: bool,
    /// A list did not have it: it may be gone, and its port with it.
    pub(crate) missed: bool,
    /// A changing call is under way.
    pub(crate) busy: bool,
    pub(crate) look_at: Millis,
    pub(crate) look_wait: Millis,
    /// Since when it can't be changed.
    pub(crate) pending_since: Option<Millis>,
    /// The last change that was accepted, until all is as it is to be.
    pub(crate) last: Option<Change>,
    /// Since when neither Service nor claim has it.
    pub(crate) orphan_since: Option<Millis>,
    /// Last change by us, to tell old lists and looks from new facts.
    pub(crate) touched: u64,
}

/// How often a load balancer was repaired, and when last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Illness {
    pub(crate) repairs: u32,
    pub(crate) at: Millis,
}

impl World {
    /// A load balancer as a list, a look or an answer shows it.
    pub(crate) fn put_balancer(&mut self, balancer: Balancer) {
        let id = balancer.id.clone();
        self.gone.remove(&id);
        let first = self.settings.look_first;
        match self.balancers.get_mut(&id) {
            Some(known) => {
                known.missed = false;
                if known.balancer != balancer {
                    known.fresh = false;
                    known.balancer = balancer;
                }
            }
            None => {
                let state = BalancerState {
                    balancer,
                    observed: None,
                    fresh: false,
                    missed: false,
                    busy: false,
                    look_at: self.agenda.now(),
                    look_wait: first,
                    pending_since: None,
                    last: None,
                    orphan_since: None,
                    touched: self.sequence,
                };
                self.balancers.insert(id.clone(), state);
            }
        }
        self.replace(&id);
    }

    /// A load balancer is gone from Octavia.
    pub(crate) fn remove_balancer(&mut self, id: &Id) {
        self.touch_balancer(id);
        self.list.note_gone(id.clone());
        if self.recorded.contains_key(id) {
            self.gone.insert(id.clone());
        }
        let port = self.balancers.remove(id).and_then(|b| b.balancer.vip_port);
        if let Some(port) = port {
            self.let_go(&port);
        }
        self.replace(id);
        self.an_address_is_free();
    }

    /// Who waits for an address may have it now.
    fn an_address_is_free(&mut self) {
        let waits = |(held, told): (&Held, &Complaint)| {
            (told.reason == Reason::AddressInUse).then(|| held.clone())
        };
        let waiting: Vec<_> = self.agenda.troubles().filter_map(waits).collect();
        for held in waiting {
            self.agenda.release(&held);
            self.touch_held(&held);
        }
    }

    /// Finds out anew whose a load balancer is. Its name says it; where it has lost that, its VIP does, which is the Service's
    /// own address, if the Service's claim names it.
    pub(crate) fn replace(&mut self, id: &Id) {
        let key = self.balancers.get(id).map(|state| {
            let by_name = BalancerKey::parse(&state.balancer.name);
            by_name
                .or_else(|| self.confirmed(id))
                .unwrap_or_else(|| BalancerKey {
                    service: ServiceKey::new("", id.clone()),
                    slot: Slot::First,
                })
        });
        let before = self.place.get(id).cloned();
        if before != key {
            if let Some(old) = before {
                self.place.remove(id);
                self.forget_of_service(&old.service, id);
                self.touch(&old.service);
            }
            if let Some(new) = &key {
                let of = self.of_service.entry(new.service.clone()).or_default();
                of.insert(id.clone());
                self.place.insert(id.clone(), new.clone());
            }
        }
        if let Some(key) = key {
            self.touch(&key.service);
        }
    }

    fn forget_of_service(&mut self, service: &ServiceKey, id: &Id) {
        if let Some(of) = self.of_service.get_mut(service) {
            of.remove(id);
            if of.is_empty() {
                self.of_service.remove(service);
            }
        }
    }

    /// What concerns a load balancer is to be planned anew.
    pub(crate) fn touch_balancer(&mut self, id: &Id) {
        let placed = self.place.get(id).map(|k| k.service.clone());
        let recorded = self.recorded.get(id).into_iter().flatten().cloned();
        let touched: Vec<_> = placed.into_iter().chain(recorded).collect();
        touched.iter().for_each(|key| self.touch(key));
    }

    /// Whether it may be changed and deleted by us.
    pub(crate) fn is_ours(&self, id: &Id) -> bool {
        let ours = self.balancers.get(id).is_some_and(|b| b.balancer.ours);
        let named = self.place.get(id).map(|key| &key.service);
        let adopted = || named.is_some_and(|key| self.is_recorded_by(id, key));
        ours || (self.settings.adopt && adopted())
    }

    /// Whether a Service's claim names a load balancer that has the Service's own address.
    pub(crate) fn is_recorded_by(&self, id: &Id, key: &ServiceKey) -> bool {
        let by = self.recorded.get(id);
        by.is_some_and(|by| by.contains(key)) && self.has_its_address(id, key)
    }

    fn has_its_address(&self, id: &Id, key: &ServiceKey) -> bool {
        let address = self.balancers.get(id).map(|b| b.balancer.address);
        let service = self.services.get(key);
        let own = |address| service.is_some_and(|s| s.cluster_ips.contains(&address));
        address.is_some_and(own)
    }

    /// Whose a load balancer without a Service's name is.
    fn confirmed(&self, id: &Id) -> Option<BalancerKey> {
        let mut by = self.recorded.get(id)?.iter();
        let service = by.find(|key| self.has_its_address(id, key))?.clone();
        let slot = Slot::First;
        Some(BalancerKey { service, slot })
    }

    /// It changes: it is to be looked at, soon and then with growing pauses.
    pub(crate) fn expect_change(&mut self, id: &Id) {
        self.sequence += 1;
        let (now, first, sequence) = (self.agenda.now(), self.settings.look_first, self.sequence);
        if let Some(state) = self.balancers.get_mut(id) {
            state.fresh = false;
            state.look_at = now + first;
            state.look_wait = first;
            state.touched = sequence;
        }
        self.touch_balancer(id);
    }

    /// It was looked at.
    pub(crate) fn see(&mut self, observed: Observed) {
        let id = observed.balancer.id.clone();
        self.put_balancer(observed.balancer.clone());
        let (now, longest) = (self.agenda.now(), self.settings.look_longest);
        let Some(state) = self.balancers.get_mut(&id) else {
            return;
        };
        match observed.balancer.state {
            State::Active => {
                state.observed = Some(Arc::new(observed));
                (state.fresh, state.pending_since) = (true, None);
            }
            State::Error => (state.fresh, state.pending_since) = (true, None),
            State::Pending | State::Deleting => {
                state.fresh = false;
                state.pending_since.get_or_insert(now);
                state.look_at = now + state.look_wait;
                state.look_wait = (state.look_wait * 3 / 2).min(longest);
            }
        }
        self.touch_balancer(&id);
    }

    /// Load balancers as they were last seen, for reports.
    pub fn balancers(&self) -> impl Iterator<Item = &Balancer> {
        self.balancers.values().map(|b| &b.balancer)
    }

    /// What is in a load balancer of a Service, as last seen, for reports.
    #[must_use]
    pub fn observed(&self, key: &BalancerKey) -> Option<&Arc<Observed>> {
        let of = self.of_service.get(&key.service)?;
        let mut placed = of.iter().filter(|id| self.place.get(*id) == Some(key));
        placed.find_map(|id| self.balancers.get(id)?.observed.as_ref())
    }
}
