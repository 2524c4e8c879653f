//! `kuryr bench policies`

use std::time::Duration;

use clap::Args;
use kuryr_bench::Report;
use kuryr_bench::policies::{self, Size};

use kuryr_programs::wiring::Stop;

#[derive(Debug, Args)]
pub(crate) struct PolicyOptions {
    /// Pods and policies; figures of further sizes have the number of pods in front
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "1000:200",
        value_name = "PODS:POLICIES"
    )]
    sizes: Vec<Size>,
    /// Label changes that are timed: all of them as decisions, 20 of them at most with the controller
    #[arg(long, default_value_t = 100)]
    rounds: usize,
    /// Time decisions alone, without a controller
    #[arg(long)]
    plan_only: bool,
    /// Longest wait for anything, in seconds
    #[arg(long, default_value_t = 900, value_name = "SECONDS")]
    limit: u64,
    /// Print one JSON object
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) async fn run(options: &PolicyOptions) -> Result<Report, Stop> {
    let what = policies::Options {
        program: std::env::current_exe().map_err(Stop::from_error)?,
        sizes: options.sizes.clone(),
        rounds: options.rounds,
        plan_only: options.plan_only,
        limit: Duration::from_secs(options.limit),
    };
    policies::run(&what).await.map_err(Stop::from_error)
}
