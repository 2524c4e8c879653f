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
    /// Take plugin and configuration off the node, as far as this program put them there, and end
    #[arg(long)]
    uninstall: bool,
    /// With --uninstall: stay until a signal comes, as a DaemonSet wants it
    #[arg(long, requires = "uninstall")]
    wait: bool,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    if cli.uninstall {
        return daemon::uninstall(&cli.start, cli.wait);
    }
    daemon::run(&cli.start)
}
