//! `cargo xtask build`: the programs as they are shipped, in `target/dist`; for tests as cargo builds for daily work, in
//! `target/dist-dev`, but for the plugin, which is always as shipped.

use std::env::consts::ARCH;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command;
use crate::elf::{self, NotStatic};
use crate::error::Error;
use crate::workspace::Workspace;

/// The plugin is copied to each node and started for each pod: it stays small.
const PLUGIN_LIMIT: u64 = 2 * 1024 * 1024;

/// How `kuryr` is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// As for daily work and as tests are: what they are compiled of is shared.
    Dev,
    /// As it is shipped.
    Release,
}

impl Profile {
    /// The folder of the programs.
    pub(crate) fn dist(self, workspace: &Workspace) -> PathBuf {
        workspace.target(match self {
            Self::Dev => "dist-dev",
            Self::Release => "dist",
        })
    }
}

/// The programs: what runs in a cluster, and the operator's.
const PROGRAMS: &[&str] = &["kuryr-controller", "kuryr-daemon", "kuryr"];

/// What was built.
#[derive(Debug)]
pub(crate) struct Built {
    folder: PathBuf,
    /// Names and sizes in bytes, the plugin's last.
    programs: Vec<(&'static str, u64)>,
}

impl fmt::Display for Built {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.folder.display())?;
        for (name, bytes) in &self.programs {
            write!(f, " {name} {} KiB", bytes / 1024)?;
        }
        f.write_str(" (static)")
    }
}

/// Builds with cargo's output on the terminal.
pub(crate) fn run(workspace: &Workspace) -> Result<Built, Error> {
    build(workspace, Profile::Release, &mut |command| {
        command::run(command)
    })
}

/// Builds with cargo's output in `log`.
pub(crate) fn run_logged(
    workspace: &Workspace,
    profile: Profile,
    log: &Path,
) -> Result<Built, Error> {
    build(workspace, profile, &mut |command| {
        command::run_logged(command, log)
    })
}

fn build(
    workspace: &Workspace,
    profile: Profile,
    run: &mut dyn FnMut(&mut Command) -> Result<(), Error>,
) -> Result<Built, Error> {
    let mut cargo = workspace.cargo();
    cargo.args(["build", "--locked", "-p", "kuryr", "-p", "kuryr-programs"]);
    let made = match profile {
        Profile::Dev => workspace.target("debug"),
        Profile::Release => {
            cargo.arg("--release");
            workspace.target("release")
        }
    };
    run(&mut cargo)?;
    // A target named makes cargo apply these flags to the plugin and its crates, but not to build scripts.
    let target = format!("{ARCH}-unknown-linux-gnu");
    let flags = format!(
        "CARGO_TARGET_{}_RUSTFLAGS",
        target.to_uppercase().replace('-', "_")
    );
    run(workspace
        .cargo()
        .args([
            "build",
            "--release",
            "--locked",
            "-p",
            "kuryr-cni",
            "--target",
            &target,
        ])
        .env(flags, "-C target-feature=+crt-static"))?;

    let folder = profile.dist(workspace);
    fs::create_dir_all(&folder).map_err(Error::file("create", &folder))?;
    let plugin = workspace.target(&format!("{target}/release/kuryr-cni"));
    check_plugin(&plugin)?;
    let mut programs = Vec::new();
    for name in PROGRAMS {
        programs.push((*name, place(&made.join(name), &folder.join(name))?));
    }
    programs.push(("kuryr-cni", place(&plugin, &folder.join("kuryr-cni"))?));
    Ok(Built { folder, programs })
}

fn check_plugin(plugin: &Path) -> Result<(), Error> {
    let file = fs::read(plugin).map_err(Error::file("read", plugin))?;
    let name = plugin.display();
    match elf::check_static(&file) {
        Ok(()) => {}
        Err(NotStatic::NotElf) => return Err(Error::Wrong(format!("{name} is no ELF program"))),
        Err(NotStatic::Interpreter) => {
            return Err(Error::Wrong(format!(
                "{name} asks for a dynamic loader: it must be static"
            )));
        }
    }
    let size = file.len() as u64;
    if size >= PLUGIN_LIMIT {
        return Err(Error::Wrong(format!(
            "{name} has {size} bytes: it must stay under {PLUGIN_LIMIT}"
        )));
    }
    Ok(())
}

/// Copies a program under a name of its own first: one that runs is replaced, not written into. Gives its size.
fn place(from: &Path, to: &Path) -> Result<u64, Error> {
    let new = to.with_extension("new");
    let size = fs::copy(from, &new).map_err(Error::file("copy", from))?;
    fs::rename(&new, to).map_err(Error::file("replace", to))?;
    Ok(size)
}
