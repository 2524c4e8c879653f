//! `kuryr doctor`

use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum};
use kuryr_config::{Config, Role, Sources};
use kuryr_core::doctor::Scope;
use kuryr_doctor::{Doctor, Look, Step, json, steps, table};

use kuryr_programs::controller;
use kuryr_programs::options::{Cluster, ConfigFiles};
use kuryr_programs::wiring::{self, Stop};

/// Findings of severity error were made.
const FOUND: u8 = 1;
/// It could not look.
const BLIND: u8 = 2;

const EXAMPLES: &str = "\
Exit status: 0 without errors, 1 with findings of severity error (with --fix: with such that are
left), 2 if it can't look.

Examples:
  kuryr doctor --config-file kuryr.conf            shows what is wrong, and what would be done
  kuryr doctor --config-file kuryr.conf --fix      does it
  kuryr doctor --namespace shop --node worker-1    only what concerns these
  kuryr doctor -o json | jq '.findings[] | select(.severity == \"error\")'

It needs the controller's kuryr.conf. --fix may be used while a controller leads: it then does only
what is safe beside it, and says what it leaves to it. Ports without this cluster's tag are never
changed. All findings: docs/doctor.md";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    #[command(flatten)]
    files: ConfigFiles,
    #[command(flatten)]
    cluster: Cluster,
    /// Do what would be done
    #[arg(long)]
    fix: bool,
    /// Only what concerns pods of this namespace; may be given several times
    #[arg(short, long, value_name = "NAME")]
    namespace: Vec<String>,
    /// Only what concerns this node; may be given several times
    #[arg(long, value_name = "NAME")]
    node: Vec<String>,
    /// How long a pod may wait, a port be DOWN or a deletion take, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(0..=86_400))]
    patience: u64,
    /// Look again after so long, in seconds, and leave out what was only passing; 0 looks once
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(0..=3600))]
    again: u64,
    /// How the result is printed
    #[arg(short, long, value_name = "FORM", value_enum, default_value_t = Output::Table)]
    output: Output,
}

/// How a result is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Output {
    Table,
    Json,
}

impl Options {
    fn doctor(&self) -> kuryr_doctor::Options {
        let set = |names: &[String]| names.iter().map(|n| n.as_str().into()).collect();
        kuryr_doctor::Options {
            scope: Scope {
                nodes: set(&self.node),
                namespaces: set(&self.namespace),
            },
            patience: Duration::from_secs(self.patience),
            again: Duration::from_secs(self.again),
        }
    }
}

/// The controller's configuration.
pub(super) fn controllers(files: &ConfigFiles) -> Result<Config, Stop> {
    let sources = Sources::new(
        files.config_file.clone(),
        files.config_dir.clone(),
        Role::Controller,
    );
    Config::load(&sources)
        .map(|l| l.config)
        .map_err(|e| Stop::new(kuryr_config::report(&Err(e)).text))
}

pub(crate) fn run(options: &Options) -> ExitCode {
    match wiring::tool(examine(options)) {
        Ok(look) if look.is_healthy() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(FOUND),
        Err(stop) => {
            eprintln!("kuryr doctor: {stop}");
            ExitCode::from(BLIND)
        }
    }
}

async fn examine(options: &Options) -> Result<Look, Stop> {
    let config = controllers(&options.files)?;
    let client = wiring::kubernetes(&config.kubernetes, options.cluster.kubeconfig()).await?;
    let cloud = wiring::openstack(&config).await?;
    let settings = controller::settings(&config);
    let doctor = Doctor::new(client, cloud, settings, options.doctor())
        .await
        .map_err(Stop::from_error)?;
    let look = doctor.look().await.map_err(Stop::from_error)?;
    let for_people = options.output == Output::Table;
    if for_people {
        print!("{}", table(&look));
    }
    if !options.fix {
        if !for_people {
            println!("{}", json(&look, None));
        }
        return Ok(look);
    }
    if for_people {
        println!("\nFixing:");
    }
    let tell = |step: &Step| {
        if for_people {
            print!("  {}", steps(std::slice::from_ref(step)));
        }
    };
    let fixed = doctor.fix(&look, tell).await.map_err(Stop::from_error)?;
    if for_people {
        println!("\nAfterwards:\n{}", table(&fixed.after));
    } else {
        println!("{}", json(&fixed.after, Some(&fixed.steps)));
    }
    Ok(fixed.after)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_help_says_what_it_does() {
        let mut cli = crate::cli::Cli::command();
        cli.build();
        let doctor = cli.find_subcommand_mut("doctor").unwrap();
        insta::assert_snapshot!(doctor.render_help());
    }
}
