//! Services: watches in, `kuryr-core`'s plans for load balancers out to Octavia and Neutron.
//!
//! ```text
//! config     what the operator sets, with what Neutron says of its subnets
//! facts/     watches and objects ──> facts of the service world     (pure conversions)
//! engine     the loop: facts in, plan, actions out, outcomes in
//! execute/   an action ──> calls ──> an outcome                     (no decision here)
//! ```

mod config;
mod engine;
mod execute;
mod facts;
pub(crate) mod metrics;

pub use config::ServiceConfig;
pub(crate) use engine::{Engine, Shared};
pub(crate) use facts::watches;
