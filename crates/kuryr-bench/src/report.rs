//! What a benchmark prints.

use std::collections::BTreeMap;

use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

use crate::stats::Runs;

/// Figures under stable names, the runs behind them, and notes.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    pub benchmark: String,
    /// Name to number; the unit is in the name.
    pub figures: BTreeMap<String, f64>,
    /// Name to all runs of what the figures sum up.
    pub runs: BTreeMap<String, Runs>,
    /// What a reader has to know.
    pub notes: Vec<String>,
}

impl Report {
    /// An empty report.
    #[must_use]
    pub fn new(benchmark: &str) -> Self {
        Self {
            benchmark: benchmark.to_owned(),
            ..Self::default()
        }
    }

    /// Adds a figure.
    pub fn figure(&mut self, name: &str, value: f64) {
        self.figures.insert(name.to_owned(), value);
    }

    /// Adds runs, with median and p99 as figures named `<name>_p50_<unit>` and so on.
    pub fn runs(&mut self, name: &str, unit: &str, runs: Runs) {
        for (what, share) in [("p50", 0.5), ("p99", 0.99)] {
            if let Some(value) = runs.percentile(share) {
                self.figure(&format!("{name}_{what}_{unit}"), value);
            }
        }
        self.runs.insert(format!("{name}_{unit}"), runs);
    }

    /// Adds a note.
    pub fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// One JSON object.
    #[must_use]
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// Tables for people.
    #[must_use]
    pub fn table(&self) -> String {
        let mut figures = table(&["figure", "value"]);
        for (name, value) in &self.figures {
            figures.add_row([name.clone(), number(*value)]);
        }
        let mut runs = table(&["runs", "n", "min", "median", "p99", "max"]);
        for (name, r) in &self.runs {
            let cell = |v: Option<f64>| v.map(number).unwrap_or_default();
            runs.add_row([
                name.clone(),
                r.runs.len().to_string(),
                cell(r.min()),
                cell(r.median()),
                cell(r.percentile(0.99)),
                cell(r.max()),
            ]);
        }
        let mut text = format!("{}\n{figures}\n", self.benchmark);
        if !self.runs.is_empty() {
            text += &format!("{runs}\n");
        }
        for note in &self.notes {
            text += &format!("- {note}\n");
        }
        text
    }
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_BORDERS_ONLY)
        .set_header(header.iter().copied());
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// Three digits after the point are as many as any figure here deserves.
fn number(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_reads_well() {
        let mut report = Report::new("cni: ADD with the port ready");
        report.runs("add", "ms", [3.25, 2.0, 4.5].into_iter().collect());
        report.figure("daemon_rss_mb", 14.0);
        report.note("embedded cloud, tc-bpf");
        insta::assert_snapshot!(report.table());
    }
}
