//! Octavia's calls (Octavia API v2).
//!
//! - Each answer to a change comes while Octavia still works: the load balancer and all that is below it are
//!   `PENDING_*` until it is done, and other changes are refused meanwhile, as a conflict of kind
//!   [`Immutable`](crate::ConflictKind::Immutable). Nothing here waits for it; the caller looks again later.
//! - What a provider can't do is [`Unsupported`](crate::ErrorKind::Unsupported), with the provider's name.
//! - Creations are sent once. With [`Error::maybe_applied`], list what is ours before another try.

mod health_monitors;
mod listeners;
mod load_balancers;
mod members;
mod pools;
mod providers;
mod query;
mod quota;
mod resources;

use crate::call::{Answer, Call};
use crate::cloud::Cloud;
use crate::error::Error;

pub use query::{HealthMonitorQuery, ListenerQuery, LoadBalancerQuery, MemberQuery, PoolQuery};

/// Octavia's calls. Each is one request but for lists in pages, and where said.
#[derive(Debug, Clone)]
pub struct Octavia {
    pub(crate) cloud: Cloud,
}

impl Octavia {
    /// Sends `call` and gives the answer, whose [`json`](Answer::json) takes it apart: for what has no call of its own.
    ///
    /// # Errors
    /// See [`ErrorKind`](crate::ErrorKind).
    pub async fn request(&self, call: &Call) -> Result<Answer, Error> {
        self.cloud.request(call).await
    }
}
