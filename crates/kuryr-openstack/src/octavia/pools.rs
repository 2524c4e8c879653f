//! Pools.

use super::Octavia;
use super::query::PoolQuery;
use super::resources::POOL;
use crate::error::Error;
use crate::model::{NewPool, Pool, PoolUpdate};

/// All calls fail as [`ErrorKind`](crate::ErrorKind) says, changes with `Conflict` and
/// [`Immutable`](crate::ConflictKind::Immutable) while Octavia works on the load balancer.
impl Octavia {
    /// Lists pools.
    ///
    /// # Errors
    /// See above.
    pub async fn list_pools(&self, query: &PoolQuery) -> Result<Vec<Pool>, Error> {
        self.cloud.list(&POOL, &query.0).await
    }

    /// Reads a pool.
    ///
    /// # Errors
    /// `NotFound` if it is not there.
    pub async fn get_pool(&self, id: &str) -> Result<Pool, Error> {
        self.cloud.get(&POOL, id).await
    }

    /// Makes a pool, of a load balancer or as the default of a listener.
    ///
    /// # Errors
    /// `Unsupported` for what the provider can't do.
    pub async fn create_pool(&self, new: &NewPool) -> Result<Pool, Error> {
        self.cloud.create(&POOL, new, |call| call).await
    }

    /// Changes a pool.
    ///
    /// # Errors
    /// `Unsupported` for what the provider can't do.
    pub async fn update_pool(&self, id: &str, change: &PoolUpdate) -> Result<Pool, Error> {
        self.cloud.update(&POOL, id, change, |call| call).await
    }

    /// Deletes a pool.
    ///
    /// # Errors
    /// `NotFound` if it was not there to begin with.
    pub async fn delete_pool(&self, id: &str) -> Result<(), Error> {
        self.cloud.delete(&POOL, id, |call| call).await
    }
}
