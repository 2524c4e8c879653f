//! The report: plots, and a Markdown page that shows them beside the figures.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use serde::Serialize;

use super::Size;
use super::plot::{Line, Plot};
use super::samples::{Mark, Sample};
use crate::simulated::site::write;
use crate::{BenchError, Report};

/// What one size showed.
#[derive(Clone, Copy, Debug)]
pub(super) struct SizeRow {
    pub(super) size: Size,
    /// Restart to steady, seconds.
    pub(super) restart: f64,
    pub(super) changes: u64,
    /// Memory at rest and at most, MB.
    pub(super) rss: f64,
    pub(super) peak: f64,
    /// CPU of the restart, seconds.
    pub(super) cpu: f64,
}

/// What there is to show.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Page {
    samples: Vec<Sample>,
    marks: Vec<Mark>,
    #[serde(skip)]
    sizes: Vec<SizeRow>,
}

impl Page {
    /// The course of the main run.
    pub(super) fn course(&mut self, samples: Vec<Sample>, marks: Vec<Mark>) {
        (self.samples, self.marks) = (samples, marks);
    }

    /// A size was measured.
    pub(super) fn size(&mut self, row: SizeRow) {
        self.sizes.push(row);
    }

    /// Writes plots, samples and the page into a folder.
    pub(super) fn write(&self, folder: &Path, report: &Report) -> Result<(), BenchError> {
        std::fs::create_dir_all(folder).map_err(|source| BenchError::Write {
            path: folder.to_owned(),
            source,
        })?;
        let mut text = format!("# {}\n\n", report.benchmark);
        for (file, plot) in self.plots() {
            write(&folder.join(file), &plot.svg()?)?;
            let _ = writeln!(text, "![{}]({file})\n", plot.title);
        }
        text += &sizes_table(&self.sizes);
        text += "| figure | value |\n|---|---:|\n";
        for (name, value) in &report.figures {
            let _ = writeln!(text, "| `{name}` | {value:.3} |");
        }
        for note in &report.notes {
            let _ = writeln!(text, "\n- {note}");
        }
        write(&folder.join("README.md"), &text)?;
        let samples = serde_json::to_string(self).unwrap_or_default();
        write(&folder.join("samples.json"), &samples)?;
        write(&folder.join("figures.json"), &report.json())?;
        Ok(())
    }

    fn plots(&self) -> Vec<(&'static str, Plot)> {
        let mut plots = Vec::new();
        if !self.samples.is_empty() {
            plots.extend(self.course_plots());
        }
        if self.sizes.len() > 1 {
            plots.extend(self.size_plots());
        }
        plots
    }

    fn course_plots(&self) -> [(&'static str, Plot); 4] {
        let line = |name: &str, of: &dyn Fn(&Sample) -> f64| Line {
            name: name.to_owned(),
            points: self.samples.iter().map(|s| (s.at, of(s))).collect(),
        };
        let plot = |title: &str, what: &str, lines| Plot {
            title: title.to_owned(),
            axes: ["seconds".to_owned(), what.to_owned()],
            lines,
            marks: self.marks.iter().map(|m| (m.at, m.phase.clone())).collect(),
            dots: false,
        };
        let kinds: BTreeSet<&str> = self
            .samples
            .iter()
            .flat_map(|s| s.calls.keys().copied())
            .collect();
        let calls = kinds.into_iter().map(|kind| {
            line(kind, &|s: &Sample| {
                s.calls.get(kind).copied().unwrap_or(0.0)
            })
        });
        let number = |n: usize| super::phases::count(n as u64);
        [
            (
                "ready.svg",
                plot(
                    "Pods with an ACTIVE port",
                    "pods",
                    vec![line("ready", &|s| number(s.ready))],
                ),
            ),
            (
                "queue.svg",
                plot(
                    "Pods that wait for a port",
                    "pods",
                    vec![line("waiting", &|s| number(s.waiting))],
                ),
            ),
            (
                "calls.svg",
                plot("Calls by kind", "calls a second", calls.collect()),
            ),
            (
                "memory.svg",
                plot(
                    "The controller's memory",
                    "MB",
                    vec![line("resident", &|s| s.rss_mb)],
                ),
            ),
        ]
    }

    fn size_plots(&self) -> [(&'static str, Plot); 2] {
        let line = |name: &str, of: fn(&SizeRow) -> f64| Line {
            name: name.to_owned(),
            points: self
                .sizes
                .iter()
                .map(|row| (super::phases::count(row.size.pods as u64), of(row)))
                .collect(),
        };
        let plot = |title: &str, what: &str, lines| Plot {
            title: title.to_owned(),
            axes: ["pods".to_owned(), what.to_owned()],
            lines,
            marks: Vec::new(),
            dots: true,
        };
        let times = vec![
            line("restart to steady", |r| r.restart),
            line("CPU of it", |r| r.cpu),
        ];
        let memory = vec![line("at rest", |r| r.rss), line("at most", |r| r.peak)];
        [
            (
                "restart-by-size.svg",
                plot("Restart to steady, by size", "seconds", times),
            ),
            (
                "memory-by-size.svg",
                plot("The controller's memory, by size", "MB", memory),
            ),
        ]
    }
}

fn sizes_table(rows: &[SizeRow]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let mut text = "| pods | nodes | restart s | CPU s | changing calls | MB | MB at most |\n\
                    |---:|---:|---:|---:|---:|---:|---:|\n"
        .to_owned();
    for r in rows {
        let Size { pods, nodes } = r.size;
        let _ = writeln!(
            text,
            "| {pods} | {nodes} | {:.2} | {:.2} | {} | {:.0} | {:.0} |",
            r.restart, r.cpu, r.changes, r.rss, r.peak
        );
    }
    text + "\n"
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_page_shows_each_plot_that_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let mut page = Page::default();
        let sample = |at| Sample {
            at,
            calls: [("list ports", 1.0)].into_iter().collect(),
            ..Sample::default()
        };
        page.course(vec![sample(0.0), sample(1.0)], Vec::new());
        for pods in [1_000, 2_000] {
            page.size(SizeRow {
                size: Size { pods, nodes: 26 },
                restart: 1.0,
                changes: 0,
                rss: 20.0,
                peak: 30.0,
                cpu: 0.5,
            });
        }
        let mut report = Report::new("scale");
        report.figure("restart_s", 1.5);
        page.write(folder.path(), &report).unwrap();
        let text = std::fs::read_to_string(folder.path().join("README.md")).unwrap();
        assert!(
            text.contains("| 1000 | 26 | 1.00 | 0.50 | 0 | 20 | 30 |"),
            "{text}"
        );
        let shown: Vec<&str> = text
            .lines()
            .filter_map(|l| l.split_once("](")?.1.strip_suffix(')'))
            .collect();
        assert_eq!(shown.len(), 6);
        assert!(shown.iter().all(|file| folder.path().join(file).exists()));
    }
}
