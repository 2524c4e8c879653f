//! One call: a fault looked for, its time spent, carried out, logged.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use kuryr_checkpoint::{Checkpoint, Moment, Passing};
use tokio::sync::Semaphore;

use super::answer::{self, Answer, Body};
use super::state::Handle;
use super::{keystone, neutron, octavia};
use crate::calls::{Call, CallLog, normalised};
use crate::faults::{Effect, Faults};
use crate::{ApiError, Latency, Settings};

/// What a connection's task needs.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) handle: Handle,
    pub(super) faults: Faults,
    pub(super) checkpoint: Checkpoint,
    pub(super) calls: CallLog,
    pub(super) workers: Option<Semaphore>,
    pub(super) settings: Settings,
    pub(super) identity_url: String,
    pub(super) network_url: String,
    pub(super) load_balancer_url: String,
}

/// A request, read whole.
pub(super) struct Received<'a> {
    pub(super) method: &'a Method,
    pub(super) path: String,
    pub(super) query: &'a str,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: Bytes,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Service {
    Identity,
    Network,
    LoadBalancer,
}

/// Why a connection ends without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection is dropped on purpose")]
pub(super) struct Dropped;

pub(super) async fn handle(
    request: Request<Incoming>,
    service: Service,
    shared: Arc<Shared>,
) -> Result<Response<Body>, Dropped> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Dropped)?.to_bytes();
    let call = Received {
        method: &head.method,
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default(),
        headers: &head.headers,
        body,
    };
    let path = normalised(&call.path);
    let request_id = format!("req-{}", uuid::Uuid::new_v4());
    let at = SystemTime::now();
    let uri = head.uri.to_string();
    let passing = |moment| Passing {
        moment,
        method: &head.method,
        uri: &uri,
        headers: &head.headers,
    };
    shared.checkpoint.pass(passing(Moment::Before)).await;
    let effect = shared
        .faults
        .effect(call.method.as_str(), &path, &call.body);
    let answer = answer_with(&call, &path, service, &shared, effect).await;
    shared.calls.push(Call {
        at,
        method: call.method.to_string(),
        uri: uri.clone(),
        path,
        status: answer.as_ref().map_or(0, |answer| answer.status.as_u16()),
        user_agent: header(call.headers, "user-agent").to_owned(),
        request_id: request_id.clone(),
        items: items_of(&call.body),
    });
    shared.checkpoint.pass(passing(Moment::After)).await;
    let answer = answer?;
    Ok(match answer.before_id {
        true => answer,
        false => answer.header("x-openstack-request-id", &request_id),
    }
    .into_response())
}

/// The answer with what a fault does to it.
async fn answer_with(
    call: &Received<'_>,
    path: &str,
    service: Service,
    shared: &Shared,
    effect: Option<Effect>,
) -> Result<Answer, Dropped> {
    let carry_out = |body: Bytes| carry_out(call, path, body, service, shared);
    let whole = || call.body.clone();
    Ok(match effect {
        None => carry_out(whole()).await,
        Some(Effect::Delay(delay)) => {
            tokio::time::sleep(delay).await;
            carry_out(whole()).await
        }
        Some(Effect::TooManyRequests(retry)) => answer::too_many_requests(retry),
        Some(Effect::Unavailable) => answer::unavailable(),
        Some(Effect::Unauthorized) => service.refusal(&ApiError::unauthorized(), shared),
        Some(Effect::ServerError) => service.refusal(&ApiError::internal(), shared),
        Some(Effect::DropBefore) => return Err(Dropped),
        Some(Effect::ServerErrorAfter) => {
            carry_out(whole()).await;
            service.refusal(&ApiError::internal(), shared)
        }
        Some(Effect::DropAfter) => {
            carry_out(whole()).await;
            return Err(Dropped);
        }
        Some(Effect::Truncated) => carry_out(whole()).await.truncated(),
        Some(Effect::Html) => answer::html(&carry_out(whole()).await),
        Some(Effect::WrongTypes) => carry_out(whole()).await.wrong_types(),
        Some(Effect::Huge(bytes)) => carry_out(whole()).await.padded(bytes),
        Some(Effect::Partial(items)) => {
            carry_out(first_items(&call.body, items)).await;
            service.refusal(&ApiError::internal(), shared)
        }
    })
}

