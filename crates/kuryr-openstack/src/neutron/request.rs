//! Neutron's kinds of objects, and the common calls on them.

use std::borrow::Cow;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Neutron;
use crate::call::{Call, Service};
use crate::error::Error;
use crate::filter::Filter;
use crate::rest::Kind;

/// A kind of object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Resource {
    Network,
    Subnet,
    /// Pools of prefixes.
    SubnetPool,
    Port,
    Trunk,
    Router,
    SecurityGroup,
    /// Security group rules.
    SecurityGroupRule,
    /// Floating IPs.
    FloatingIp,
}

/// Makes a kind of its path, the key of its lists and that of one object.
macro_rules! kind {
    ($path:literal, $list_key:literal, $key:literal) => {
        Kind {
            service: Service::Network,
            path: Cow::Borrowed($path),
            key: $key,
            list_key: $list_key,
            noun: $key,
            list: concat!("list_", $path),
            get: concat!("get_", $key),
            create: concat!("create_", $key),
            update: concat!("update_", $key),
            delete: concat!("delete_", $key),
        }
    };
}

impl Resource {
    pub(crate) fn kind(self) -> Kind {
        match self {
            Self::Network => kind!("networks", "networks", "network"),
            Self::Subnet => kind!("subnets", "subnets", "subnet"),
            Self::SubnetPool => kind!("subnetpools", "subnetpools", "subnetpool"),
            Self::Port => kind!("ports", "ports", "port"),
            Self::Trunk => kind!("trunks", "trunks", "trunk"),
            Self::Router => kind!("routers", "routers", "router"),
            Self::SecurityGroup => kind!("security-groups", "security_groups", "security_group"),
            Self::SecurityGroupRule => kind!(
                "security-group-rules",
                "security_group_rules",
                "security_group_rule"
            ),
            Self::FloatingIp => kind!("floatingips", "floatingips", "floatingip"),
        }
    }

    /// Its key in bodies, such as `security_group`.
    pub fn key(self) -> &'static str {
        self.kind().key
    }
}

impl Neutron {
    /// The path of one object.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) if `id` is none.
    pub(crate) fn object(
        &self,
        operation: &'static str,
        resource: Resource,
        id: &str,
    ) -> Result<String, Error> {
        resource.kind().object(operation, id)
    }

    pub(crate) async fn list<T: DeserializeOwned>(
        &self,
        resource: Resource,
        filter: &Filter,
    ) -> Result<Vec<T>, Error> {
        self.cloud.list(&resource.kind(), filter).await
    }

    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        resource: Resource,
        id: &str,
    ) -> Result<T, Error> {
        self.cloud.get(&resource.kind(), id).await
    }

    pub(crate) async fn create<T: DeserializeOwned>(
        &self,
        resource: Resource,
        new: &impl Serialize,
    ) -> Result<T, Error> {
        self.cloud.create(&resource.kind(), new, |call| call).await
    }

    /// All or nothing. `each` is the time that one may take.
    pub(crate) async fn create_bulk<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        resource: Resource,
        new: Vec<Value>,
        each: Duration,
    ) -> Result<Vec<T>, Error> {
        let kind = resource.kind();
        self.cloud.create_bulk(operation, &kind, new, each).await
    }

    pub(crate) async fn update<T: DeserializeOwned>(
        &self,
        resource: Resource,
        id: &str,
        change: &impl Serialize,
        with: impl FnOnce(Call) -> Call,
    ) -> Result<T, Error> {
        let kind = resource.kind();
        self.cloud.update(&kind, id, change, with).await
    }

    pub(crate) async fn delete(&self, resource: Resource, id: &str) -> Result<(), Error> {
        self.cloud.delete(&resource.kind(), id, |call| call).await
    }
}
