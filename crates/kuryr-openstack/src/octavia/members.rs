//! Members of pools, one by one and all at once.

use std::time::Duration;

use serde_json::json;

use super::Octavia;
use super::query::MemberQuery;
use super::resources::members_of;
use crate::call::Call;
use crate::error::Error;
use crate::model::{Member, MemberUpdate, NewMember};
use crate::rest::{times, to_value};

/// A new member of a batch takes the provider `ovn` up to half a second of a busy server.
const EACH: Duration = Duration::from_secs(1);

/// All calls fail as [`ErrorKind`](crate::ErrorKind) says, with `NotFound` if the pool is not there, and changes with
/// `Conflict` and [`Immutable`](crate::ConflictKind::Immutable) while Octavia works on the load balancer.
impl Octavia {
    /// Lists the members of a pool.
    ///
    /// # Errors
    /// See above.
    pub async fn list_members(
        &self,
        pool_id: &str,
        query: &MemberQuery,
    ) -> Result<Vec<Member>, Error> {
        let kind = members_of("list_members", pool_id)?;
        self.cloud.list(&kind, &query.0).await
    }

    /// Reads a member.
    ///
    /// # Errors
    /// `NotFound` if it is not there.
    pub async fn get_member(&self, pool_id: &str, id: &str) -> Result<Member, Error> {
        self.cloud
            .get(&members_of("get_member", pool_id)?, id)
            .await
    }

    /// Makes a member.
    ///
    /// # Errors
    /// `Conflict` with `Duplicate` if its address and port are taken in the pool, with `OverQuota`; `Unsupported`
    /// for what the provider can't do.
    pub async fn create_member(&self, pool_id: &str, new: &NewMember) -> Result<Member, Error> {
        let kind = members_of("create_member", pool_id)?;
        self.cloud.create(&kind, new, |call| call).await
    }

    /// Changes a member. Address, port and subnet stay as they are.
    ///
    /// # Errors
    /// See above.
    pub async fn update_member(
        &self,
        pool_id: &str,
        id: &str,
        change: &MemberUpdate,
    ) -> Result<Member, Error> {
        let kind = members_of("update_member", pool_id)?;
        self.cloud.update(&kind, id, change, |call| call).await
    }

    /// Deletes a member.
    ///
    /// # Errors
    /// `NotFound` if it was not there to begin with.
    pub async fn delete_member(&self, pool_id: &str, id: &str) -> Result<(), Error> {
        let kind = members_of("delete_member", pool_id)?;
        self.cloud.delete(&kind, id, |call| call).await
    }

    /// Has a pool have these members and no others: those that are new are made, those with the same address and port
    /// are changed, the rest is deleted. Repeating it changes nothing.
    ///
    /// # Errors
    /// `Conflict` with `OverQuota`; `Unsupported` for what the provider can't do. None is changed then.
    pub async fn set_members(&self, pool_id: &str, members: &[NewMember]) -> Result<(), Error> {
        let call = batch("set_members", pool_id, members)?;
        self.cloud.request(&call).await.map(|_| ())
    }

    /// As [`set_members`](Self::set_members), but leaves alone the members that it doesn't name (API 2.11).
    ///
    /// # Errors
    /// As [`set_members`](Self::set_members).
    pub async fn add_members(&self, pool_id: &str, members: &[NewMember]) -> Result<(), Error> {
        let call = batch("add_members", pool_id, members)?.query([("additive_only", "true")]);
        self.cloud.request(&call).await.map(|_| ())
    }
}

fn batch(operation: &'static str, pool_id: &str, members: &[NewMember]) -> Result<Call, Error> {
    let kind = members_of(operation, pool_id)?;
    let body = json!({ kind.list_key: to_value(operation, &members)? });
    let count = members.len();
    let call = Call::put(kind.service, operation, kind.path, body);
    Ok(call
        .on(format!("pool {pool_id}, {count} members"))
        .allow(times(EACH, count)))
}
