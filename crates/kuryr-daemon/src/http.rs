//! Health and metrics over HTTP, on upstream's ports.

use std::future::Future;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::attach::Attachments;
use crate::error::DaemonError;
use crate::metrics::Metrics;

/// What is asked about.
#[derive(Clone)]
pub struct Shown {
    /// The attachments.
    pub attachments: Arc<Attachments>,
    /// The metrics.
    pub metrics: Arc<Metrics>,
    /// Refusals of the kernel in a row that are not yet a reason to restart.
    pub failures_allowed: u32,
}

/// `/alive` and `/ready`.
pub fn health(shown: Shown) -> Router {
    Router::new()
        .route("/alive", get(alive))
        .route("/ready", get(ready))
        .with_state(shown)
}

/// `/metrics`.
pub fn metrics(shown: Shown) -> Router {
    Router::new().route("/metrics", get(text)).with_state(shown)
}

/// Binds; the server runs when the result is awaited, until `shutdown`.
///
/// # Errors
/// [`DaemonError::Http`].
pub async fn bind(
    what: &'static str,
    address: SocketAddr,
    router: Router,
    shutdown: CancellationToken,
) -> Result<impl Future<Output = ()> + Send + 'static, DaemonError> {
    let listener = listen(address).await.map_err(|source| DaemonError::Http {
        what,
        address,
        source,
    })?;
    Ok(async move {
        let served = axum::serve(listener, router)
            .with_graceful_shutdown(shutdown.cancelled_owned())
            .await;
        if let Err(error) = served {
            tracing::error!(%error, what, "no longer served");
        }
    })
}

/// Every address, also where the kernel has no IPv6.
async fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    match TcpListener::bind(address).await {
        Err(e)
            if address.is_ipv6()
                && address.ip().is_unspecified()
                && matches!(
                    e.kind(),
                    ErrorKind::Unsupported | ErrorKind::AddrNotAvailable
                ) =>
        {
            TcpListener::bind((Ipv4Addr::UNSPECIFIED, address.port())).await
        }
        result => result,
    }
}

async fn alive(State(shown): State<Shown>) -> Response {
    let failures = shown.attachments.failures();
    if failures > shown.failures_allowed {
        let why = format!("the kernel refused the last {failures} interfaces\n");
        return (StatusCode::INTERNAL_SERVER_ERROR, why).into_response();
    }
    "ok\n".into_response()
}

async fn ready(State(shown): State<Shown>) -> Response {
    match shown.attachments.available().await {
        Ok(()) => "ok\n".into_response(),
        Err(refusal) => (StatusCode::SERVICE_UNAVAILABLE, format!("{refusal}\n")).into_response(),
    }
}

async fn text(State(shown): State<Shown>) -> Response {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    let text = shown.metrics.text(shown.attachments.ledger().len());
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}
