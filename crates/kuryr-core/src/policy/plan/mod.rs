//! From facts to actions: pure, and empty when everything is as it should be.
//!
//! `group` says how far a security group is from what it is to be, and the next call for it; `pod` what a pod's port is to carry
//! now; `change` whether that lets more pass, or less; `report` what policies' owners are told, and `claim` what their
//! KuryrNetworkPolicies say.

mod change;
mod claim;
mod group;
mod pod;
mod report;

use super::action::Action;
use super::world::{Held, Subject, World};

/// What is to be done next for the groups and pods that something changed for.
///
/// Nothing is done before all watches and lists were read: absence would be taken for deletion.
pub(super) fn plan(world: &mut World) -> Vec<Action> {
    let mut out = Vec::new();
    if world.list.is_due() && !world.agenda.is_held(&Held::List) {
        out.push(Action::List);
    }
    if !world.has_read_all() {
        return out;
    }
    world.recompile();
    loop {
        let due = world.agenda.take_due();
        if due.is_empty() {
            return out;
        }
        for subject in &due {
            match subject {
                Subject::Pod(pod) => world.note_closing(pod),
                Subject::Group(mark) => world.note_group_closing(mark),
                Subject::Policy(_) => {}
            }
        }
        for subject in due {
            match subject {
                Subject::Pod(pod) => world.plan_pod(&pod),
                Subject::Group(mark) => {
                    let actions = world.plan_group(&mark);
                    actions.iter().for_each(|action| world.begin(action));
                    out.extend(actions);
                    world.touch_policy_of(&mark);
                }
                Subject::Policy(policy) => {
                    let actions = world.plan_policy(&policy);
                    actions.iter().for_each(|action| world.begin(action));
                    out.extend(actions);
                }
            }
        }
    }
}
