//! Gives Neutron ports to pods and Octavia load balancers to Services; one replica of these leads.

use std::process::ExitCode;

use clap::Parser;
use kuryr_programs::{controller, options::Start};

/// Reading lists is mostly making and dropping small objects: with 100,000 ports a restart costs 0.6 of the processor time
/// that it costs with glibc's allocator, and less memory afterwards. Figures are in docs/performance.md.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
