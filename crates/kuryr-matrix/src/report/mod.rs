//! What people and programs read: a page, a table, JSON, CSV.

mod csv;
mod html;
mod picture;
mod ratios;

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::MatrixError;
use crate::claims::{self, Judged};
use crate::figures::{self, Row};
use crate::journal::{Header, Record, RunResult};
use crate::path::Counts;
use crate::plan::Run;

pub use ratios::table;

/// All that a report says.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    #[serde(flatten)]
    pub header: Header,
    pub cells: Vec<Row>,
    pub claims: Vec<Judged>,
    /// Runs without figures, each with its reason.
    pub failed: Vec<(Run, String)>,
    /// Runs that were planned and not made.
    pub missing: usize,
    /// Packets by hop in the last run of each cell and system: the proof of its path.
    pub paths: Vec<(Run, Counts)>,
}

impl Report {
    /// Sums the runs up; `planned` is how many there should be.
    #[must_use]
    pub fn of(header: &Header, records: &[Record], planned: usize) -> Self {
        let cells = figures::rows(records);
        let mut failed: Vec<(Run, String)> = Vec::new();
        let mut paths: std::collections::BTreeMap<_, (Run, Counts)> = Default::default();
        let mut measured = std::collections::BTreeSet::new();
        for record in records {
            match &record.result {
                RunResult::Failed(why) => failed.push((record.run, why.clone())),
                RunResult::Measured { hops, .. } => {
                    measured.insert(record.run);
                    paths.insert(
                        (record.run.cell, record.run.system),
                        (record.run, hops.clone()),
                    );
                }
            }
        }
        failed.retain(|(run, _)| !measured.contains(run));
        // A run that was tried again and failed again is one.
        let mut seen = std::collections::BTreeSet::new();
        failed.retain(|(run, _)| seen.insert(*run));
        Self {
            header: header.clone(),
            claims: claims::judge(&cells),
            missing: planned.saturating_sub(measured.len() + failed.len()),
            cells,
            failed,
            paths: paths.into_values().collect(),
        }
    }

    /// One JSON object.
    #[must_use]
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// Writes `matrix.html`, `matrix.csv` and `matrix.json` into a folder, and says where the page is.
    ///
    /// # Errors
    /// [`MatrixError::File`].
    pub fn write(&self, folder: &Path) -> Result<PathBuf, MatrixError> {
        let write = |name: &str, text: String| {
            let path = folder.join(name);
            let written = fs::write(&path, text);
            written
                .map(|()| path.clone())
                .map_err(|e| MatrixError::file(&path, e))
        };
        write("matrix.csv", csv::csv(&self.cells))?;
        write("matrix.json", self.json() + "\n")?;
        write("matrix.html", html::page(self)?)
    }
}
