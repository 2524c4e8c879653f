//! Connections to the Kubernetes API that notice when nobody is at the other end any more.
//!
//! After a failover of the API's virtual address the packets of old connections may go nowhere: no RST comes, and a watch would
//! hear nothing until its own end. So TCP asks an idle connection (`SO_KEEPALIVE`, `TCP_USER_TIMEOUT`), and HTTP/2, which the
//! API server speaks by TLS, pings through proxies too, as client-go does. What hangs on a dead connection fails, and is
//! asked for anew on another.

use std::time::Duration;

use hyper_rustls::{FixedServerNameResolver, HttpsConnector, HttpsConnectorBuilder};
use hyper_timeout::TimeoutConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use kube::client::{Body, ClientBuilder, ConfigExt, retry::RetryPolicy};
use kube::{Client, Config};
use kuryr_trust::Trust;
use rustls::pki_types::{CertificateDer, ServerName};
use tower::retry::RetryLayer;
use tower::{BoxError, ServiceBuilder};

use super::Stop;

/// How soon a dead connection is noticed: within the two together. Both are well below a lease's 15 s.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pulse {
    /// A connection that was silent for so long is asked.
    pub(crate) after: Duration,
    /// It is given up if no answer comes for so long.
    pub(crate) patience: Duration,
}

impl Default for Pulse {
    fn default() -> Self {
        Self {
            after: Duration::from_secs(5),
            patience: Duration::from_secs(5),
        }
    }
}

/// A client by `config`; its connections are watched over.
pub(crate) fn client(mut config: Config, pulse: Pulse) -> Result<Client, Stop> {
    let trust = trusted(&config)?;
    if let Some(trust) = &trust {
        config.root_cert = Some(trust.certificates().iter().map(|c| c.to_vec()).collect());
    }
    let mut connector = TimeoutConnector::new(https(&config, trust, pulse)?);
    connector.set_connect_timeout(config.connect_timeout);
    connector.set_read_timeout(config.read_timeout);
    connector.set_write_timeout(config.write_timeout);
    let http = hyper_util::client::legacy::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .http2_keep_alive_interval(pulse.after)
        .http2_keep_alive_timeout(pulse.patience)
        .http2_keep_alive_while_idle(true)
        .build::<_, Body>(connector);
    let retry = RetryLayer::new(RetryPolicy::server_retry());
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.default_retry.then_some(retry))
        .option_layer(config.auth_layer().map_err(Stop::from_error)?)
        .layer(config.extra_headers_layer().map_err(Stop::from_error)?)
        .map_err(BoxError::from)
        .service(http);
    Ok(ClientBuilder::new(service, config.default_namespace).build())
}

/// The authorities that the configuration names itself; a pod's own are read again by the client when they change.
fn trusted(config: &Config) -> Result<Option<Trust>, Stop> {
    let Some(named) = config
        .root_cert
        .as_ref()
        .filter(|_| !config.accept_invalid_certs)
    else {
        return Ok(None);
    };
    let named = named.iter().map(|der| CertificateDer::from(der.clone()));
    let trust = Trust::from_der(named.collect());
    trust
        .map(Some)
        .map_err(|e| Stop(format!("the Kubernetes API's CA certificates: {e}")))
}

fn https(
    config: &Config,
    trust: Option<Trust>,
    pulse: Pulse,
) -> Result<HttpsConnector<HttpConnector>, Stop> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_keepalive(Some(pulse.after));
    tcp.set_keepalive_interval(Some(pulse.patience / KEEPALIVES));
    tcp.set_keepalive_retries(Some(KEEPALIVES));
    tcp.set_tcp_user_timeout(Some(pulse.after + pulse.patience));
    let mut tls = config.rustls_client_config().map_err(Stop::from_error)?;
    if let Some(trust) = trust {
        let verifier = trust.verifier().map_err(Stop::from_error)?;
        tls.dangerous().set_certificate_verifier(verifier);
    }
    let mut builder = HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http();
    if let Some(name) = &config.tls_server_name {
        let name = ServerName::try_from(name.clone()).map_err(Stop::from_error)?;
        builder = builder.with_server_name_resolver(FixedServerNameResolver::new(name));
    }
    Ok(builder.enable_http1().enable_http2().wrap_connector(tcp))
}

