//! The listeners.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use kuryr_checkpoint::Checkpoint;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::call::{Service, Shared, handle};
use super::state::Handle;
use crate::calls::CallLog;
use crate::faults::Faults;
use crate::identity::Identity;
use crate::model::Cloud;
use crate::octavia::Octavia;
use crate::settings::{Account, Settings};

/// The embedded Keystone, Neutron and Octavia, running. They stop when it is dropped.
#[derive(Debug)]
pub struct OpenStack {
    handle: Handle,
    faults: Faults,
    checkpoint: Checkpoint,
    calls: CallLog,
    identity: SocketAddr,
    network: SocketAddr,
    load_balancer: SocketAddr,
    settings: Settings,
    _stop: DropGuard,
}

impl OpenStack {
    /// Starts the services on free ports of 127.0.0.1.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start(settings: Settings) -> io::Result<Self> {
        Self::start_at(settings, [0; 3]).await
    }

    /// Starts Keystone, Neutron and Octavia on given ports of 127.0.0.1; 0 is any free one.
    ///
    /// # Errors
    /// When a port can't be had.
    pub async fn start_at(settings: Settings, ports: [u16; 3]) -> io::Result<Self> {
        let bind = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
        let listeners = [
            (Service::Identity, bind(ports[0]).await?),
            (Service::Network, bind(ports[1]).await?),
            (Service::LoadBalancer, bind(ports[2]).await?),
        ];
        let [identity, network, load_balancer] = [
            listeners[0].1.local_addr()?,
            listeners[1].1.local_addr()?,
            listeners[2].1.local_addr()?,
        ];
        let urls = Urls {
            identity: format!("http://{identity}/v3"),
            network: format!("http://{network}"),
            load_balancer: format!("http://{load_balancer}"),
        };
        let handle = state(&settings, &urls);
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
            identity_url: urls.identity,
            network_url: urls.network,
            load_balancer_url: urls.load_balancer,
        });
        let stop = CancellationToken::new();
        for (service, listener) in listeners {
            let listening = listen(listener, service, shared.clone());
            tokio::spawn(stop.clone().run_until_cancelled_owned(listening));
        }
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
            load_balancer,
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

    /// Octavia's endpoint: `http://127.0.0.1:PORT`.
    pub fn load_balancer_url(&self) -> String {
        format!("http://{}", self.load_balancer)
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

/// Where the services are.
struct Urls {
    identity: String,
    network: String,
    load_balancer: String,
}

/// Services that hold nothing yet.
fn state(settings: &Settings, urls: &Urls) -> Handle {
    let endpoints = vec![
        ("identity", "keystone", urls.identity.clone()),
        ("network", "neutron", urls.network.clone()),
        ("load-balancer", "octavia", urls.load_balancer.clone()),
    ];
    let keystone = Identity::new(settings.clone(), endpoints);
    let now = SystemTime::now();
    let cloud = Cloud::new(settings.clone(), now);
    Handle::new(keystone, cloud, Octavia::new(settings.clone(), now))
}

/// Makes what is due happen although nobody calls, so that watchers see it.
async fn let_time_pass(handle: Handle) {
    let mut changes = handle.changes();
    loop {
        let due = handle.with(|state| state.next_due());
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
