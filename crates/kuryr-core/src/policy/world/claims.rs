//! KuryrNetworkPolicies as they were seen.

use std::collections::BTreeSet;

use super::{Subject, World};
use crate::policy::claim::Claim;
use crate::policy::model::PolicyKey;
use crate::reconcile::Watched;

impl World {
    pub(in crate::policy) fn learn_claim(&mut self, news: Watched<PolicyKey, Claim>) {
        match news {
            Watched::Begin => self.claims.list_begins(self.sequence),
            Watched::There(claim) => self.apply_claim(claim),
            Watched::Gone(key, version) => {
                if self.claims.is_gone(&key, version) {
                    self.delete_claim(&key, version);
                }
            }
            Watched::All(there) => self.retain_claims(&there),
        }
    }

    /// A KuryrNetworkPolicy is there, or changed.
    pub(in crate::policy) fn apply_claim(&mut self, mut claim: Claim) {
        self.sequence += 1;
        let key = claim.policy.clone();
        // What was written says what it was to say, whatever of that the API server keeps: else it would be written again for ever.
        // A group of upstream's that is gone is not looked for again.
        let known = self.claims.get(&key);
        if let Some(known) = known.filter(|known| known.version == claim.version) {
            claim.content.clone_from(&known.content);
            claim.group.clone_from(&known.group);
        }
        if self.claims.is_news(&key, &claim, self.sequence) {
            self.forget_old_group(&key);
            if let Some(group) = claim.old_group() {
                self.old_groups.insert(group.clone(), key.clone());
            }
            self.claims.put(key.clone(), claim, self.sequence);
            self.agenda.touch(Subject::Policy(key));
        }
    }

    /// A KuryrNetworkPolicy is gone.
    pub(in crate::policy) fn delete_claim(&mut self, key: &PolicyKey, version: u64) {
        self.forget_old_group(key);
        self.claims.remove(key, version);
        self.agenda.touch(Subject::Policy(key.clone()));
    }

    /// The group of upstream's that a KuryrNetworkPolicy names is gone.
    pub(in crate::policy) fn forget_old_group(&mut self, key: &PolicyKey) {
        let Some(claim) = self.claims.get(key).cloned() else {
            return;
        };
        if let Some(group) = claim.old_group() {
            self.old_groups.remove(group);
            let claim = Claim {
                group: None,
                ..claim
            };
            self.claims.put(key.clone(), claim, self.sequence);
        }
    }

    fn retain_claims(&mut self, there: &BTreeSet<PolicyKey>) {
        for key in self.claims.absent(there) {
            self.delete_claim(&key, u64::MAX);
        }
        if self.claims.list_ends() {
            self.touch_policies();
        }
    }
}
