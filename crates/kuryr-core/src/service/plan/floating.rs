//! How a Service is reached from outside: its floating IP, and what its status says.

use std::net::IpAddr;

use super::Draft;
use super::shared::Share;
use crate::service::action::Action;
use crate::service::complaint::{Complaint, Reason};
use crate::service::desired::{External, Wanted};
use crate::service::model::{Claim, ClaimedAddress, FloatingIp, Id, Service, ServiceKey};
use crate::service::tree::BalancerKey;
use crate::service::world::{Doubt, Held, World};

impl World {
    /// Adds to the draft the next call toward the wanted floating IP, if one is due; gives what the KuryrLoadBalancer is to
    /// record of the floating IP now.
    pub(super) fn plan_floating(
        &mut self,
        service: &Service,
        wanted: &Wanted,
        claim: &Claim,
        draft: &mut Draft,
    ) -> Option<ClaimedAddress> {
        let key = &service.key;
        let had = claim.floating.clone();
        if self.floating_waits(key) {
            return had;
        }
        // What was left alone may be free by now, or wanted no more.
        let held = Held::Floating(key.clone());
        if self.agenda.failures(&held) == 0 {
            self.agenda.untell(&held);
        }
        let port = self.vip_port(service, wanted);
        let chosen = match &wanted.external {
            External::Pool(network, subnet) => {
                let chosen = self.pooled(key, had.as_ref());
                if let (None, Some(port)) = (&chosen, &port) {
                    draft.actions.push(Action::CreateFloatingIp {
                        service: key.clone(),
                        network: network.clone(),
                        subnet: subnet.clone(),
                        port: port.clone(),
                    });
                }
                chosen
            }
            External::Address(address) => self.users_own(key, *address, had.as_ref(), draft),
            External::None | External::Others | External::Vips | External::Shared => None,
        };
        // One call at a time: what is given up comes before what is new.
        let given_up = had.filter(|h| chosen.as_ref().is_none_or(|c| c.id != h.id));
        let others = self.release(key, given_up.as_ref(), chosen.as_ref(), draft);
        if let Some(kept) = others {
            return Some(kept);
        }
        if let (Some(chosen), Some(port)) = (&chosen, &port) {
            self.associate(key, &chosen.id, port, draft);
        }
        chosen
    }

    fn floating_waits(&self, key: &ServiceKey) -> bool {
        self.floating_calls.contains(key)
            || self.list.is_in_doubt(&Doubt::Floating(key.clone()))
            || self.is_held(&Held::Floating(key.clone()))
    }

    /// The Neutron port of the VIP that a floating IP may lead to: the IPv4 one.
    fn vip_port(&self, service: &Service, wanted: &Wanted) -> Option<Id> {
        let v4 = |(_, tree): &&(_, crate::service::tree::Tree)| tree.vip.address.is_ipv4();
        let (slot, tree) = wanted.trees.iter().find(v4)?;
        let key = BalancerKey {
            service: service.key.clone(),
            slot: *slot,
        };
        let state = self.balancers.get(&self.choose(&key, tree)?)?;
        // Its port goes away with it.
        let stays = crate::service::diff::must_rebuild(tree, &state.balancer).is_none();
        let port = state.balancer.vip_port.clone()?;
        (stays && state.observed.is_some() && !state.missed).then_some(port)
    }

    /// One that came from the pool for this Service already.
    fn pooled(&self, key: &ServiceKey, had: Option<&ClaimedAddress>) -> Option<ClaimedAddress> {
        let claimed = had.filter(|h| h.from_pool && self.may_keep(key, h));
        claimed.cloned().or_else(|| {
            let id = self.floating_of.get(key)?.first()?;
            let ip = &self.floating.get(id)?.ip;
            Some(claim_of(ip, true))
        })
    }

    /// Whether a floating IP came from the pool for this Service, as Neutron shows it: by our description, or, where it has
    /// none because upstream made it, by where it leads. What a claim says is confirmed by that, or not believed.
    fn is_pooled(&self, key: &ServiceKey, claimed: &ClaimedAddress) -> bool {
        let Some(ip) = self.floating.get(&claimed.id).map(|s| &s.ip) else {
            return false;
        };
        let leads_here = || ip.port.as_ref().is_some_and(|p| self.is_vip_of(key, p));
        match &ip.made_for {
            Some(of) => of == key,
            None => claimed.from_pool && leads_here(),
        }
    }

