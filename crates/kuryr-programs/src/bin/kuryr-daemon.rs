//! Plugs pods' interfaces on its node, and answers the CNI plugin.

use std::process::ExitCode;

use clap::Parser;
use kuryr_programs::{daemon, options::Start};

/// Plug pods' interfaces on this node, and answer the CNI plugin
#[derive(Debug, Parser)]
#[command(
    version,
    max_term_width = 100,
    after_help = "Example:\n  KUBERNETES_NODE_NAME=node1 kuryr-daemon --config-file /etc/kuryr/kuryr.conf"
)]
struct Cli {
    #[command(flatten)]
    start: Start,
}

fn main() -> ExitCode {
    daemon::run(&Cli::parse().start)
}
