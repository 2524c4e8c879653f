//! `kuryr bench`

mod load;
mod matrix;
mod policies;
mod scale;
mod units;

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use k8s_openapi::api::core::v1::Node;
use kube::{Api, Client};
use kuryr_bench::cluster::{Playground, Until};
use kuryr_bench::floor::{self, Floor};
use kuryr_bench::{Report, cni, pods, services};
use kuryr_config::{Config, Role, Sources};
use kuryr_openstack::PortQuery;

use kuryr_programs::options::{Cluster, ConfigFiles};
use kuryr_programs::wiring::{self, Stop};
use tokio_util::sync::CancellationToken;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Time ADD and DEL in this node's daemon, with the port ready
    #[command(
        after_help = "Example, on the node:\n  kuryr bench cni --node worker-1 --image registry.k8s.io/pause:3.9"
    )]
    Cni(CniOptions),
    /// Time pods from created to Ready: one by one, and many at once
    #[command(
        after_help = "Examples:\n  kuryr bench pods --nodes worker-1,worker-2 --burst 100\n  \
        kuryr bench pods --nodes worker-1 --other-node worker-3 --singles 20 --json"
    )]
    Pods(PodsOptions),
    /// Time Services from Kubernetes to Octavia, and count the calls
    #[command(after_help = "Example:\n  kuryr bench services --rounds 10 --json")]
    Services(ServicesOptions),
    /// Restart, churn and memory with thousands of pods, on an embedded cloud; needs no cluster
    #[command(
        after_help = "Examples:\n  kuryr bench scale --pods 10000 --nodes 200 --churn-time 10m --report scale\n  \
        kuryr bench scale --pods 0 --sizes 1000,3000,10000,30000,100000 --report sizes"
    )]
    Scale(scale::ScaleOptions),
    /// NetworkPolicies: calls, times and memory with hundreds of them, on an embedded cloud; needs no cluster
    #[command(after_help = "Examples:\n  kuryr bench policies --json\n  \
        kuryr bench policies --sizes 1000:200,10000:1000\n  \
        kuryr bench policies --plan-only --sizes 10000:1000")]
    Policies(policies::PolicyOptions),
    /// Pods on subports beside pods behind an overlay of their own, as the paper measured them; in network namespaces
    /// of this machine, needs root and no cluster
    #[command(after_help = "Examples:\n  kuryr bench matrix --quick --out quick\n  \
        kuryr bench matrix --only tcp-stream,udp-stream,two-hypervisors --sizes 1k,16k --out streams\n  \
        kuryr bench matrix --out whole --resume")]
    Matrix(matrix::MatrixOptions),
    /// The load generator's answering end
    #[command(after_help = "Example:\n  kuryr bench serve --listen 0.0.0.0:5300")]
    Serve(load::ServeOptions),
    /// The load generator's asking end: throughput, latency, loss, processor time
    #[command(
        after_help = "Examples:\n  kuryr bench load --server 10.0.0.7:5300 --pattern tcp-stream,tcp-rr --size 64,16k\n  \
        h=10.0.0.7 kuryr bench load --server 10.0.0.7:5300 --profile profile.xml -o json\n  \
        kuryr bench load --pattern tcp-crr --size 64 --print-profile > profile.xml"
    )]
    Load(load::LoadOptions),
}

/// What is printed of results.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Output {
    Table,
    Json,
}

/// Returns when the program is asked to end.
async fn interrupted() {
    let stop = CancellationToken::new();
    tokio::spawn(wiring::stop_on_signal(stop.clone()));
    stop.cancelled().await;
}