/// How many of TCP's questions may go unanswered.
const KEEPALIVES: u32 = 3;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::future::pending;
    use std::net::{Ipv4Addr, SocketAddr, TcpListener as StdListener};

    use axum::Router;
    use axum::routing::get;
    use axum_server::tls_rustls::RustlsConfig;
    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
    use tokio::io::copy_bidirectional;
    use tokio::net::{TcpListener, TcpStream};
    use tokio::sync::watch;
    use tokio::time::timeout;

    use super::*;

    /// Far more than what is tested takes.
    const LONG: Duration = Duration::from_secs(60);

    /// An API that answers one question and never the other, by TLS with a certificate that is its own authority.
    fn api() -> (SocketAddr, Vec<u8>) {
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let _ = provider.install_default();
        let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let der = certificate.der().to_vec();
        let listener = StdListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let routes = Router::new()
            .route("/answered", get(|| async { "yes" }))
            .route("/never", get(pending::<&'static str>));
        let chain = vec![der.clone()];
        tokio::spawn(async move {
            let tls = RustlsConfig::from_der(chain, key.serialize_der())
                .await
                .unwrap();
            let server = axum_server::from_tcp_rustls(listener, tls).unwrap();
            server.serve(routes.into_make_service()).await.unwrap();
        });
        (address, der)
    }

    /// Forwards each connection to the API. On `hold` those that there are stay open, and nothing passes them any more.
    async fn proxy(api: SocketAddr, hold: &watch::Sender<()>) -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let at = listener.local_addr().unwrap();
        let hold = hold.clone();
        tokio::spawn(async move {
            loop {
                let (mut near, _) = listener.accept().await.unwrap();
                let mut held = hold.subscribe();
                let mut far = TcpStream::connect(api).await.unwrap();
                tokio::spawn(async move {
                    tokio::select! {
                        _ = copy_bidirectional(&mut near, &mut far) => {}
                        _ = held.changed() => pending().await,
                    }
                });
            }
        });
        at
    }

    async fn asks(client: &Client, path: &str) -> Result<String, String> {
        let request = axum::http::Request::get(path).body(vec![]).unwrap();
        client
            .request_text(request)
            .await
            .map_err(|e| kuryr_process::chain(&e))
    }

    #[tokio::test]
    async fn a_connection_that_nothing_passes_any_more_is_replaced() {
        let (api, certificate) = api();
        let (hold, _) = watch::channel(());
        let at = proxy(api, &hold).await;
        let mut config = Config::new(format!("https://{at}").parse().unwrap());
        config.root_cert = Some(vec![certificate]);
        config.read_timeout = Some(10 * LONG);
        let pulse = Pulse {
            after: Duration::from_millis(200),
            patience: Duration::from_millis(500),
        };
        let client = client(config, pulse).unwrap();
        assert_eq!(asks(&client, "/answered").await.unwrap(), "yes");
        let watching = tokio::spawn({
            let client = client.clone();
            async move { asks(&client, "/never").await }
        });
        // Longer than it takes to give a connection up: this one is good, and stays.
        tokio::time::sleep(2 * (pulse.after + pulse.patience)).await;
        assert!(!watching.is_finished());
        hold.send_replace(());
        let end = timeout(LONG, watching)
            .await
            .expect("the dead connection is noticed");
        end.unwrap().unwrap_err();
        let again = timeout(LONG, asks(&client, "/answered")).await;
        assert_eq!(again.expect("on another connection").unwrap(), "yes");
    }
}
