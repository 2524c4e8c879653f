//! Neutron's calls.

mod floating_ips;
mod networks;
mod owned;
mod ports;
mod query;
mod quota;
mod request;
mod security;
mod tags;
mod trunks;

use crate::cloud::Cloud;

pub use query::{
    FloatingIpQuery, NetworkQuery, PortQuery, SecurityGroupQuery, SubnetQuery, TrunkQuery,
};
pub use request::Resource;

/// Neutron's calls. Each is one request but for lists in pages, long lists of ids, and where said.
#[derive(Debug, Clone)]
pub struct Neutron {
    pub(crate) cloud: Cloud,
}
