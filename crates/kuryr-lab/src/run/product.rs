//! What a lab runs and does not know: the controller and the daemons.

use std::net::IpAddr;
use std::path::PathBuf;

use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;

/// The controller and the daemons, as whoever runs the lab starts them.
pub trait Product: Send + Sync {
    /// Runs the controller until `stop`; the error is why it ended before.
    fn controller(
        &self,
        seat: ControllerSeat,
        stop: CancellationToken,
    ) -> BoxFuture<'static, Result<(), String>>;

    /// Runs a worker's daemon until `stop`; the error is why it ended before.
    fn daemon(
        &self,
        seat: DaemonSeat,
        stop: CancellationToken,
    ) -> BoxFuture<'static, Result<(), String>>;

    /// The program that acts as the CNI plugin when it is called `kuryr-cni`.
    fn plugin(&self) -> PathBuf;
}

/// Where a controller works.
#[derive(Clone)]
pub struct ControllerSeat {
    /// The lab's folder, for its configuration.
    pub folder: PathBuf,
    /// A client of the Kubernetes API.
    pub client: kube::Client,
    /// A `clouds.yaml`.
    pub clouds_file: PathBuf,
    pub cloud: String,
    /// Subnet of pods' ports, by id.
    pub pod_subnet: String,
    /// Security groups of pods' ports, by id.
    pub pod_security_groups: Vec<String>,
    /// Subnet of the workers' ports, by id.
    pub node_subnet: String,
}

/// Where a daemon works.
#[derive(Clone)]
pub struct DaemonSeat {
    /// A client of the Kubernetes API.
    pub client: kube::Client,
    /// The worker's name in Kubernetes.
    pub node: String,
    pub address: IpAddr,
    /// Its network namespace.
    pub netns: PathBuf,
    /// The link in it that is its trunk port.
    pub uplink: String,
    /// Where the plugin of this worker finds the daemon.
    pub socket: PathBuf,
    /// Where the daemon keeps what it plugged.
    pub state_dir: PathBuf,
}
