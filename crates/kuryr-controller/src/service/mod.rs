//! Services: watches in, `kuryr-core`'s plans for load balancers out to Octavia and Neutron.
//!
//! ```text
//! config     what the operator sets, with what Neutron says of its subnets
//! watches    Services, slices and KuryrLoadBalancers, as news
//! facts/     objects ──> facts                                      (pure conversions)
//! execute/   an action ──> calls ──> an outcome                     (no decision here)
//! metrics    figures of Services and load balancers
//! ```

mod config;
mod execute;
mod facts;
mod metrics;
mod watches;

pub use config::ServiceConfig;
pub(crate) use config::settings;
pub(crate) use execute::Executor;
pub(crate) use metrics::Metrics;
pub(crate) use watches::watches;
