//! NetworkPolicies at size: what they cost in calls, time and memory.
//!
//! ```text
//! shape  the cluster: namespaces that are alike, with their pods and policies
//! plan   the decisions alone, in this process
//! live   the controller as it runs, beside an embedded cloud
//! ```

mod live;
mod plan;
mod shape;

use std::path::PathBuf;
use std::time::Duration;

pub use self::shape::Size;
use crate::{BenchError, Report};

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Options {
    /// The program whose `controller` is measured: `kuryr`.
    pub program: PathBuf,
    /// The sizes; figures of all but the first have the number of pods in front.
    pub sizes: Vec<Size>,
    /// Label changes that are timed.
    pub rounds: usize,
    /// Leave the controller out, and time decisions alone.
    pub plan_only: bool,
    /// Longest wait for anything.
    pub limit: Duration,
}

/// Runs it.
///
/// # Errors
/// [`BenchError`] says what did not happen.
pub async fn run(options: &Options) -> Result<Report, BenchError> {
    let mut report = Report::new("policies: embedded cloud, nothing plugged");
    for (number, size) in options.sizes.iter().enumerate() {
        let prefix = match number {
            0 => String::new(),
            _ => format!("{}_", size.pods),
        };
        let figure = |name: &str| format!("{prefix}{name}");
        report.figure(&figure("pods"), count(size.pods));
        report.figure(&figure("policies"), count(size.policies));
        tokio::task::block_in_place(|| plan::run(*size, options.rounds, &figure, &mut report))?;
        if !options.plan_only {
            live::run(options, *size, &figure, &mut report).await?;
        }
    }
    Ok(report)
}

#[allow(clippy::cast_precision_loss)] // counts are far below 2^52
fn count(n: usize) -> f64 {
    n as f64
}
