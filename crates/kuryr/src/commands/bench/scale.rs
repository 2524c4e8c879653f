//! `kuryr bench scale`

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use kuryr_bench::Report;
use kuryr_bench::scale::{self, Churn, Size};

use kuryr_programs::wiring::Stop;

use super::units::duration;

#[derive(Debug, Args)]
pub(crate) struct ScaleOptions {
    /// Pods of the main run; 0 leaves it out
    #[arg(long, default_value_t = 10_000)]
    pods: usize,
    /// Nodes of the main run
    #[arg(long, default_value_t = 200)]
    nodes: usize,
    /// Put the pods' ports there, instead of having the controller make them
    #[arg(long)]
    seed: bool,
    /// Keep ports ready on each trunk (vif_pool_driver = nested)
    #[arg(long)]
    pools: bool,
    /// Pods replaced each second
    #[arg(long, default_value_t = 50.0, value_name = "PODS")]
    churn_rate: f64,
    /// For how long pods are replaced, such as 90s or 10m
    #[arg(long, default_value = "60s", value_parser = duration, value_name = "TIME")]
    churn_time: Duration,
    /// Replace no pods
    #[arg(long)]
    skip_churn: bool,
    /// Measure a restart at further sizes, as PODS or PODS:NODES
    #[arg(long, value_delimiter = ',', value_name = "SIZE")]
    sizes: Vec<Size>,
    /// Write plots, and a page that shows them, into this folder
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
    /// A kuryr.conf for the controller, over the bench's own; may be given several times
    #[arg(long, value_name = "FILE")]
    config_file: Vec<PathBuf>,
    /// Longest wait for anything, in seconds
    #[arg(long, default_value_t = 900, value_name = "SECONDS")]
    limit: u64,
    /// Print one JSON object
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) async fn run(options: &ScaleOptions) -> Result<Report, Stop> {
    if options.pods > 0 && options.nodes == 0 {
        return Err(Stop::new("--nodes is 0: pods need one".to_owned()));
    }
    let size = Size {
        pods: options.pods,
        nodes: options.nodes,
    };
    let churn = Churn {
        rate: options.churn_rate,
        time: options.churn_time,
    };
    let what = scale::Options {
        program: std::env::current_exe().map_err(Stop::from_error)?,
        config_files: options.config_file.clone(),
        size: Some(size).filter(|s| s.pods > 0),
        seed: options.seed,
        pools: options.pools,
        churn: Some(churn).filter(|_| !options.skip_churn),
        sizes: options.sizes.clone(),
        report: options.report.clone(),
        limit: Duration::from_secs(options.limit),
    };
    scale::run(&what).await.map_err(Stop::from_error)
}
