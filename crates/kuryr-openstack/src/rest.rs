//! What all resources of all services have in common: list in pages, get, create, update, delete.
//!
//! Neutron and Octavia agree on it: objects below their key, lists below theirs with `<key>_links` to the next page.

use std::borrow::Cow;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use url::Url;

use crate::call::{Call, Links, Service};
use crate::cloud::Cloud;
use crate::error::{Error, ErrorKind};
use crate::filter::Filter;
use crate::model::is_id;

/// How often a list is begun again because the object at a page's end was deleted meanwhile.
const RESTARTS: u32 = 3;

/// A kind of object: where it is, what it is called in bodies, and the names of its calls in metrics and errors.
#[derive(Debug, Clone)]
pub(crate) struct Kind {
    pub(crate) service: Service,
    /// Path of the collection below the service's version.
    pub(crate) path: Cow<'static, str>,
    /// Key of one object in bodies.
    pub(crate) key: &'static str,
    /// Key of lists in bodies.
    pub(crate) list_key: &'static str,
    /// What errors call one object.
    pub(crate) noun: &'static str,
    pub(crate) list: &'static str,
    pub(crate) get: &'static str,
    pub(crate) create: &'static str,
    pub(crate) update: &'static str,
    pub(crate) delete: &'static str,
}

impl Kind {
    /// The path of one object.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`] if `id` is none: an id with a slash would name another object.
    pub(crate) fn object(&self, operation: &'static str, id: &str) -> Result<String, Error> {
        if is_id(id) {
            return Ok(format!("{}/{id}", self.path));
        }
        let what = format!(
            "{:?} is no id of a {}",
            id.chars().take(80).collect::<String>(),
            self.noun
        );
        Err(Error::local(operation, ErrorKind::Argument(what)))
    }

    /// What errors call this object.
    pub(crate) fn named(&self, id: &str) -> String {
        format!("{} {id}", self.noun)
    }
}

impl Cloud {
    /// All objects that `filter` selects, in as many requests as its values and the pages need.
    pub(crate) async fn list<T: DeserializeOwned>(
        &self,
        kind: &Kind,
        filter: &Filter,
    ) -> Result<Vec<T>, Error> {
        let mut all = Vec::new();
        for query in filter.requests() {
            all.append(&mut self.list_whole(kind, query).await?);
        }
        Ok(all)
    }

    /// All pages of one query. A page is asked for by the id at the end of the one before; when that object is
    /// gone the service refuses the page, and the list is begun again.
    async fn list_whole<T: DeserializeOwned>(
        &self,
        kind: &Kind,
        query: Vec<(String, String)>,
    ) -> Result<Vec<T>, Error> {
        let mut restarts = 0;
        loop {
            match self.list_pages(kind, query.clone()).await {
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
        kind: &Kind,
        query: Vec<(String, String)>,
    ) -> Result<Vec<T>, Interrupted> {
        let size = self.shared.client.page_size.to_string();
        let mut all: Vec<T> = Vec::new();
        let mut marker: Option<String> = None;
        loop {
            let mut call = Call::get(kind.service, kind.list, kind.path.clone())
                .query(query.clone())
                .query([("limit", size.as_str())]);
            if let Some(marker) = &marker {
                call = call.query([("marker", marker.as_str())]);
            }
            let answer = match self.request(&call).await {
                Ok(answer) => answer,
                Err(error) if marker.is_some() && refuses_marker(&error) => {
                    return Err(Interrupted::MarkerGone(error));
                }
                Err(error) => return Err(Interrupted::Failed(error)),
            };
            let (mut page, links) = answer.page(kind.list_key).map_err(Interrupted::Failed)?;
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

    /// One object.
    pub(crate) async fn get<T: DeserializeOwned>(&self, kind: &Kind, id: &str) -> Result<T, Error> {
        let path = kind.object(kind.get, id)?;
        let call = Call::get(kind.service, kind.get, path).on(kind.named(id));
        self.request(&call).await?.json(kind.key)
    }

    /// Makes one object; `with` finishes the call.
    pub(crate) async fn create<T: DeserializeOwned>(
        &self,
        kind: &Kind,
        new: &impl Serialize,
        with: impl FnOnce(Call) -> Call,
    ) -> Result<T, Error> {
        let body = json!({ kind.key: to_value(kind.create, new)? });
        let call = Call::post(kind.service, kind.create, kind.path.clone(), body);
        self.request(&with(call)).await?.json(kind.key)
    }

    /// Makes objects, all or none. `each` is the time that one may take.
    pub(crate) async fn create_bulk<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        kind: &Kind,
        new: Vec<Value>,
        each: Duration,
    ) -> Result<Vec<T>, Error> {
        if new.is_empty() {
            return Ok(Vec::new());
        }
        let (count, key) = (new.len(), kind.list_key);
        let call = Call::post(
            kind.service,
            operation,
            kind.path.clone(),
            json!({ key: new }),
        )
        .on(format!("{count} {key}"))
        .allow(times(each, count));
        let answer = self.request(&call).await?;
        let made: Vec<T> = answer.json(key)?;
        if made.len() == count {
            return Ok(made);
        }
        Err(answer.bad(format!(
            "{} {key} for {count} that were asked for",
            made.len()
        )))
    }

    /// Changes one object; `with` finishes the call.
    pub(crate) async fn update<T: DeserializeOwned>(
        &self,
        kind: &Kind,
        id: &str,
        change: &impl Serialize,
        with: impl FnOnce(Call) -> Call,
    ) -> Result<T, Error> {
        let path = kind.object(kind.update, id)?;
        let body = json!({ kind.key: to_value(kind.update, change)? });
        let call = Call::put(kind.service, kind.update, path, body).on(kind.named(id));
        self.request(&with(call)).await?.json(kind.key)
    }

    /// Deletes one object; `with` finishes the call.
    pub(crate) async fn delete(
        &self,
        kind: &Kind,
        id: &str,
        with: impl FnOnce(Call) -> Call,
    ) -> Result<(), Error> {
        let path = kind.object(kind.delete, id)?;
        let call = Call::delete(kind.service, kind.delete, path).on(kind.named(id));
        self.request(&with(call)).await.map(|_| ())
    }
}

/// Why a list was not read to its end.
enum Interrupted {
    MarkerGone(Error),
    Failed(Error),
}

/// Neutron does not find the object that the page begins after, Octavia calls the marker invalid.
fn refuses_marker(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::NotFound(_) => true,
        ErrorKind::BadRequest(message) => message.contains("marker"),
        _ => false,
    }
}

/// The time that `count` of something may take.
pub(crate) fn times(each: Duration, count: usize) -> Duration {
    each.saturating_mul(u32::try_from(count).unwrap_or(u32::MAX))
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
