//! Services and their load balancers: what is there, what is wanted, and the next call.
//!
//! ```text
//! Services, slices ──> desired ──┐
//!                                ├──> diff ──> the next call of each load balancer
//! looks, lists ───> observed ────┘
//! ```
//!
//! [`World`] holds the facts: Services, EndpointSlices, claims (KuryrLoadBalancers), load
//! balancers, floating IPs. Watches, lists and looks put facts in; `plan` reads them and
//! says what to do; the executor carries out each [`Action`] and reports an [`Outcome`], which
//! is a fact again ([`crate::reconcile`]).
//!
//! | module | decides |
//! |---|---|
//! | [`desired()`] | what load balancers a Service is to have, and what its owner is to know |
//! | [`annotations`] | what a Service's annotations say |
//! | [`provider`] | what an Octavia provider can, and what a refusal teaches |
//! | [`diff`] | the next call for one load balancer |
//! | `plan` | which Service's turn it is; claims, floating IPs, status, orphans |
//! | `outcome` | what an answer changes, and when to try again |
//!
//! A Service's claim is there before its load balancer and until that is gone, so the Service
//! needs no finalizer. A load balancer carries the cluster's tag and the Service's name: one
//! whose creation was answered by nobody is found by the next list, and none is created twice.
//! While a load balancer changes nothing waits for it but a look at a later time; what changes
//! meanwhile is in the next diff.

mod action;
mod allowed;
pub mod annotations;
mod cidr;
mod complaint;
mod desired;
pub mod diff;
mod event;
mod model;
mod observed;
mod outcome;
mod plan;
pub mod provider;
mod reconciler;
mod settings;
mod share;
mod slices;
mod tree;
mod world;

#[cfg(test)]
pub(crate) mod fixtures;
#[cfg(test)]
mod simulation;

pub use action::{Action, Answer, Change, Outcome};
pub use allowed::Allowed;
pub use annotations::Annotations;
pub use complaint::{Complaint, Reason};
pub use desired::{External, Nothing, Want, Wanted, desired, provider_of};
pub use event::{Event, ObjectName};
pub use model::{
    Claim, ClaimSpec, ClaimedAddress, Endpoint, Family, FloatingIp, Id, Kind, Protocol, Record,
    Service, ServiceKey, ServicePort, Slice, SlicePort,
};
pub use observed::{Balancer, Observed, SeenListener, SeenMember, SeenMonitor, SeenPool, State};
pub use provider::{Refusal, Support, Traits, refusal};
pub use reconciler::Figures;
pub use settings::{MemberMode, Settings, Subnet};
pub use slices::Slices;
pub use tree::{
    Algorithm, BalancerKey, Listener, Member, Monitor, MonitorKind, Persistence, Pool, Slot, Tree,
    Vip,
};
pub use world::World;
