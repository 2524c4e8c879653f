//! Controllers, each in a thread with a runtime of its own, so that one can be killed at any
//! instant with all of its tasks, or stand still as a stopped process does.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc as std_mpsc;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use kube::Client;
use kuryr_controller::{
    ControllerConfig, LeaseSettings, NamespaceNetworks, PolicyConfig, ServiceConfig,
};
use kuryr_core::pool::Limits;
use kuryr_core::port;
use kuryr_openstack::config::{Auth, CloudConfig, Domain, Scope, User};
use kuryr_openstack::{Cloud, Metrics, SecretString};
use prometheus_client::registry::Registry;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::cluster::NAMESPACE;
use super::journal::CONTROLLER;
use super::{CLUSTER, PROJECT, World};

/// Each controller has a name that no other ever has.
static STARTED: AtomicUsize = AtomicUsize::new(0);

/// Whether ports are kept ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pools {
    Off,
    On,
}

impl Pools {
    fn limits(self) -> Limits {
        match self {
            Self::Off => Limits::NONE,
            Self::On => Limits {
                enabled: true,
                min: 1,
                max: 0,
                batch: 2,
            },
        }
    }
}

/// What a controller logs, warnings and errors.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }

    /// Is written by this thread from now on, until what comes back is dropped.
    fn follow(&self) -> tracing::subscriber::DefaultGuard {
        let log = self.clone();
        let lines = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::WARN)
            .with_ansi(false)
            .with_writer(move || log.clone());
        tracing::subscriber::set_default(lines.finish())
    }
}

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What differs between controllers.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) cluster: &'static str,
    pub(crate) pools: Pools,
    /// How often all is listed: long, so that nothing is found by chance.
    pub(crate) resync: Duration,
    /// Duration and renewal of the Lease.
    pub(crate) lease: (Duration, Duration),
    /// Longest wait for one answer of OpenStack.
    pub(crate) timeout: Duration,
    /// Subnets of pods; the tenant's if none.
    pub(crate) pod_subnets: Vec<String>,
    /// Networks of namespaces, where they have their own.
    pub(crate) namespaces: Option<NamespaceNetworks>,
    /// NetworkPolicies, where they are in force.
    pub(crate) policies: Option<PolicyConfig>,
    /// What is made of Services, if anything.
    pub(crate) services: Option<ServiceConfig>,
    /// Whether it says what may be switched on nodes.
    pub(crate) local_switching: bool,
    /// Where its log goes; none: where the test's goes.
    pub(crate) log: Option<Log>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            cluster: CLUSTER,
            pools: Pools::Off,
            resync: Duration::from_secs(3600),
            lease: (Duration::from_secs(15), Duration::from_secs(3)),
            timeout: Duration::from_secs(60),
            pod_subnets: vec![],
            namespaces: None,
            policies: None,
            services: None,
            local_switching: false,
            log: None,
        }
    }
}

impl Options {
    /// One that looks for drift all the time.
    pub(crate) fn watchful() -> Self {
        Self {
            resync: Duration::from_millis(300),
            ..Self::default()
        }
    }

    /// With pools or without.
    pub(crate) fn pools(self, pools: Pools) -> Self {
        Self { pools, ..self }
    }
}

/// A running controller. Dropping it kills it.
pub(crate) struct Controller {
    pub(crate) name: String,
    kill: Option<oneshot::Sender<()>>,
    pause: mpsc::UnboundedSender<Pause>,
    stop: CancellationToken,
    ended: oneshot::Receiver<Result<(), String>>,
    thread: Option<JoinHandle<()>>,
}

/// What a controller's thread needs.
struct Seat {
    config: ControllerConfig,
    kubernetes: kube::Config,
    openstack: CloudConfig,
    stop: CancellationToken,
}

/// How a controller's thread is told to stand still: it says that it does, and waits.
type Pause = (std_mpsc::Sender<()>, std_mpsc::Receiver<()>);

