//! What policies' owners are told.

use std::collections::BTreeSet;

use crate::policy::action::Action;
use crate::policy::complaint::{Complaint, Reason};
use crate::policy::model::{Policy, PolicyKey};
use crate::policy::world::World;

impl World {
    /// Tells each complaint once, until it is over; and when a policy came into force that was
    /// seen not to be.
    pub(super) fn report(&mut self, actions: &mut Vec<Action>) {
        let there = &self.facts.policies;
        self.told.retain(|key, _| there.contains_key(key));
        self.pending.retain(|key| there.contains_key(key));
        let policies: Vec<_> = there.values().cloned().collect();
        for policy in policies {
            self.report_policy(&policy, actions);
        }
    }

    fn report_policy(&mut self, policy: &Policy, actions: &mut Vec<Action>) {
        let key = &policy.key;
        let complaints = self.complaints(key);
        let now: BTreeSet<_> = complaints.iter().map(Complaint::identity).collect();
        if let Some(told) = self.told.get_mut(key) {
            told.retain(|identity| now.contains(identity));
        }
        let in_force = self.in_force(key);
        let told = self.told.get(key);
        let new = complaints.into_iter();
        let new = new.filter(|c| !told.is_some_and(|t| t.contains(&c.identity())));
        let new: Vec<Complaint> = new.chain(in_force).collect();
        actions.extend(new.into_iter().map(|complaint| Action::Report {
            policy: key.clone(),
            uid: policy.uid.clone(),
            complaint,
        }));
    }

    fn in_force(&mut self, key: &PolicyKey) -> Option<Complaint> {
        let progress = self.progress(key)?;
        if progress.enforced < progress.selected {
            self.pending.insert(key.clone());
            return None;
        }
        let told = self.pending.contains(key);
        let pods = match progress.selected {
            1 => "the one pod that it selects".to_owned(),
            n => format!("all {n} pods that it selects"),
        };
        let message = format!("in force on {pods}");
        told.then(|| Complaint::new(Reason::InForce, "", message))
    }
}
