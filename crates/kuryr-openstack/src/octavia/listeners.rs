//! Listeners.

use super::Octavia;
use super::query::ListenerQuery;
use super::resources::LISTENER;
use crate::error::Error;
use crate::model::{Listener, ListenerUpdate, NewListener};

/// All calls fail as [`ErrorKind`](crate::ErrorKind) says, changes with `Conflict` and
/// [`Immutable`](crate::ConflictKind::Immutable) while Octavia works on the load balancer.
impl Octavia {
    /// Lists listeners.
    ///
    /// # Errors
    /// See above.
    pub async fn list_listeners(&self, query: &ListenerQuery) -> Result<Vec<Listener>, Error> {
        self.cloud.list(&LISTENER, &query.0).await
    }

    /// Reads a listener.
    ///
    /// # Errors
    /// `NotFound` if it is not there.
    pub async fn get_listener(&self, id: &str) -> Result<Listener, Error> {
        self.cloud.get(&LISTENER, id).await
    }

    /// Makes a listener on a load balancer.
    ///
    /// # Errors
    /// `Conflict` with `Duplicate` if its protocol and port are taken there; `Unsupported` for what the provider
    /// can't do.
    pub async fn create_listener(&self, new: &NewListener) -> Result<Listener, Error> {
        self.cloud.create(&LISTENER, new, |call| call).await
    }

    /// Changes a listener.
    ///
    /// # Errors
    /// `Unsupported` for what the provider can't do.
    pub async fn update_listener(
        &self,
        id: &str,
        change: &ListenerUpdate,
    ) -> Result<Listener, Error> {
        self.cloud.update(&LISTENER, id, change, |call| call).await
    }

    /// Deletes a listener.
    ///
    /// # Errors
    /// `NotFound` if it was not there to begin with.
    pub async fn delete_listener(&self, id: &str) -> Result<(), Error> {
        self.cloud.delete(&LISTENER, id, |call| call).await
    }
}
