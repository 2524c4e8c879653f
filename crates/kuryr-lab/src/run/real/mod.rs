//! A real Kubernetes API: this machine's etcd and kube-apiserver, on loopback.
//!
//! ```text
//! binaries   where the two programs are
//! keys       an authority, the server's certificate, the key of service accounts
//! process    a program that is started, waited for, and ended with the lab
//! scheduler  nodes for pods: there is no kube-scheduler here
//! ```
//!
//! There is no controller-manager either: nothing collects garbage or empties a namespace.

mod binaries;
mod error;
mod keys;
mod process;
mod scheduler;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::time::Duration;

use backon::{ConstantBuilder, Retryable};
use kube::Client;
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::json;
use tokio::net::TcpStream;
use tokio_util::sync::{CancellationToken, DropGuard};

pub(super) use binaries::Binaries;
pub use error::RealError;
use keys::Keys;
use process::Process;
pub(super) use process::kill_leftovers;

/// How often an unready server is asked again, and how often at most: a minute.
const ASK_EVERY: Duration = Duration::from_millis(50);
const ASK_TIMES: usize = 1200;
/// Range of services' addresses, as in the embedded cluster.
const SERVICES: &str = "10.96.0.0/16";

/// A running etcd and kube-apiserver; they are killed when it is dropped.
#[derive(Debug)]
pub(super) struct RealKubernetes {
    api_server: Process,
    etcd: Process,
    address: SocketAddr,
    keys: Keys,
    version: String,
    _scheduler: DropGuard,
}

impl RealKubernetes {
    /// Starts both with their data in `folder`, and waits until they serve.
    pub(super) async fn start(binaries: &Binaries, folder: &Path) -> Result<Self, RealError> {
        let keys = Keys::make(folder)?;
        let (clients, peers) = (free_address()?, free_address()?);
        let mut etcd = Process::start(
            &binaries.etcd,
            "etcd",
            etcd_flags(folder, clients, peers),
            folder,
        )?;
        let address = free_address()?;
        let flags = api_server_flags(folder, &keys, address, clients);
        let mut api_server = Process::start(&binaries.api_server, "kube-apiserver", flags, folder)?;
        let client = client(&kubeconfig(address, &keys)).await?;
        let version = tokio::select! {
            version = serving(&client, address) => version.map_err(|error| api_server.not_ready(&error))?,
            ended = api_server.ended() => return Err(ended),
            ended = etcd.ended() => return Err(ended),
        };
        let stop = CancellationToken::new();
        tokio::spawn(
            stop.clone()
                .run_until_cancelled_owned(scheduler::run(client)),
        );
        Ok(Self {
            api_server,
            etcd,
            address,
            keys,
            version,
            _scheduler: stop.drop_guard(),
        })
    }

    /// What it is, for people.
    pub(super) fn name(&self) -> String {
        format!("etcd and kube-apiserver {}", self.version)
    }

    /// A configuration file for `kubectl`, as JSON, which YAML includes.
    pub(super) fn kubeconfig(&self) -> String {
        kubeconfig(self.address, &self.keys)
    }

    /// Ends both.
    pub(super) async fn shutdown(mut self) {
        self.api_server.kill().await;
        self.etcd.kill().await;
    }
}

/// A free port of loopback. Another process could take it before the program does; it then
/// says so and ends.
fn free_address() -> Result<SocketAddr, RealError> {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|free| free.local_addr());
    free.map_err(RealError::NoPort)
}

fn etcd_flags(folder: &Path, clients: SocketAddr, peers: SocketAddr) -> Vec<String> {
    vec![
        "--name=kuryr-lab".to_owned(),
        format!("--data-dir={}", folder.join("etcd").display()),
        "--unsafe-no-fsync".to_owned(),
        format!("--listen-client-urls=http://{clients}"),
        format!("--advertise-client-urls=http://{clients}"),
        format!("--listen-peer-urls=http://{peers}"),
        format!("--initial-advertise-peer-urls=http://{peers}"),
        format!("--initial-cluster=kuryr-lab=http://{peers}"),
    ]
}

/// Whoever has the token may do everything. What a controller-manager would have to do is
/// switched off: service accounts' tokens, taints of nodes that are not ready.
fn api_server_flags(folder: &Path, keys: &Keys, own: SocketAddr, etcd: SocketAddr) -> Vec<String> {
    let file = |name: &str| folder.join(name).display().to_string();
    vec![
        format!("--etcd-servers=http://{etcd}"),
        format!("--bind-address={}", own.ip()),
        format!("--secure-port={}", own.port()),
        format!("--cert-dir={}", folder.display()),
        format!("--tls-cert-file={}", keys.certificate.display()),
        format!("--tls-private-key-file={}", keys.key.display()),
        format!("--token-auth-file={}", keys.tokens.display()),
        "--authorization-mode=AlwaysAllow".to_owned(),
        "--anonymous-auth=false".to_owned(),
        "--disable-admission-plugins=ServiceAccount,TaintNodesByCondition".to_owned(),
        "--endpoint-reconciler-type=none".to_owned(),
        "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
        format!("--service-account-key-file={}", file(keys::ACCOUNTS.1)),
        format!(
            "--service-account-signing-key-file={}",
            file(keys::ACCOUNTS.0)
        ),
        format!("--service-cluster-ip-range={SERVICES}"),
    ]
}

fn kubeconfig(address: SocketAddr, keys: &Keys) -> String {
    let cluster = json!({
        "server": format!("https://{address}"), "certificate-authority-data": keys.authority_base64,
    });
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "kuryr-lab", "cluster": cluster}],
        "users": [{"name": "kuryr-lab", "user": {"token": keys.token}}],
        "contexts": [{
            "name": "kuryr-lab",
            "context": {"cluster": "kuryr-lab", "user": "kuryr-lab", "namespace": "default"},
        }],
        "current-context": "kuryr-lab",
    });
    format!("{config:#}\n")
}

async fn client(kubeconfig: &str) -> Result<Client, RealError> {
    let refused = |error: &dyn std::fmt::Display| RealError::Client(error.to_string());
    let config = Kubeconfig::from_yaml(kubeconfig).map_err(|error| refused(&error))?;
    let options = KubeConfigOptions::default();
    let config = kube::Config::from_custom_kubeconfig(config, &options).await;
    Client::try_from(config.map_err(|error| refused(&error))?).map_err(|error| refused(&error))
}

/// Waits until the API server is ready; its version.
async fn serving(client: &Client, address: SocketAddr) -> Result<String, kube::Error> {
    let often = ConstantBuilder::default()
        .with_delay(ASK_EVERY)
        .with_max_times(ASK_TIMES);
    let listens = || TcpStream::connect(address);
    let connected = listens.retry(often).await;
    connected.map_err(|error| kube::Error::Service(error.into()))?;
    let ready = || async {
        let request = http::Request::get("/readyz").body(Vec::new());
        client
            .request_text(request.map_err(kube::Error::HttpError)?)
            .await
    };
    ready.retry(often).await?;
    Ok(client.apiserver_version().await?.git_version)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_kubeconfig_can_be_read() {
        let keys = Keys::in_memory();
        let text = kubeconfig("127.0.0.1:6443".parse().unwrap(), &keys);
        let config = Kubeconfig::from_yaml(&text).unwrap();
        assert_eq!(config.current_context.as_deref(), Some("kuryr-lab"));
        assert!(text.contains("https://127.0.0.1:6443"));
    }
}
