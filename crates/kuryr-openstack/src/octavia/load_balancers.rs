//! Load balancers.

use std::time::Duration;

use http::Method;
use serde_json::Value;

use super::Octavia;
use super::query::LoadBalancerQuery;
use super::resources::LOAD_BALANCER;
use crate::call::Call;
use crate::error::Error;
use crate::model::{LoadBalancer, LoadBalancerUpdate, NewLoadBalancer, StatusTree};
use crate::ownership::OwnershipMark;
use crate::rest::times;

/// An object of a load balancer that is made whole takes the provider `ovn` up to half a second of a busy server.
const EACH: Duration = Duration::from_secs(1);

/// All calls fail as [`ErrorKind`](crate::ErrorKind) says. Changes fail with `Conflict` and
/// [`Immutable`](crate::ConflictKind::Immutable) while Octavia works on the load balancer, and while it is in `ERROR`,
/// where only deletion and failover are taken.
impl Octavia {
    /// Lists load balancers.
    ///
    /// # Errors
    /// See above.
    pub async fn list_load_balancers(
        &self,
        query: &LoadBalancerQuery,
    ) -> Result<Vec<LoadBalancer>, Error> {
        self.cloud.list(&LOAD_BALANCER, &query.0).await
    }

    /// Lists the load balancers of `query` that carry `mark`'s tag. What comes back is looked at again: an Octavia
    /// older than 2.5 has no tags, and would show us everybody's as ours.
    ///
    /// # Errors
    /// See above.
    pub async fn list_owned_load_balancers(
        &self,
        mark: &OwnershipMark,
        query: &LoadBalancerQuery,
    ) -> Result<Vec<LoadBalancer>, Error> {
        let mut filter = query.0.clone().with("tags", &mark.tag);
        if filter.selects_fields() {
            filter = filter.with("fields", "tags");
        }
        let mut found: Vec<LoadBalancer> = self.cloud.list(&LOAD_BALANCER, &filter).await?;
        found.retain(|balancer| balancer.tags.contains(&mark.tag));
        Ok(found)
    }

    /// Reads a load balancer.
    ///
    /// # Errors
    /// `NotFound` if it is not there.
    pub async fn get_load_balancer(&self, id: &str) -> Result<LoadBalancer, Error> {
        self.cloud.get(&LOAD_BALANCER, id).await
    }

    /// Makes a load balancer with all that `new` has below it, all or nothing.
    ///
    /// Two things to know of Octavia 11: what is refused below the load balancer (`Unsupported`, `BadRequest`,
    /// `Conflict` with `Duplicate`) leaves its port behind, which holds the address; and the provider `ovn` takes a
    /// health monitor here and never makes it, it stays `PENDING_CREATE`.
    ///
    /// # Errors
    /// `Conflict` with `AddressTaken`, `IpExhausted` or `OverQuota`; `Unsupported` for what the provider can't do;
    /// `BadRequest` for what nobody can.
    pub async fn create_load_balancer(&self, new: &NewLoadBalancer) -> Result<LoadBalancer, Error> {
        let (name, more) = (new.name.clone(), times(EACH, new.objects()));
        let with = |call: Call| call.on(format!("loadbalancer {name:?}")).allow(more);
        self.cloud.create(&LOAD_BALANCER, new, with).await
    }

    /// Changes a load balancer's name, description, tags or state.
    ///
    /// # Errors
    /// See above.
    pub async fn update_load_balancer(
        &self,
        id: &str,
        change: &LoadBalancerUpdate,
    ) -> Result<LoadBalancer, Error> {
        let with = |call| call;
        self.cloud.update(&LOAD_BALANCER, id, change, with).await
    }

    /// Deletes a load balancer, with `cascade` all that is below it too. It is `PENDING_DELETE` for a while.
    ///
    /// # Errors
    /// `NotFound` if it was not there to begin with; without `cascade` `BadRequest` if something is below it.
    pub async fn delete_load_balancer(&self, id: &str, cascade: bool) -> Result<(), Error> {
        let with = |call: Call| match cascade {
            true => call.query([("cascade", "true")]),
            false => call,
        };
        self.cloud.delete(&LOAD_BALANCER, id, with).await
    }

    /// The statuses of a load balancer and of all that its listeners lead to, in one call.
    ///
    /// # Errors
    /// `NotFound` if it is not there.
    pub async fn load_balancer_status(&self, id: &str) -> Result<StatusTree, Error> {
        const OPERATION: &str = "load_balancer_status";
        let path = format!("{}/status", LOAD_BALANCER.object(OPERATION, id)?);
        let call = Call::get(LOAD_BALANCER.service, OPERATION, path).on(LOAD_BALANCER.named(id));
        let answer = self.cloud.request(&call).await?;
        let mut statuses: Value = answer.json("statuses")?;
        serde_json::from_value(statuses["loadbalancer"].take())
            .map_err(|e| answer.bad(format!("\"loadbalancer\" is not as expected: {e}")))
    }

    /// Has a load balancer built anew by its provider, also out of `ERROR`; its address stays. By default admins only
    /// may ask for it.
    ///
    /// # Errors
    /// `Forbidden`; `Unsupported` with a provider that has nothing to build anew, such as `ovn`.
    pub async fn failover_load_balancer(&self, id: &str) -> Result<(), Error> {
        const OPERATION: &str = "failover_load_balancer";
        let path = format!("{}/failover", LOAD_BALANCER.object(OPERATION, id)?);
        let call = Call::new(LOAD_BALANCER.service, Method::PUT, OPERATION, path)
            .on(LOAD_BALANCER.named(id))
            .once();
        self.cloud.request(&call).await.map(|_| ())
    }
}