/// A controller's thread stands still while this lives.
pub(crate) struct Paused(#[allow(dead_code)] std_mpsc::Sender<()>);

impl Controller {
    pub(super) async fn start(world: &World, options: Options) -> Self {
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let name = format!("controller-{number}");
        let stop = CancellationToken::new();
        let mut kubernetes = world.kube.client_config().unwrap();
        kubernetes.headers.push((CONTROLLER, name.parse().unwrap()));
        let seat = Seat {
            config: config(world, &options, &name),
            kubernetes,
            openstack: openstack(world, &options),
            stop: stop.clone(),
        };
        let (kill, killed) = oneshot::channel();
        let (pause, pauses) = mpsc::unbounded_channel();
        let (end, ended) = oneshot::channel();
        let log = options.log.clone();
        let thread = std::thread::spawn(move || {
            let _log = log.as_ref().map(Log::follow);
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.spawn(stand_still(pauses));
            runtime.block_on(async {
                tokio::select! {
                    result = serve(seat) => { let _ = end.send(result); }
                    _ = killed => {}
                }
            });
            // With the runtime go all tasks, wherever they are.
        });
        Self {
            name,
            kill: Some(kill),
            pause,
            stop,
            ended,
            thread: Some(thread),
        }
    }

    /// Ends it as SIGKILL does: nothing of it runs any more when this returns.
    pub(crate) fn kill(mut self) {
        self.end();
    }

    /// Stops it as SIGTERM does, and waits until it has ended.
    pub(crate) async fn stop(mut self) {
        self.stop.cancel();
        let ended = (&mut self.ended).await;
        ended.unwrap().unwrap();
    }

    /// Has it stand still as SIGSTOP does, until what comes back is dropped.
    pub(crate) fn pause(&self) -> Paused {
        let (go_on, wait) = std_mpsc::channel();
        let (stands, stood) = std_mpsc::channel();
        self.pause.send((stands, wait)).unwrap();
        stood.recv().unwrap();
        Paused(go_on)
    }

    fn end(&mut self) {
        if let Some(kill) = self.kill.take() {
            let _ = kill.send(());
        }
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            if !std::thread::panicking() {
                ended.unwrap();
            }
        }
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        self.end();
    }
}

async fn stand_still(mut pauses: mpsc::UnboundedReceiver<Pause>) {
    while let Some((stands, wait)) = pauses.recv().await {
        let _ = stands.send(());
        // Blocks the thread, which is all that the controller has.
        let _ = wait.recv();
    }
}

async fn serve(seat: Seat) -> Result<(), String> {
    let client = Client::try_from(seat.kubernetes).map_err(|e| e.to_string())?;
    let cloud = Cloud::connect(seat.openstack, Metrics::new().into())
        .await
        .map_err(|e| e.to_string())?;
    kuryr_controller::run(seat.config, client, cloud, Registry::default(), seat.stop)
        .await
        .map_err(|e| e.to_string())
}

fn config(world: &World, options: &Options, name: &str) -> ControllerConfig {
    let tenant = &world.tenant;
    let (duration, renew) = options.lease;
    ControllerConfig {
        namespaces: options.namespaces.clone(),
        policies: options.policies.clone(),
        services: options.services.clone(),
        cluster_id: options.cluster.to_owned(),
        pod_subnets: match options.pod_subnets.is_empty() {
            true => vec![tenant.pod_subnet.clone()],
            false => options.pod_subnets.clone(),
        },
        pod_security_groups: vec![tenant.pod_security_group.clone()],
        project: None,
        mtu: None,
        resource_tags: Vec::new(),
        node_subnets: vec![tenant.node_subnet.clone()],
        port_debug: true,
        ports: port::Settings {
            pool: options.pools.limits(),
            cooldown: 100,
            orphan_grace: 300,
            ..port::Settings::default()
        },
        resync: options.resync,
        lease: LeaseSettings {
            namespace: NAMESPACE.to_owned(),
            name: format!("kuryr-{}", options.cluster),
            duration,
            renew,
            identity: name.to_owned(),
        },
        health: None,
        metrics: None,
        local_switching: options.local_switching,
        use_events: true,
    }
}

fn openstack(world: &World, options: &Options) -> CloudConfig {
    let domain = || Domain::Name("Default".to_owned());
    let auth = Auth::Password {
        user: User::Name {
            name: "kuryr".to_owned(),
            domain: domain(),
        },
        password: SecretString::from("kuryr".to_owned()),
    };
    let mut config = CloudConfig::new(world.openstack.auth_url(), auth);
    config.project = Scope::Name {
        name: PROJECT.to_owned(),
        domain: domain(),
    };
    config.timeout = options.timeout;
    config
}
