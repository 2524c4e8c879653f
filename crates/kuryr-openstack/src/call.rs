//! One request, as data, for every call of every service.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde::Deserializer;
use serde::de::{DeserializeOwned, DeserializeSeed, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;
use url::Url;

use crate::error::{Context, Error, ErrorKind, excerpt};
use crate::wire::WireError;

/// The services that are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Service {
    /// Keystone.
    Identity,
    /// Neutron.
    Network,
    /// Octavia.
    LoadBalancer,
}

impl Service {
    /// Its type in Keystone's catalogue, and the label of its metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Network => "network",
            Self::LoadBalancer => "load-balancer",
        }
    }

    /// The version segment that is put after a catalogue URL without one.
    pub(crate) fn version(self) -> &'static str {
        match self {
            Self::Identity => "v3",
            Self::Network => "v2.0",
            Self::LoadBalancer => "v2",
        }
    }
}

/// When a request that failed may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Safety {
    /// It changes nothing, or leaves the same state when repeated: sent again after any passing failure.
    Repeatable,
    /// A deletion: as repeatable, and the object's absence at a repetition is success.
    Delete,
    /// Repeating it does more or fails: sent again only when it certainly was not carried out.
    Once,
}

/// One request to a service. Build it by [`Call::get`], [`Call::post`] and so on.
#[derive(Clone)]
pub struct Call {
    pub(crate) service: Service,
    pub(crate) operation: &'static str,
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) object: String,
    pub(crate) safety: Safety,
    /// Added to the configured timeout: work that grows with the request.
    pub(crate) more_time: Duration,
    query: Vec<(String, String)>,
    headers: HeaderMap,
    body: Option<Value>,
}

impl Call {
    /// A call of `method` on `path`, which is relative to the service's version, such as `ports` or
    /// `lbaas/loadbalancers`. `operation` names it in metrics and errors.
    pub fn new(
        service: Service,
        method: Method,
        operation: &'static str,
        path: impl Into<String>,
    ) -> Self {
        let safety = match method {
            Method::POST => Safety::Once,
            Method::DELETE => Safety::Delete,
            _ => Safety::Repeatable,
        };
        Self {
            service,
            operation,
            method,
            path: path.into(),
            object: String::new(),
            safety,
            more_time: Duration::ZERO,
            query: Vec::new(),
            headers: HeaderMap::new(),
            body: None,
        }
    }

    /// A `GET`.
    pub fn get(service: Service, operation: &'static str, path: impl Into<String>) -> Self {
        Self::new(service, Method::GET, operation, path)
    }

    /// A `POST` of a JSON body: sent once.
    pub fn post(
        service: Service,
        operation: &'static str,
        path: impl Into<String>,
        body: Value,
    ) -> Self {
        Self {
            body: Some(body),
            ..Self::new(service, Method::POST, operation, path)
        }
    }

    /// A `PUT` of a JSON body, repeatable unless [said otherwise](Self::once).
    pub fn put(
        service: Service,
        operation: &'static str,
        path: impl Into<String>,
        body: Value,
    ) -> Self {
        Self {
            body: Some(body),
            ..Self::new(service, Method::PUT, operation, path)
        }
    }

    /// A `DELETE`.
    pub fn delete(service: Service, operation: &'static str, path: impl Into<String>) -> Self {
        Self::new(service, Method::DELETE, operation, path)
    }

    /// Names the object in errors.
    pub fn on(mut self, object: impl fmt::Display) -> Self {
        self.object = object.to_string();
        self
    }

    /// Repeating it would not be the same: see [`Safety::Once`].
    pub fn once(mut self) -> Self {
        self.safety = Safety::Once;
        self
    }

    /// Adds query parameters.
    pub fn query<K, V>(mut self, pairs: impl IntoIterator<Item = (K, V)>) -> Self
    where
        K: Into<String>,
        V: Into<String>,
    {
        self.query
            .extend(pairs.into_iter().map(|(k, v)| (k.into(), v.into())));
        self
    }

    /// Adds a request header.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Lengthens the timeout, for work that grows with the request.
    pub fn allow(mut self, more: Duration) -> Self {
        self.more_time = more;
        self
    }

