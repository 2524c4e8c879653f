//! `cargo xtask repeat STEP TIMES`: a step again and again from nothing, to see whether chance decides it.
//!
//! Each run is a `cargo xtask test --only STEP` of its own with `CI=true`: nothing skipped, the real stack purged first and
//! stopped afterwards. The logs of a run that failed are kept.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::test::duration;
use crate::workspace::Workspace;

/// What to repeat.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The step, with those that it needs: `cargo xtask test --list`
    step: String,
    /// How often
    times: u32,
    /// Keep all cores busy with something else meanwhile
    #[arg(long)]
    load: bool,
}

/// One run.
struct Ended {
    took: Duration,
    /// Why it failed, as the table of steps says it; none if it passed.
    cause: Option<String>,
}

/// Runs the step so often and prints what became of each run; success only if none failed.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<ExitCode, Error> {
    let folder = workspace.target("xtask-repeat").join(&options.step);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).map_err(Error::file("create", &folder))?;
    let _load = options.load.then(Load::start);
    let mut all = Vec::new();
    for number in 1..=options.times {
        let ended = once(workspace, &options.step, &folder.join(number.to_string()))?;
        println!("{}", line(&options.step, number, options.times, &ended));
        all.push(ended);
    }
    println!("{}", summary(&all));
    let failed = all.iter().any(|ended| ended.cause.is_some());
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// One run; of one that failed the output and the logs go into `kept`.
fn once(workspace: &Workspace, step: &str, kept: &Path) -> Result<Ended, Error> {
    let output = kept.with_extension("log");
    let file = File::create(&output).map_err(Error::file("create", &output))?;
    let copy = file.try_clone().map_err(Error::file("write", &output))?;
    let itself = std::env::current_exe().map_err(Error::file("find", "xtask"))?;
    let mut command = Command::new(itself);
    command.args(["test", "--only", step]).env("CI", "true");
    command.stdin(Stdio::null()).stdout(file).stderr(copy);
    let began = Instant::now();
    let status = command.status().map_err(|source| Error::Start {
        command: format!("xtask test --only {step}"),
        source,
    })?;
    let took = began.elapsed();
    if status.success() {
        return Ok(Ended { took, cause: None });
    }
    let logs = workspace.target("xtask");
    keep(&logs, kept).map_err(Error::file("keep", &logs))?;
    let text = fs::read_to_string(&output).unwrap_or_default();
    let cause = causes(&text).unwrap_or_else(|| format!("no step says why ({status})"));
    Ok(Ended {
        took,
        cause: Some(format!("{cause}; logs in {}", kept.display())),
    })
}

/// What is said of the first step that failed.
fn causes(output: &str) -> Option<String> {
    let failed = |line: &&str| line.contains("  FAILED: ");
    let cause = output.lines().find(failed)?;
    let words: Vec<&str> = cause.split_whitespace().collect();
    Some(words.join(" "))
}

/// Copies the files of a folder.
fn keep(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

fn line(step: &str, number: u32, times: u32, ended: &Ended) -> String {
    let end = match &ended.cause {
        None => "ok".to_owned(),
        Some(cause) => format!("FAILED: {cause}"),
    };
    format!(
        "{step:<16} {number:>3} of {times} {:>10}  {end}",
        duration(ended.took)
    )
}

/// Times and counts; the last line is the count.
fn summary(all: &[Ended]) -> String {
    let mut times: Vec<Duration> = all.iter().map(|ended| ended.took).collect();
    times.sort_unstable();
    let failed = all.iter().filter(|ended| ended.cause.is_some()).count();
    let of = |at: usize| times.get(at).copied().map(duration).unwrap_or_default();
    format!(
        "shortest {}, median {}, longest {}\n{} passed, {failed} failed",
        of(0),
        of(times.len() / 2),
        of(times.len().saturating_sub(1)),
        all.len() - failed
    )
}

/// A thread for each core that computes until this is dropped.
struct Load(Arc<AtomicBool>);

impl Load {
    fn start() -> Self {
        let goes_on = Arc::new(AtomicBool::new(true));
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            let goes_on = Arc::clone(&goes_on);
            thread::spawn(move || {
                while goes_on.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        Self(goes_on)
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_is_the_first_step_that_failed() {
        let output = "stack-ovn  10.0 s  FAILED: `stack up` failed\n\n\
                      stack-ovn            10.0 s  FAILED: `stack up` failed (exit status: 1)\n\
                      e2e-ovn               0.0 s  FAILED: not run: it needs stack-ovn\nin 10 s\n";
        let cause = causes(output).unwrap_or_default();
        assert_eq!(cause, "stack-ovn 10.0 s FAILED: `stack up` failed");
        assert_eq!(causes("all is well\n"), None);
    }

    #[test]
    fn a_summary_counts_and_tells_times() {
        let ended = |seconds, cause: Option<&str>| Ended {
            took: Duration::from_secs(seconds),
            cause: cause.map(str::to_owned),
        };
        let all = [ended(3, None), ended(1, Some("x")), ended(2, None)];
        assert_eq!(
            summary(&all),
            "shortest 1.0 s, median 2.0 s, longest 3.0 s\n2 passed, 1 failed"
        );
    }
}
