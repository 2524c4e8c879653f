//! The command `kuryr`: every part of Kuryr, by subcommand or by the name it is called with.

mod cli;
mod commands;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run(std::env::args_os().collect())
}

/// As in `kuryr-controller`, which is one of its subcommands.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
