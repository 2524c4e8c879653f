//! Debian packages, by `stack/stack install`: the list is `stack/packages`.

use std::path::Path;

use crate::command;
use crate::error::Error;
use crate::workspace::Workspace;

/// Installs the sections' packages that are missing (all sections if none is named), as root on Debian.
pub(crate) fn install(
    workspace: &Workspace,
    sections: &[&str],
    log: Option<&Path>,
) -> Result<(), Error> {
    if let Some(why) = why_not() {
        return Err(Error::Missing(format!(
            "{why}: install what `stack/stack packages` lists yourself"
        )));
    }
    let mut stack = workspace.command("stack/stack");
    stack.arg("install").args(sections);
    match log {
        Some(log) => command::run_logged(&mut stack, log),
        None => command::run(&mut stack),
    }
}

/// Why packages cannot be installed here; `None` where they can.
pub(crate) fn why_not() -> Option<&'static str> {
    if !Path::new("/etc/debian_version").exists() {
        Some("this is not Debian")
    } else if !is_root() {
        Some("not root")
    } else {
        None
    }
}

/// Whether this process may do everything.
pub(crate) fn is_root() -> bool {
    std::fs::read_to_string("/proc/self/status")
        .ok()
        .and_then(|status| effective_user(&status))
        == Some(0)
}

/// The effective user id in `/proc/PID/status` (proc(5): real, effective, saved, file system).
fn effective_user(status: &str) -> Option<u32> {
    let ids = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    ids.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_effective_user_is_the_second_id() {
        assert_eq!(
            effective_user("Name:\tx\nUid:\t1000\t0\t1000\t1000\n"),
            Some(0)
        );
        assert_eq!(effective_user("Name:\tx\n"), None);
    }
}
