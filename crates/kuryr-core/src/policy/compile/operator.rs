//! What the operator's groups let pass, said by groups of ours.
//!
//! A rule of theirs may name one of their groups: whoever carries it. Pods that a policy isolates in one direction carry others, and
//! are to be let in and out in the other direction all the same. So such a rule is said once more, with all pods in place of the
//! group, and pods that carry the operator's groups carry that too; with what lets a pod in that calls itself by its own Service, and
//! comes from the VIP then, which no such rule names.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::policy::group::{GroupKey, Member, Purpose, Remote, Rule, Where};
use crate::policy::model::{Direction, Facts, Selector};
use crate::policy::settings::Settings;

/// All pods that there are.
pub(super) fn all_pods() -> Arc<Member> {
    Arc::new(Member {
        namespaces: Where::Matching(Selector::default()),
        pods: Selector::default(),
        port: None,
    })
}

/// What the operator's groups let pass.
pub(super) fn rules<'a>(
    facts: &'a Facts,
    settings: &'a Settings,
) -> impl Iterator<Item = &'a Rule> {
    let groups = settings.operator.iter();
    let rules = groups.filter_map(|id| facts.operator.get(id));
    rules.flat_map(|rules| rules.iter())
}

/// What they let pass among those that carry them, with all pods in their place.
pub(super) fn among(facts: &Facts, settings: &Settings) -> BTreeSet<Rule> {
    let is_own = |group: &GroupKey| match &group.purpose {
        Purpose::Operator(id) => settings.operator.contains(id),
        _ => false,
    };
    let naming = rules(facts, settings).filter(|rule| rule.remote_group().is_some_and(is_own));
    naming
        .map(|rule| Rule {
            remote: Remote::Group(Purpose::Member(all_pods()).into()),
            ..rule.clone()
        })
        .collect()
}

/// What they let pass in a direction.
pub(super) fn open(facts: &Facts, settings: &Settings, direction: Direction) -> BTreeSet<Rule> {
    let all = rules(facts, settings).cloned();
    let all = all.chain(among(facts, settings));
    all.filter(|rule| rule.direction == direction).collect()
}
