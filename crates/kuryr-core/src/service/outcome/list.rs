//! A list of everything: what is new, what changed, what is gone.

use std::collections::HashSet;

use crate::reconcile::Failure;
use crate::service::action::{Answer, Outcome};
use crate::service::complaint::Reason;
use crate::service::model::{FloatingIp, Id};
use crate::service::observed::Balancer;
use crate::service::world::{Held, World};

impl World {
    pub(super) fn finish_list(&mut self, outcome: Outcome) {
        self.listing = false;
        match outcome {
            Ok(Answer::Listed {
                balancers,
                floating,
            }) if self.list_from >= self.led_from => {
                self.listed_balancers(balancers);
                self.listed_floating(floating);
                self.sure_again();
                self.succeeded(&Held::List);
                if !self.synced.balancers {
                    self.synced.balancers = true;
                    self.touch_all();
                }
            }
            Err(failure) => self.list_failed(&failure),
            _ => self.list_wanted = true,
        }
    }

    fn list_failed(&mut self, failure: &Failure) {
        self.list_wanted = true;
        self.failed(Held::List, failure, Reason::OctaviaFailed);
    }

    /// Only what differs from what was seen after our own last change is looked at.
    fn listed_balancers(&mut self, balancers: Vec<Balancer>) {
        let there: HashSet<Id> = balancers.iter().map(|b| b.id.clone()).collect();
        for balancer in balancers {
            let known = self.balancers.get(&balancer.id);
            if known.is_none() && self.gone_meanwhile.contains(&balancer.id) {
                continue;
            }
            if known.is_none_or(|b| !b.busy && b.touched <= self.list_from) {
                self.put_balancer(balancer);
            }
        }
        let from = self.list_from;
        let absent = |(id, b): &(&Id, &crate::service::world::BalancerState)| {
            !there.contains(*id) && !b.busy && b.touched <= from
        };
        let missing: Vec<Id> = self
            .balancers
            .iter()
            .filter(absent)
            .map(|(id, _)| id.clone())
            .collect();
        for id in missing {
            // It may have lost its tag only: a look says.
            if let Some(state) = self.balancers.get_mut(&id) {
                (state.fresh, state.missed) = (false, true);
            }
            self.touch_balancer(&id);
        }
    }

    fn listed_floating(&mut self, floating: Vec<FloatingIp>) {
        let there: HashSet<Id> = floating.iter().map(|f| f.id.clone()).collect();
        let from = self.list_from;
        for ip in floating {
            if self.gone_meanwhile.contains(&ip.id) {
                continue;
            }
            if self.floating.get(&ip.id).is_none_or(|s| s.touched <= from) {
                self.put_floating(ip);
            }
        }
        let absent = self
            .floating
            .iter()
            .filter(|(id, s)| !there.contains(*id) && s.touched <= from);
        let gone: Vec<Id> = absent.map(|(id, _)| id.clone()).collect();
        gone.iter().for_each(|id| self.remove_floating(id));
        // A floating IP of upstream's has no Service's name on it, but a claim may name it.
        let claimed = self.claims.values().filter(|c| c.floating.is_some());
        let keys: Vec<_> = claimed.map(|c| c.service.clone()).collect();
        self.dirty.extend(keys);
    }

    /// Creations whose answers were lost before this list began are in it, or were not
    /// carried out.
    fn sure_again(&mut self) {
        let from = self.list_from;
        let sure = |marked: &mut u64| *marked <= from;
        let balancers = self.unsure.extract_if(.., |_, at| sure(at));
        let touched: Vec<_> = balancers.map(|(key, _)| key.service).collect();
        let floating = self.floating_unsure.extract_if(.., |_, at| sure(at));
        let touched: Vec<_> = touched.into_iter().chain(floating.map(|f| f.0)).collect();
        self.dirty.extend(touched);
        let left = !self.unsure.is_empty() || !self.floating_unsure.is_empty();
        self.list_wanted |= left;
    }
}
