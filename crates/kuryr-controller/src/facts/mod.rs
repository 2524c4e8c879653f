//! From watches and lists to facts.

mod claim;
mod follow;
mod neutron;
mod node;
mod pod;
mod slim;
mod watch;

pub use claim::claim;
pub(crate) use follow::{Kind, LONGEST_PAUSE, Pauses, follow};
pub use neutron::{PORT_FIELDS, places, port, port_status, trunks};
pub use node::addresses;
pub use pod::pod;
pub(crate) use watch::{Fact, Watch, watches};

/// The version of an object as a number.
///
/// Opaque by Kubernetes' word until 1.35, which promises what etcd always gave: a number
/// that grows. One that is no number counts as oldest, and costs a call at most.
pub(crate) fn version(text: Option<&str>) -> u64 {
    text.and_then(|v| v.parse().ok()).unwrap_or(0)
}
