//! An embedded OpenStack: Keystone, Neutron with trunks, and Octavia, in this process, on loopback.
//!
//! - [`Cloud`] is Neutron's state and rules, pure: a test can call it without a socket.
//! - [`Identity`] is Keystone's, [`Octavia`] is Octavia's, whose addresses are Neutron's ports.
//! - [`OpenStack`] serves them by HTTP, with [`Faults`] on demand and a [`CallLog`].
//! - [`Settings`] choose a backend's habits ([`Backend`]), delays ([`Latency`]), quotas and accounts.
//!
//! Only what the product calls is here. Each answer (status, error type, message, names of fields) is that of
//! Keystone 22, Neutron 21 and Octavia 11, and the contract suite holds it to them.

mod calls;
mod error;
mod extensions;
mod faults;
mod http;
mod identity;
mod model;
mod octavia;
mod settings;
mod tenant;

pub use calls::{Call, CallLog};
pub use error::ApiError;
pub use faults::{Effect, Fault, Faults, Match};
pub use http::{Handle, OpenStack, State};
pub use identity::{ApplicationCredential, Identity, Issued};
pub use model::{
    Access, Caller, Cloud, Fields, Filter, Kind, Membership, Page, PortWiring, Query, RouterLeg,
    RouterWiring, Rule, Wiring,
};
pub use octavia::{LbKind, LbPage, Octavia, Provider};
pub use settings::{Account, Activation, Allocation, Backend, Latency, Settings, TagsInPost};
pub use tenant::{Tenant, TenantError, worker_name};
