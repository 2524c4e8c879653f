//! What the tests on the real stack are made of: two kubelets on two hypervisors, Neutron, and
//! the programs of this project as they are shipped.
//!
//! ```text
//! tests/stack/*   one scenario a test:  scenario::run(name, async |world| { ... })
//!      |
//!   world         what a scenario starts from; its end deletes all and looks whether it is gone
//!      |
//!   programs      controllers here, daemons on the nodes: start, kill, stop, wake
//!   pods          pods and KuryrPorts of the scenario's namespace
//!   cloud         Neutron, as the project's user; a security group of the scenario's own
//!   reach         packets between namespaces, counted where they arrive
//!   traces        everything of ours that can be left: ports, subports, links, bpf, KuryrPorts
//!      |
//!   stack         the real stack, by the environment that `stack/stack env` prints
//! ```
//!
//! Nothing here waits for a fixed time: [`progress::until`] asks again until it is so.

pub mod cloud;
pub mod http;
pub mod installed;
pub mod metrics;
pub mod node;
pub mod pods;
pub mod process;
pub mod programs;
pub mod progress;
pub mod reach;
pub mod scenario;
pub mod stack;
pub mod traces;
pub mod world;

use std::error::Error;

/// What a scenario fails with: a sentence.
pub type Failure = Box<dyn Error + Send + Sync>;

/// What each step of a scenario gives.
pub type Outcome<T = ()> = Result<T, Failure>;

/// Ends a step with a sentence.
///
/// # Errors
/// Always.
pub fn fail<T>(why: impl Into<String>) -> Outcome<T> {
    Err(why.into().into())
}
