//! Load balancers that several Services share.
//!
//! A Service of type LoadBalancer may ask for the load balancer of another one, its host: its
//! ports are then listeners there too, and its status has the host's address. Its own cluster
//! address is served by its own load balancer as ever. What was shared stays until its last
//! Service is gone.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use super::Draft;
use crate::service::annotations::SHARED_WITH;
use crate::service::complaint::{Complaint, Reason};
use crate::service::desired::listeners_of;
use crate::service::diff;
use crate::service::model::{Id, Kind, Service};
use crate::service::observed::{Observed, SeenListener, State};
use crate::service::provider::Traits;
use crate::service::tree::{BalancerKey, Tree, Vip};
use crate::service::world::{Held, World, shared_name};

/// What comes of a Service's wish to share.
pub(super) enum Share {
    /// It has none, or may not have it.
    Refused(Complaint),
    /// It is served by this load balancer.
    At(BalancerKey, Id),
}

impl World {
    /// What comes of it; none if the Service does not ask.
    pub(super) fn share(&self, service: &Service) -> Option<Share> {
        let name = shared_name(service)?;
        if self.shares_its_own(service) {
            return None;
        }
        let refused = |message: String| {
            let reason = Reason::SharedLoadBalancerRefused;
            Some(Share::Refused(Complaint::new(reason, "", message)))
        };
        let there = self.shared_balancer(name);
        let may = |(key, lb): &(BalancerKey, Id)| {
            self.is_ours(lb) && self.consents(&key.service, &service.key)
        };
        let Some((key, lb)) = there.filter(may) else {
            return refused(format!(
                "there is no load balancer {name} that this Service may share: it has to be this cluster's, and of a \
                 Service of the same namespace or of one with the annotation {SHARED_WITH}; the Service has no address \
                 outside until there is"
            ));
        };
        let guests = self.guests_at(&key, &lb, true);
        let admission = self.admission(&key, &guests);
        if let Some(((protocol, port), holder)) = admission.refused.get(&service.key) {
            return refused(format!(
                "{protocol} port {port} of the shared load balancer {name} is {holder}'s; the \
                 Service has no address outside while that is so"
            ));
        }
        Some(Share::At(key, lb))
    }

    /// Guests of one load balancer; `named`: also those that ask for it by its Service.
    fn guests_at(&self, key: &BalancerKey, lb: &Id, named: bool) -> Vec<Arc<Service>> {
        let name = Id::from(key.to_string());
        match named {
            true => self.guests_of(&key.service, &[lb, &name]),
            false => self.guests_of(&key.service, &[lb]),
        }
    }

    /// Adds the listeners of guests to what a load balancer is to have.
    pub(super) fn invite(&self, key: &BalancerKey, lb: &Id, traits: &Traits, tree: &mut Tree) {
        if self.guests.is_empty() {
            return;
        }
        let guests = self.guests_at(key, lb, true);
        self.seat(key, &guests, traits, tree);
    }

    /// What a load balancer has, without what belongs to guests of whom Octavia refused something a while ago: that is left as
    /// it is until it is their turn again, and holds up nobody else.
    pub(super) fn without_held_guests(
        &self,
        key: &BalancerKey,
        lb: &Id,
        observed: &Arc<Observed>,
    ) -> Arc<Observed> {
        if self.guests.is_empty() {
            return observed.clone();
        }
        let guests = self.guests_at(key, lb, true);
        let admission = self.admission(key, &guests);
        let held = guests
            .iter()
            .filter(|g| admission.admitted.contains(&g.key) && self.is_guest_held(g));
        let ports: BTreeSet<_> = held
            .flat_map(|g| g.ports.iter().map(|p| (p.protocol, p.port)))
            .collect();
        if ports.is_empty() {
            return observed.clone();
        }
        let theirs = |l: &SeenListener| l.protocol.is_some_and(|p| ports.contains(&(p, l.port)));
        let mut rest = (**observed).clone();
        let gone = observed.listeners.iter().filter(|l| theirs(l));
        let pools: BTreeSet<_> = gone.filter_map(|l| l.pool.clone()).collect();
        rest.listeners.retain(|l| !theirs(l));
        rest.pools.retain(|p| !pools.contains(&p.id));
        Arc::new(rest)
    }

    fn is_guest_held(&self, guest: &Service) -> bool {
        self.is_held(&Held::Guest(guest.key.clone()))
    }

