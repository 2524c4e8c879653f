//! Services that are reached by the load balancer of another one too: its guests.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Held, World};
use crate::service::model::{Id, Kind, Service, ServiceKey};
use crate::service::share::{Admission, admit};
use crate::service::tree::{BalancerKey, Slot};

/// The load balancer that a Service asks to share, by its id or by the name that it has.
pub(crate) fn shared_name(service: &Service) -> Option<&Id> {
    let asks = service.kind == Kind::LoadBalancer && !service.deleting;
    service.annotations.shared.as_ref().filter(|_| asks)
}

impl World {
    /// Whose load balancer a name is of.
    pub(crate) fn host_of(&self, name: &Id) -> Option<BalancerKey> {
        let by_id = self.place.get(name).cloned();
        by_id.or_else(|| BalancerKey::parse(name))
    }

    /// The load balancer of a name, if it is there.
    pub(crate) fn shared_balancer(&self, name: &Id) -> Option<(BalancerKey, Id)> {
        if let Some(key) = self.place.get(name) {
            return Some((key.clone(), name.clone()));
        }
        let key = BalancerKey::parse(name)?;
        let mut of = self.of_service.get(&key.service)?.iter();
        let lb = of.find(|id| self.place.get(*id) == Some(&key))?.clone();
        Some((key, lb))
    }

    /// Whether a Service asks to share what is its own: then it asks for nothing.
    pub(crate) fn shares_its_own(&self, service: &Service) -> bool {
        let host = shared_name(service).and_then(|name| self.host_of(name));
        host.is_some_and(|host| host.service == service.key)
    }

    /// Who asks to share a load balancer, the oldest first: by its id, and by its name where
    /// several have had it, of the one that it is of now.
    pub(crate) fn guests_of(&self, host: &ServiceKey, names: &[&Id]) -> Vec<Arc<Service>> {
        let asking = names.iter().filter_map(|name| self.guests.get(*name));
        let keys: BTreeSet<_> = asking.flatten().collect();
        let all = keys.into_iter();
        all.filter_map(|(_, key)| self.services.get(key).cloned())
            .filter(|s| !self.shares_its_own(s) && self.is_own_class(s))
            .filter(|s| self.consents(host, &s.key))
            .collect()
    }

    /// Whether a Service may share the load balancer of another: in one namespace it may; elsewhere if that one says so.
    /// A public address is the name of those who are served there, and not everybody's to put ports on.
    pub(crate) fn consents(&self, host: &ServiceKey, guest: &ServiceKey) -> bool {
        let named = |with: &Id| **with == *"*" || *with == guest.namespace;
        let host_says = || {
            let service = self.services.get(host);
            service.is_some_and(|s| s.annotations.shared_with.iter().any(named))
        };
        host.namespace == guest.namespace || host_says()
    }

    /// Whether the address of a load balancer is the cluster address of another Service than its own by now: its guests
    /// would be reached in that one's place.
    pub(crate) fn has_anothers_address(&self, lb: &Id) -> bool {
        let (Some(key), Some(state)) = (self.place.get(lb), self.balancers.get(lb)) else {
            return false;
        };
        let is = &state.balancer;
        let has = |s: &Arc<Service>| {
            let mut own = s.cluster_ips.iter();
            own.any(|ip| *ip == is.address || is.more_addresses.contains(ip))
        };
        let mut all = self.services.values();
        all.any(|s| s.key != key.service && has(s))
    }

    /// A Service has these addresses: whoever is served at one of them is to be planned.
    pub(super) fn touch_at(&mut self, service: &Service) {
        if self.guests.is_empty() {
            return;
        }
        let at = |(id, state): (&Id, &super::BalancerState)| {
            let here = service.cluster_ips.contains(&state.balancer.address);
            let key = self.place.get(id).filter(|_| here)?;
            Some(key.service.clone())
        };
        let there: Vec<_> = self.balancers.iter().filter_map(at).collect();
        self.agenda.touch_all(there);
    }

    /// Who of them is served.
    pub(crate) fn admission(&self, key: &BalancerKey, guests: &[Arc<Service>]) -> Admission {
        let host = self
            .services
            .get(&key.service)
            .filter(|s| self.has_trees(s));
        admit(host.map(AsRef::as_ref), guests.iter().map(AsRef::as_ref))
    }

    /// Whether a Service of type LoadBalancer is ours to publish (`loadBalancerClass`).
    pub(crate) fn is_own_class(&self, service: &Service) -> bool {
        service.class.is_none() || service.class == self.settings.class
    }

    /// Whether a Service has listeners of its own.
    fn has_trees(&self, service: &Service) -> bool {
        let addressed = !service.headless && !service.cluster_ips.is_empty();
        !service.deleting && addressed && service.kind != Kind::ExternalName
    }

    /// What Octavia refused a guest is over, or may be: it was taken, or the guest is another or gone.
    pub(crate) fn no_trouble_of_guest(&mut self, key: &ServiceKey) {
        let held = Held::Guest(key.clone());
        self.agenda.untell(&held);
        self.agenda.release(&held);
    }

    /// Notes what a Service asks to share, and forgets what it asked before.
    pub(super) fn put_guest(&mut self, service: &Service) {
        if let Some(name) = shared_name(service) {
            let of = self.guests.entry(name.clone()).or_default();
            of.insert((service.age, service.key.clone()));
        }
    }

    pub(super) fn forget_guest(&mut self, key: &ServiceKey) {
        let Some(service) = self.services.get(key).cloned() else {
            return;
        };
        let Some(name) = shared_name(&service) else {
            return;
        };
        self.touch_company(key);
        if let Some(of) = self.guests.get_mut(name) {
            of.remove(&(service.age, key.clone()));
            if of.is_empty() {
                self.guests.remove(name);
            }
        }
    }

    /// What changes of a Service concerns those that share a load balancer with it.
    pub(crate) fn touch_company(&mut self, key: &ServiceKey) {
        if self.guests.is_empty() {
            return;
        }
        let name = self.services.get(key).and_then(|s| shared_name(s));
        let host = name.and_then(|name| self.host_of(name)).map(|k| k.service);
        let mut company: BTreeSet<ServiceKey> = BTreeSet::new();
        for host in host.iter().chain([key]) {
            company.insert(host.clone());
            let slots = [Slot::First, Slot::Second].map(|slot| {
                let service = host.clone();
                Id::from(BalancerKey { service, slot }.to_string())
            });
            let ids = self.of_service.get(host).into_iter().flatten();
            let asking = ids.chain(&slots).filter_map(|name| self.guests.get(name));
            company.extend(asking.flatten().map(|(_, key)| key.clone()));
        }
        self.agenda.touch_all(company);
    }
}
