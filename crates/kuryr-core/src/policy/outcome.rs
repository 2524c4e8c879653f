//! What an action changes when it begins, and when its outcome is known.

use super::action::{Action, Outcome};
use super::world::World;

impl World {
    /// The action is about to be carried out: what it concerns is busy until [`World::finish`].
    pub fn begin(&mut self, _action: &Action) {}

    /// The action's outcome is known.
    pub fn finish(&mut self, _action: &Action, _outcome: Outcome) {}
}
