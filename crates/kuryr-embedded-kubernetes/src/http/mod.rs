//! The API over HTTP.

pub(crate) mod authorize;
mod delete;
mod discovery;
mod encode;
pub(crate) mod faults;
mod gate;
mod openapi;
mod protobuf;
mod query;
mod read;
mod special;
mod watch;
mod write;

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::Value;

pub(crate) use gate::{Gate, GatedListener};

use super::{
    api::{Api, Target},
    kinds::Kind,
    model::{
        error::ApiError,
        path::{ApiPath, ResourcePath},
    },
    store::Key,
};
use authorize::{Attributes, Authorizer};
use faults::{Faults, Strike};
use kuryr_checkpoint::{Checkpoint, Moment, Passing};
use query::Query;

/// Largest body that is read, as in the real service: 3 MiB.
const MAX_BODY: usize = 3 * 1024 * 1024;

/// What every request needs.
#[derive(Debug)]
pub(crate) struct Server {
    /// The objects.
    pub api: Arc<Api>,
    /// Who may do what.
    pub authorizer: Authorizer,
    /// Faults to inject.
    pub faults: Faults,
    /// Where calls can be looked at and held.
    pub checkpoint: Checkpoint,
    /// How often a watch that wants bookmarks gets one.
    pub bookmark_every: Duration,
    /// `gitVersion` of `/version`.
    pub version: String,
}

/// A request on a resource, taken apart.
struct Call {
    server: Arc<Server>,
    kind: Arc<Kind>,
    path: ResourcePath,
    query: Query,
    headers: HeaderMap,
    body: Bytes,
}

impl Call {
    fn target(&self) -> Target {
        Target {
            kind: Arc::clone(&self.kind),
            key: Key::new(&self.path.namespace, &self.path.name),
        }
    }

    fn api(&self) -> &Api {
        &self.server.api
    }

    fn header(&self, name: header::HeaderName) -> &str {
        text_of(&self.headers, &name)
    }
}

fn text_of<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> &'a str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

/// The routes: one handler, since the paths of the API are data.
pub(crate) fn router(server: Arc<Server>) -> Router {
    Router::new().fallback(handle).with_state(server)
}

async fn handle(State(server): State<Arc<Server>>, request: Request) -> Response {
    let method = request.method().clone();
    let uri = request.uri().clone();
    let (parts, body) = request.into_parts();
    let (text, headers) = (uri.to_string(), parts.headers.clone());
    let passing = |moment| Passing {
        moment,
        method: &method,
        uri: &text,
        headers: &headers,
    };
    server.checkpoint.pass(passing(Moment::Before)).await;
    let lost = match server.faults.strike(&method, &uri).await {
        Strike::Instead(error) => return error.into_response(),
        Strike::After(error) => Some(error),
        Strike::Nothing => None,
    };
    let checkpoint = server.checkpoint.clone();
    let answer = match axum::body::to_bytes(body, MAX_BODY).await {
        Ok(body) => dispatch(server, &parts, body),
        Err(_) => Err(ApiError::too_large()),
    };
    tracing::trace!(%method, %uri, failed = answer.is_err(), "request");
    checkpoint.pass(passing(Moment::After)).await;
    let answer = lost.map_or(answer, Err);
    answer.unwrap_or_else(ApiError::into_response)
}

fn dispatch(
    server: Arc<Server>,
    parts: &axum::http::request::Parts,
    body: Bytes,
) -> Result<Response, ApiError> {
    let path = parts.uri.path();
    let accept = text_of(&parts.headers, &header::ACCEPT);
    match path {
        "/healthz" | "/livez" | "/readyz" => return Ok("ok".into_response()),
        "/version" | "/version/" => return Ok(json(&discovery::version(&server.version))),
        "/" => return Ok(json(&discovery::paths())),
        _ => {}
    }
    if let Some(rest) = path.strip_prefix("/openapi/") {
        return openapi::answer(&server.api, rest);
    }
    match ApiPath::parse(path) {
        Some(ApiPath::Resource(path)) => resource(server, parts, path, body),
        Some(ApiPath::Group(group) | ApiPath::Resources { group, .. })
            if !discovery::has_group(&server.api, &group) =>
        {
            Ok(no_page())
        }
        Some(other) => discovery::answer(&server.api, &other, accept).map(|value| json(&value)),
        None => Ok(no_page()),
    }
}

fn resource(
    server: Arc<Server>,
    parts: &axum::http::request::Parts,
    path: ResourcePath,
    body: Bytes,
) -> Result<Response, ApiError> {
    let query = Query::parse(&parts.uri)?;
    let watch = path.watch || query.flag("watch");
    let attributes = Attributes::of(&parts.method, &path, watch);
    server.authorizer.check(&parts.headers, &attributes)?;
    if let Some(answer) = special::review(&parts.method, &path, &body) {
        return answer;
    }
    if !server.api.registry().has_group(&path.group) {
        return Ok(no_page());
    }
    let kind = server
        .api
        .registry()
        .find(&path.group, &path.version, &path.resource)
        .filter(|kind| kind.namespaced || path.namespace.is_empty())
        .ok_or_else(ApiError::no_such_resource)?;
    let call = Call {
        server,
        kind,
        path,
        query,
        headers: parts.headers.clone(),
        body,
    };
    check_shape(&call, &parts.method)?;
    if !matches!(call.path.subresource.as_str(), "" | "status") {
        return special::subresource(&call, &parts.method);
    }
    match (parts.method.clone(), call.path.name.is_empty()) {
        (Method::GET, true) if wants_watch(&call) => watch::answer(&call),
        (Method::GET, true) => read::list(&call),
        (Method::GET, false) if wants_watch(&call) => watch::answer(&call),
        (Method::GET, false) => read::get(&call),
        (Method::POST, true) => write::create(&call),
        (Method::PUT, false) => write::replace(&call),
        (Method::PATCH, false) => write::patch(&call),
        (Method::DELETE, false) => delete::one(&call),
        (Method::DELETE, true) => delete::collection(&call),
        _ => Err(ApiError::method_not_allowed()),
    }
}

/// The answer for a path that is none of the API's.
fn no_page() -> Response {
    (StatusCode::NOT_FOUND, "404 page not found\n").into_response()
}

fn wants_watch(call: &Call) -> bool {
    call.path.watch || call.query.flag("watch")
}

/// The path fits the kind: namespace where one is needed, a subresource that exists.
fn check_shape(call: &Call, method: &Method) -> Result<(), ApiError> {
    let subresource = call.path.subresource.as_str();
    let known = match subresource {
        "" => true,
        "status" => call.kind.status,
        other => call
            .kind
            .behaviour
            .subresources
            .iter()
            .any(|(name, _)| *name == other),
    };
    if !known {
        return Err(ApiError::no_such_resource());
    }
    if !call.kind.namespaced || !call.path.namespace.is_empty() {
        return Ok(());
    }
    match (method, call.path.name.is_empty()) {
        (&Method::GET, true) => Ok(()),
        (_, true) => Err(ApiError::method_not_allowed()),
        (_, false) => Err(ApiError::no_such_resource()),
    }
}

/// A JSON answer with status 200.
fn json(value: &Value) -> Response {
    body(StatusCode::OK, Bytes::from(value.to_string()))
}

/// JSON text as an answer.
fn body(status: StatusCode, json: Bytes) -> Response {
    let mut response = Response::new(Body::from(json));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = body(status, Bytes::from(self.to_status().to_string()));
        if let Some(seconds) = self.retry_after() {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
