//! A list of everything: what is new, what changed, what is gone.

use std::collections::HashSet;

use crate::reconcile::Failure;
use crate::service::action::{Answer, Outcome};
use crate::service::complaint::Reason;
use crate::service::model::{FloatingIp, Id};
use crate::service::observed::Balancer;
use crate::service::world::{Doubt, Held, World};

impl World {
    pub(super) fn finish_list(&mut self, outcome: Outcome) {
        let counts = self.list.end();
        match outcome {
            Ok(Answer::Listed {
                balancers,
                floating,
            }) if counts => {
                self.listed_balancers(balancers);
                self.listed_floating(floating);
                self.sure_again();
                self.succeeded(&Held::List);
                if self.list.taken() {
                    self.touch_all();
                }
            }
            Err(failure) => self.list_failed(&failure),
            _ => self.list.want(),
        }
    }

    fn list_failed(&mut self, failure: &Failure) {
        self.list.want();
        self.failed(Held::List, failure, Reason::OctaviaFailed);
    }

    /// Only what differs from what was seen after our own last change is looked at.
    fn listed_balancers(&mut self, balancers: Vec<Balancer>) {
        let there: HashSet<Id> = balancers.iter().map(|b| b.id.clone()).collect();
        for balancer in balancers {
            let known = self.balancers.get(&balancer.id);
            if known.is_none() && self.list.went(&balancer.id) {
                continue;
            }
            if known.is_none_or(|b| !b.busy && self.list.knows(b.touched)) {
                self.put_balancer(balancer);
            }
        }
        let absent = |(id, b): &(&Id, &crate::service::world::BalancerState)| {
            !there.contains(*id) && !b.busy && self.list.knows(b.touched)
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
        for ip in floating {
            if self.list.went(&ip.id) {
                continue;
            }
            if self
                .floating
                .get(&ip.id)
                .is_none_or(|s| self.list.knows(s.touched))
            {
                self.put_floating(ip);
            }
        }
        let absent = self
            .floating
            .iter()
            .filter(|(id, s)| !there.contains(*id) && self.list.knows(s.touched));
        let gone: Vec<Id> = absent.map(|(id, _)| id.clone()).collect();
        gone.iter().for_each(|id| self.remove_floating(id));
        // A floating IP of upstream's has no Service's name on it, but a claim may name it.
        let claimed = self.claims.values().filter(|c| c.floating.is_some());
        let keys: Vec<_> = claimed.map(|c| c.service.clone()).collect();
        self.agenda.touch_all(keys);
    }

    /// Creations whose answers were lost before this list began are in it, or were not
    /// carried out.
    fn sure_again(&mut self) {
        let resolved = self.list.resolved().into_iter();
        let services = resolved.map(|doubt| match doubt {
            Doubt::Balancer(key) => key.service,
            Doubt::Floating(service) => service,
        });
        self.agenda.touch_all(services);
    }
}
