//! Scenarios on the real stack, each with a world of its own: see the crate's documentation.
//!
//! `KURYR_E2E=1` and the settings of `stack/stack env` make them run, `KURYR_DIST` names the
//! folder of the programs:
//!
//! ```sh
//! eval "$(stack/stack env)"
//! KURYR_E2E=1 cargo test -p kuryr-e2e --test stack -- --nocapture --test-threads=1
//! ```

mod installed;
mod leaders;
mod lives;
mod local_switching;
mod namespaces;
mod objects;
mod pods;
mod policies;
mod refused;
mod restart;
mod services;
mod switches;
mod twenty_pods;

use std::fmt::Debug;

use kuryr_e2e::world::World;
use kuryr_e2e::{Outcome, fail};

/// Runs a scenario with logs in cargo's folder for tests.
fn scenario(name: &str, body: impl AsyncFnOnce(&mut World) -> Outcome) {
    kuryr_e2e::scenario::run(env!("CARGO_TARGET_TMPDIR"), name, body);
}

/// Fails unless nothing changed.
fn same<T: PartialEq + Debug>(what: &str, expected: &T, found: &T) -> Outcome {
    match expected == found {
        true => Ok(()),
        false => fail(format!("{what}: {expected:?} expected, {found:?} found")),
    }
}
