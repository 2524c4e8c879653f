//! `/alive`, `/ready` and `/metrics`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::lease;

/// The engine's loop turns at least this often when it lives.
pub(crate) const HEARTBEAT_MILLIS: u64 = 1_000;
/// Without a turn for so long it counts as stuck.
const STUCK_MILLIS: u64 = 60_000;

/// What the probes are told.
#[derive(Debug, Default)]
pub(crate) struct Health {
    /// All watches and lists were read.
    pub(crate) synced: AtomicBool,
    beat: AtomicU64,
}

impl Health {
    /// The loop turned.
    pub(crate) fn beat(&self) {
        self.beat.store(lease::now(), Ordering::Relaxed);
    }

    fn alive(&self) -> bool {
        let beat = self.beat.load(Ordering::Relaxed);
        beat == 0 || lease::now().saturating_sub(beat) < STUCK_MILLIS
    }
}

/// Serves the probes.
pub(crate) async fn serve_health(
    address: SocketAddr,
    health: Arc<Health>,
    stop: CancellationToken,
) -> std::io::Result<()> {
    let app = Router::new()
        .route("/alive", get(alive))
        .route("/ready", get(ready))
        .with_state(health);
    serve(address, app, stop).await
}

/// Serves the metrics.
pub(crate) async fn serve_metrics(
    address: SocketAddr,
    registry: Arc<Registry>,
    stop: CancellationToken,
) -> std::io::Result<()> {
    let app = Router::new()
        .route("/metrics", get(metrics))
        .with_state(registry);
    serve(address, app, stop).await
}

async fn serve(address: SocketAddr, app: Router, stop: CancellationToken) -> std::io::Result<()> {
    let listener = TcpListener::bind(address).await?;
    axum::serve(listener, app)
        .with_graceful_shutdown(stop.cancelled_owned())
        .await
}

async fn alive(State(health): State<Arc<Health>>) -> impl IntoResponse {
    if health.alive() {
        (StatusCode::OK, "ok\n")
    } else {
        (
            StatusCode::INTERNAL_SERVER_ERROR,
            "the controller's loop is stuck\n",
        )
    }
}

async fn ready(State(health): State<Arc<Health>>) -> impl IntoResponse {
    if health.synced.load(Ordering::Relaxed) {
        (StatusCode::OK, "ok\n")
    } else {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "pods, nodes, KuryrPorts or Neutron's ports were not read yet\n",
        )
    }
}

async fn metrics(State(registry): State<Arc<Registry>>) -> impl IntoResponse {
    let mut text = String::new();
    let content = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    match encode(&mut text, &registry) {
        Ok(()) => (StatusCode::OK, [(header::CONTENT_TYPE, content)], text),
        Err(e) => (
            StatusCode::INTERNAL_SERVER_ERROR,
            [(header::CONTENT_TYPE, "text/plain")],
            e.to_string(),
        ),
    }
}
