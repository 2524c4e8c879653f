//! The command line, and which module answers it.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::error::Error;
use crate::workspace::Workspace;
use crate::{build, generate, images, lab, packages, release, repeat, stack, test, tools};

/// The project's own tasks.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask", disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Run the embedded cloud; installs what it needs, builds it (as root): `cargo xtask lab --check`
    #[command(disable_help_flag = true)]
    Lab {
        /// What `kuryr lab` is told; --help lists it
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
    /// Run all checks, or some of them; with CI=true nothing is skipped
    Test(test::Options),
    /// Run a step again and again from nothing, to see whether chance decides it: prints each run's end, keeps the logs of
    /// those that fail
    Repeat(repeat::Options),
    /// Build the release binaries into target/dist: kuryr, and kuryr-cni as a static program under 2 MiB
    Build,
    /// Build the container images as OCI archives into target/images, without a container daemon: `cargo xtask images`
    Images(images::Options),
    /// Make a release, in two halves
    #[command(subcommand)]
    Release(release::Half),
    /// Write the checked-in files anew that are made from the code
    Generate {
        /// Only compare; exit 1 where one differs
        #[arg(long)]
        check: bool,
    },
    /// Install what the checks need: Debian packages (as root), cargo-nextest, cargo-deny, shellcheck
    Deps,
    /// Start, stop and use the real stack: `cargo xtask stack help`
    #[command(disable_help_flag = true)]
    Stack {
        /// What stack/stack is told
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
}

/// Parses the command line and does what it says.
pub(crate) fn run() -> Result<ExitCode, Error> {
    let workspace = Workspace::locate();
    match Cli::parse().task {
        Task::Lab { args } => lab::run(&workspace, &args),
        Task::Test(options) => test::run(&workspace, &options),
        Task::Repeat(options) => repeat::run(&workspace, &options),
        Task::Build => build::run(&workspace).map(|made| {
            println!("{made}");
            ExitCode::SUCCESS
        }),
        Task::Images(options) => images::run(&workspace, &options),
        Task::Release(half) => release::run(&workspace, &half),
        Task::Generate { check } => generate::run(&workspace, check).map(|()| ExitCode::SUCCESS),
        Task::Deps => {
            packages::install(&workspace, &[], None)?;
            tools::install_all(&workspace).map(|()| ExitCode::SUCCESS)
        }
        Task::Stack { args } => stack::pass_through(&workspace, &args),
    }
}