#[derive(Debug, Args)]
struct Common {
    #[command(flatten)]
    files: ConfigFiles,
    #[command(flatten)]
    cluster: Cluster,
    /// Image of the pods; it must have `sleep`
    #[arg(long, default_value = "busybox:stable")]
    image: String,
    /// Longest wait for pods, in seconds
    #[arg(long, default_value_t = 300, value_name = "SECONDS")]
    limit: u64,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CniOptions {
    #[command(flatten)]
    common: Common,
    /// This node's name
    #[arg(long)]
    node: String,
    /// The daemon's socket
    #[arg(long, default_value = kuryr_cni::protocol::DEFAULT_SOCKET, value_name = "PATH")]
    socket: PathBuf,
    /// ADDs that are timed
    #[arg(long, default_value_t = 200)]
    runs: usize,
}

#[derive(Debug, Args)]
pub(crate) struct PodsOptions {
    #[command(flatten)]
    common: Common,
    /// Nodes with Kuryr
    #[arg(long, required = true, value_delimiter = ',')]
    nodes: Vec<String>,
    /// A node with another plugin, to compare with
    #[arg(long)]
    other_node: Option<String>,
    /// Pods made one by one
    #[arg(long, default_value_t = 10)]
    singles: usize,
    /// Pods made at once; 0 leaves that out
    #[arg(long, default_value_t = 100)]
    burst: usize,
    /// The controller's metrics: Neutron calls and memory are read there
    #[arg(
        long,
        value_name = "URL",
        default_value = "http://127.0.0.1:9654/metrics"
    )]
    controller_metrics: String,
    /// What pods are waited for to be: Ready, or with an ACTIVE port in their KuryrPort,
    /// which is the controller's part alone and needs no daemon
    #[arg(long, value_enum, default_value_t = WaitFor::Ready)]
    until: WaitFor,
    /// A daemon's metrics
    #[arg(long, value_name = "URL")]
    daemon_metrics: Option<String>,
    /// Measure Neutron's own floor for as many ports, too; needs the controller's kuryr.conf
    #[arg(long)]
    floor: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ServicesOptions {
    #[command(flatten)]
    common: Common,
    /// New Services that are timed
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Ports of each, TCP and UDP in turn
    #[arg(long, default_value_t = 1)]
    ports: u16,
    /// Endpoints that are added one by one
    #[arg(long, default_value_t = 20)]
    singles: usize,
    /// Address of the first endpoint; the others follow, and none of them need be there
    #[arg(long, default_value = "10.41.200.1", value_name = "ADDRESS")]
    first_address: Ipv4Addr,
    /// The controller's metrics: calls are read there
    #[arg(
        long,
        value_name = "URL",
        default_value = "http://127.0.0.1:9654/metrics"
    )]
    controller_metrics: String,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum WaitFor {
    Ready,
    Active,
}

pub(crate) fn run(command: &Command) -> ExitCode {
    match command {
        Command::Cni(o) => figures("cni", o.common.json, bench_cni(o)),
        Command::Pods(o) => figures("pods", o.common.json, bench_pods(o)),
        Command::Services(o) => figures("services", o.common.json, bench_services(o)),
        Command::Scale(o) => figures("scale", o.json, scale::run(o)),
        Command::Policies(o) => figures("policies", o.json, policies::run(o)),
        Command::Matrix(o) => matrix::run(o),
        Command::Serve(o) => load::serve(o),
        Command::Load(o) => load::load(o),
    }
}

/// Carries a bench out and prints its report.
fn figures(name: &str, json: bool, bench: impl Future<Output = Result<Report, Stop>>) -> ExitCode {
    match wiring::tool(bench) {
        Ok(report) => {
            println!("{}", if json { report.json() } else { report.table() });
            ExitCode::SUCCESS
        }
        Err(stop) => {
            eprintln!("kuryr bench {name}: {stop}");
            ExitCode::FAILURE
        }
    }
}

impl Common {
    async fn playground(&self) -> Result<(Client, Playground), Stop> {
        let client = wiring::kubernetes(
            &self.config(Role::Daemon)?.kubernetes,
            self.cluster.kubeconfig(),
        )
        .await?;
        let limit = Duration::from_secs(self.limit);
        let playground = Playground::make(client.clone(), &self.image, limit)
            .await
            .map_err(Stop::from_error)?;
        Ok((client, playground))
    }

    fn config(&self, role: Role) -> Result<Config, Stop> {
        let files = &self.files;
        let sources = Sources::new(files.config_file.clone(), files.config_dir.clone(), role);
        Config::load(&sources)
            .map(|l| l.config)
            .map_err(|e| Stop::new(kuryr_config::report(&Err(e)).text))
    }
}

