//! From Services, slices and KuryrLoadBalancers to facts.

mod claim;
mod endpoints;
mod service;
mod slice;

pub(crate) use claim::claim;
pub(crate) use endpoints::slices;
pub(crate) use service::{key, service};
pub(crate) use slice::slice;
