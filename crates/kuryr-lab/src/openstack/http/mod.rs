//! The services on loopback: two listeners, plain HTTP, one state.
//!
//! A call goes: read the body, look for a fault, take the time that it costs, carry it out under the lock, log it.

mod answer;
mod keystone;
mod neutron;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::calls::{Call, CallLog, normalised};
use super::faults::{Effect, Faults};
use super::identity::Identity;
use super::model::Cloud;
use super::{ApiError, Settings};
use answer::{Answer, Body};

/// Both services' state, under one lock.
#[derive(Debug)]
pub struct State {
    /// Keystone.
    pub identity: Identity,
    /// Neutron.
    pub cloud: Cloud,
}

/// A handle to the state; clones share it.
#[derive(Debug, Clone)]
pub struct Handle {
    state: Arc<Mutex<State>>,
    changed: watch::Sender<u64>,
}

impl Handle {
    /// Works on the state as it is now, and wakes those who wait for changes.
    pub fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        state.cloud.advance(SystemTime::now());
        let result = work(&mut state);
        let revision = state.cloud.revision();
        drop(state);
        self.changed
            .send_if_modified(|known| std::mem::replace(known, revision) != revision);
        result
    }

    /// Sees each change of Neutron's state, as a number that grows.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The embedded Keystone and Neutron, running. They stop when it is dropped.
#[derive(Debug)]
pub struct OpenStack {
    handle: Handle,
    faults: Faults,
    calls: CallLog,
    identity: SocketAddr,
    network: SocketAddr,
    settings: Settings,
    _stop: DropGuard,
}

/// What a connection's task needs.
#[derive(Debug)]
struct Shared {
    handle: Handle,
    faults: Faults,
    calls: CallLog,
    workers: Option<Semaphore>,
    settings: Settings,
    identity_url: String,
    network_url: String,
}

/// A request, read whole.
struct Received<'a> {
    method: &'a Method,
    path: String,
    query: &'a str,
    headers: &'a HeaderMap,
    body: Bytes,
}

#[derive(Debug, Clone, Copy)]
enum Service {
    Identity,
    Network,
}

/// Why a connection ends without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection is dropped on purpose")]
struct Dropped;

impl OpenStack {
    /// Starts both services on free ports of 127.0.0.1.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start(settings: Settings) -> io::Result<Self> {
        Self::start_at(settings, 0, 0).await
    }

    /// Starts both services on given ports of 127.0.0.1; 0 is any free one.
    ///
    /// # Errors
    /// When a port can't be had.
    pub async fn start_at(
        settings: Settings,
        identity_port: u16,
        network_port: u16,
    ) -> io::Result<Self> {
        let identity_listener = TcpListener::bind((Ipv4Addr::LOCALHOST, identity_port)).await?;
        let network_listener = TcpListener::bind((Ipv4Addr::LOCALHOST, network_port)).await?;
        let (identity, network) = (
            identity_listener.local_addr()?,
            network_listener.local_addr()?,
        );
        let (identity_url, network_url) =
            (format!("http://{identity}/v3"), format!("http://{network}"));
        let endpoints = vec![
            ("identity", "keystone", identity_url.clone()),
            ("network", "neutron", network_url.clone()),
            // The address that a load balancer service will have; nothing listens for it yet.
            (
                "load-balancer",
                "octavia",
                format!("{network_url}/load-balancer"),
            ),
        ];
        let state = State {
            identity: Identity::new(settings.clone(), endpoints),
            cloud: Cloud::new(settings.clone(), SystemTime::now()),
        };
        let handle = Handle {
            state: Arc::new(Mutex::new(state)),
            changed: watch::Sender::new(0),
        };
        let (faults, calls) = (Faults::default(), CallLog::default());
        let shared = Arc::new(Shared {
            handle: handle.clone(),
            faults: faults.clone(),
            calls: calls.clone(),
            workers: (settings.latency.workers > 0)
                .then(|| Semaphore::new(settings.latency.workers)),
            settings: settings.clone(),
            identity_url,
            network_url,
        });
        let stop = CancellationToken::new();
        tokio::spawn(stop.clone().run_until_cancelled_owned(listen(
            identity_listener,
            Service::Identity,
            shared.clone(),
        )));
        tokio::spawn(stop.clone().run_until_cancelled_owned(listen(
            network_listener,
            Service::Network,
            shared.clone(),
        )));
        tokio::spawn(
            stop.clone()
                .run_until_cancelled_owned(let_time_pass(handle.clone())),
        );
        Ok(Self {
            handle,
            faults,
            calls,
            identity,
            network,
            settings,
            _stop: stop.drop_guard(),
        })
    }

    /// `auth_url`: `http://127.0.0.1:PORT/v3`.
    pub fn auth_url(&self) -> String {
        format!("http://{}/v3", self.identity)
    }

    /// Neutron's endpoint: `http://127.0.0.1:PORT`.
    pub fn network_url(&self) -> String {
        format!("http://{}", self.network)
    }

    /// The state itself, for a topology, a simulation or a test.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// The faults in force.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// The calls that arrived.
    pub fn calls(&self) -> &CallLog {
        &self.calls
    }

    /// A `clouds.yaml` with a cloud for each account, by the user's name.
    pub fn clouds_yaml(&self) -> String {
        let cloud = |account: &super::settings::Account| {
            let (user, password, project) = (&account.user, &account.password, &account.project);
            let region = self
                .settings
                .regions
                .first()
                .map_or("RegionOne", String::as_str);
            format!(
                "  {user}:\n    auth:\n      auth_url: {}\n      username: {user}\n      password: {password}\n      \
                 project_name: {project}\n      user_domain_name: Default\n      project_domain_name: Default\n    \
                 region_name: {region}\n    identity_api_version: 3\n",
                self.auth_url()
            )
        };
        format!(
            "clouds:\n{}",
            self.settings.accounts.iter().map(cloud).collect::<String>()
        )
    }
}

