//! The listeners.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::call::{Service, Shared, handle};
use super::state::Handle;
use crate::checkpoint::Checkpoint;
use crate::openstack::calls::CallLog;
use crate::openstack::faults::Faults;
use crate::openstack::identity::Identity;
use crate::openstack::model::Cloud;
use crate::openstack::settings::{Account, Settings};

/// The embedded Keystone and Neutron, running. They stop when it is dropped.
#[derive(Debug)]
pub struct OpenStack {
    handle: Handle,
    faults: Faults,
    checkpoint: Checkpoint,
    calls: CallLog,
    identity: SocketAddr,
    network: SocketAddr,
    settings: Settings,
    _stop: DropGuard,
}

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
        let keystone = Identity::new(settings.clone(), endpoints);
        let cloud = Cloud::new(settings.clone(), SystemTime::now());
        let handle = Handle::new(keystone, cloud);
        let (faults, calls) = (Faults::default(), CallLog::default());
        let checkpoint = Checkpoint::default();
        let shared = Arc::new(Shared {
            handle: handle.clone(),
            faults: faults.clone(),
            checkpoint: checkpoint.clone(),
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
            checkpoint,
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

    /// Where calls can be looked at and held.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The calls that arrived.
    pub fn calls(&self) -> &CallLog {
        &self.calls
    }

    /// A `clouds.yaml` with a cloud for each account, by the user's name.
    pub fn clouds_yaml(&self) -> String {
        let cloud = |account: &Account| {
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
