//! From facts to actions: empty when everything is as it should be.
//!
//! `service` plans one Service: its claim and what its owner is told; `balancer` its load
//! balancers; `floating` its floating IP and status. Changing calls to Octavia, and looks, are
//! limited in number; who wants more waits in line.

mod balancer;
mod floating;
mod orphan;
mod service;
mod shared;

use std::collections::HashMap;

use super::action::Action;
use super::model::ServiceKey;
use super::world::{Held, World};
use crate::reconcile::Line;

/// What is to be done next for the Services that something changed on.
///
/// Nothing is done before all watches and lists were read: absence would be taken for
/// deletion.
pub(super) fn plan(world: &mut World) -> Vec<Action> {
    let mut round = Round::default();
    if world.list.is_due() && !world.is_held(&Held::List) {
        round.actions.push(Action::List);
    }
    if !world.has_read_all() {
        return round.actions;
    }
    for key in world.agenda.take_due() {
        round.plan(world, &key);
    }
    round.serve_looks(world);
    round.serve_changes(world);
    round.actions
}

/// What one Service wants.
#[derive(Default)]
struct Draft {
    /// Calls that are not limited in number.
    actions: Vec<Action>,
    looks: Vec<Action>,
    changes: Vec<Action>,
}

/// A plan in the making.
#[derive(Default)]
struct Round {
    actions: Vec<Action>,
    /// Services that were planned in this round, with what they still want.
    planned: HashMap<ServiceKey, Draft>,
}

impl Round {
    fn plan(&mut self, world: &mut World, key: &ServiceKey) {
        if self.planned.contains_key(key) {
            return;
        }
        let mut draft = world.plan_service(key);
        self.actions.append(&mut draft.actions);
        if !draft.looks.is_empty() {
            world.looks.join(key);
        }
        if !draft.changes.is_empty() {
            world.changes.join(key);
        }
        self.planned.insert(key.clone(), draft);
    }

    fn serve_looks(&mut self, world: &mut World) {
        let most = world.settings.looks_at_once;
        let slots = most.saturating_sub(world.looking.len());
        self.serve(world, slots, |w| &mut w.looks, |d| &mut d.looks);
    }

    fn serve_changes(&mut self, world: &mut World) {
        let most = world.settings.changes_at_once.max(1);
        let slots = most.saturating_sub(world.changing);
        self.serve(world, slots, |w| &mut w.changes, |d| &mut d.changes);
    }

    /// Calls Services from the line's front while there are slots. One that waited for some
    /// rounds is planned anew: what it wants now counts.
    fn serve(
        &mut self,
        world: &mut World,
        mut slots: usize,
        line: fn(&mut World) -> &mut Line<ServiceKey>,
        wants: fn(&mut Draft) -> &mut Vec<Action>,
    ) {
        while slots > 0 {
            let Some(key) = line(world).first().cloned() else {
                return;
            };
            self.plan(world, &key);
            let Some(draft) = self.planned.get_mut(&key) else {
                return;
            };
            let wanted = wants(draft);
            let taken = wanted.len().min(slots);
            slots -= taken;
            self.actions.extend(wanted.drain(..taken));
            if wanted.is_empty() {
                line(world).next();
            }
        }
    }
}