/// Spends the call's time and carries it out.
async fn carry_out(
    call: &Received<'_>,
    path: &str,
    body: Bytes,
    service: Service,
    shared: &Shared,
) -> Answer {
    let worker = match &shared.workers {
        Some(workers) => workers.acquire().await.ok(),
        None => None,
    };
    let latency = &shared.settings.latency;
    let before = match service {
        Service::LoadBalancer => latency.before_octavia(call.method, path, objects_of(&body)),
        _ => latency.before(call.method, path, items_of(&body)),
    };
    if !before.is_zero() {
        tokio::time::sleep(before).await;
    }
    let answer = match service {
        Service::Identity => keystone::answer(call, &body, shared),
        Service::Network => neutron::answer(call, &body, shared),
        Service::LoadBalancer => octavia::answer(call, &body, shared),
    };
    let after = latency.read.1 * u32::try_from(answer.listed).unwrap_or(u32::MAX);
    if !after.is_zero() {
        tokio::time::sleep(after).await;
    }
    drop(worker);
    answer
}

impl Service {
    fn refusal(self, error: &ApiError, shared: &Shared) -> Answer {
        match self {
            Self::Identity => keystone::refusal(error, shared),
            Self::Network => neutron::refusal(error, shared),
            Self::LoadBalancer => octavia::refusal(error, shared),
        }
    }
}

impl Latency {
    /// The time that a call takes before it is carried out.
    fn before(&self, method: &Method, path: &str, items: usize) -> Duration {
        let items = u32::try_from(items.max(1)).unwrap_or(u32::MAX);
        if path.ends_with("/auth/tokens") {
            return self.token;
        }
        match *method {
            Method::GET => self.read.0,
            Method::POST if path.ends_with("/ports") => self.port_create * items,
            Method::POST => self.create * items,
            Method::PUT if path.ends_with("/add_subports") => {
                self.add_subports.0 + self.add_subports.1 * items
            }
            Method::PUT if path.ends_with("/remove_subports") => {
                self.remove_subports.0 + self.remove_subports.1 * items
            }
            Method::PUT => self.update,
            Method::DELETE => self.delete,
            _ => Duration::ZERO,
        }
    }
}

impl Latency {
    /// The time that a call to Octavia takes before it is carried out.
    fn before_octavia(&self, method: &Method, path: &str, objects: usize) -> Duration {
        let objects = u32::try_from(objects).unwrap_or(u32::MAX);
        match *method {
            Method::GET => self.read.0,
            Method::POST if path.ends_with("/loadbalancers") => {
                self.lb_create + self.lb_object * objects
            }
            _ => self.lb_change + self.lb_object * objects,
        }
    }
}

pub(super) fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

/// The list in a bulk body.
fn bulk_list(body: &mut serde_json::Value) -> Option<&mut Vec<serde_json::Value>> {
    body.as_object_mut()?
        .values_mut()
        .find_map(serde_json::Value::as_array_mut)
}

fn items_of(body: &[u8]) -> usize {
    let mut body: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    bulk_list(&mut body).map_or(0, |items| items.len())
}

/// Objects in a body besides the outermost: those of a load balancer that is made whole, members of a batch.
fn objects_of(body: &[u8]) -> usize {
    fn count(value: &serde_json::Value) -> usize {
        match value {
            serde_json::Value::Array(items) => items.iter().map(count).sum(),
            serde_json::Value::Object(fields) => 1 + fields.values().map(count).sum::<usize>(),
            _ => 0,
        }
    }
    let body: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    // The body itself, and the object that is its one value.
    count(&body).saturating_sub(2)
}

fn first_items(body: &Bytes, count: usize) -> Bytes {
    let Ok(mut parsed) = serde_json::from_slice::<serde_json::Value>(body) else {
        return body.clone();
    };
    if let Some(items) = bulk_list(&mut parsed) {
        items.truncate(count);
    }
    Bytes::from(parsed.to_string())
}
