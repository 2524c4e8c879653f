//! Controller and daemons in a lab: the real ones, each with a `kuryr.conf` as an operator
//! would write it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use futures::FutureExt;
use futures::future::BoxFuture;
use kuryr_config::{Config, Role, Sources};
use kuryr_daemon::DaemonConfig;
use kuryr_lab::run::{ControllerSeat, DaemonSeat, Product};
use prometheus_client::registry::Registry;
use tokio_util::sync::CancellationToken;

use kuryr_programs::controller;
use kuryr_programs::wiring::{self, Stop, logging, openstack, stop_on_signal};

/// This program's controller and daemon.
#[derive(Debug)]
pub(crate) struct Kuryr {
    /// Further configuration files, over the lab's own.
    pub(crate) config_files: Vec<PathBuf>,
}

/// Runs a lab's command, with the log of all parts in a file if one is named. When it fails,
/// the last warnings and errors are with the message.
pub(crate) fn run(
    log: Option<&Path>,
    work: impl AsyncFnOnce(CancellationToken) -> Result<bool, Stop>,
) -> Result<bool, Stop> {
    let create = |path: &Path| {
        File::create(path)
            .map_err(|error| Stop::new(format!("cannot write {}: {error}", path.display())))
    };
    let recent = logging::to_file(log.map(create).transpose()?);
    let result = wiring::tool(async {
        let stop = CancellationToken::new();
        tokio::spawn(stop_on_signal(stop.clone()));
        work(stop).await
    });
    if !matches!(result, Ok(true)) && !recent.lines().is_empty() {
        eprintln!("The last warnings of all parts (--log FILE has the whole log):");
        recent
            .lines()
            .iter()
            .for_each(|line| eprintln!("  {}", line.trim()));
    }
    result
}

impl Product for Kuryr {
    fn controller(
        &self,
        seat: ControllerSeat,
        stop: CancellationToken,
    ) -> BoxFuture<'static, Result<(), String>> {
        let conf = controller_conf(&seat);
        let config = self.config(
            &seat.folder.join("controller.conf"),
            &conf,
            Role::Controller,
        );
        async move {
            let config = config?;
            let cloud = openstack(&config).await.map_err(|stop| stop.to_string())?;
            let settings = controller::settings(&config);
            let ran =
                kuryr_controller::run(settings, seat.client, cloud, Registry::default(), stop)
                    .await;
            ran.map_err(|error| Stop::from_error(error).to_string())
        }
        .boxed()
    }

    fn daemon(
        &self,
        seat: DaemonSeat,
        stop: CancellationToken,
    ) -> BoxFuture<'static, Result<(), String>> {
        let conf = daemon_conf(&seat);
        let config = self.config(&seat.state_dir.join("daemon.conf"), &conf, Role::Daemon);
        async move {
            let mut settings =
                DaemonConfig::new(&config?).map_err(|error| Stop::from_error(error).to_string())?;
            // All daemons of a lab share this process's addresses.
            (settings.health, settings.metrics) = (None, None);
            let ran = kuryr_daemon::run(settings, seat.client, stop).await;
            ran.map_err(|error| Stop::from_error(error).to_string())
        }
        .boxed()
    }

    /// By this process rather than by name: the file may be built anew while the lab runs.
    fn plugin(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}/exe", std::process::id()))
    }
}

impl Kuryr {
    /// Whether the user's own files can be used at all.
    pub(crate) fn check(&self) -> Result<(), Stop> {
        if self.config_files.is_empty() {
            return Ok(());
        }
        let sources = Sources {
            config_files: self.config_files.clone(),
            config_dirs: vec![],
            env: BTreeMap::new(),
            role: Role::Any,
        };
        let loaded = Config::load(&sources);
        loaded
            .map(drop)
            .map_err(|errors| Stop::new(kuryr_config::report(&Err(errors)).text))
    }

    /// Writes a part's `kuryr.conf` and reads it, with the user's over it.
    fn config(&self, file: &Path, text: &str, role: Role) -> Result<Config, String> {
        fs::write(file, text)
            .map_err(|error| format!("cannot write {}: {error}", file.display()))?;
        let config_files = [file.to_owned()]
            .into_iter()
            .chain(self.config_files.clone())
            .collect();
        // What is set for another cluster in the environment is not meant for this one.
        let sources = Sources {
            config_files,
            config_dirs: vec![],
            env: BTreeMap::new(),
            role,
        };
        let loaded =
            Config::load(&sources).map_err(|errors| kuryr_config::report(&Err(errors)).text)?;
        loaded
            .warnings
            .iter()
            .for_each(|warning| tracing::warn!("{warning}"));
        Ok(loaded.config)
    }
}

fn controller_conf(seat: &ControllerSeat) -> String {
    format!(
        "[neutron]\n\
         cloud = {cloud}\n\
         clouds_file = {file}\n\
         [neutron_defaults]\n\
         pod_subnet = {subnet}\n\
         pod_security_groups = {groups}\n\
         [pod_vif_nested]\n\
         worker_nodes_subnets = {nodes}\n\
         [kubernetes]\n\
         port_debug = true\n\
         [kuryr]\n\
         cluster_id = lab\n\
         [health_server]\n\
         port = 0\n\
         [prometheus_exporter]\n\
         controller_exporter_port = 0\n",
        cloud = seat.cloud,
        file = seat.clouds_file.display(),
        subnet = seat.pod_subnet,
        groups = seat.pod_security_groups.join(","),
        nodes = seat.node_subnet,
    )
}

fn daemon_conf(seat: &DaemonSeat) -> String {
    format!(
        "[kuryr]\n\
         node_name = {node}\n\
         node_netns = {netns}\n\
         cni_socket = {socket}\n\
         state_dir = {state}\n\
         [binding]\n\
         link_iface = {uplink}\n",
        node = seat.node,
        netns = seat.netns.display(),
        socket = seat.socket.display(),
        state = seat.state_dir.display(),
        uplink = seat.uplink,
    )
}
