//! The same images once more, from a copy of the sources in another folder: byte for byte the same, or something of the
//! machine is in them.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{Build, Options, compile, pack};
use crate::command;
use crate::error::Error;
use crate::workspace::Workspace;

/// Builds twice and compares; says what was compared.
pub(crate) fn compare(
    workspace: &Workspace,
    how: Build,
    run: &mut dyn FnMut(&mut Command) -> Result<(), Error>,
) -> Result<String, Error> {
    let copy = copied(workspace)?;
    let mut sums = Vec::new();
    for (from, name) in [(workspace, "first"), (&copy, "again")] {
        let out = workspace.target("again").join(name);
        let programs = compile(from, how, run)?;
        // Labels are of the checkout; the copy has no history.
        pack(workspace, &Options::into_folder(out.clone()), &programs)?;
        let path = out.join("SHA256SUMS");
        sums.push(fs::read_to_string(&path).map_err(Error::file("read", &path))?);
    }
    if sums[0] != sums[1] {
        let kept = workspace.target("again");
        return Err(Error::Wrong(format!(
            "two builds of the same sources differ, they are in {}:\n{}\n{}",
            kept.display(),
            sums[0],
            sums[1]
        )));
    }
    // Gigabytes that nobody needs again.
    let built = copy.target("");
    fs::remove_dir_all(&built).map_err(Error::file("remove", &built))?;
    Ok(format!("{} files, twice the same", sums[0].lines().count()))
}

/// A copy of what git knows of the checkout, as it is now.
fn copied(workspace: &Workspace) -> Result<Workspace, Error> {
    let log = workspace.target("xtask/again.log");
    let mut list = workspace.command("git");
    list.args([
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]);
    let files = command::capture(&mut list, &log)?;
    let root = workspace.target("again").join("another-folder");
    // What a run that was cut short left would be compiled too.
    if root.exists() {
        fs::remove_dir_all(&root).map_err(Error::file("remove", &root))?;
    }
    for name in files.split('\0').filter(|name| !name.is_empty()) {
        let (from, to) = (workspace.path(name), root.join(name));
        // What was deleted and not committed yet is still on git's list.
        if from.is_file() {
            copy(&from, &to)?;
        }
    }
    Ok(Workspace::at(root))
}

fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).map_err(Error::file("create", folder))?;
    }
    fs::copy(from, to).map_err(Error::file("copy", from))?;
    Ok(())
}
