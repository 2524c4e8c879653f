//! One Service: whether it is to have a load balancer, its claim, and what its owner is told.

use std::sync::Arc;

use super::Draft;
use super::shared::Share;
use crate::service::action::Action;
use crate::service::complaint::{Complaint, Reason};
use crate::service::desired::{External, Nothing, Want, Wanted, desired, provider_of};
use crate::service::model::{Claim, ClaimSpec, ClaimedAddress, Id, Service, ServiceKey};
use crate::service::observed::Observed;
use crate::service::provider::Traits;
use crate::service::tree::{BalancerKey, Slot};
use crate::service::world::{Held, World};

impl World {
    pub(super) fn plan_service(&mut self, key: &ServiceKey) -> Draft {
        let mut draft = Draft::default();
        let service = self.services.get(key).cloned();
        let want = service.as_ref().map(|s| self.want(s));
        let complaints = match (&service, want) {
            (Some(service), Some(Want::Balancers(wanted))) => {
                self.plan_wanted(service, *wanted, &mut draft)
            }
            (_, Some(Want::Nothing { why, complaints })) => {
                self.plan_nothing(key, why, &mut draft);
                complaints
            }
            _ => {
                self.plan_nothing(key, Nothing::Gone, &mut draft);
                Vec::new()
            }
        };
        if let Some(service) = service {
            self.report(&service, complaints, &mut draft);
        }
        draft
    }

    fn want(&self, service: &Service) -> Want {
        let slices = self.slices.of(&service.key);
        let traits = self.traits_of(service);
        if self.shares_its_own(service) {
            let mut alone = service.clone();
            alone.annotations.shared = None;
            return desired(&alone, slices, &self.settings, &traits);
        }
        desired(service, slices, &self.settings, &traits)
    }

    /// What the Service's provider can. Octavia's own choice is known once there is a load
    /// balancer.
    pub(super) fn traits_of(&self, service: &Service) -> Traits {
        let asked = provider_of(service, &self.settings);
        self.providers.traits(asked.as_ref().or_else(|| {
            let of = self.of_service.get(&service.key)?;
            let balancers = of.iter().filter_map(|id| self.balancers.get(id));
            balancers.map(|b| &b.balancer.provider).next()
        }))
    }

    fn plan_wanted(
        &mut self,
        service: &Arc<Service>,
        mut wanted: Wanted,
        draft: &mut Draft,
    ) -> Vec<Complaint> {
        let key = &service.key;
        let mut complaints = std::mem::take(&mut wanted.complaints);
        if let External::Address(address) = wanted.external
            && self.asked_before(address, service)
        {
            let message = format!(
                "another Service has the floating IP {address}, or asked for it before; this one waits"
            );
            complaints.push(Complaint::new(
                Reason::AddressInUse,
                address.to_string(),
                message,
            ));
            wanted.external = External::None;
        }
        if let Some(Share::Refused(complaint)) = self.share(service) {
            complaints.push(complaint);
        }
        let spec = Arc::new(wanted.spec.clone());
        let Some(claim) = self.ready_claim(service, &wanted, &spec, draft) else {
            return complaints;
        };
        let mut kept = Vec::new();
        let mut at_rest = Vec::new();
        let traits = self.traits_of(service);
        for (slot, tree) in &mut wanted.trees {
            let balancer = BalancerKey {
                service: key.clone(),
                slot: *slot,
            };
            let chosen = self.choose(&balancer, tree);
            kept.extend(chosen.clone());
            // One that is to be made has its own first: nobody else's wishes can be a reason to refuse it.
            if let Some(lb) = &chosen {
                self.invite(&balancer, lb, &traits, tree);
            }
            let rest = self.plan_balancer(&balancer, tree, chosen.as_ref(), service, draft);
            at_rest.push((*slot, rest));
        }
        self.plan_others(key, &kept, draft);
        self.look_for_recorded(&claim, draft);
        let floating = self.plan_floating(service, &wanted, &claim, draft);
        let first = at_rest.into_iter().find(|(slot, _)| *slot == Slot::First);
        let observed = first.and_then(|(_, rest)| rest);
        self.write_claim(&claim, &spec, observed, floating, draft);
        self.plan_status(service, &wanted, draft);
        complaints
    }

