//! The programs of ours that a scenario starts, kills and starts again.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;

use crate::cloud::{CLOUD, CLUSTER, Group};
use crate::http::Site;
use crate::metrics;
use crate::node::Node;
use crate::process::Process;
use crate::progress::until;
use crate::stack::{DRIVER, Stack};
use crate::{Outcome, fail};

/// Names the folder of `kuryr` and `kuryr-cni`; `cargo xtask test` sets it.
const DIST: &str = "KURYR_DIST";
/// How long a start may take.
const PATIENCE: Duration = Duration::from_secs(90);
/// The daemon's health and metrics: each node has a network of its own.
const DAEMON_HEALTH: u16 = 8090;

/// Where the way to Kubernetes is written that has the rights of a part's own account.
pub(crate) fn kubeconfig_of(dir: &Path, account: &str) -> PathBuf {
    dir.join(format!("{account}.kubeconfig"))
}

/// What all programs of a scenario are started with.
#[derive(Debug)]
pub struct Kit {
    stack: Stack,
    /// Configuration and logs.
    dir: PathBuf,
    kuryr: PathBuf,
    controller: PathBuf,
    daemon: PathBuf,
    pub plugin: PathBuf,
    group: Group,
    /// `[kuryr] local_switching` of the programs that are started next.
    pub local_switching: bool,
    /// Whether namespaces have networks of their own.
    pub namespaces: bool,
    /// Whether NetworkPolicies are in force.
    pub policies: bool,
}

#[derive(Debug)]
pub struct Controller {
    /// The running program.
    pub process: Process,
    health: Site,
    metrics: Site,
}

/// The daemon of a node.
#[derive(Debug)]
pub struct Daemon {
    /// The running program.
    pub process: Process,
    health: Site,
}

impl Kit {
    /// Takes the programs as they are now: another build does not change a scenario.
    ///
    /// # Errors
    /// They are not there, or the folder can't be written.
    pub fn new(stack: &Stack, dir: &Path, group: &Group) -> Outcome<Self> {
        let dist = match std::env::var_os(DIST) {
            Some(dist) => PathBuf::from(dist),
            None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/release"),
        };
        let take = |name: &str| -> Outcome<PathBuf> {
            let (from, to) = (dist.join(name), dir.join(name));
            let linked = fs::hard_link(&from, &to).or_else(|_| fs::copy(&from, &to).map(drop));
            linked.map_err(|e| format!("{}: {e}; build it, or set {DIST}", from.display()))?;
            Ok(to)
        };
        Ok(Self {
            kuryr: take("kuryr")?,
            controller: take("kuryr-controller")?,
            daemon: take("kuryr-daemon")?,
            plugin: take("kuryr-cni")?,
            stack: stack.clone(),
            dir: dir.to_owned(),
            group: group.clone(),
            local_switching: false,
            policies: false,
            namespaces: std::env::var(DRIVER).is_ok_and(|driver| driver == "namespace"),
        })
    }

    /// Panics in the programs' logs, which need not end a program.
    ///
    /// # Errors
    /// There is one; or the logs can't be read.
    pub fn no_panic(&self) -> Outcome {
        for entry in fs::read_dir(&self.dir)? {
            let path = entry?.path();
            if path.extension().is_none_or(|e| e != "log") {
                continue;
            }
            let text = fs::read_to_string(&path)?;
            if let Some(line) = text.lines().find(|line| line.contains("panicked at")) {
                return fail(format!("{}: {line}", path.display()));
            }
        }
        Ok(())
    }

