//! `kuryr preflight`

use std::process::ExitCode;

use clap::Args;
use kuryr_core::preflight::{Check, Standing, checks};
use kuryr_doctor::{Preflight, preflight_json, preflight_table};
use kuryr_programs::controller;
use kuryr_programs::options::{Cluster, ConfigFiles};
use kuryr_programs::wiring::{self, Stop};

use super::doctor::Output;

/// Something will not work.
const PROBLEM: u8 = 1;
/// It could not look.
const BLIND: u8 = 2;

const EXAMPLES: &str = "\
Exit status: 0 without problems, 1 with some, 2 if it can't look.

Examples:
  kuryr preflight --config-file kuryr.conf --pods 2000      before `kubectl apply -k deploy/kubernetes`
  kuryr preflight --config-file kuryr.conf -o json | jq '.checks[] | select(.standing == \"problem\")'

It needs the kuryr.conf that the controller is to have, and reads only. What is for admins to see (a network's type, the firewall
driver) is seen with an admin's credentials.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    #[command(flatten)]
    files: ConfigFiles,
    #[command(flatten)]
    cluster: Cluster,
    /// How many pods there are to be, besides what is there
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    pods: u64,
    /// How the result is printed
    #[arg(short, long, value_name = "FORM", value_enum, default_value_t = Output::Table)]
    output: Output,
}

pub(crate) fn run(options: &Options) -> ExitCode {
    let all = match wiring::tool(look(options)) {
        Ok(all) => all,
        Err(stop) => {
            eprintln!("kuryr preflight: {stop}");
            return ExitCode::from(BLIND);
        }
    };
    match options.output {
        Output::Table => print!("{}", preflight_table(&all)),
        Output::Json => println!("{:#}", preflight_json(&all)),
    }
    match all.iter().any(|c| c.standing == Standing::Problem) {
        true => ExitCode::from(PROBLEM),
        false => ExitCode::SUCCESS,
    }
}

async fn look(options: &Options) -> Result<Vec<Check>, Stop> {
    let config = super::doctor::controllers(&options.files)?;
    let cloud = wiring::openstack(&config).await?;
    // Before there is a cluster the cloud can be looked at all the same.
    let client = wiring::kubernetes(&config.kubernetes, options.cluster.kubeconfig()).await;
    let preflight = Preflight {
        cloud: &cloud,
        client: client
            .as_ref()
            .map_err(|stop| format!("the cluster can't be reached: {stop}")),
        config: &controller::settings(&config),
        pods: options.pods,
    };
    Ok(checks(&preflight.look().await))
}
