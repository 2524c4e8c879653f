//! What is next for a KuryrNetworkPolicy.
//!
//! It is written when its policy's groups have all their rules, so that it says what was in force last. One that upstream wrote
//! names the group that upstream made; that one goes when no port carries it any more, and is forgotten only then.

use crate::policy::action::Action;
use crate::policy::claim::{Claim, Content, ListedRule, MOST_RULES};
use crate::policy::group::{GroupKey, Needs};
use crate::policy::model::{Direction, Id, Policy, PolicyKey};
use crate::policy::world::{Held, World};

impl World {
    /// The next call for the KuryrNetworkPolicy of this name; of a policy that is there with its uid, and with what it is to say, if
    /// that is known.
    pub(super) fn plan_claim(
        &self,
        key: &PolicyKey,
        policy: Option<(&Id, Option<Content>)>,
    ) -> Option<Action> {
        let is_free = self.claims.is_listed() && self.claims.call(key).is_none();
        if !is_free || self.agenda.is_held(&Held::Claim(key.clone())) {
            return None;
        }
        let claim = self.claims.get(key);
        if let Some(group) = claim.and_then(|claim| self.old_group(claim)) {
            let is_used = self.ports.is_carried(group);
            return (!is_used).then(|| Action::DeleteOld {
                policy: key.clone(),
                group: group.clone(),
            });
        }
        let release = |claim: &Claim| Action::ReleaseClaim {
            policy: key.clone(),
            deleting: claim.deleting,
        };
        match (claim, policy) {
            (Some(claim), _) if claim.deleting => claim.finalizer.then(|| release(claim)),
            (Some(claim), None) => Some(release(claim)),
            (None, Some((uid, Some(content)))) => Some(Action::CreateClaim {
                policy: key.clone(),
                uid: uid.clone(),
                content,
            }),
            (Some(claim), Some((_, Some(content)))) => {
                let is_told = claim.content.as_ref() == Some(&content);
                (!is_told).then(|| Action::WriteClaim {
                    policy: key.clone(),
                    content,
                })
            }
            (_, Some((_, None))) | (None, None) => None,
        }
    }

    /// The group of upstream's that a KuryrNetworkPolicy names.
    pub(in crate::policy) fn old_group<'a>(&self, claim: &'a Claim) -> Option<&'a Id> {
        let is_old =
            |id: &&Id| self.groups.get(id).is_none() && !self.settings.operator.contains(id);
        claim.old_group().filter(is_old)
    }

    /// What a policy came to: what it isolates, and all rules of its groups.
    pub(super) fn content(&self, policy: &Policy, needs: &Needs) -> Content {
        let rules = needs.groups.iter().flat_map(|key| self.listed(key));
        let types = Direction::BOTH.into_iter();
        Content {
            pods: policy.pods.clone(),
            types: types.filter(|d| policy.isolates(*d)).collect(),
            rules: rules.take(MOST_RULES).collect(),
        }
    }

    fn listed(&self, key: &GroupKey) -> impl Iterator<Item = ListedRule> {
        let id = self.marks.get(key).and_then(|mark| self.chosen(mark));
        let group = id.and_then(|id| Some((id, self.groups.get(id)?)));
        group.into_iter().flat_map(|(group, state)| {
            state.rules.iter().map(|(rule, id)| ListedRule {
                rule: rule.clone(),
                group: group.clone(),
                id: id.clone(),
            })
        })
    }
}
