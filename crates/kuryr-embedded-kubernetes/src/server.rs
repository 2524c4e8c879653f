//! Starting and stopping the API.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use ipnet::Ipv4Net;
use kube::config::Kubeconfig;
use kuryr_checkpoint::Checkpoint;
use serde_json::json;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::{
    api::Api,
    bootstrap, controllers,
    http::{self, Gate, GatedListener, Server, authorize::Authorizer, faults::Faults},
    kinds::ServiceRange,
    model::error::ApiError,
    store::Store,
};

/// How the API behaves.
#[derive(Debug, Clone)]
pub struct KubeOptions {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Addresses of services.
    pub services: ServiceRange,
    /// Changes remembered of each resource; an older watch gets 410.
    pub history: usize,
    /// How often a watch that wants bookmarks gets one.
    pub bookmark_every: Duration,
    /// Pods without a node are given one.
    pub scheduler: bool,
    /// `gitVersion` of `/version`.
    pub version: String,
}

impl Default for KubeOptions {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            services: ServiceRange(Ipv4Net::new_assert([10, 96, 0, 0].into(), 16)),
            history: 16_384,
            bookmark_every: Duration::from_secs(60),
            scheduler: true,
            version: "v1.33.0-kuryr-lab".to_owned(),
        }
    }
}

/// The API could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address} for the Kubernetes API: {source}")]
    Listen {
        address: SocketAddr,
        /// What the kernel said.
        source: io::Error,
    },
    /// The first objects were refused.
    #[error("cannot create the first objects of the cluster: {0}")]
    Bootstrap(#[from] ApiError),
}

/// A running Kubernetes API; it stops when dropped.
#[derive(Debug)]
pub struct KubeApi {
    address: SocketAddr,
    server: Arc<Server>,
    gate: Gate,
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

impl KubeApi {
    /// Starts the API and its controllers.
    ///
    /// # Errors
    /// The address is taken, or the first objects are refused.
    pub async fn start(options: KubeOptions) -> Result<Self, StartError> {
        let refused = |source| StartError::Listen {
            address: options.listen,
            source,
        };
        let listener = TcpListener::bind(options.listen).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let api = Arc::new(Api::new(options.services, options.history));
        let changes = api.store().observe();
        bootstrap::fill(&api, options.services, address)?;
        let stop = CancellationToken::new();
        let controllers = controllers::all(options.scheduler);
        let control = controllers::run(Arc::clone(&api), changes, controllers, stop.clone());
        let server = Arc::new(Server {
            api,
            authorizer: Authorizer::default(),
            faults: Faults::default(),
            checkpoint: Checkpoint::default(),
            bookmark_every: options.bookmark_every,
            version: options.version,
        });
        let gate = Gate::default();
        let serve = serve(listener, gate.clone(), Arc::clone(&server), stop.clone());
        Ok(Self {
            address,
            server,
            gate,
            stop,
            tasks: vec![tokio::spawn(control), tokio::spawn(serve)],
        })
    }

    /// The URL of the API.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where the API listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A configuration file for `kubectl` and other clients, as YAML (which JSON is).
    pub fn kubeconfig(&self) -> String {
        format!("{:#}\n", self.kubeconfig_value())
    }

    fn kubeconfig_value(&self) -> serde_json::Value {
        json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "kuryr-lab", "cluster": {"server": self.url()}}],
            "users": [{"name": "kuryr-lab", "user": {}}],
            "contexts": [{
                "name": "kuryr-lab",
                "context": {"cluster": "kuryr-lab", "user": "kuryr-lab", "namespace": "default"},
            }],
            "current-context": "kuryr-lab",
        })
    }

    /// The same configuration as a value of `kube`.
    ///
    /// # Errors
    /// `kube` cannot read it.
    pub fn kube_config_file(&self) -> Result<Kubeconfig, serde_json::Error> {
        serde_json::from_value(self.kubeconfig_value())
    }

    /// Configuration of a `kube::Client` for this API.
    ///
    /// # Errors
    /// The URL cannot be read.
    pub fn client_config(&self) -> Result<kube::Config, axum::http::uri::InvalidUri> {
        Ok(kube::Config::new(self.url().parse()?))
    }

    /// A client of this API.
    ///
    /// # Errors
    /// `kube` cannot make one.
    pub fn client(&self) -> Result<kube::Client, kube::Error> {
        let config = self
            .client_config()
            .map_err(|error| kube::Error::Service(error.into()))?;
        kube::Client::try_from(config)
    }

    /// The verbs on objects, without HTTP.
    pub fn api(&self) -> &Arc<Api> {
        &self.server.api
    }

    /// All objects.
    pub fn store(&self) -> &Store {
        self.server.api.store()
    }

    /// Who may do what.
    pub fn authorizer(&self) -> &Authorizer {
        &self.server.authorizer
    }

    /// Faults to inject.
    pub fn faults(&self) -> &Faults {
        &self.server.faults
    }

    /// Where calls can be looked at and held.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.server.checkpoint
    }

    /// Forgets all history and ends all watches with 410.
    pub fn expire_history(&self) {
        self.server.api.forget_history();
        self.server.faults.expire_watches();
    }

    /// Breaks all connections and refuses new ones until [`KubeApi::come_back`].
    pub fn go_down(&self) {
        self.gate.close();
    }

    /// Accepts connections again.
    pub fn come_back(&self) {
        self.gate.open();
    }

    /// Stops the API and waits until it has stopped.
    pub async fn shutdown(mut self) {
        self.halt();
        for task in std::mem::take(&mut self.tasks) {
            if let Err(error) = task.await {
                tracing::warn!(%error, "a task of the Kubernetes API ended badly");
            }
        }
    }

    fn halt(&self) {
        self.stop.cancel();
        self.gate.close();
    }
}

impl Drop for KubeApi {
    fn drop(&mut self) {
        self.halt();
    }
}

async fn serve(listener: TcpListener, gate: Gate, server: Arc<Server>, stop: CancellationToken) {
    let serving = axum::serve(GatedListener::new(listener, gate), http::router(server));
    let ended = tokio::select! {
        () = stop.cancelled() => Ok(()),
        ended = serving => ended,
    };
    if let Err(error) = ended {
        tracing::error!(%error, "the Kubernetes API stopped serving");
    }
}
