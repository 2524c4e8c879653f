//! The command line.

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use kuryr_programs::options::Start;
use kuryr_programs::{controller, daemon};

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
    /// Look at a cloud before Kuryr is installed on it: what is missing, and what to do about it
    Preflight(commands::preflight::Options),
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
    /// Print what is applied to a cluster, with your values in it
    Manifests(commands::manifests::Options),
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
        Command::Controller(start) => controller::run(&start),
        Command::Daemon(start) => daemon::run(&start),
        Command::Config(command) => commands::config::run(&command),
        Command::Preflight(options) => commands::preflight::run(&options),
        Command::Doctor(options) => commands::doctor::run(&options),
        Command::Bench(command) => commands::bench::run(&command),
        Command::Lab(options) => commands::lab::run(&options),
        Command::Crds(options) => commands::crds::run(&options),
        Command::Manifests(options) => commands::manifests::run(&options),
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
}