    fn seat(&self, key: &BalancerKey, guests: &[Arc<Service>], traits: &Traits, tree: &mut Tree) {
        let admission = self.admission(key, guests);
        let vips: Vec<Vip> = [&tree.vip]
            .into_iter()
            .chain(&tree.more_vips)
            .cloned()
            .collect();
        for guest in guests
            .iter()
            .filter(|g| admission.admitted.contains(&g.key) && !self.is_guest_held(g))
        {
            let slices = self.slices.of(&guest.key);
            for (port, listener) in listeners_of(guest, slices, &self.settings, traits, &vips) {
                tree.listeners.entry(port).or_insert(listener);
            }
        }
    }

    /// Whether a load balancer has guests that ask for this very one.
    pub(super) fn has_guests(&self, lb: &Id) -> bool {
        let host = self.place.get(lb).map(|key| &key.service);
        let guests = host.map(|host| self.guests_of(host, &[lb]));
        self.guests.contains_key(lb) && guests.is_some_and(|g| !g.is_empty())
    }

    /// Keeps a load balancer for its guests though its own Service does not want it; false if
    /// it has none. `named`: those that ask for it by its Service count too.
    pub(super) fn plan_kept(&mut self, lb: &Id, named: bool, draft: &mut Draft) -> bool {
        if self.guests.is_empty() || !self.is_ours(lb) || self.has_anothers_address(lb) {
            return false;
        }
        let Some(key) = self.place.get(lb).cloned() else {
            return false;
        };
        let guests = self.guests_at(&key, lb, named);
        if guests.is_empty() {
            return false;
        }
        if !self.may_change(&key, lb, draft) {
            return true;
        }
        let Some(state) = self.balancers.get(lb) else {
            return true;
        };
        let traits = self.providers.traits(Some(&state.balancer.provider));
        if state.balancer.state == State::Error {
            self.plan_repair(&key, lb, &traits, draft);
            return true;
        }
        let Some(observed) = state.observed.clone() else {
            return true;
        };
        let mut tree = self.bare_tree(lb, &observed.balancer.name);
        self.seat(&key, &guests, &traits, &mut tree);
        let ready = self.without_held_guests(&key, lb, &observed);
        match diff::next(&tree, &ready) {
            Some(step) => draft.change(&key, lb, step.change),
            None => self.rest(&key, lb),
        }
        true
    }

    /// A load balancer as it is, without anything in it.
    fn bare_tree(&self, lb: &Id, name: &Id) -> Tree {
        let is = &self.balancers[lb].balancer;
        let subnet = is.vip_subnet.clone().unwrap_or_default();
        let vip = |address| Vip {
            address,
            subnet: subnet.clone(),
        };
        Tree {
            name: name.clone(),
            vip: vip(is.address),
            more_vips: is.more_addresses.iter().map(|a| vip(*a)).collect(),
            provider: Some(is.provider.clone()),
            flavor: None,
            project: self.settings.project.clone(),
            listeners: BTreeMap::new(),
        }
    }

    /// The addresses by which guests of a load balancer are reached from outside; none while
    /// that is not known.
    pub(super) fn outside(
        &self,
        key: &BalancerKey,
        lb: &Id,
        guest: &Service,
    ) -> Option<Vec<IpAddr>> {
        let state = self.balancers.get(lb)?;
        let listeners = &state.observed.as_ref()?.listeners;
        let served = |(protocol, port)| {
            let here = |l: &&SeenListener| l.protocol == Some(protocol) && l.port == port;
            listeners.iter().any(|l| here(&l))
        };
        let mut ports = guest.ports.iter().map(|p| (p.protocol, p.port));
        if !ports.any(served) {
            return None;
        }
        if let Some(floating) = self
            .claims
            .get(&key.service)
            .and_then(|c| c.floating.as_ref())
        {
            let is = &self.floating.get(&floating.id)?.ip;
            let leads = is.port == state.balancer.vip_port;
            return leads.then(|| vec![floating.address]);
        }
        let host = self.services.get(&key.service);
        let awaited = |s: &&Arc<Service>| {
            let outside = s.kind == Kind::LoadBalancer && !s.annotations.internal;
            outside && shared_name(s).is_none() && s.ingress.is_empty()
        };
        if host.filter(awaited).is_some() {
            return None;
        }
        Some(vec![state.balancer.address])
    }
}
