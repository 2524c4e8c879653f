//! The real stack, by `stack/stack` (stack/README.md).

use std::ffi::OsString;
use std::fmt;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use crate::command;
use crate::error::Error;
use crate::workspace::Workspace;

/// Neutron's mechanism driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Backend {
    /// ML2/OVN.
    Ovn,
    /// ML2/OVS with its agents.
    Ovs,
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ovn => "ovn",
            Self::Ovs => "ovs",
        })
    }
}

/// Hands the arguments on and comes back with the script's exit code.
pub(crate) fn pass_through(workspace: &Workspace, args: &[OsString]) -> Result<ExitCode, Error> {
    command::pass_through(workspace.command("stack/stack").args(args))
}

/// `stack/stack` with these arguments, its output in `log`.
pub(crate) fn call(workspace: &Workspace, args: &[&str], log: &Path) -> Result<(), Error> {
    command::run_logged(workspace.command("stack/stack").args(args), log)
}

/// Which backend's stack runs.
pub(crate) fn running(workspace: &Workspace) -> Option<Backend> {
    let output = script(workspace)
        .arg("env")
        .stderr(Stdio::null())
        .output()
        .ok()?;
    if !output.status.success() {
        return None;
    }
    let settings = parse_exports(&String::from_utf8_lossy(&output.stdout));
    let backend = settings
        .iter()
        .find(|(name, _)| name == "KURYR_STACK_BACKEND")?;
    [Backend::Ovn, Backend::Ovs]
        .into_iter()
        .find(|known| known.to_string() == backend.1)
}

/// Sets a command's environment for using the stack that runs; its programs are found before others.
pub(crate) fn apply_env(workspace: &Workspace, to: &mut Command, log: &Path) -> Result<(), Error> {
    let exports = command::capture(script(workspace).arg("env"), log)?;
    for (name, value) in parse_exports(&exports) {
        if name == "KURYR_STACK_BIN" {
            to.env("PATH", workspace.search_path_after(Path::new(&value)));
        }
        if name != "PATH" {
            to.env(name, value);
        }
    }
    Ok(())
}

/// One of the stack's settings.
pub(crate) fn variable(workspace: &Workspace, name: &str, log: &Path) -> Result<String, Error> {
    let exports = command::capture(script(workspace).arg("env"), log)?;
    let found = parse_exports(&exports).into_iter().find(|(n, _)| n == name);
    found
        .map(|(_, value)| value)
        .ok_or_else(|| Error::Missing(format!("`stack env` does not say {name}")))
}

fn script(workspace: &Workspace) -> Command {
    workspace.command("stack/stack")
}

/// The lines `export NAME=VALUE` of `stack env`.
fn parse_exports(text: &str) -> Vec<(String, String)> {
    text.lines()
        .filter_map(|line| line.strip_prefix("export ")?.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exports_become_pairs() {
        let pairs = parse_exports("export A=/x/y\nnoise\nexport B=a=b\n");
        assert_eq!(
            pairs,
            [("A".into(), "/x/y".into()), ("B".into(), "a=b".into())]
        );
    }
}