async fn bench_cni(options: &CniOptions) -> Result<Report, Stop> {
    let (_, playground) = options.common.playground().await?;
    let what = cni::Options {
        node: options.node.clone(),
        socket: options.socket.clone(),
        runs: options.runs,
        warmup: 5,
    };
    let report = cni::run(&playground, &what).await;
    playground.remove().await.map_err(Stop::from_error)?;
    report.map_err(Stop::from_error)
}

async fn bench_pods(options: &PodsOptions) -> Result<Report, Stop> {
    let (client, playground) = options.common.playground().await?;
    let what = pods::Options {
        nodes: options.nodes.clone(),
        other: options.other_node.clone(),
        singles: options.singles,
        burst: options.burst,
        controller_metrics: Some(options.controller_metrics.clone()).filter(|u| !u.is_empty()),
        daemon_metrics: options.daemon_metrics.clone(),
    };
    let playground = playground.until(match options.until {
        WaitFor::Ready => Until::Ready,
        WaitFor::Active => Until::Active,
    });
    let report = pods::run(&playground, &what).await;
    playground.remove().await.map_err(Stop::from_error)?;
    let mut report = report.map_err(Stop::from_error)?;
    if options.floor {
        match measure_floor(&client, options).await {
            Ok(floor) => add_floor(&mut report, options.burst, floor),
            // What was measured before is worth as much without it.
            Err(stop) => report.note(format!("Neutron's floor was not measured: {stop}")),
        }
    }
    Ok(report)
}

async fn bench_services(options: &ServicesOptions) -> Result<Report, Stop> {
    let (client, playground) = options.common.playground().await?;
    let what = services::Options {
        namespace: playground.namespace.clone(),
        rounds: options.rounds,
        ports: options.ports,
        singles: options.singles,
        first_address: options.first_address,
        limit: Duration::from_secs(options.common.limit),
        controller_metrics: options.controller_metrics.clone(),
    };
    let report = services::run(&client, &what).await;
    playground.remove().await.map_err(Stop::from_error)?;
    report.map_err(Stop::from_error)
}

fn add_floor(report: &mut Report, n: usize, floor: Floor) {
    report.figure(&format!("floor_{n}_first_s"), floor.first);
    report.figure(&format!("floor_{n}_last_s"), floor.last);
    // The floor ends with ports that are ACTIVE; so does this ratio. The other one has the
    // kubelets' work in it, too.
    for (figure, what) in [
        ("ratio_to_floor", "active"),
        ("ready_ratio_to_floor", "ready"),
    ] {
        if let Some(last) = report.figures.get(&format!("cold_{n}_{what}_last_s")) {
            let ratio = last / floor.last;
            report.figure(&format!("cold_{n}_{figure}"), ratio);
        }
    }
}

/// The floor for as many ports, on the same trunks, network and groups.
async fn measure_floor(client: &Client, options: &PodsOptions) -> Result<Floor, Stop> {
    let config = options.common.config(Role::Controller)?;
    let neutron = wiring::openstack(&config).await?.neutron();
    let subnet = config
        .neutron_defaults
        .pod_subnet
        .first()
        .cloned()
        .unwrap_or_default();
    let mut trunks = Vec::new();
    for node in &options.nodes {
        let node = Api::<Node>::all(client.clone())
            .get(node)
            .await
            .map_err(Stop::from_error)?;
        let addresses = node.status.and_then(|s| s.addresses).unwrap_or_default();
        for address in addresses.iter().filter(|a| a.type_ == "InternalIP") {
            let Ok(ip) = address.address.parse() else {
                continue;
            };
            let ports = neutron
                .list_ports(&PortQuery::new().ip_address(ip))
                .await
                .map_err(Stop::from_error)?;
            trunks.extend(
                ports
                    .into_iter()
                    .filter_map(|p| p.trunk_details)
                    .map(|t| t.trunk_id),
            );
        }
    }
    if trunks.is_empty() {
        return Err(Stop::new(
            "none of the nodes is the parent of a trunk".to_owned(),
        ));
    }
    let found = neutron
        .get_subnet(&subnet)
        .await
        .map_err(Stop::from_error)?;
    let what = floor::Options {
        network: found.network_id,
        subnet,
        security_groups: config.neutron_defaults.pod_security_groups.clone(),
        trunks,
        ports: options.burst,
        batch: 10,
    };
    floor::run(&neutron, &what).await.map_err(Stop::from_error)
}