    /// The folder of configurations and logs.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// `kuryr` with these arguments.
    #[must_use]
    pub fn kuryr(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.kuryr);
        command.args(args);
        command
    }

    /// Starts a controller; several have different names.
    ///
    /// # Errors
    /// It can't be started.
    pub fn controller(&self, name: &str) -> Outcome<Controller> {
        let (health, metrics) = (free_port()?, free_port()?);
        let configuration = self.dir.join(format!("{name}.conf"));
        fs::write(&configuration, self.configuration(health, metrics))?;
        let mut command = Command::new(&self.controller);
        self.files(&mut command, &configuration, "kuryr-controller");
        let log = self.dir.join(format!("{name}.log"));
        let here = |port| Site { netns: None, port };
        Ok(Controller {
            process: Process::start(name, command, &log, false)?,
            health: here(health),
            metrics: here(metrics),
        })
    }

    /// Starts a node's daemon.
    ///
    /// # Errors
    /// It can't be started.
    pub fn daemon(&self, node: &Node) -> Outcome<Daemon> {
        let name = format!("daemon-{}", node.name);
        let configuration = self.dir.join(format!("{name}.conf"));
        fs::write(&configuration, self.configuration(0, 0))?;
        let mut command = self.stack.on_node(&node.name, &self.daemon);
        command.env("KUBERNETES_NODE_NAME", &node.name);
        self.files(&mut command, &configuration, "kuryr-daemon");
        let log = self.dir.join(format!("{name}.log"));
        Ok(Daemon {
            process: Process::start(&name, command, &log, true)?,
            health: Site {
                netns: Some(node.netns.clone()),
                port: DAEMON_HEALTH,
            },
        })
    }

    fn files(&self, command: &mut Command, configuration: &Path, account: &str) {
        command
            .arg("--config-file")
            .arg(configuration)
            .arg("--kubeconfig")
            .arg(kubeconfig_of(&self.dir, account))
            .env_remove("RUST_LOG");
    }

    /// As an operator writes it. The lease is short, so that its loss is seen soon.
    pub(crate) fn configuration(&self, health: u16, metrics: u16) -> String {
        let subnet = |name: &str| {
            self.stack
                .ids
                .subnets
                .get(name)
                .cloned()
                .unwrap_or_default()
        };
        format!(
            "[DEFAULT]\ndebug = true\n\
             [kuryr]\ncluster_id = {CLUSTER}\nlease_duration = 10\nlease_renew = 2\norphan_grace = 15\nlocal_switching = {local}\n\
             [kubernetes]\nvif_pool_driver = noop\npod_subnets_driver = {driver}\npod_security_groups_driver = {groups}\nendpoints_driver_octavia_provider = {provider}\n\
             [neutron]\ncloud = {CLOUD}\nclouds_file = {clouds}\n\
             [neutron_defaults]\npod_subnet = {pods}\npod_security_groups = {group}\n\
             service_subnet = {services}\nexternal_svc_net = {external}\n\
             [namespace_subnet]\npod_router = {router}\npod_subnet_pool = {pool}\n\
             [pod_vif_nested]\nworker_nodes_subnets = {nodes}\n\
             [health_server]\nport = {health}\n\
             [prometheus_exporter]\ncontroller_exporter_port = {metrics}\n",
            local = self.local_switching,
            driver = if self.namespaces {
                "namespace"
            } else {
                "default"
            },
            groups = if self.policies { "policy" } else { "default" },
            router = self.stack.ids.router,
            pool = self.stack.ids.subnet_pool,
            clouds = self.stack.clouds.display(),
            pods = subnet("k8s-pods"),
            nodes = subnet("k8s-nodes"),
            services = subnet("k8s-services"),
            external = self.stack.ids.external,
            provider = match self.stack.backend.as_str() {
                "ovn" => "ovn",
                _ => "amphora",
            },
            group = self.group.id,
        )
    }
}

impl Controller {
    /// Waits until it knows everything.
    ///
    /// # Errors
    /// It ends, or it takes too long.
    pub async fn until_ready(&mut self) -> Outcome {
        ready(&mut self.process, &self.health).await
    }

    /// Waits until it may write and knows everything.
    ///
    /// # Errors
    /// It ends, or it takes too long.
    pub async fn until_leading(&mut self) -> Outcome {
        let what = format!("{} leads", self.process.name);
        let metrics = &self.metrics;
        let leads = until(what, PATIENCE, async || match leads(metrics).await? {
            true => Ok(()),
            false => fail("it does not"),
        });
        self.process.while_it_runs(leads).await?;
        self.until_ready().await
    }

    /// Whether it may write.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn leads(&self) -> Outcome<bool> {
        leads(&self.metrics).await
    }

    /// Its metrics.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn metrics(&self) -> Outcome<String> {
        self.metrics.get("/metrics").await
    }
}

impl Daemon {
    /// Waits until it serves pods.
    ///
    /// # Errors
    /// It ends, or it takes too long.
    pub async fn until_ready(&mut self) -> Outcome {
        ready(&mut self.process, &self.health).await
    }
}

async fn leads(metrics: &Site) -> Outcome<bool> {
    Ok(metrics::value(&metrics.get("/metrics").await?, "kuryr_leader") == Some(1))
}

async fn ready(process: &mut Process, health: &Site) -> Outcome {
    let what = format!("{} is ready", process.name);
    let ready = until(what, PATIENCE, async || health.get("/ready").await);
    process.while_it_runs(ready).await.map(drop)
}

/// A port that nobody listens on now.
fn free_port() -> Outcome<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
