//! The command line.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::builder::{OsStringValueParser, TypedValueParser as _};
use clap::{Args, Parser, Subcommand};

use crate::commands;

/// Pod networking on OpenStack: a Neutron port for each pod.
#[derive(Debug, Parser)]
#[command(
    name = "kuryr",
    version,
    propagate_version = true,
    max_term_width = 100
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Give Neutron ports to pods; one replica of these leads
    Controller(Start),
    /// Plug pods' interfaces on this node, and answer the CNI plugin
    Daemon(Start),
    /// Look at the configuration
    #[command(subcommand)]
    Config(commands::config::Command),
    /// Look for leaked, missing and stuck ports; say what would be done about each, and do it
    Doctor(commands::doctor::Options),
    /// Measure a cluster
    #[command(subcommand)]
    Bench(commands::bench::Command),
    /// Run a whole cloud on this machine: Kubernetes, OpenStack, workers and pods, and Kuryr in them
    Lab(commands::lab::Options),
    /// Print the custom resource definitions
    #[command(after_help = "Example:\n  kuryr crds | kubectl apply -f -")]
    Crds(commands::crds::Options),
}

/// What the controller and the daemon take.
#[derive(Debug, Args)]
pub(crate) struct Start {
    #[command(flatten)]
    pub(crate) files: ConfigFiles,
    #[command(flatten)]
    pub(crate) cluster: Cluster,
}

/// Which Kubernetes.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Cluster {
    /// Reach Kubernetes by this file instead of the api_root of kuryr.conf
    #[arg(
        long,
        env = "KUBECONFIG",
        hide_env_values = true,
        value_name = "FILE",
        value_parser = OsStringValueParser::new().map(PathBuf::from)
    )]
    kubeconfig: Option<PathBuf>,
}

impl Cluster {
    /// The kubeconfig, if one is named: a variable that is there and empty names none.
    pub(crate) fn kubeconfig(&self) -> Option<&Path> {
        self.kubeconfig
            .as_deref()
            .filter(|path| !path.as_os_str().is_empty())
    }
}

/// Where the configuration is.
#[derive(Debug, Args)]
pub(crate) struct ConfigFiles {
    /// A kuryr.conf; may be given several times, later ones over earlier ones
    /// [default: /etc/kuryr/kuryr.conf]
    #[arg(long, value_name = "FILE")]
    pub(crate) config_file: Vec<PathBuf>,
    /// A directory whose *.conf are read after the files
    #[arg(long, value_name = "DIR")]
    pub(crate) config_dir: Vec<PathBuf>,
}

/// Parses and carries out. The name that the program is called by stands for a subcommand,
/// as upstream's manifests expect.
pub(crate) fn run(mut args: Vec<OsString>) -> ExitCode {
    let called = args
        .first()
        .map(Path::new)
        .and_then(Path::file_name)
        .and_then(|n| n.to_str());
    let alias = match called {
        Some("kuryr-cni") => return kuryr_cni::main(),
        Some("kuryr-daemon") => Some("daemon"),
        Some("kuryr-k8s-controller" | "kuryr-controller") => Some("controller"),
        _ => None,
    };
    if let Some(alias) = alias {
        args.insert(1, alias.into());
    }
    let cli = Cli::parse_from(args);
    match cli.command {
        Command::Controller(start) => commands::controller::run(&start),
        Command::Daemon(start) => commands::daemon::run(&start),
        Command::Config(command) => commands::config::run(&command),
        Command::Doctor(options) => commands::doctor::run(&options),
        Command::Bench(command) => commands::bench::run(&command),
        Command::Lab(options) => commands::lab::run(&options),
        Command::Crds(options) => commands::crds::run(&options),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn an_empty_kubeconfig_names_none() {
        let cluster =
            |file: &str| match Cli::parse_from(["kuryr", "daemon", "--kubeconfig", file]).command {
                Command::Daemon(start) => start.cluster,
                other => panic!("{other:?}"),
            };
        assert_eq!(cluster("").kubeconfig(), None);
        assert_eq!(cluster("admin").kubeconfig(), Some(Path::new("admin")));
    }
}
