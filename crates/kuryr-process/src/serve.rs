//! `/alive`, `/ready` and `/metrics` over HTTP.

use std::collections::VecDeque;
use std::future::Future;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio_util::sync::CancellationToken;

/// The content type of Prometheus' text in the OpenMetrics form.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What a probe is answered: all is well, or what is not.
pub type Answer = Result<(), String>;

/// What is asked by the kubelet's probes.
pub trait Probed: Send + Sync + 'static {
    /// Whether it lives; if not it is to be started again. Answered with 200 or 500.
    fn alive(&self) -> Answer;

    /// Whether it can do its work. Answered with 200 or 503.
    fn ready(&self) -> impl Future<Output = Answer> + Send;
}

/// `/alive` and `/ready`.
pub fn probes<P: Probed>(probed: Arc<P>) -> Router {
    Router::new()
        .route("/alive", get(alive::<P>))
        .route("/ready", get(ready::<P>))
        .with_state(probed)
}

async fn alive<P: Probed>(State(probed): State<Arc<P>>) -> Response {
    answer(probed.alive(), StatusCode::INTERNAL_SERVER_ERROR)
}

async fn ready<P: Probed>(State(probed): State<Arc<P>>) -> Response {
    answer(probed.ready().await, StatusCode::SERVICE_UNAVAILABLE)
}

fn answer(answer: Answer, otherwise: StatusCode) -> Response {
    match answer {
        Ok(()) => "ok\n".into_response(),
        Err(what) => (otherwise, format!("{what}\n")).into_response(),
    }
}

/// `/metrics`, as `text` writes them; what it could not write is said with status 500.
pub fn metrics<F>(text: F) -> Router
where
    F: Fn() -> Result<String, String> + Clone + Send + Sync + 'static,
{
    let show = async move || match text() {
        Ok(text) => ([(header::CONTENT_TYPE, OPENMETRICS)], text).into_response(),
        Err(why) => (StatusCode::INTERNAL_SERVER_ERROR, why).into_response(),
    };
    Router::new().route("/metrics", get(show))
}

/// Listens, on IPv4 alone where every address is meant and the kernel has no IPv6.
///
/// # Errors
/// The system's word.
pub async fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    match TcpListener::bind(address).await {
        Err(error) if is_without_ipv6(address, &error) => {
            TcpListener::bind((Ipv4Addr::UNSPECIFIED, address.port())).await
        }
        result => result,
    }
}

fn is_without_ipv6(address: SocketAddr, error: &io::Error) -> bool {
    let lacks = matches!(
        error.kind(),
        ErrorKind::Unsupported | ErrorKind::AddrNotAvailable
    );
    address.is_ipv6() && address.ip().is_unspecified() && lacks
}

/// A connection is for one question; probes and scrapes take milliseconds.
const CONNECTION_LIMIT: Duration = Duration::from_secs(10);

/// Connections at once. They take descriptors that the process needs for its work, so the oldest makes way for one more.
const CONNECTIONS: usize = 32;

/// Serves until `stop`; what is being answered then is cut off.
///
/// Who can reach the port can open connections and be silent: they are closed after ten seconds, and earlier when
/// others come.
///
/// # Errors
/// The system's word, if it can't go on.
pub async fn serve(listener: TcpListener, app: Router, stop: CancellationToken) -> io::Result<()> {
    let mut open: JoinSet<()> = JoinSet::new();
    let mut oldest: VecDeque<AbortHandle> = VecDeque::new();
    loop {
        let stream = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            _ = open.join_next(), if !open.is_empty() => continue,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    accept_failed(&error).await;
                    continue;
                }
            },
        };
        oldest.retain(|connection| !connection.is_finished());
        if oldest.len() >= CONNECTIONS
            && let Some(first) = oldest.pop_front()
        {
            first.abort();
        }
        oldest.push_back(open.spawn(answer_one(stream, app.clone())));
    }
}

/// Without a descriptor left there is nothing to do but wait for one.
async fn accept_failed(error: &io::Error) {
    let of_the_peer = matches!(
        error.kind(),
        ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::ConnectionRefused
    );
    if !of_the_peer {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn answer_one(stream: TcpStream, app: Router) {
    let connection = http1::Builder::new()
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(app));
    // What goes wrong here the other side sees, and it is the one that asked.
    let _ = tokio::time::timeout(CONNECTION_LIMIT, connection).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Ill;

    impl Probed for Ill {
        fn alive(&self) -> Answer {
            Ok(())
        }

        async fn ready(&self) -> Answer {
            Err("pods were not read yet".to_owned())
        }
    }

    async fn get_at(address: SocketAddr, path: &str) -> Option<(u16, String)> {
        let answer = reqwest::get(format!("http://{address}{path}")).await.ok()?;
        Some((answer.status().as_u16(), answer.text().await.ok()?))
    }

    #[tokio::test]
    async fn probes_and_metrics_are_answered_until_it_stops() -> io::Result<()> {
        let listener = listen((Ipv4Addr::LOCALHOST, 0).into()).await?;
        let address = listener.local_addr()?;
        let stop = CancellationToken::new();
        let app = probes(Arc::new(Ill)).merge(metrics(|| Ok("kuryr_leader 1\n".to_owned())));
        let serving = tokio::spawn(serve(listener, app, stop.clone()));
        let said = |status, text: &str| Some((status, text.to_owned()));
        assert_eq!(get_at(address, "/alive").await, said(200, "ok\n"));
        let unready = said(503, "pods were not read yet\n");
        assert_eq!(get_at(address, "/ready").await, unready);
        let shown = said(200, "kuryr_leader 1\n");
        assert_eq!(get_at(address, "/metrics").await, shown);
        stop.cancel();
        assert!(matches!(serving.await, Ok(Ok(()))));
        assert_eq!(get_at(address, "/alive").await, None);
        Ok(())
    }

    #[tokio::test]
    async fn silent_connections_make_way() -> io::Result<()> {
        let listener = listen((Ipv4Addr::LOCALHOST, 0).into()).await?;
        let address = listener.local_addr()?;
        let stop = CancellationToken::new();
        let _end = stop.clone().drop_guard();
        tokio::spawn(serve(listener, probes(Arc::new(Ill)), stop));
        let mut silent = Vec::new();
        for _ in 0..3 * CONNECTIONS {
            silent.push(TcpStream::connect(address).await?);
        }
        assert_eq!(
            get_at(address, "/alive").await,
            Some((200, "ok\n".to_owned()))
        );
        let mut first = silent.remove(0);
        let closed = tokio::io::AsyncReadExt::read(&mut first, &mut [0; 1]).await;
        assert!(matches!(closed, Ok(0) | Err(_)), "the oldest are closed");
        Ok(())
    }

    #[test]
    fn only_every_address_falls_back_to_ipv4() {
        let lacks = io::Error::from(ErrorKind::AddrNotAvailable);
        let every = SocketAddr::from(([0; 16], 8082));
        let one = SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], 8082));
        assert!(is_without_ipv6(every, &lacks));
        assert!(!is_without_ipv6(one, &lacks));
        let taken = io::Error::from(ErrorKind::AddrInUse);
        assert!(!is_without_ipv6(every, &taken));
    }
}
