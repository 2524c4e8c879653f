//! What the daemon takes from the configuration, in one place.

use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use kuryr_api::names::local_switching_lease;
use kuryr_config::Config;
use kuryr_config::options::PlugMethod;
use kuryr_net::Method;

use crate::error::DaemonError;
use crate::install::Places;
use crate::switching::Place;

/// What the daemon works with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DaemonConfig {
    /// The Kubernetes node that it serves.
    pub node_name: String,
    /// Where it listens for the plugin.
    pub socket: PathBuf,
    /// Where it keeps the record of what is plugged.
    pub state_dir: PathBuf,
    /// The node's network namespace; `None`: this process is in it.
    pub node_netns: Option<PathBuf>,
    /// The trunk's link; `None`: the one with the node's address.
    pub link_iface: Option<String>,
    /// The node's address; `None`: the trunk's link is the default route's.
    pub node_ip: Option<IpAddr>,
    /// How to plug.
    pub method: Method,
    /// How long an ADD waits for its port.
    pub port_wait: Duration,
    /// Interfaces plugged and unplugged at once.
    pub workers: usize,
    /// Interfaces in a row that the kernel may refuse before the daemon says that it is not
    /// alive.
    pub failures_allowed: u32,
    /// Where plugin and configuration are put on the node; `None`: somebody else does.
    pub places: Option<Places>,
    /// Where the leader says what may be switched on the node; `None`: nothing is.
    pub local_switching: Option<Place>,
    /// Whether what the node's operator is to know is told by Events.
    pub use_events: bool,
    /// Where the host's `/proc` is, if not at `/proc`.
    pub proc_dir: Option<PathBuf>,
    /// Where `/alive` and `/ready` are served; `None`: nowhere.
    pub health: Option<SocketAddr>,
    /// Where `/metrics` is served; `None`: nowhere.
    pub metrics: Option<SocketAddr>,
}

impl DaemonConfig {
    /// Reads what concerns the daemon.
    ///
    /// # Errors
    /// [`DaemonError::NodeName`] if none is configured and the host has none; [`DaemonError::Places`].
    pub fn new(config: &Config) -> Result<Self, DaemonError> {
        let node_name = match &config.kuryr.node_name {
            Some(name) => name.clone(),
            None => host_name().map_err(|source| DaemonError::NodeName { source })?,
        };
        let daemon = &config.cni_daemon;
        Ok(Self {
            node_name,
            socket: config.kuryr.cni_socket.clone(),
            state_dir: config.kuryr.state_dir.clone(),
            node_netns: config.kuryr.node_netns.clone(),
            link_iface: config.binding.link_iface.clone(),
            // The form was checked when it was read.
            node_ip: config.kuryr.node_ip.as_ref().and_then(|ip| ip.parse().ok()),
            method: match config.kuryr.plug_method {
                PlugMethod::Auto => Method::Auto,
                PlugMethod::Vlan => Method::Vlan,
                PlugMethod::Bpf => Method::Bpf,
            },
            port_wait: daemon.vif_annotation_timeout,
            workers: daemon.worker_num,
            failures_allowed: daemon.cni_failures_count,
            places: places(config)?,
            local_switching: config.kuryr.local_switching.then(|| Place {
                namespace: config.kuryr.lease_namespace.clone(),
                name: local_switching_lease(&config.kuryr.lease_name),
            }),
            use_events: config.kubernetes.use_events,
            proc_dir: daemon.netns_proc_dir.clone().filter(|_| daemon.docker_mode),
            health: Some(any(config.cni_health_server.port)),
            metrics: Some(any(config.prometheus_exporter.cni_exporter_port)),
        })
    }
}

/// Where plugin and configuration are put, by both folders or none.
///
/// # Errors
/// [`DaemonError::Places`] if only one is named, or the plugin can't be.
pub fn places(config: &Config) -> Result<Option<Places>, DaemonError> {
    let wrong = |what: &str| DaemonError::Places {
        what: what.to_owned(),
    };
    let kuryr = &config.kuryr;
    let (bin_dir, conf_dir) = match (&kuryr.cni_bin_dir, &kuryr.cni_conf_dir) {
        (Some(bin), Some(conf)) => (bin.clone(), conf.clone()),
        (None, None) => return Ok(None),
        _ => {
            return Err(wrong(
                "set [kuryr] cni_bin_dir and cni_conf_dir, or neither",
            ));
        }
    };
    let conf_name = kuryr.cni_conf_name.clone();
    // libcni reads a list of plugins from these only.
    if !conf_name.ends_with(".conflist") || conf_name.contains('/') || conf_name.starts_with('.') {
        return Err(wrong(
            "[kuryr] cni_conf_name is no file name that ends with .conflist",
        ));
    }
    let beside = || {
        let program = std::env::current_exe().ok()?;
        Some(program.with_file_name("kuryr-cni"))
    };
    let plugin = kuryr.cni_plugin.clone().or_else(beside);
    let plugin = plugin.ok_or_else(|| wrong("name the plugin in [kuryr] cni_plugin"))?;
    Ok(Some(Places {
        plugin,
        bin_dir,
        conf_dir,
        conf_name,
    }))
}

/// Every address of the host, as upstream.
fn any(port: u16) -> SocketAddr {
    (Ipv6Addr::UNSPECIFIED, port).into()
}

/// The host's name in lower case, as kubelet names its node.
fn host_name() -> io::Result<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname")?;
    Ok(name.trim().to_ascii_lowercase())
}
