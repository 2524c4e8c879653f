//! The daemon on each node: it knows which ports the node's pods have, and plugs them when
//! the runtime asks.
//!
//! ```text
//!  API server --watch--> ports::PortStore --+
//!                                           v
//!  kuryr-cni --unix socket--> server --> attach::Attachments --> plug::Plugger --> kernel
//!                                           |
//!                                           +--> attach::Ledger --> state_dir/attachments.json
//! ```
//!
//! | module | what it knows |
//! |---|---|
//! | [`config`] | what of the configuration concerns the daemon |
//! | [`ports`] | the KuryrPorts of this node, by one watch |
//! | [`attach`] | ADD, DEL, CHECK, STATUS, GC; the record of what is plugged |
//! | [`plug`] | the kernel, behind a trait |
//! | [`install`] | plugin and configuration in the node's folders |
//! | [`switching`] | whose frames to each other are switched on the node |
//! | [`server`] | the socket for the plugin |
//! | [`http`], [`metrics`] | `/alive`, `/ready`, `/metrics` |
//! | [`error`] | why a start or a call failed |
//!
//! It reads KuryrPorts and writes nothing to the cluster.

pub mod attach;
pub mod config;
pub mod error;
pub mod http;
pub mod install;
pub mod metrics;
pub mod plug;
pub mod ports;
pub mod server;
pub mod switching;

use std::sync::Arc;

use kuryr_process::events::Events;
use kuryr_process::{Tasks, listen, probes, serve};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

pub use config::DaemonConfig;
pub use error::{DaemonError, Refusal};

use attach::{Attachments, Checkpoint, Ledger, Limits};
use metrics::Metrics;
use plug::{NetPlugger, Plugger};
use ports::PortStore;
use server::{Server, Socket};
use switching::Switching;

/// Runs the daemon until `shutdown`. Interfaces stay plugged when it ends.
///
/// # Errors
/// [`DaemonError`] if it cannot start or tidy up.
pub async fn run(
    config: DaemonConfig,
    client: kube::Client,
    shutdown: CancellationToken,
) -> Result<(), DaemonError> {
    let finder = config.clone();
    let plugger = match tokio::task::spawn_blocking(move || NetPlugger::find(&finder)).await {
        Ok(found) => found?,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    };
    let (method, reason) = plugger.method();
    let metrics = Metrics::new((method_name(method), reason.to_owned()));
    run_with(config, client, Arc::new(plugger), metrics, shutdown).await
}

fn method_name(method: kuryr_net::Method) -> &'static str {
    match method {
        kuryr_net::Method::Auto => "auto",
        kuryr_net::Method::Vlan => "vlan",
        kuryr_net::Method::Bpf => "bpf",
    }
}

/// [`run`] with another kernel.
///
/// # Errors
/// As [`run`].
pub async fn run_with(
    config: DaemonConfig,
    client: kube::Client,
    plugger: Arc<dyn Plugger>,
    metrics: Metrics,
    shutdown: CancellationToken,
) -> Result<(), DaemonError> {
    // First of all: it keeps a second daemon from touching this one's interfaces.
    let socket = Socket::bind(&config.socket)?;
    if let Some(places) = &config.places {
        places.install_plugin()?;
    }
    let ledger = Ledger::load(Checkpoint::open(&config.state_dir)?)?;
    let store = Arc::new(PortStore::default());
    let limits = Limits {
        node: config.node_name.clone(),
        port_wait: config.port_wait,
        workers: config.workers,
    };
    let events = Events::new(
        &client,
        config.use_events,
        "kuryr-daemon",
        &config.node_name,
    );
    let probe = ports::watch::probe(client.clone(), &config.node_name);
    let attachments = Arc::new(Attachments::new(
        limits,
        Arc::clone(&store),
        Arc::clone(&plugger),
        ledger,
        probe,
    ));
    let shown = http::Shown {
        attachments: Arc::clone(&attachments),
        metrics: Arc::new(metrics),
        failures_allowed: config.failures_allowed,
    };
    // Dropped at the end, which ends what is still in it.
    let mut tasks = Tasks::default();
    serve_http(&mut tasks, &config, &shown, &shutdown).await?;

    attachments.undo_unfinished().await;
    let swept = Arc::new(Notify::new());
    let node = config.node_name.clone();
    let watch = ports::watch::run(client.clone(), node, Arc::clone(&store), Arc::clone(&swept));
    tasks.spawn("watch of KuryrPorts", watch);
    match config.local_switching.clone() {
        Some(place) => {
            let switching = Switching {
                place,
                store: Arc::clone(&store),
                attachments: Arc::clone(&attachments),
                plugger,
                gauge: shown.metrics.switched.clone(),
            };
            tasks.spawn("switching on the node", switching.run(client));
        }
        None => switching::end(plugger).await,
    }
    let server = Arc::new(Server {
        attachments: Arc::clone(&attachments),
        metrics: Arc::clone(&shown.metrics),
    });
    let stop = shutdown.child_token();
    let serving = tokio::spawn(server.serve(socket, stop.clone()));
    tracing::info!(node = config.node_name, socket = %config.socket.display(), "serving");
    let tidied = tokio::select! {
        tidied = tidy(&attachments, &store, &swept, || announce(&config, &events), &shutdown) => tidied,
        ended = tasks.first_death(&shutdown) => Err(ended.into()),
    };
    stop.cancel();
    // It ends what it has begun; a panic in it was already reported.
    let _ = serving.await;
    attachments.removals_end().await;
    tidied
}

/// Probes and metrics; their ports are the daemon's before anything is plugged.
async fn serve_http(
    tasks: &mut Tasks,
    config: &DaemonConfig,
    shown: &http::Shown,
    shutdown: &CancellationToken,
) -> Result<(), DaemonError> {
    let (probed, metrics) = (Arc::new(shown.clone()), shown.clone());
    let servers = [
        ("health", "health server", config.health, probes(probed)),
        (
            "metrics",
            "metrics server",
            config.metrics,
            kuryr_process::metrics(move || Ok(metrics.text())),
        ),
    ];
    for (what, name, address, app) in servers {
        let Some(address) = address else { continue };
        let failed = |source| DaemonError::Http {
            what,
            address,
            source,
        };
        let listener = listen(address).await.map_err(failed)?;
        let serving = serve(listener, app, shutdown.clone());
        tasks.spawn(name, async move {
            if let Err(error) = serving.await {
                tracing::error!(%error, what, "no longer served");
            }
        });
    }
    Ok(())
}

/// Lets the kubelet know that pods can start; what keeps them from our network is told on the node.
async fn announce(config: &DaemonConfig, events: &Events) {
    let Some(places) = &config.places else { return };
    for complaint in places.announce() {
        let about = kuryr_process::events::node(&config.node_name);
        events
            .warn(&about, complaint.reason, &complaint.message)
            .await;
    }
}

/// Tidies up once the KuryrPorts are known, and again whenever some went away, until
/// `shutdown`.
async fn tidy(
    attachments: &Attachments,
    store: &PortStore,
    swept: &Notify,
    announce: impl AsyncFnOnce(),
    shutdown: &CancellationToken,
) -> Result<(), DaemonError> {
    let mut announce = Some(announce);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            () = swept.notified() => {}
        }
        if store.freshness().synced
            && let Some(announce) = announce.take()
        {
            let adopted = attachments.adopt_leftovers().await;
            adopted.map_err(DaemonError::Inventory)?;
            // Pods can start from now on.
            announce().await;
        }
        attachments.sweep().await;
    }
}
