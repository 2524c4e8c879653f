//! From Services, slices and KuryrLoadBalancers to facts.

mod claim;
mod endpoints;
mod network;
mod service;
mod slice;

pub(crate) use claim::claim;
pub(crate) use endpoints::slices;
pub(crate) use network::namespace_subnet;
pub(crate) use service::{key, service};
pub(crate) use slice::slice;
