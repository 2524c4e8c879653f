//! `kuryr crds`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use kuryr_api::crd;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Write one file for each definition into this directory instead of printing them
    #[arg(long, value_name = "DIR")]
    output_dir: Option<PathBuf>,
}

pub(crate) fn run(options: &Options) -> ExitCode {
    for definition in crd::all() {
        let name = &definition.spec.names.plural;
        let yaml = match crd::to_yaml(&definition) {
            Ok(yaml) => yaml,
            Err(error) => return failed(&format!("can't write {name} as YAML: {error}")),
        };
        match &options.output_dir {
            None => print!("---\n{yaml}"),
            Some(dir) => {
                let file = dir.join(format!("{name}.yaml"));
                if let Err(error) = std::fs::write(&file, yaml) {
                    return failed(&format!("can't write {}: {error}", file.display()));
                }
            }
        }
    }
    ExitCode::SUCCESS
}

fn failed(message: &str) -> ExitCode {
    eprintln!("kuryr crds: {message}");
    ExitCode::FAILURE
}
