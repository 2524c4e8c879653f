//! From facts to actions: pure, and empty when everything is as it should be.

mod group;
mod report;

use super::action::Action;
use super::compile::compile;
use super::world::{Held, World};

/// What is to be done next.
///
/// Nothing is done before all watches and lists were read: absence would be taken for deletion.
/// The caller passes each action to [`World::begin`] and carries it out.
pub fn plan(world: &mut World) -> Vec<Action> {
    let mut actions = Vec::new();
    if world.list_wanted && !world.listing && !world.is_held(&Held::List) {
        actions.push(Action::List);
    }
    if !world.is_synced() {
        return actions;
    }
    if std::mem::take(&mut world.compile_wanted) {
        world.compiled = compile(&world.facts, &world.settings).into();
        world.switch_wanted = true;
    }
    world.judge();
    world.make(&mut actions);
    world.unmake(&mut actions);
    world.switch();
    world.report(&mut actions);
    actions
}
