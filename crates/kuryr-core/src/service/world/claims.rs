//! Claims in the world.

use std::collections::BTreeSet;

use super::World;
use crate::service::model::{Claim, Id, ServiceKey};

impl World {
    /// A KuryrLoadBalancer is there, or changed.
    ///
    /// Watches and answers of calls bring the same object in any order: an older version
    /// than the one known is left aside.
    pub(crate) fn apply_claim(&mut self, claim: Claim) {
        let key = claim.service.clone();
        self.sequence += 1;
        if !self.claims.is_news(&key, &claim, self.sequence) {
            return;
        }
        let now_named = claim.record.as_ref().map(|r| r.balancer.clone());
        self.forget_record(&key, now_named.as_ref());
        self.claims.put(key.clone(), claim, self.sequence);
        if let Some(lb) = now_named {
            self.recorded
                .entry(lb.clone())
                .or_default()
                .insert(key.clone());
            self.replace(&lb);
        }
        self.touch(&key);
    }

    /// A KuryrLoadBalancer is gone; `version` is that of its deletion, for the reason given
    /// at [`World::apply_claim`].
    pub(crate) fn delete_claim(&mut self, key: &ServiceKey, version: u64) {
        if self.claims.is_gone(key, version) {
            self.remove_claim(key, version);
        }
    }

    fn remove_claim(&mut self, key: &ServiceKey, version: u64) {
        self.forget_record(key, None);
        self.claims.remove(key, version);
        self.touch(key);
    }

    /// The list of KuryrLoadBalancers that began last was read whole: those not in it and not written since are gone.
    pub(crate) fn retain_claims(&mut self, there: &BTreeSet<ServiceKey>) {
        for key in self.claims.absent(there) {
            // Made again or not, a call that is under way did not do it.
            self.remove_claim(&key, u64::MAX);
        }
        if self.claims.list_ends() {
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
        if let Some(by) = self.recorded.get_mut(&lb) {
            by.remove(key);
            if by.is_empty() {
                self.recorded.remove(&lb);
            }
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
