//! NetworkPolicies: watches in, `kuryr-core`'s plans for security groups out to Neutron.
//!
//! ```text
//! facts/     watches and objects ──> facts of the policies' world   (pure conversions)
//! engine     the loop: facts in, plan, actions out, outcomes in
//! link       between this loop and that of ports: which port has which groups, which it is to have
//! dresser    the end of that link in the ports' loop
//! execute/   an action ──> calls ──> an outcome                     (no decision here)
//! ```
//!
//! Ports are none of this loop's: it says which groups a pod's port is to have, and the ports'
//! loop gives a pod a port, or tells it that its port is ready, only with these.

mod dresser;
mod engine;
mod execute;
mod facts;
mod link;
mod metrics;

pub(crate) use dresser::{Dresser, next};
pub(crate) use engine::{Engine, Shared};
pub(crate) use metrics::Metrics;
