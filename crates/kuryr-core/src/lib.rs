//! Every decision of Kuryr, and nothing else: no Kubernetes client, no HTTP, no netlink, no clock.
//!
//! ```text
//! facts in ──> port::World ──> port::plan ──> actions (data) ──> an executor elsewhere
//!                  ^                                                     │
//!                  └────────────── outcomes ─────────────────────────────┘
//! ```
//!
//! | module | decides |
//! |---|---|
//! | [`reconcile`] | what every reconciler is: the mechanism, and the pieces that they share |
//! | [`port`] | which pod has which Neutron port, and what to do next to get there |
//! | [`service`] | which load balancers a Service has, and the next call for each |
//! | [`network`] | which network a namespace's pods are on |
//! | [`policy`] | what NetworkPolicies mean, which security groups that needs, and the next call for each; not connected yet |
//! | [`pods`] | what of the stages above the next one is told |
//! | [`local_switching`] | whether pods of one node may be switched there, past Neutron |
//! | [`pool`] | how many ports wait ready on a node's trunk |
//! | [`batch`] | how much to ask of Neutron in one call |
//! | [`vlan`] | which segmentation id is free on a trunk |
//! | [`lease`] | who may write |
//! | [`backoff`] | when to try again |
//! | [`preflight`] | whether a cloud is one to install on |
//! | [`doctor`] | what is wrong, and what would be done about it |
//!
//! Time is a number of milliseconds that the caller passes in.

pub mod backoff;
pub mod batch;
pub mod doctor;
pub mod lease;
pub mod local_switching;
pub mod network;
pub mod pods;
pub mod policy;
pub mod pool;
pub mod port;
pub mod preflight;
pub mod reconcile;
pub mod service;
pub mod vlan;

/// An id or name; shared, because the same one stands in many facts.
pub type Id = std::sync::Arc<str>;

/// Milliseconds on a clock of the caller's that never goes back.
pub type Millis = u64;
