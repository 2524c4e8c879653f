//! A simulation to size: thousands of nodes and pods on an embedded cloud in this process,
//! and the real controller as a process of its own beside it.
//!
//! ```text
//! seed        pods with their ports, put there without a controller
//! leaks       ports that no pod has
//! phases      populate, fill a trunk, restart, churn, empty: a figure or some of each
//! sizes       the same restart at growing sizes
//! samples     a line of figures each second
//! plot, page  the report: SVG, and a Markdown page that shows it
//! ```
//!
//! The cloud and the controller are those of the module `simulated`.

mod leaks;
mod page;
mod phases;
mod plot;
mod samples;
mod seed;
mod sizes;

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use crate::{BenchError, Report};

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Options {
    /// The program whose `controller` is measured: `kuryr`.
    pub program: PathBuf,
    /// Configuration files for it, over the bench's own.
    pub config_files: Vec<PathBuf>,
    /// Size of the main run; none leaves it out.
    pub size: Option<Size>,
    /// Put the pods' ports there instead of having the controller make them.
    pub seed: bool,
    /// Keep ports ready on each trunk.
    pub pools: bool,
    /// Pods replaced; none leaves that out.
    pub churn: Option<Churn>,
    /// Further sizes at which a restart is measured, with seeded pods.
    pub sizes: Vec<Size>,
    /// Folder for plots and a page that shows them.
    pub report: Option<PathBuf>,
    /// Longest wait for anything.
    pub limit: Duration,
}

/// So many pods on so many nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    pub pods: usize,
    pub nodes: usize,
}

/// Pods replaced, each by another: so many a second, for so long.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Churn {
    /// Pods a second.
    pub rate: f64,
    /// For how long.
    pub time: Duration,
}

/// `PODS` or `PODS:NODES`; without nodes 26 for each 1,000 pods, as 2,600 for 100,000.
impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |part: &str| {
            let number = part.parse().ok().filter(|n| *n > 0);
            number.ok_or_else(|| format!("{text:?} is not PODS or PODS:NODES"))
        };
        Ok(match text.split_once(':') {
            Some((pods, nodes)) => Self {
                pods: number(pods)?,
                nodes: number(nodes)?,
            },
            None => {
                let pods: usize = number(text)?;
                let nodes = (pods * 26).div_ceil(1_000);
                Self { pods, nodes }
            }
        })
    }
}

impl Size {
    /// As figures name it: `10k`, `250`.
    pub(crate) fn label(self) -> String {
        match (self.pods / 1_000, self.pods % 1_000) {
            (k, 0) if k > 0 => format!("{k}k"),
            _ => self.pods.to_string(),
        }
    }
}

/// Runs it.
///
/// # Errors
/// [`BenchError`] says what did not happen.
pub async fn run(options: &Options) -> Result<Report, BenchError> {
    let mut report = Report::new("scale: embedded cloud, nothing plugged");
    let mut page = page::Page::default();
    if let Some(size) = options.size {
        phases::run(options, size, &mut report, &mut page).await?;
    }
    if !options.sizes.is_empty() {
        sizes::run(options, &mut report, &mut page).await?;
    }
    if let Some(folder) = &options.report {
        page.write(folder, &report)?;
        report.note(format!("report: {}", folder.join("README.md").display()));
    }
    Ok(report)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_size_has_its_nodes_or_as_many_as_the_largest_cluster() {
        let size = |text: &str| text.parse::<Size>().unwrap();
        let of = |pods, nodes| Size { pods, nodes };
        assert_eq!(size("10000:200"), of(10_000, 200));
        assert_eq!(size("100000"), of(100_000, 2_600));
        assert_eq!(size("10").nodes, 1);
        assert_eq!(
            (size("30000").label(), size("250").label()),
            ("30k".into(), "250".into())
        );
        assert!("0".parse::<Size>().is_err() && "a:b".parse::<Size>().is_err());
    }
}