/// Makes what is due happen although nobody calls, so that watchers see it.
async fn let_time_pass(handle: Handle) {
    let mut changes = handle.changes();
    loop {
        let due = handle.with(|state| state.cloud.next_due());
        let wait = due.map(|due| due.duration_since(SystemTime::now()).unwrap_or_default());
        match wait {
            Some(wait) => {
                tokio::select! {
                    () = tokio::time::sleep(wait + Duration::from_millis(1)) => {}
                    seen = changes.changed() => if seen.is_err() { return },
                }
            }
            None if changes.changed().await.is_err() => return,
            None => {}
        }
    }
}

async fn listen(listener: TcpListener, service: Service, shared: Arc<Shared>) {
    // Connections end with this task: the set aborts them when it is dropped.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve(stream, service, shared.clone()));
                }
                Err(error) => tracing::warn!(%error, "embedded cloud could not accept a connection"),
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(stream: TcpStream, service: Service, shared: Arc<Shared>) {
    let _ = stream.set_nodelay(true);
    let answer = service_fn(move |request| handle(request, service, shared.clone()));
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .title_case_headers(true)
        .serve_connection(TokioIo::new(stream), answer);
    if let Err(error) = connection.await {
        tracing::debug!(%error, "embedded cloud's connection ended");
    }
}

async fn handle(
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
    let effect = shared
        .faults
        .effect(call.method.as_str(), &path, &call.body);
    let answer = answer_with(&call, &path, service, &shared, effect).await;
    shared.calls.push(Call {
        at,
        method: call.method.to_string(),
        uri: head.uri.to_string(),
        path,
        status: answer.as_ref().map_or(0, |answer| answer.status.as_u16()),
        user_agent: header(call.headers, "user-agent").to_owned(),
        request_id: request_id.clone(),
        items: items_of(&call.body),
    });
    Ok(answer?
        .header("x-openstack-request-id", &request_id)
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
    let before = latency.before(call.method, path, items_of(&body));
    if !before.is_zero() {
        tokio::time::sleep(before).await;
    }
    let answer = match service {
        Service::Identity => keystone::answer(call, &body, shared),
        Service::Network => neutron::answer(call, &body, shared),
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
        }
    }
}

impl super::Latency {
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

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
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

fn first_items(body: &Bytes, count: usize) -> Bytes {
    let Ok(mut parsed) = serde_json::from_slice::<serde_json::Value>(body) else {
        return body.clone();
    };
    if let Some(items) = bulk_list(&mut parsed) {
        items.truncate(count);
    }
    Bytes::from(parsed.to_string())
}
