//! The controller: watches in, `kuryr-core`'s plans out to Kubernetes and Neutron.
//!
//! ```text
//! run        composition: what the loops need, all tasks started, and their end
//! reconcile/ the mechanism: watches, the loop, turns; the same for every reconciler
//! pods/      what the reconciler of pods and ports brings to it
//! service/   what the reconciler of Services and load balancers brings to it
//! facts/     objects of pods and ports ──> facts                    (pure conversions)
//! failure    what the clients' errors mean to a plan
//! lease      who may write: leader election, and the fence before each write
//! tenure     the same lease, for a tool that must not write beside a leader
//! supervise  a call whose task dies is answered as lost
//! local_switching  the leader's word on which networks' pods may be switched on their nodes
//! objects    what is done alike to objects of every kind
//! takeover   finalizers that the Python implementation left on objects that no reconciler keeps
//! events     Kubernetes Events
//! health     what /alive, /ready and /metrics say
//! metrics    what figures of all reconcilers have in common
//! ```

mod config;
mod events;
pub mod facts;
mod failure;
mod health;
mod lease;
mod local_switching;
mod metrics;
mod objects;
mod pods;
mod reconcile;
mod run;
mod service;
mod supervise;
mod takeover;
mod tenure;

pub use config::{ControllerConfig, NamespaceNetworks};
pub use kuryr_process::TaskEnded;
pub use lease::{Fence, LeaseSettings};
pub use pods::asked::{Asked, AskedError};
pub use pods::networks::{NetworkError, Networks, Wants};
pub use pods::policies::{PolicyConfig, PolicyError};
pub use run::{ControllerError, run};
pub use service::ServiceConfig;
pub use takeover::{LeftKind, left_in_openstack};
pub use tenure::Tenure;
