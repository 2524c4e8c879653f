//! One run after the other.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use kuryr_load::{Load, Pattern};

use crate::MatrixError;
use crate::journal::{Journal, Record, RunResult};
use crate::path;
use crate::plan::{self, Effort, Generator, Run};
use crate::site::Site;

/// How the matrix ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// All runs were made.
    Complete,
    /// It was asked to stop.
    Stopped,
    /// The announced time was over.
    TimeUp,
}

/// Where it stands.
#[derive(Debug, Clone)]
pub struct Progress<'a> {
    /// Runs that are over.
    pub done: usize,
    pub of: usize,
    /// What comes next, or a site that is made.
    pub now: String,
    /// The run that is just over.
    pub last: Option<&'a Record>,
    /// As the runs so far let expect, and never more than was announced.
    pub left: Duration,
}

/// Makes all runs of a plan that the journal does not have yet, and notes each. A run that fails is noted with its
/// reason, and the others go on; a site that can't be made, or on which a way does not work at all, ends it.
///
/// # Errors
/// What a site met, or the journal's file.
pub fn run(
    site_name: &str,
    runs: &[Run],
    journal: &mut Journal,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(&Progress<'_>),
) -> Result<End, MatrixError> {
    let effort = journal.header.effort;
    let begin = Instant::now();
    let announced = plan::longest(runs, &effort);
    let left = || announced.saturating_sub(begin.elapsed());
    let mut site: Option<Site> = None;
    for (done, run) in runs.iter().enumerate() {
        if stop.load(Ordering::Relaxed) {
            return Ok(End::Stopped);
        }
        if left() < Duration::from_secs_f64(effort.duration_s) {
            return Ok(End::TimeUp);
        }
        let mut tell = |now: String, last: Option<&Record>, done: usize| {
            progress(&Progress {
                done,
                of: runs.len(),
                now,
                last,
                left: left().min(expected(begin.elapsed(), done, runs.len()).unwrap_or(announced)),
            });
        };
        let backend = run.cell.backend;
        let standing = match site.take() {
            Some(standing) if standing.backend() == backend => standing,
            other => {
                // Both have one name.
                drop(other);
                tell(format!("making the {backend} site"), None, done);
                let made = Site::build(site_name, backend)?;
                made.try_out()?;
                made
            }
        };
        tell(format!("{} {}", run.cell, run.system), None, done);
        let record = Record {
            run: *run,
            result: one(&standing, run, &effort),
        };
        site = Some(standing);
        journal.note(record)?;
        tell(String::new(), journal.records.last(), done + 1);
    }
    Ok(End::Complete)
}

/// What the rest takes if it takes as long as what was done; unknown before anything was.
fn expected(elapsed: Duration, done: usize, of: usize) -> Option<Duration> {
    let done = u32::try_from(done).ok().filter(|done| *done > 0)?;
    let rest = u32::try_from(of).ok()?.saturating_sub(done);
    Some(elapsed / done * rest)
}

fn one(site: &Site, run: &Run, effort: &Effort) -> RunResult {
    let cell = &run.cell;
    let load = Load {
        threads: effort.threads,
        at_least: path::enough(cell),
        pace: effort
            .udp_pace
            .filter(|_| cell.pattern == Pattern::UdpStream),
        ..Load::new(
            cell.pattern,
            cell.size,
            Duration::from_secs_f64(effort.duration_s),
        )
    };
    let carried = match effort.generator {
        Generator::Kuryr => site.carry(cell, run.system, &load),
        Generator::Iperf3 => site.carry_by_iperf3(cell, run.system, &load),
    };
    match carried {
        Err(error) => RunResult::Failed(error.to_string()),
        Ok((outcome, hops)) => {
            match path::check(cell, run.system, &hops, path::least(cell, &outcome)) {
                Ok(()) => RunResult::Measured { outcome, hops },
                Err(wrong) => {
                    let place = format!("{cell} {}", run.system);
                    RunResult::Failed(MatrixError::Path { place, wrong }.to_string())
                }
            }
        }
    }
}