    /// The same, or a free one that upstream made: it may be used again, as by anybody.
    fn may_keep(&self, key: &ServiceKey, claimed: &ClaimedAddress) -> bool {
        let ip = self.floating.get(&claimed.id).map(|s| &s.ip);
        let free = ip.is_some_and(|ip| ip.made_for.is_none() && ip.port.is_none());
        free || self.is_pooled(key, claimed)
    }

    /// The one that the user asked for.
    fn users_own(
        &mut self,
        key: &ServiceKey,
        address: IpAddr,
        had: Option<&ClaimedAddress>,
        draft: &mut Draft,
    ) -> Option<ClaimedAddress> {
        let Some(ip) = self.floating_at(address).cloned() else {
            draft.actions.push(Action::FindFloatingIp {
                service: key.clone(),
                address,
            });
            return had.filter(|h| h.address == address).cloned();
        };
        let mine = had.is_some_and(|h| h.id == ip.id);
        let from_pool = self.is_pooled(key, &claim_of(&ip, mine && had?.from_pool));
        let free = ip.port.as_ref().is_none_or(|p| self.is_vip_of(key, p));
        let anothers = ip.made_for.as_ref().is_some_and(|other| other != key);
        if from_pool || (free && !anothers) {
            return Some(claim_of(&ip, from_pool));
        }
        let message = format!(
            "floating IP {address} is not free for this Service: it leads to another port, or was made for another \
             Service; it is left alone and waited for"
        );
        let complaint = Complaint::new(Reason::AddressInUse, address.to_string(), message);
        self.agenda.tell(Held::Floating(key.clone()), complaint);
        None
    }

    pub(crate) fn is_vip_of(&self, key: &ServiceKey, port: &Id) -> bool {
        let ids = self.of_service.get(key).into_iter().flatten();
        let mut states = ids.filter_map(|id| self.balancers.get(id));
        states.any(|b| b.balancer.vip_port.as_ref() == Some(port))
    }

    fn associate(&self, key: &ServiceKey, id: &Id, port: &Id, draft: &mut Draft) {
        let is = self.floating.get(id).map(|s| s.ip.port.as_ref());
        if is.is_some_and(|is| is != Some(port)) {
            draft.actions.push(Action::AssociateFloatingIp {
                service: key.clone(),
                id: id.clone(),
                port: Some(port.clone()),
            });
        }
    }

    /// Gives up a floating IP that the claim has, and others of ours that were made for the
    /// Service. Returns the claim's while it is not given up yet.
    fn release(
        &self,
        key: &ServiceKey,
        given_up: Option<&ClaimedAddress>,
        chosen: Option<&ClaimedAddress>,
        draft: &mut Draft,
    ) -> Option<ClaimedAddress> {
        if let Some(action) = given_up.and_then(|g| self.release_of(key, g)) {
            // What else was to be called comes after.
            draft.actions.retain(|a| !is_floating_call(a));
            draft.actions.push(action);
            return given_up.cloned();
        }
        let ours = self.floating_of.get(key).into_iter().flatten();
        let mut extra = ours.filter(|id| chosen.is_none_or(|c| c.id != **id));
        if let Some(id) = extra.next() {
            draft.actions.retain(|a| !is_floating_call(a));
            draft.actions.push(Action::DeleteFloatingIp {
                service: key.clone(),
                id: id.clone(),
            });
        }
        None
    }

    /// A claim that is about to be dropped is the only place that names a floating IP which we did not make, and its load
    /// balancer may stay for a Service that wants another or none. True while it is to be given up first.
    pub(super) fn inherits(&self, old: &Claim, wanted: &Wanted, draft: &mut Draft) -> bool {
        let key = &old.service;
        let Some(ip) = &old.floating else {
            return false;
        };
        let of = self.floating_of.get(key);
        let known = of.is_some_and(|of| of.contains(&ip.id));
        if known || wanted.external == External::Address(ip.address) {
            return false;
        }
        let Some(action) = self.release_of(key, ip) else {
            return false;
        };
        if !self.floating_waits(key) {
            draft.actions.push(action);
        }
        true
    }

    /// The call that gives up a floating IP; none if there is nothing to be done.
    fn release_of(&self, key: &ServiceKey, ip: &ClaimedAddress) -> Option<Action> {
        let is = &self.floating.get(&ip.id)?.ip;
        let service = key.clone();
        let id = ip.id.clone();
        if ip.from_pool && self.is_pooled(key, ip) {
            return Some(Action::DeleteFloatingIp { service, id });
        }
        let leads_here = is.port.as_ref().is_some_and(|p| self.is_vip_of(key, p));
        leads_here.then_some(Action::AssociateFloatingIp {
            service,
            id,
            port: None,
        })
    }

