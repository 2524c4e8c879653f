//! Octavia's calls (Octavia API v2). Generic so far: [`Octavia::request`] with a [`Call`] to
//! [`Service::LoadBalancer`](crate::Service::LoadBalancer), whose paths begin with `lbaas/`.

use crate::call::{Answer, Call};
use crate::cloud::Cloud;
use crate::error::Error;

/// Octavia's calls.
#[derive(Debug, Clone)]
pub struct Octavia {
    pub(crate) cloud: Cloud,
}

impl Octavia {
    /// Sends `call` and gives the answer, whose [`json`](Answer::json) takes it apart.
    ///
    /// # Errors
    /// See [`ErrorKind`](crate::ErrorKind); a load balancer at work is a conflict of kind
    /// [`Immutable`](crate::ConflictKind::Immutable).
    pub async fn request(&self, call: &Call) -> Result<Answer, Error> {
        self.cloud.request(call).await
    }
}
