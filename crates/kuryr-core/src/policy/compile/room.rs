//! How many groups a port may have, and whose fault it is if it would have more.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Compiler;
use super::draft::Draft;
use crate::policy::group::{GroupKey, Purpose};
use crate::policy::model::{Pod, PolicyKey};
use crate::policy::{Complaint, Reason};

impl Compiler<'_> {
    /// As many of the groups as a port may have, and whether it would need more. Effects come first, so that nobody who names the pod from elsewhere takes
    /// away what it is allowed itself; members have what is left in turn.
    pub(super) fn within_limit(
        &mut self,
        pod: &Pod,
        own: &[usize],
        effects: &[GroupKey],
    ) -> (BTreeSet<GroupKey>, bool) {
        let most = self.settings.limits.groups_per_port;
        let membership = &self.frame.membership;
        let members = membership.of(pod);
        let count = effects.len() + members.len();
        let key = |member| GroupKey::from(Purpose::Member(member));
        if count <= most {
            let members = members.into_iter().map(key);
            return (effects.iter().cloned().chain(members).collect(), false);
        }
        let members = membership.in_turn(members).into_iter().map(key);
        let wanted: Vec<GroupKey> = effects.iter().cloned().chain(members).collect();
        let (kept, left) = wanted.split_at(most);
        let message = format!(
            "pod {} would need {count} security groups, and a port may have {most}: not all that this policy allows with this pod \
             is in force",
            pod.key
        );
        for policy in self.concerned(own, left) {
            self.complain(&policy, &message);
        }
        (kept.iter().cloned().collect(), true)
    }

    /// The policies that need these groups.
    fn concerned(&self, own: &[usize], left: &[GroupKey]) -> BTreeSet<PolicyKey> {
        let purposes: BTreeSet<&Purpose> = left.iter().map(|key| &key.purpose).collect();
        let names = |draft: &Draft| {
            let mut members = draft.members();
            members.any(|member| purposes.contains(&Purpose::Member(Arc::clone(member))))
        };
        let naming = self.frame.drafted.iter();
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
                    let drafted = own
                        .iter()
                        .filter_map(|number| self.frame.drafted.get(*number));
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