    /// Nothing is wanted: gives up all. True when there is nothing left to give up.
    pub(super) fn release_all(
        &mut self,
        key: &ServiceKey,
        claim: Option<&Claim>,
        known: bool,
        draft: &mut Draft,
    ) -> bool {
        if self.floating_calls.contains(key) || self.list.is_in_doubt(&Doubt::Floating(key.clone()))
        {
            return false;
        }
        let had = claim.and_then(|c| c.floating.as_ref());
        // The user's own is let go by Neutron when the VIP's port goes.
        let pool = had.filter(|h| h.from_pool && self.is_pooled(key, h));
        let ours = self.floating_of.get(key).and_then(|of| of.first());
        let Some(id) = pool.map(|h| &h.id).or(ours).cloned() else {
            return true;
        };
        let due = known || self.floating_grace_is_over(key, &id);
        if due && !self.is_held(&Held::Floating(key.clone())) {
            draft.actions.push(Action::DeleteFloatingIp {
                service: key.clone(),
                id,
            });
        }
        false
    }

    fn floating_grace_is_over(&mut self, key: &ServiceKey, id: &Id) -> bool {
        let now = self.agenda.now();
        let Some(state) = self.floating.get_mut(id) else {
            return false;
        };
        let until = *state.orphan_since.get_or_insert(now) + self.settings.orphan_grace;
        if until > now {
            self.later(until, key);
        }
        until <= now
    }

    /// Writes the Service's status, if what it is to say can be said.
    pub(super) fn plan_status(&mut self, service: &Service, wanted: &Wanted, draft: &mut Draft) {
        if wanted.external == External::Others {
            return;
        }
        if let Some(ingress) = self.ingress(service, wanted) {
            self.write_status(service, ingress, draft);
        }
    }

    /// None: what is there stays, since it is being worked on.
    fn ingress(&self, service: &Service, wanted: &Wanted) -> Option<Vec<IpAddr>> {
        let vips = wanted.trees.iter().flat_map(|(_, tree)| {
            let all = std::iter::once(&tree.vip).chain(&tree.more_vips);
            all.map(|v| v.address)
        });
        match wanted.external {
            External::None | External::Others => Some(Vec::new()),
            External::Shared => match self.share(service) {
                Some(Share::At(host, lb)) => self.outside(&host, &lb, service),
                _ => Some(Vec::new()),
            },
            External::Vips => {
                let all_there = wanted.trees.iter().all(|(slot, tree)| {
                    let key = BalancerKey {
                        service: service.key.clone(),
                        slot: *slot,
                    };
                    let lb = self.choose(&key, tree);
                    let state = lb.and_then(|lb| self.balancers.get(&lb));
                    state.is_some_and(|b| b.observed.is_some())
                });
                all_there.then(|| vips.collect())
            }
            External::Pool(..) | External::Address(_) => {
                let claim = self.claims.get(&service.key);
                let had = claim.and_then(|c| c.floating.as_ref());
                let Some(had) = had else {
                    return Some(Vec::new());
                };
                let port = self.vip_port(service, wanted)?;
                let is = self.floating.get(&had.id)?;
                let leads = is.ip.port.as_ref() == Some(&port);
                leads.then(|| {
                    let v6 = vips.filter(IpAddr::is_ipv6);
                    std::iter::once(had.address).chain(v6).collect()
                })
            }
        }
    }

    pub(super) fn write_status(&self, service: &Service, ingress: Vec<IpAddr>, draft: &mut Draft) {
        let key = &service.key;
        let waits = self.service_calls.contains(key) || self.is_held(&Held::Status(key.clone()));
        if service.ingress != ingress && !waits {
            draft.actions.push(Action::WriteServiceStatus {
                service: key.clone(),
                uid: service.uid.clone(),
                ingress,
            });
        }
    }
}

fn claim_of(ip: &FloatingIp, from_pool: bool) -> ClaimedAddress {
    ClaimedAddress {
        id: ip.id.clone(),
        address: ip.address,
        from_pool,
    }
}

fn is_floating_call(action: &Action) -> bool {
    matches!(
        action,
        Action::CreateFloatingIp { .. }
            | Action::FindFloatingIp { .. }
            | Action::AssociateFloatingIp { .. }
            | Action::DeleteFloatingIp { .. }
    )
}