    /// The KuryrLoadBalancer of the Service if its load balancer may be made or changed now; else nothing, and the draft has
    /// the call that creates or corrects the KuryrLoadBalancer.
    fn ready_claim(
        &self,
        service: &Service,
        wanted: &Wanted,
        spec: &Arc<ClaimSpec>,
        draft: &mut Draft,
    ) -> Option<Claim> {
        let key = &service.key;
        let claim = self.claims.get(key);
        let good = |c: &&Claim| !c.deleting && c.owner.as_ref() == Some(&service.uid);
        if let Some(claim) = claim.filter(good) {
            return Some(claim.clone());
        }
        if self.claim_waits(key) || claim.is_some_and(|old| self.inherits(old, wanted, draft)) {
            return None;
        }
        // Deleted by hand, or left by an earlier Service of the name: the load balancer is
        // kept and found again by its name.
        draft.actions.push(match claim {
            Some(old) => Action::DropClaim {
                service: key.clone(),
                uid: old.uid.clone(),
                deleting: old.deleting,
            },
            None => Action::CreateClaim {
                service: key.clone(),
                uid: service.uid.clone(),
                spec: spec.clone(),
            },
        });
        None
    }

    /// Whether nothing can be asked of the claim now: a call is under way, one failed, or it
    /// is as good as gone and the watch has not told yet.
    pub(super) fn claim_waits(&self, key: &ServiceKey) -> bool {
        let going = |c: &Claim| c.deleting && !c.finalizer;
        self.claims.call(key).is_some()
            || self.is_held(&Held::Claim(key.clone()))
            || self.claims.get(key).is_some_and(going)
    }

    /// Writes the claim if it says anything else than what is.
    fn write_claim(
        &self,
        claim: &Claim,
        spec: &Arc<ClaimSpec>,
        observed: Option<Arc<Observed>>,
        floating: Option<ClaimedAddress>,
        draft: &mut Draft,
    ) {
        let key = &claim.service;
        if self.claim_waits(key) {
            return;
        }
        let recorded = observed.as_ref().is_none_or(|o| is_recorded(claim, o));
        let same =
            claim.finalizer && claim.spec == **spec && claim.floating == floating && recorded;
        if !same {
            draft.actions.push(Action::WriteClaim {
                service: key.clone(),
                uid: claim.uid.clone(),
                spec: spec.clone(),
                observed,
                floating,
            });
        }
    }

    /// A load balancer that the claim names and that was not listed: it may have lost its tag.
    pub(super) fn look_for_recorded(&mut self, claim: &Claim, draft: &mut Draft) {
        let Some(lb) = claim.record.as_ref().map(|r| &r.balancer) else {
            return;
        };
        if !self.balancers.contains_key(lb) && !self.gone.contains(lb) {
            self.want_look(&claim.service, lb, self.agenda.now(), draft);
        }
    }

    /// Whether a load balancer that the claim names is still to be looked for.
    pub(super) fn is_recorded_unknown(&self, service: &ServiceKey) -> bool {
        let record = self.claims.get(service).and_then(|c| c.record.as_ref());
        let unknown = |lb: &Id| !self.balancers.contains_key(lb) && !self.gone.contains(lb);
        record.is_some_and(|r| unknown(&r.balancer))
    }

    /// Tells what was not told yet.
    fn report(&mut self, service: &Service, mut complaints: Vec<Complaint>, draft: &mut Draft) {
        let key = &service.key;
        complaints.extend(self.troubles_of(key));
        let current = complaints.iter().map(Complaint::identity).collect();
        let told = self.reported.entry(key.clone()).or_default();
        *told = &*told & &current;
        let fresh = complaints.into_iter();
        for complaint in fresh.filter(|c| !told.contains(&c.identity())) {
            let again = |a: &Action| {
                matches!(a, Action::Report { complaint: c, .. }
                    if c.identity() == complaint.identity())
            };
            if !draft.actions.iter().any(again) {
                draft.actions.push(Action::Report {
                    service: key.clone(),
                    uid: service.uid.clone(),
                    complaint,
                });
            }
        }
        if told.is_empty() {
            self.reported.remove(key);
        }
    }

    fn troubles_of(&self, key: &ServiceKey) -> Vec<Complaint> {
        let own = [Held::Floating, Held::Claim, Held::Guest];
        let mut held: Vec<Held> = own.map(|held| held(key.clone())).into();
        for slot in [Slot::First, Slot::Second] {
            let service = key.clone();
            let balancer = BalancerKey { service, slot };
            held.push(Held::Balancer(balancer.clone()));
            held.push(Held::Ill(balancer));
        }
        let troubles = held.iter().filter_map(|h| self.agenda.told(h));
        troubles.cloned().collect()
    }
}

/// Whether the claim's status says what is.
fn is_recorded(claim: &Claim, observed: &Observed) -> bool {
    let is = &observed.balancer;
    claim.record.as_ref().is_some_and(|r| {
        r.balancer == is.id
            && r.provider.as_ref() == Some(&is.provider)
            && r.address == Some(is.address)
            && r.children == observed.children()
    })
}
