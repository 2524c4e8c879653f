//! From Services, slices and KuryrLoadBalancers to facts.

mod claim;
mod endpoints;
mod service;
mod slice;
mod watch;

pub(crate) use claim::claim;
pub(crate) use endpoints::Subsets;
pub(crate) use watch::{Fact, watches};
