//! What runs in a cluster, put together in one place: `kuryr-controller` and `kuryr-daemon`, which the operator's `kuryr`
//! has as subcommands too. Nothing of the lab, the doctor or the benches is compiled for them.
//!
//! - [`options`] what their command lines take
//! - [`wiring`] configuration, logs, Kubernetes and OpenStack for whatever runs
//! - [`controller`], [`daemon`] the two of them

pub mod controller;
pub mod daemon;
pub mod options;
pub mod wiring;
