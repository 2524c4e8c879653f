//! What a policy's owner was told.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::Millis;
use crate::policy::complaint::{Complaint, News, Reason};
use crate::policy::model::Policy;

/// What was told of a policy, and what is still owed.
#[derive(Clone, Debug, Default)]
pub(in crate::policy) struct Told {
    /// The policy as it was when it was last looked at.
    policy: Option<Arc<Policy>>,
    /// Complaints that are not over.
    complaints: BTreeSet<(Reason, String)>,
    /// Since when it has not been in force.
    since: Option<Millis>,
    /// Whether it is to be told that it is in force, once it is. Pods that come and go make no such news.
    is_owed: bool,
}

impl Told {
    /// Whether it was this policy that was looked at.
    pub(in crate::policy) fn is_of(&self, policy: &Arc<Policy>) -> bool {
        let seen = self.policy.as_ref();
        seen.is_some_and(|seen| Arc::ptr_eq(seen, policy))
    }

    /// Looks at the policy; since when it has not been in force, if it is not.
    pub(in crate::policy) fn look(
        &mut self,
        policy: &Arc<Policy>,
        is_in_force: bool,
        now: Millis,
    ) -> Option<Millis> {
        if !self.is_of(policy) {
            // One that is found in force was told of by who came before.
            self.is_owed = self.policy.is_some() || !is_in_force;
            self.policy = Some(policy.clone());
            self.since = None;
        }
        self.since = (!is_in_force).then(|| self.since.unwrap_or(now));
        self.since
    }

    /// What is to be told now: each complaint once, until it is over.
    pub(in crate::policy) fn news(&mut self, complaints: Vec<Complaint>, pods: usize) -> Vec<News> {
        let all = complaints.iter().map(|c| (c.reason, c.about.clone()));
        let all: BTreeSet<(Reason, String)> = all.collect();
        let before = std::mem::replace(&mut self.complaints, all);
        let fresh = complaints
            .into_iter()
            .filter(|c| !before.contains(&(c.reason, c.about.clone())));
        let fresh: Vec<Complaint> = fresh.collect();
        self.is_owed |= fresh.iter().any(|c| c.reason.delays());
        let mut news: Vec<News> = fresh.into_iter().map(News::Complaint).collect();
        if self.is_owed && self.since.is_none() {
            self.is_owed = false;
            news.push(News::InForce { pods });
        }
        news
    }
}
