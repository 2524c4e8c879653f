//! `kuryr config`

use std::process::ExitCode;

use clap::Subcommand;
use kuryr_config::{Config, Role, Sources, reference, report};

use kuryr_programs::options::ConfigFiles;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Read the configuration, say what is wrong with it, and do nothing else
    #[command(after_help = "Example:\n  kuryr config check --config-file kuryr.conf")]
    Check(ConfigFiles),
    /// Print every option with its meaning, as Markdown
    Reference,
}

pub(crate) fn run(command: &Command) -> ExitCode {
    match command {
        Command::Check(files) => {
            let sources = Sources::new(
                files.config_file.clone(),
                files.config_dir.clone(),
                Role::Any,
            );
            let report = report(&Config::load(&sources));
            print!("{}", report.text);
            ExitCode::from(report.exit_code)
        }
        Command::Reference => {
            print!("{}", reference::markdown());
            ExitCode::SUCCESS
        }
    }
}
