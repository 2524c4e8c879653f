//! A program of ours that runs beside the test.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::{Child, Command};

use crate::{Outcome, fail, stack};

/// Lines of a log that a failure shows.
const SHOWN: usize = 25;

/// A running program. It is killed when this is dropped.
#[derive(Debug)]
pub struct Process {
    /// What it is called in messages.
    pub name: String,
    /// Where its output goes; a program that starts again continues it.
    pub log: PathBuf,
    child: Child,
    /// Whether the program is a child of the process that we started, which only waits for it.
    wrapped: bool,
}

impl Process {
    /// Starts `command` with its output at the end of `log`. `wrapped`: the program that counts
    /// will be its child, as of `stack exec`.
    ///
    /// # Errors
    /// It or its log can't be started.
    pub fn start(name: &str, mut command: Command, log: &Path, wrapped: bool) -> Outcome<Self> {
        let file = File::options().append(true).create(true).open(log)?;
        command
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .kill_on_drop(true);
        let child = command
            .spawn()
            .map_err(|e| format!("can't start {name}: {e}"))?;
        Ok(Self {
            name: name.to_owned(),
            log: log.to_owned(),
            child,
            wrapped,
        })
    }

    /// Its id. `None` once it has ended.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        let outer = self.child.id()?;
        if !self.wrapped {
            return Some(outer);
        }
        let children = std::fs::read_to_string(format!("/proc/{outer}/task/{outer}/children"));
        children.ok()?.split_whitespace().next()?.parse().ok()
    }

    /// Whether it runs still.
    pub fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Does `work` while it runs.
    ///
    /// # Errors
    /// The program ends, or the work fails; with the end of its log.
    pub async fn while_it_runs<T>(&mut self, work: impl Future<Output = Outcome<T>>) -> Outcome<T> {
        let result = tokio::select! {
            result = work => result,
            status = self.child.wait() => fail(format!("{} ended: {}", self.name, status?)),
        };
        result.map_err(|why| format!("{why}\n{}", self.tail()).into())
    }

    /// Sends it a signal, such as `KILL` or `STOP`.
    ///
    /// # Errors
    /// It has ended.
    pub async fn signal(&self, signal: &str) -> Outcome {
        let Some(pid) = self.pid() else {
            return fail(format!("{} has ended already", self.name));
        };
        let mut kill = Command::new("kill");
        kill.args([format!("-{signal}"), pid.to_string()]);
        stack::output(kill).await.map(drop)
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// The system's.
    pub async fn gone(mut self) -> Outcome {
        self.child.wait().await?;
        Ok(())
    }

    /// Asks it to end and waits for that.
    ///
    /// # Errors
    /// It had ended before, or ends with an error.
    pub async fn stop(mut self) -> Outcome {
        self.signal("CONT").await?;
        self.signal("TERM").await?;
        let status = self.child.wait().await?;
        if status.success() {
            return Ok(());
        }
        fail(format!(
            "{} ended with {status}\n{}",
            self.name,
            self.tail()
        ))
    }

    /// The end of its log.
    #[must_use]
    pub fn tail(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let shown = &lines[lines.len().saturating_sub(SHOWN)..];
        format!(
            "the end of {}:\n    {}",
            self.log.display(),
            shown.join("\n    ")
        )
    }
}
