//! What all of Neutron's resources have in common: list in pages, get, create, update, delete.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use url::Url;

use super::Neutron;
use super::query::Filter;
use crate::call::{Call, Links, Service};
use crate::error::{Error, ErrorKind};
use crate::model::is_id;

/// A kind of object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Resource {
    /// Networks.
    Network,
    /// Subnets.
    Subnet,
    /// Pools of prefixes.
    SubnetPool,
    /// Ports.
    Port,
    /// Trunks.
    Trunk,
    /// Routers.
    Router,
    /// Security groups.
    SecurityGroup,
    /// Security group rules.
    SecurityGroupRule,
}

/// How often a list is begun again because the object at a page's end was deleted meanwhile.
const RESTARTS: u32 = 3;

/// Names of the generic calls of one resource, for metrics and errors.
struct Names {
    plural: &'static str,
    key: &'static str,
    list: &'static str,
    get: &'static str,
    create: &'static str,
    update: &'static str,
    delete: &'static str,
}

macro_rules! names {
    ($plural:literal, $key:literal) => {
        Names {
            plural: $plural,
            key: $key,
            list: concat!("list_", $plural),
            get: concat!("get_", $key),
            create: concat!("create_", $key),
            update: concat!("update_", $key),
            delete: concat!("delete_", $key),
        }
    };
}

impl Resource {
    fn names(self) -> Names {
        match self {
            Self::Network => names!("networks", "network"),
            Self::Subnet => names!("subnets", "subnet"),
            Self::SubnetPool => names!("subnetpools", "subnetpool"),
            Self::Port => names!("ports", "port"),
            Self::Trunk => names!("trunks", "trunk"),
            Self::Router => names!("routers", "router"),
            Self::SecurityGroup => names!("security-groups", "security_group"),
            Self::SecurityGroupRule => names!("security-group-rules", "security_group_rule"),
        }
    }

    /// Its path below the version, such as `security-groups`.
    pub fn path(self) -> &'static str {
        self.names().plural
    }

    /// Its key in bodies, such as `security_group`.
    pub fn key(self) -> &'static str {
        self.names().key
    }

    /// The key of lists, such as `security_groups`.
    pub(crate) fn list_key(self) -> String {
        self.path().replace('-', "_")
    }
}

impl Neutron {
    /// The path of one object.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`] if `id` is none: an id with a slash would name another object.
    pub(crate) fn object(
        &self,
        operation: &'static str,
        resource: Resource,
        id: &str,
    ) -> Result<String, Error> {
        if is_id(id) {
            return Ok(format!("{}/{id}", resource.path()));
        }
        let what = format!(
            "{:?} is no id of a {}",
            id.chars().take(80).collect::<String>(),
            resource.key()
        );
        Err(Error::local(operation, ErrorKind::Argument(what)))
    }

    pub(crate) async fn list<T: DeserializeOwned>(
        &self,
        resource: Resource,
        filter: &Filter,
    ) -> Result<Vec<T>, Error> {
        let mut all = Vec::new();
        for query in filter.requests() {
            all.append(&mut self.list_whole(resource, query).await?);
        }
        Ok(all)
    }

    /// All pages of one query. A page is asked for by the id at the end of the one before; when that object is
    /// gone Neutron answers 404, and the list is begun again.
    async fn list_whole<T: DeserializeOwned>(
        &self,
        resource: Resource,
        query: Vec<(String, String)>,
    ) -> Result<Vec<T>, Error> {
        let mut restarts = 0;
        loop {
            match self.list_pages(resource, query.clone()).await {
                Err(Interrupted::MarkerGone(_)) if restarts < RESTARTS => restarts += 1,
                Err(Interrupted::MarkerGone(error) | Interrupted::Failed(error)) => {
                    return Err(error);
                }
                Ok(all) => return Ok(all),
            }
        }
    }

