//! How many groups a port may have, and whose fault it is if it would have more.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Compiler;
use super::draft::Draft;
use super::membership::Membership;
use crate::policy::group::{GroupKey, Purpose};
use crate::policy::model::{Pod, PolicyKey};
use crate::policy::{Complaint, Reason};

impl Compiler<'_> {
    /// As many of the groups as a port may have. Effects come first, so that nobody who names the pod from elsewhere takes
    /// away what it is allowed itself; members have what is left in turn.
    pub(super) fn within_limit(
        &mut self,
        pod: &Pod,
        own: &[usize],
        effects: Vec<GroupKey>,
        membership: &Membership,
    ) -> BTreeSet<GroupKey> {
        let most = self.settings.limits.groups_per_port;
        let members = membership.in_turn(membership.of(pod)).into_iter();
        let members = members.map(|member| GroupKey::from(Purpose::Member(member)));
        let wanted: Vec<GroupKey> = effects.into_iter().chain(members).collect();
        let count = wanted.len();
        let (kept, left) = wanted.split_at(count.min(most));
        if !left.is_empty() {
            let message = format!(
                "pod {} would need {count} security groups, and a port may have {most}: not all that this policy allows with this pod \
                 is in force",
                pod.key
            );
            for policy in self.concerned(own, left) {
                self.complain(&policy, &message);
            }
        }
        kept.iter().cloned().collect()
    }

    /// The policies that need these groups.
    fn concerned(&self, own: &[usize], left: &[GroupKey]) -> BTreeSet<PolicyKey> {
        let purposes: BTreeSet<&Purpose> = left.iter().map(|key| &key.purpose).collect();
        let names = |draft: &Draft| {
            let mut members = draft.members();
            members.any(|member| purposes.contains(&Purpose::Member(Arc::clone(member))))
        };
        let naming = self.drafted.iter();
        let naming = naming.filter(|drafted| drafted.drafts.values().any(names));
        let mut concerned: BTreeSet<PolicyKey> =
            naming.map(|drafted| drafted.policy.key.clone()).collect();
        for purpose in purposes {
            match purpose {
                Purpose::Policy(of, _) | Purpose::Named(of, _) => {
                    concerned.insert(of.policy.clone());
                }
                Purpose::Together(keys) => concerned.extend(keys.iter().cloned()),
                Purpose::Member(_) => {}
                _ => {
                    let drafted = own.iter().filter_map(|number| self.drafted.get(*number));
                    concerned.extend(drafted.map(|drafted| drafted.policy.key.clone()));
                }
            }
        }
        concerned
    }

    /// One pod is example enough.
    fn complain(&mut self, policy: &PolicyKey, message: &str) {
        let needs = self.needs(policy);
        let mut complaints = needs.complaints.iter();
        if !complaints.any(|c| c.reason == Reason::TooManyGroups) {
            let complaint = Complaint::new(Reason::TooManyGroups, "", message);
            needs.complaints.insert(complaint);
        }
    }
}
