//! Services and their slices in the world.

use std::collections::{BTreeSet, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use super::{Held, World};
use crate::Millis;
use crate::service::desired::asked_address;
use crate::service::model::{Service, ServiceKey};
use crate::service::slices::Slices;
use crate::service::tree::{BalancerKey, Slot};

impl World {
    /// A Service is there, or changed.
    pub(crate) fn apply_service(&mut self, service: Service) {
        let key = service.key.clone();
        if self.services.get(&key).is_some_and(|s| **s == service) {
            return;
        }
        let status_only = |old: &Service| {
            Service {
                ingress: service.ingress.clone(),
                ..old.clone()
            } == service
        };
        if !self.services.get(&key).is_some_and(|old| status_only(old)) {
            self.try_again(&key);
        }
        let asks = asked_address(&service).filter(|_| self.is_own_class(&service));
        let since = asks.map(|address| (address, self.asks_since(address, &key)));
        self.forget_asked(&key);
        self.forget_guest(&key);
        self.put_guest(&service);
        if let Some((address, since)) = since {
            let asked = self.asked.entry(address).or_default();
            asked.insert(key.clone(), (since, service.age));
            self.touch_askers(address);
        }
        let now = self.agenda.now();
        self.first_seen.entry(key.clone()).or_insert(now);
        self.touch_at(&service);
        self.services.insert(key.clone(), Arc::new(service));
        self.confirm(&key);
        self.touch(&key);
    }

    /// What the claim of a Service says may be confirmed now, or not any more.
    fn confirm(&mut self, key: &ServiceKey) {
        let record = self.claims.get(key).and_then(|c| c.record.as_ref());
        if let Some(lb) = record.map(|r| r.balancer.clone()) {
            self.replace(&lb);
        }
    }

    /// A Service is gone.
    pub(crate) fn delete_service(&mut self, key: &ServiceKey) {
        self.forget_asked(key);
        self.forget_guest(key);
        self.no_trouble_of_guest(key);
        self.first_seen.remove(key);
        self.reported.remove(key);
        if self.services.remove(key).is_some() {
            self.confirm(key);
            self.touch(key);
        }
    }

    /// Services were listed whole: those not in it are gone.
    pub(crate) fn retain_services(&mut self, there: &HashSet<ServiceKey>) {
        let all = self.services.keys();
        let gone: Vec<_> = all.filter(|k| !there.contains(*k)).cloned().collect();
        gone.iter().for_each(|key| self.delete_service(key));
        if !self.synced.services {
            self.synced.services = true;
            self.touch_all();
        }
    }

    /// Something changed of what is behind Services.
    pub(crate) fn learn_slices(&mut self, learn: impl FnOnce(&mut Slices) -> BTreeSet<ServiceKey>) {
        let was_synced = self.slices.are_synced();
        let touched = learn(&mut self.slices);
        touched.iter().for_each(|key| self.touch(key));
        if self.slices.are_synced() && !was_synced {
            self.touch_all();
        }
    }

    /// Services, for reports.
    pub fn services(&self) -> impl Iterator<Item = &Service> {
        self.services.values().map(AsRef::as_ref)
    }

    /// One Service.
    #[must_use]
    pub fn service(&self, key: &ServiceKey) -> Option<&Service> {
        self.services.get(key).map(AsRef::as_ref)
    }

    /// Whether another Service that asks for the same floating IP comes first: one that has it keeps it, whatever others ask
    /// for; where none has it, who asked first.
    pub(crate) fn asked_before(&self, address: IpAddr, by: &Service) -> bool {
        let Some(asking) = self.asked.get(&address) else {
            return false;
        };
        let ip = self.floating_at(address);
        let leads = ip.and_then(|ip| ip.port.as_ref());
        let has = |key: &&ServiceKey| leads.is_some_and(|port| self.is_vip_of(key, port));
        let made_for = |key: &&ServiceKey| ip.is_some_and(|ip| ip.made_for.as_ref() == Some(*key));
        let first = || asking.iter().min_by_key(|(key, asked)| (**asked, *key));
        let holder = asking
            .keys()
            .find(has)
            .or_else(|| asking.keys().find(made_for))
            .or_else(|| first().map(|(key, _)| key));
        holder.is_some_and(|holder| *holder != by.key)
    }

    fn asks_since(&self, address: IpAddr, key: &ServiceKey) -> Millis {
        let known = self.asked.get(&address).and_then(|asked| asked.get(key));
        // In what order Services asked before this process ran is not known.
        let now = if self.has_read_all() {
            self.agenda.now()
        } else {
            0
        };
        known.map_or(now, |(since, _)| *since)
    }

    /// What failed may work now: the Service is another.
    fn try_again(&mut self, key: &ServiceKey) {
        let slots = [Slot::First, Slot::Second];
        let balancers = slots.map(|slot| {
            let service = key.clone();
            Held::Balancer(BalancerKey { service, slot })
        });
        balancers.iter().for_each(|held| self.agenda.release(held));
        self.agenda.release(&Held::Floating(key.clone()));
        self.no_trouble_of_guest(key);
    }

    fn forget_asked(&mut self, key: &ServiceKey) {
        let Some(service) = self.services.get(key) else {
            return;
        };
        let Some(address) = asked_address(service) else {
            return;
        };
        if let Some(asked) = self.asked.get_mut(&address) {
            asked.remove(key);
            if asked.is_empty() {
                self.asked.remove(&address);
            }
        }
        self.touch_askers(address);
    }

    fn touch_askers(&mut self, address: IpAddr) {
        let askers = self.asked.get(&address).into_iter().flatten();
        self.agenda.touch_all(askers.map(|(key, _)| key.clone()));
    }
}