    /// The URL of this call at a service's URL, its query included.
    pub(crate) fn url(&self, at: &Url) -> Result<Url, WireError> {
        let whole = format!("{}/{}", at.as_str().trim_end_matches('/'), self.path);
        let mut url = Url::parse(&whole)
            .map_err(|e| WireError::Request(format!("{whole:?} is no URL: {e}")))?;
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        Ok(url)
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    pub(crate) fn body(&self) -> Option<&Value> {
        self.body.as_ref()
    }

    /// What an error about this call says of it.
    pub(crate) fn context(&self) -> Context {
        Context {
            operation: self.operation,
            object: self.object.clone(),
            method: self.method.clone(),
            path: self.path.clone(),
            status: None,
            error_type: None,
            request_id: None,
            attempts: 1,
        }
    }

    pub(crate) fn fail(&self, kind: ErrorKind) -> Error {
        Error::new(kind, self.context())
    }
}

/// No query and no body: they may be long.
impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.operation, self.method, self.path)
    }
}

/// Links of a page, each with `rel` and `href`.
pub(crate) type Links = Vec<BTreeMap<String, String>>;

/// Reads a page without a tree of values between.
struct PageOf<'a, T> {
    key: &'a str,
    links: String,
    items: PhantomData<T>,
}

impl<'a, T> PageOf<'a, T> {
    fn new(key: &'a str) -> Self {
        Self {
            key,
            links: format!("{key}_links"),
            items: PhantomData,
        }
    }
}

impl<'de, T: DeserializeOwned> DeserializeSeed<'de> for PageOf<'_, T> {
    type Value = (Option<Vec<T>>, Option<Links>);

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_map(self)
    }
}

impl<'de, T: DeserializeOwned> Visitor<'de> for PageOf<'_, T> {
    type Value = (Option<Vec<T>>, Option<Links>);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object with {:?}", self.key)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut page = (None, None);
        while let Some(key) = map.next_key::<Cow<'_, str>>()? {
            if key == self.key {
                page.0 = Some(map.next_value()?);
            } else if key == self.links {
                page.1 = map.next_value()?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(page)
    }
}

/// A successful answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// 200 to 299.
    pub status: StatusCode,
    /// The answer's headers.
    pub headers: HeaderMap,
    /// The answer's body, complete.
    pub body: Bytes,
    pub(crate) context: Context,
}

impl Answer {
    /// An answer without body, for a deletion that had been done.
    pub(crate) fn gone(context: Context) -> Self {
        Self {
            status: StatusCode::NO_CONTENT,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            context,
        }
    }

    /// The value under `key` of the JSON object that the body is.
    ///
    /// # Errors
    /// [`ErrorKind::BadAnswer`] if the body is not JSON, lacks the key, or the value is of another type.
    pub fn json<T: DeserializeOwned>(&self, key: &str) -> Result<T, Error> {
        let mut value: Value =
            serde_json::from_slice(&self.body).map_err(|e| self.bad(format!("no JSON: {e}")))?;
        let found = value
            .get_mut(key)
            .map(Value::take)
            .ok_or_else(|| self.bad(format!("no {key:?} in it")))?;
        serde_json::from_value(found)
            .map_err(|e| self.bad(format!("{key:?} is not as expected: {e}")))
    }

    /// The list under `key` and the links under `<key>_links`, none if there are none. Read in
    /// one go: a page is a thousand objects.
    ///
    /// # Errors
    /// As [`json`](Self::json).
    pub(crate) fn page<T: DeserializeOwned>(&self, key: &str) -> Result<(Vec<T>, Links), Error> {
        let mut reader = serde_json::Deserializer::from_slice(&self.body);
        let page = PageOf::new(key).deserialize(&mut reader);
        match page.and_then(|page| reader.end().map(|()| page)) {
            Ok((Some(items), links)) => Ok((items, links.unwrap_or_default())),
            // Read again, to say what is wrong.
            _ => {
                let links = self.json_if_there(&format!("{key}_links"))?;
                Ok((self.json(key)?, links.unwrap_or_default()))
            }
        }
    }

    /// The whole body.
    ///
    /// # Errors
    /// [`ErrorKind::BadAnswer`] if it is not JSON or of another type.
    pub fn whole<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.body).map_err(|e| self.bad(format!("not as expected: {e}")))
    }

    /// As [`Self::json`], but absent is `None`.
    pub(crate) fn json_if_there<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, Error> {
        match serde_json::from_slice::<Value>(&self.body) {
            Ok(value) if value.get(key).is_none() => Ok(None),
            _ => self.json(key).map(Some),
        }
    }

    /// An error about this answer.
    pub(crate) fn bad(&self, what: String) -> Error {
        Error::new(
            ErrorKind::BadAnswer {
                what,
                excerpt: excerpt(&self.body),
            },
            self.context.clone(),
        )
    }
}
