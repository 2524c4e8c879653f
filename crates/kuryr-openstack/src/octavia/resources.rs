//! Octavia's kinds of objects.

use std::borrow::Cow;

use crate::call::Service;
use crate::error::Error;
use crate::rest::Kind;

/// Makes a kind of its collection's name, the key of one object, and the word for it in the names of calls.
macro_rules! kind {
    ($collection:literal, $key:literal, $word:literal) => {
        Kind {
            service: Service::LoadBalancer,
            path: Cow::Borrowed(concat!("lbaas/", $collection)),
            key: $key,
            list_key: $collection,
            noun: $key,
            list: concat!("list_", $word, "s"),
            get: concat!("get_", $word),
            create: concat!("create_", $word),
            update: concat!("update_", $word),
            delete: concat!("delete_", $word),
        }
    };
}

pub(super) const LOAD_BALANCER: Kind = kind!("loadbalancers", "loadbalancer", "load_balancer");
pub(super) const LISTENER: Kind = kind!("listeners", "listener", "listener");
pub(super) const POOL: Kind = kind!("pools", "pool", "pool");
pub(super) const HEALTH_MONITOR: Kind = kind!("healthmonitors", "healthmonitor", "health_monitor");
pub(super) const FLAVOR: Kind = kind!("flavors", "flavor", "flavor");
const MEMBER: Kind = kind!("members", "member", "member");

/// Members are below their pool.
///
/// # Errors
/// [`ErrorKind::Argument`](crate::ErrorKind::Argument) if `pool_id` is no id.
pub(super) fn members_of(operation: &'static str, pool_id: &str) -> Result<Kind, Error> {
    let pool = POOL.object(operation, pool_id)?;
    Ok(Kind {
        path: Cow::Owned(format!("{pool}/members")),
        ..MEMBER
    })
}
