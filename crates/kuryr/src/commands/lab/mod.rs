//! `kuryr lab`
//!
//! ```text
//! session    from the start to the end: what is done in which order
//! progress   what the start is doing
//! screen     what is redrawn while the lab runs
//! view       what is shown of a lab, as text; pure
//! report     the same as JSON
//! hints      how to use the lab from another terminal; pure
//! ```

mod hints;
mod product;
mod progress;
mod report;
mod screen;
mod session;
mod view;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum};
use kuryr_embedded_openstack::{Backend, Latency};
use kuryr_lab::run::{KubernetesKind, LabOptions};

const EXAMPLES: &str = "\
Examples:
  kuryr lab                              until Ctrl-C; says how to use kubectl with it
  kuryr lab --pods 20 --workers 4
  kuryr lab --check                      starts, pings all pairs, ends with 0 or 1
  kuryr lab --check -o json              the same for a program
  kuryr lab --latency real --pods 100    as slow as a real Neutron
  kuryr lab --kubernetes real            with etcd and kube-apiserver of KUBEBUILDER_ASSETS or PATH
  kuryr lab --config-file pools.conf     with options of your own for controller and daemons

Workers, hypervisors and pods are network namespaces of this machine; nothing is made in its own
namespace and nothing stays. It needs root, for network namespaces and bpf programs.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// Pods to start with
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(0..=2000))]
    pods: u16,
    /// Workers, spread over the hypervisors
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=100))]
    workers: u16,
    /// Hypervisors
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=20))]
    hypervisors: u16,
    /// The lab's own Kubernetes API, or a real etcd and kube-apiserver
    #[arg(long, value_name = "KIND", value_enum, default_value_t = Kubernetes::Embedded)]
    kubernetes: Kubernetes,
    /// Whose habits Neutron has: ML2/OVN's, or those of ML2/OVS and its agents
    #[arg(long, value_name = "BACKEND", value_enum, default_value_t = NeutronBackend::Ovn)]
    backend: NeutronBackend,
    /// How long Neutron's calls take: as short as can be, or as measured on a real one
    #[arg(long, value_name = "TIMES", value_enum, default_value_t = Times::None)]
    latency: Times,
    /// Write the kubeconfig there [default: /run/kuryr-lab/lab/kubeconfig]
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// A kuryr.conf over the lab's own, for controller and daemons; may be given several times
    #[arg(long, value_name = "FILE")]
    config_file: Vec<PathBuf>,
    /// Write the log of all parts there
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// Start, ping all pairs, remove everything; exit with 0 if all was well, else with 1
    #[arg(long)]
    check: bool,
    /// How the check's result is printed
    #[arg(short, long, value_name = "FORM", value_enum, default_value_t = Output::Text, requires_if("json", "check"))]
    output: Output,
    /// How long pods may take to be ready, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kubernetes {
    Embedded,
    Real,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum NeutronBackend {
    Ovn,
    Ovs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Times {
    None,
    Real,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    Text,
    Json,
}

impl Options {
    fn lab(&self) -> LabOptions {
        LabOptions {
            hypervisors: self.hypervisors.into(),
            workers: self.workers.into(),
            pods: self.pods.into(),
            kubernetes: match self.kubernetes {
                Kubernetes::Embedded => KubernetesKind::Embedded,
                Kubernetes::Real => KubernetesKind::Real,
            },
            backend: match self.backend {
                NeutronBackend::Ovn => Backend::Ovn,
                NeutronBackend::Ovs => Backend::Ovs,
            },
            latency: match self.latency {
                Times::None => Latency::none(),
                Times::Real => Latency::real(),
            },
            kubeconfig: self.kubeconfig.clone(),
            patience: Duration::from_secs(self.timeout),
        }
    }
}

pub(crate) fn run(options: &Options) -> ExitCode {
    match product::run(options.log.as_deref(), async |stop| {
        session::run(options, stop).await
    }) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(stop) => {
            eprintln!("kuryr lab: {stop}");
            ExitCode::FAILURE
        }
    }
}
