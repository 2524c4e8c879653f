//! A program that runs as long as the lab does.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::{Child, Command};

use super::RealError;

/// Lines of a log that a message shows.
const LAST_LINES: usize = 12;

/// A running program; killed when dropped.
#[derive(Debug)]
pub(super) struct Process {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts it with its output in `folder`, and in a process group of its own: Ctrl-C is the
    /// lab's to answer.
    pub(super) fn start(
        program: &Path,
        name: &'static str,
        flags: Vec<String>,
        folder: &Path,
    ) -> Result<Self, RealError> {
        let log = folder.join(format!("{name}.log"));
        let spawn = || -> io::Result<Child> {
            let output = File::create(&log)?;
            let child = Command::new(program)
                .args(flags)
                .current_dir(folder)
                .stdin(Stdio::null())
                .stdout(output.try_clone()?)
                .stderr(output)
                .process_group(0)
                .kill_on_drop(true)
                .spawn()?;
            let id = child.id().unwrap_or_default();
            fs::write(folder.join(format!("{name}.pid")), id.to_string())?;
            Ok(child)
        };
        let child = spawn().map_err(|source| RealError::Start {
            program: program.to_owned(),
            source,
        })?;
        Ok(Self { name, child, log })
    }

    /// Waits until it ends by itself, which it should not.
    pub(super) async fn ended(&mut self) -> RealError {
        let what = match self.child.wait().await {
            Ok(status) => format!("ended ({status})"),
            Err(error) => format!("is lost: {error}"),
        };
        self.failed(what)
    }

    /// It runs and doesn't serve.
    pub(super) fn not_ready(&self, why: &kube::Error) -> RealError {
        self.failed(format!("does not become ready ({why})"))
    }

    pub(super) async fn kill(&mut self) {
        if let Err(error) = self.child.kill().await {
            tracing::warn!(program = self.name, %error, "could not be killed");
        }
    }

    fn failed(&self, what: String) -> RealError {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let mut last: Vec<&str> = log.lines().rev().take(LAST_LINES).collect();
        last.reverse();
        RealError::Program {
            program: self.name.to_owned(),
            what,
            last: last.join("\n"),
        }
    }
}

/// Kills what a killed lab's folder says was running, if it still is that.
pub(in crate::run) fn kill_leftovers(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for file in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        if file.extension().is_none_or(|extension| extension != "pid") {
            continue;
        }
        let pid = fs::read_to_string(&file)
            .ok()
            .and_then(|text| text.parse::<i32>().ok());
        let Some(pid) = pid.filter(|pid| *pid > 1) else {
            continue;
        };
        // Numbers are used again: it is ours only if it works in that folder.
        let works_in = fs::read_link(format!("/proc/{pid}/cwd"));
        if works_in.is_ok_and(|works_in| works_in == folder) {
            let pid = nix::unistd::Pid::from_raw(pid);
            let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL);
        }
    }
}
