//! The controller: watches in, `kuryr-core`'s plans out to Kubernetes and Neutron.
//!
//! ```text
//! facts/     watches and objects ──> facts of the port world        (pure conversions)
//! run        what the loops need, all tasks started, and their end
//! engine     the loop of pods: facts in, plan, actions out, outcomes in
//! execute/   an action ──> calls ──> an outcome                     (no decision here)
//! lease      who may write: leader election, and the fence before each write
//! waiting    which pods wait for their port, since when
//! tenure     the same lease, for a tool that must not write beside a leader
//! service/   the same for Services, whose world is another
//! failure    what the clients' errors mean to a plan
//! objects    what is done alike to objects of every kind
//! networks   subnets and networks as VIFs need them
//! events     Kubernetes Events
//! supervise  every task in one set; a call whose task dies is answered as lost
//! health     /alive, /ready, /metrics
//! ```

mod config;
mod engine;
mod events;
mod execute;
pub mod facts;
mod failure;
mod health;
mod lease;
mod metrics;
mod networks;
mod objects;
mod run;
mod service;
mod supervise;
mod tenure;
mod waiting;

pub use config::ControllerConfig;
pub use lease::{Fence, LeaseSettings};
pub use networks::{NetworkError, Networks};
pub use run::{ControllerError, run};
pub use service::ServiceConfig;
pub use supervise::TaskEnded;
pub use tenure::Tenure;
