//! The controller: watches in, `kuryr-core`'s plans out to Kubernetes and Neutron.
//!
//! ```text
//! facts/     watches and objects ──> facts of the port world        (pure conversions)
//! engine     the one loop: facts in, plan, actions out, outcomes in
//! execute/   an action ──> calls ──> an outcome                     (no decision here)
//! lease      who may write: leader election, and the fence before each write
//! tenure     the same lease, for a tool that must not write beside a leader
//! service/   the same for Services, whose world is another
//! policy/    the same for NetworkPolicies, as security groups
//! objects    what is done alike to objects of every kind
//! networks   subnets and networks as VIFs need them
//! events     Kubernetes Events
//! health     /alive, /ready, /metrics
//! ```

mod config;
mod engine;
mod events;
mod execute;
pub mod facts;
mod health;
mod lease;
mod metrics;
mod networks;
mod objects;
mod policy;
mod service;
mod tenure;

pub use config::ControllerConfig;
pub use engine::{ControllerError, run};
pub use lease::{Fence, LeaseSettings};
pub use networks::{NetworkError, Networks};
pub use service::{ServiceConfig, SubnetError};
pub use tenure::Tenure;
