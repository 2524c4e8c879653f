//! `cargo xtask release`: the two halves of a release, with a person's review, commit and tag between them.

mod changelog;
mod version;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;

use self::version::{NAMED_IN, Version, renamed};
use crate::command;
use crate::error::Error;
use crate::images::{self, digest};
use crate::tools;
use crate::workspace::Workspace;

const CURRENT: &str = env!("CARGO_PKG_VERSION");

/// The halves.
#[derive(Debug, Subcommand)]
pub(crate) enum Half {
    /// Write the new version into all files that name it, and a section into CHANGELOG.md: `cargo xtask release prepare 0.2.0`
    Prepare {
        /// The next version
        version: String,
    },
    /// Build what is published from a clean checkout of the tag: images, bills of materials, chart, notes, checksums
    Build {
        /// Build from a checkout that is not that of the tag, to see how it goes
        #[arg(long)]
        rehearsal: bool,
    },
}

/// Does one half and says what comes next.
pub(crate) fn run(workspace: &Workspace, half: &Half) -> Result<ExitCode, Error> {
    match half {
        Half::Prepare { version } => prepare(workspace, version),
        Half::Build { rehearsal } => build(workspace, *rehearsal),
    }?;
    Ok(ExitCode::SUCCESS)
}

fn prepare(workspace: &Workspace, new: &str) -> Result<(), Error> {
    if !Version::parse(new)?.follows(Version::parse(CURRENT)?) {
        return Err(Error::Wrong(format!(
            "{new} does not follow {CURRENT}: the next major, minor or patch version does"
        )));
    }
    clean(workspace)?;
    let today = said(workspace, "date", &["--utc", "+%Y-%m-%d"])?;
    // All that can be refused is, before anything is written.
    let log = read(workspace, "CHANGELOG.md")?;
    let mut files = vec![("CHANGELOG.md", changelog::released(&log, new, &today)?)];
    for &(file, before) in NAMED_IN {
        let at = files.iter().position(|(name, _)| *name == file);
        let text = match at {
            Some(at) => files.remove(at).1,
            None => read(workspace, file)?,
        };
        files.push((file, renamed(file, &text, before, CURRENT, new)?));
    }
    for (file, text) in files {
        let path = workspace.path(file);
        fs::write(&path, text).map_err(Error::file("write", &path))?;
        println!("{file} is {new}");
    }
    command::run(
        workspace
            .cargo()
            .args(["update", "--workspace", "--offline"]),
    )?;
    let mut chart = workspace.cargo();
    chart
        .args([
            "test",
            "--quiet",
            "-p",
            "kuryr-manifests",
            "--test",
            "deploy",
        ])
        .env("UPDATE_DOCS", "1");
    command::run(&mut chart)?;
    println!(
        "\nNext:\n  git diff\n  CI=true .ci/run\n  git commit -am 'Release {new}' && git tag -s v{new} -m {new}\n  \
         cargo xtask release build"
    );
    Ok(())
}

fn build(workspace: &Workspace, rehearsal: bool) -> Result<(), Error> {
    let notes = changelog::notes(&read(workspace, "CHANGELOG.md")?, CURRENT);
    let notes = if rehearsal {
        notes.unwrap_or_else(|_| "A rehearsal: no notes.\n".to_owned())
    } else {
        clean(workspace)?;
        let tag = format!("v{CURRENT}");
        let tags = said(workspace, "git", &["tag", "--points-at", "HEAD"])?;
        if !tags.lines().any(|line| line == tag) {
            return Err(Error::Wrong(format!(
                "this checkout is not that of the tag {tag}: git checkout {tag}, or --rehearsal"
            )));
        }
        notes?
    };
    let out = workspace.target(&format!("release-{CURRENT}"));
    let _ = fs::remove_dir_all(&out);
    images::run(workspace, &images::Options::into_folder(out.clone()))?;
    let log = workspace.target("xtask/release.log");
    tools::ensure(workspace, &tools::HELM, &log)?;
    command::run(
        workspace
            .command("helm")
            .args(["package", "deploy/chart", "--destination"])
            .arg(&out),
    )?;
    let path = out.join("NOTES.md");
    fs::write(&path, notes).map_err(Error::file("write", &path))?;
    sum(&out)?;
    println!(
        "{} has what is published. Next:\n  git push origin v{CURRENT}\n  for i in controller daemon; do skopeo copy \
         oci-archive:{0}/kuryr-$i.tar docker://REGISTRY/kuryr/$i:{CURRENT}; done",
        out.display()
    );
    Ok(())
}

/// Checksums of all files of a folder, as `sha256sum --check` reads them.
fn sum(folder: &Path) -> Result<(), Error> {
    let list = folder.join("SHA256SUMS");
    let _ = fs::remove_file(&list);
    let entries = fs::read_dir(folder).map_err(Error::file("list", folder))?;
    let mut files: Vec<PathBuf> = entries.flatten().map(|e| e.path()).collect();
    files.sort();
    let mut text = String::new();
    for file in files {
        let data = fs::read(&file).map_err(Error::file("read", &file))?;
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        text += &format!("{}  {name}\n", digest(&data));
    }
    fs::write(&list, text).map_err(Error::file("write", &list))
}

fn clean(workspace: &Workspace) -> Result<(), Error> {
    let changed = said(workspace, "git", &["status", "--porcelain"])?;
    match changed.lines().next() {
        None => Ok(()),
        Some(first) => Err(Error::Wrong(format!(
            "the checkout has changes that are not committed, {first} among them"
        ))),
    }
}

fn read(workspace: &Workspace, file: &str) -> Result<String, Error> {
    let path = workspace.path(file);
    fs::read_to_string(&path).map_err(Error::file("read", &path))
}

fn said(workspace: &Workspace, program: &str, args: &[&str]) -> Result<String, Error> {
    let log = workspace.target("xtask/release.log");
    let text = command::capture(workspace.command(program).args(args), &log)?;
    Ok(text.trim().to_owned())
}
