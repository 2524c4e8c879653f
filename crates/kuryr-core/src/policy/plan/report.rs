//! What a policy's owner is told: that it is in force on all pods, or why it is not; by Events and by the KuryrNetworkPolicy.

use std::collections::BTreeMap;

use crate::policy::action::Action;
use crate::policy::complaint::{Complaint, Reason};
use crate::policy::group::{GroupKey, Needs, Rule};
use crate::policy::mark::Mark;
use crate::policy::model::PolicyKey;
use crate::policy::world::{Held, Subject, World};

/// After so many failures in a row they are told: one passes.
const TELLING: u32 = 2;

impl World {
    /// What is to be told of a policy now.
    pub(super) fn plan_policy(&mut self, key: &PolicyKey) -> Vec<Action> {
        let policy = self.facts.policies.get(key).cloned();
        let Some((policy, needs)) = policy.zip(self.compiled.of_policy.get(key)) else {
            self.told.remove(key);
            return self.plan_claim(key, None).into_iter().collect();
        };
        let behind = self.behind.pods(key).count();
        let is_whole = needs.groups.iter().all(|group| self.is_whole(group));
        let is_in_force = behind == 0 && is_whole;
        let content = is_whole.then(|| self.content(&policy, needs));
        let claim = self.plan_claim(key, Some((&policy.uid, content)));
        let pods = needs.pods.len();
        let troubles = self.troubles(needs);
        let is_held = !troubles.is_empty();
        let mut complaints: Vec<Complaint> = needs.complaints.iter().cloned().collect();
        complaints.extend(troubles);
        let now = self.agenda.now();
        let told = self.told.entry(key.clone()).or_default();
        if let Some(since) = told.look(&policy, is_in_force, now) {
            let until = since + self.settings.patience;
            if until > now {
                self.agenda.later(until, Subject::Policy(key.clone()));
            } else if !is_held {
                complaints.push(late(behind, pods));
            }
        }
        let news = told.news(complaints, pods).into_iter();
        let reports = news.map(|news| Action::Report {
            policy: key.clone(),
            uid: policy.uid.clone(),
            news,
        });
        reports.chain(claim).collect()
    }

    /// Whether a group has all its rules, and who is let in by them is known.
    fn is_whole(&self, key: &GroupKey) -> bool {
        let group = self.marks.get(key).and_then(|mark| self.chosen(mark));
        let group = group.and_then(|id| self.groups.get(id));
        group.is_some_and(|group| self.diff(group, key).is_none() && self.has_members(key))
    }

    /// What fails for the groups that a policy needs, and for those that their rules name; one complaint of each kind.
    fn troubles(&self, needs: &Needs) -> Vec<Complaint> {
        let named = needs.groups.iter().flat_map(|key| {
            let rules = self.compiled.groups.get(key).into_iter().flatten();
            rules.filter_map(Rule::remote_group).chain([key])
        });
        let marks = named.filter_map(|key| self.marks.get(key));
        let told = marks.filter_map(|mark| self.trouble(mark));
        let by_reason: BTreeMap<Reason, Complaint> = told.map(|c| (c.reason, c)).collect();
        by_reason.into_values().collect()
    }

    fn trouble(&self, mark: &Mark) -> Option<Complaint> {
        let held = Held::Make(*mark);
        let (trouble, message) = self.agenda.told(&held)?;
        let reason = Reason::from(*trouble);
        let is_over = reason == Reason::NeutronFailed && self.agenda.failures(&held) < TELLING;
        let next = "what it allows is not in force meanwhile; it is tried again";
        (!is_over).then(|| Complaint::new(reason, "", format!("{message}: {next}")))
    }
}

fn late(behind: usize, pods: usize) -> Complaint {
    let message = match behind {
        0 => "its security groups do not have all their rules yet: it is waited for".to_owned(),
        _ => format!(
            "the ports of {behind} of {pods} pods do not carry its security groups yet: it is waited for, and the pods tell more if \
             calls for their ports fail"
        ),
    };
    Complaint::new(Reason::NotInForce, "", message)
}
