//! Claims in the world.

use std::collections::HashSet;

use super::World;
use crate::service::model::{Claim, Id, ServiceKey};

impl World {
    /// A KuryrLoadBalancer is there, or changed.
    ///
    /// Watches and answers of calls bring the same object in any order: an older version
    /// than the one known is left aside.
    pub(crate) fn apply_claim(&mut self, claim: Claim) {
        let known = self.claims.get(&claim.service);
        if known.is_some_and(|c| c.version > claim.version) {
            return;
        }
        let news = known != Some(&claim);
        let key = claim.service.clone();
        self.sequence += 1;
        self.claim_touched.insert(key.clone(), self.sequence);
        if !news {
            return;
        }
        let now_named = claim.record.as_ref().map(|r| r.balancer.clone());
        self.forget_record(&key, now_named.as_ref());
        self.claims.insert(key.clone(), claim);
        if let Some(lb) = now_named {
            self.recorded.insert(lb.clone(), key.clone());
            self.replace(&lb);
        }
        self.touch(&key);
    }

    /// A KuryrLoadBalancer is gone; `version` is that of its deletion, for the reason given
    /// at [`World::apply_claim`].
    pub(crate) fn delete_claim(&mut self, key: &ServiceKey, version: u64) {
        if self.claims.get(key).is_some_and(|c| c.version > version) {
            return;
        }
        self.remove_claim(key, version);
    }

    fn remove_claim(&mut self, key: &ServiceKey, version: u64) {
        if self.claim_calls.contains(key) {
            self.claim_gone.insert(key.clone(), version);
        }
        self.claim_touched.remove(key);
        self.forget_record(key, None);
        self.claims.remove(key);
        self.touch(key);
    }

    /// The list of KuryrLoadBalancers that began at `from` was read whole:
    /// those not in it and not written since are gone.
    pub(crate) fn retain_claims(&mut self, there: &HashSet<ServiceKey>, from: u64) {
        let gone: Vec<_> = self
            .claims
            .keys()
            .filter(|k| !there.contains(*k))
            .filter(|k| self.claim_touched.get(*k).is_none_or(|t| *t <= from))
            .cloned()
            .collect();
        for key in gone {
            // Made again or not, a call that is under way did not do it.
            self.remove_claim(&key, u64::MAX);
        }
        if !self.synced.claims {
            self.synced.claims = true;
            self.touch_all();
        }
    }

    fn forget_record(&mut self, key: &ServiceKey, kept: Option<&Id>) {
        let old = self.claims.get(key).and_then(|c| c.record.as_ref());
        let Some(lb) = old
            .map(|r| r.balancer.clone())
            .filter(|lb| Some(lb) != kept)
        else {
            return;
        };
        self.gone.remove(&lb);
        if self.recorded.get(&lb) == Some(key) {
            self.recorded.remove(&lb);
            self.replace(&lb);
        }
    }

    /// Claims, for reports.
    pub fn claims(&self) -> impl Iterator<Item = &Claim> {
        self.claims.values()
    }

    /// The claim of one Service.
    #[must_use]
    pub fn claim(&self, key: &ServiceKey) -> Option<&Claim> {
        self.claims.get(key)
    }
}
