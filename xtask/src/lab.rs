//! `cargo xtask lab`: the embedded cloud, from a checkout and nothing else.

use std::ffi::OsString;
use std::process::ExitCode;

use crate::command;
use crate::error::Error;
use crate::packages;
use crate::workspace::Workspace;

/// Installs what the lab needs, builds it, and runs it with these arguments; comes back with its exit code.
///
/// The build is not optimised: what a first run takes is the compiler's time.
pub(crate) fn run(workspace: &Workspace, args: &[OsString]) -> Result<ExitCode, Error> {
    if !packages::is_root() {
        return Err(Error::Missing(
            "the lab makes network namespaces and loads BPF programs: run it as root".to_owned(),
        ));
    }
    if packages::why_not().is_none() {
        packages::install(workspace, &["compile", "lab"], None)?;
    } else if !workspace.has_program("nft") {
        return Err(Error::Missing(
            "no nft, and this is not Debian: install nftables".to_owned(),
        ));
    }
    command::run(workspace.cargo().args(["build", "--locked", "-p", "kuryr"]))?;
    let program = workspace.target("debug/kuryr");
    let mut lab = workspace.command(&program.to_string_lossy());
    lab.arg("lab").args(args);
    command::pass_through(&mut lab)
}
