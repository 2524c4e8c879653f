//! Gives Neutron ports to pods and Octavia load balancers to Services; one replica of these leads.

use std::process::ExitCode;

use clap::Parser;
use kuryr_programs::{controller, options::Start};

/// Give Neutron ports to pods and Octavia load balancers to Services; one replica of these leads
#[derive(Debug, Parser)]
#[command(
    version,
    max_term_width = 100,
    after_help = "Example:\n  kuryr-controller --config-file /etc/kuryr/kuryr.conf"
)]
struct Cli {
    #[command(flatten)]
    start: Start,
}

fn main() -> ExitCode {
    controller::run(&Cli::parse().start)
}
