//! Neutron and Octavia as Kuryr uses them: typed calls, each with the same care.
//!
//! ```text
//!   Cloud --+-- Neutron --+-- model       typed calls and objects
//!           +-- Octavia --+
//!                  |
//!            rest, filter                 list in pages, get, create, update, delete;  what to list
//!                  |
//!               client      one limit, retries (retry), metrics, a new login after 401
//!               /    \
//!          session    wire                token and catalogue;        HTTP within bounds
//! ```
//!
//! - [`Cloud::connect`] logs in to Keystone; [`Cloud::neutron`] and [`Cloud::octavia`] give handles that are cheap
//!   to clone and share everything.
//! - Every failure is an [`Error`]: its [kind](ErrorKind) tells what to do, its [context](Context) what was tried.
//! - A call that is not safe to repeat is never sent twice once it may have been carried out: then
//!   [`Error::maybe_applied`] is true, and the caller looks before it tries again.
//! - [`ownership`] says how our ports are marked and found, whatever the cloud does with tags.
//!
//! Logging: this crate logs outcomes and pauses, never a header, body or query.

mod call;
mod capabilities;
mod client;
mod cloud;
pub mod config;
mod error;
mod filter;
mod metrics;
pub mod model;
pub mod neutron;
pub mod octavia;
pub mod ownership;
mod rest;
mod retry;
mod session;
mod wire;

pub use call::{Answer, Call, Safety, Service};
pub use capabilities::Capabilities;
pub use cloud::Cloud;
pub use config::CloudConfig;
pub use error::{ConflictKind, Context, Error, ErrorKind};
pub use metrics::Metrics;
pub use neutron::{
    FloatingIpQuery, NetworkQuery, Neutron, PortQuery, Resource, SecurityGroupQuery, SubnetQuery,
    TrunkQuery,
};
pub use octavia::{
    HealthMonitorQuery, ListenerQuery, LoadBalancerQuery, MemberQuery, Octavia, PoolQuery,
};
pub use ownership::{Marked, MarkedBy, OwnershipMark, TagSupport};
pub use retry::RetryPolicy;
pub use secrecy::{ExposeSecret, SecretString};
pub use session::LoginFacts;
