//! Health monitors.

use super::Octavia;
use super::query::HealthMonitorQuery;
use super::resources::HEALTH_MONITOR;
use crate::error::Error;
use crate::model::{HealthMonitor, HealthMonitorUpdate, NewHealthMonitor};

/// All calls fail as [`ErrorKind`](crate::ErrorKind) says, changes with `Conflict` and
/// [`Immutable`](crate::ConflictKind::Immutable) while Octavia works on the load balancer.
impl Octavia {
    /// Lists health monitors.
    ///
    /// # Errors
    /// See above.
    pub async fn list_health_monitors(
        &self,
        query: &HealthMonitorQuery,
    ) -> Result<Vec<HealthMonitor>, Error> {
        self.cloud.list(&HEALTH_MONITOR, &query.0).await
    }

    /// Reads a health monitor.
    ///
    /// # Errors
    /// `NotFound` if it is not there.
    pub async fn get_health_monitor(&self, id: &str) -> Result<HealthMonitor, Error> {
        self.cloud.get(&HEALTH_MONITOR, id).await
    }

    /// Makes a health monitor of a pool.
    ///
    /// # Errors
    /// `Conflict` with `Duplicate` if the pool has one; `Unsupported` for what the provider can't do.
    pub async fn create_health_monitor(
        &self,
        new: &NewHealthMonitor,
    ) -> Result<HealthMonitor, Error> {
        self.cloud.create(&HEALTH_MONITOR, new, |call| call).await
    }

    /// Changes a health monitor.
    ///
    /// # Errors
    /// `Unsupported` for what the provider can't do.
    pub async fn update_health_monitor(
        &self,
        id: &str,
        change: &HealthMonitorUpdate,
    ) -> Result<HealthMonitor, Error> {
        self.cloud
            .update(&HEALTH_MONITOR, id, change, |call| call)
            .await
    }

    /// Deletes a health monitor.
    ///
    /// # Errors
    /// `NotFound` if it was not there to begin with.
    pub async fn delete_health_monitor(&self, id: &str) -> Result<(), Error> {
        self.cloud.delete(&HEALTH_MONITOR, id, |call| call).await
    }
}