    async fn list_pages<T: DeserializeOwned>(
        &self,
        resource: Resource,
        query: Vec<(String, String)>,
    ) -> Result<Vec<T>, Interrupted> {
        let size = self.cloud.shared.client.page_size.to_string();
        let names = resource.names();
        let mut all: Vec<T> = Vec::new();
        let mut marker: Option<String> = None;
        loop {
            let mut call = Call::get(Service::Network, names.list, names.plural)
                .query(query.clone())
                .query([("limit", size.as_str())]);
            if let Some(marker) = &marker {
                call = call.query([("marker", marker.as_str())]);
            }
            let answer = match self.cloud.request(&call).await {
                Ok(answer) => answer,
                Err(error) if marker.is_some() && error.is_not_found() => {
                    return Err(Interrupted::MarkerGone(error));
                }
                Err(error) => return Err(Interrupted::Failed(error)),
            };
            let key = resource.list_key();
            let (mut page, links) = answer.page(&key).map_err(Interrupted::Failed)?;
            all.append(&mut page);
            match next_marker(links) {
                Some(next) if marker.as_ref() == Some(&next) => {
                    return Err(Interrupted::Failed(
                        answer.bad("a page that is its own next".to_owned()),
                    ));
                }
                Some(next) => marker = Some(next),
                None => return Ok(all),
            }
        }
    }

    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        resource: Resource,
        id: &str,
    ) -> Result<T, Error> {
        let Names { get, key, .. } = resource.names();
        let call = Call::get(Service::Network, get, self.object(get, resource, id)?)
            .on(format!("{key} {id}"));
        self.cloud.request(&call).await?.json(key)
    }

    pub(crate) async fn create<T: DeserializeOwned>(
        &self,
        resource: Resource,
        new: &impl Serialize,
    ) -> Result<T, Error> {
        let Names {
            create,
            key,
            plural,
            ..
        } = resource.names();
        let call = Call::post(
            Service::Network,
            create,
            plural,
            json!({ key: to_value(create, new)? }),
        );
        self.cloud.request(&call).await?.json(key)
    }

    /// All or nothing. `each` is the time that one may take.
    pub(crate) async fn create_bulk<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        resource: Resource,
        new: Vec<Value>,
        each: Duration,
    ) -> Result<Vec<T>, Error> {
        if new.is_empty() {
            return Ok(Vec::new());
        }
        let count = new.len();
        let key = resource.list_key();
        let more = each.saturating_mul(u32::try_from(count).unwrap_or(u32::MAX));
        let call = Call::post(
            Service::Network,
            operation,
            resource.path(),
            json!({ key.as_str(): new }),
        )
        .on(format!("{count} {key}"))
        .allow(more);
        let answer = self.cloud.request(&call).await?;
        let made: Vec<T> = answer.json(&key)?;
        if made.len() == count {
            return Ok(made);
        }
        Err(answer.bad(format!(
            "{} {key} for {count} that were asked for",
            made.len()
        )))
    }

    pub(crate) async fn update<T: DeserializeOwned>(
        &self,
        resource: Resource,
        id: &str,
        change: &impl Serialize,
        with: impl FnOnce(Call) -> Call,
    ) -> Result<T, Error> {
        let Names { update, key, .. } = resource.names();
        let path = self.object(update, resource, id)?;
        let body = json!({ key: to_value(update, change)? });
        let call = Call::put(Service::Network, update, path, body).on(format!("{key} {id}"));
        self.cloud.request(&with(call)).await?.json(key)
    }

    pub(crate) async fn delete(&self, resource: Resource, id: &str) -> Result<(), Error> {
        let Names { delete, key, .. } = resource.names();
        let call = Call::delete(Service::Network, delete, self.object(delete, resource, id)?)
            .on(format!("{key} {id}"));
        self.cloud.request(&call).await.map(|_| ())
    }
}

/// Why a list was not read to its end.
enum Interrupted {
    MarkerGone(Error),
    Failed(Error),
}

pub(crate) fn to_value(operation: &'static str, value: &impl Serialize) -> Result<Value, Error> {
    serde_json::to_value(value)
        .map_err(|e| Error::local(operation, ErrorKind::Argument(e.to_string())))
}

/// The marker of the next page. Of the link only that is taken, so that no answer leads us to another server.
fn next_marker(links: Links) -> Option<String> {
    let next = links
        .into_iter()
        .find(|l| l.get("rel").is_some_and(|r| r == "next"))?;
    let url = Url::parse(next.get("href")?).ok()?;
    url.query_pairs()
        .find(|(k, _)| k == "marker")
        .map(|(_, v)| v.into_owned())
}
