//! The project's own tasks: `cargo xtask lab|test|repeat|build|generate|deps|stack`.
//!
//! - [`cli`] what can be asked for
//! - [`mod@test`] all checks, as a table of steps with one summary at the end
//! - [`lab`] the embedded cloud from a checkout
//! - [`repeat`] one of them again and again
//! - [`build`] the release binaries, the plugin among them static and small
//! - [`generate`] checked-in files that are made from the code
//! - [`packages`], [`tools`] what the checks need on the machine
//! - [`stack`] the real stack, by the scripts in `stack/`

mod build;
mod cli;
mod command;
mod elf;
mod error;
mod generate;
mod images;
mod lab;
mod packages;
mod release;
mod repeat;
mod stack;
mod test;
mod tools;
mod workspace;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run().unwrap_or_else(|error| {
        eprintln!("xtask: {error}");
        ExitCode::FAILURE
    })
}
