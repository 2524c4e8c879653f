//! The runs as a file: one line of JSON each, written as soon as it is over, so that whatever ends the matrix loses
//! one run at most.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use kuryr_load::Outcome;
use serde::{Deserialize, Serialize};

use crate::MatrixError;
use crate::machine::Machine;
use crate::path::Counts;
use crate::plan::{Effort, Run};

/// The file's name in the folder of results.
pub const FILE: &str = "runs.jsonl";

/// The first line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Header {
    pub effort: Effort,
    pub machine: Machine,
}

/// A run that is over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    #[serde(flatten)]
    pub run: Run,
    #[serde(flatten)]
    pub result: RunResult,
}

/// What came of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunResult {
    /// Its figures, and the packets by hop that prove its path.
    Measured { outcome: Outcome, hops: Counts },
    /// Why there are none.
    Failed(String),
}

/// The open file.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    pub header: Header,
    pub records: Vec<Record>,
}

impl Journal {
    /// Begins a journal in a folder, or goes on with the one that is there.
    ///
    /// # Errors
    /// [`MatrixError::Options`] if there is one and `resume` isn't asked for, or it was made with another effort, by
    /// another kernel or build; [`MatrixError::File`] if it can't be read or written.
    pub fn open(folder: &Path, header: Header, resume: bool) -> Result<Self, MatrixError> {
        let path = folder.join(FILE);
        if path.exists() {
            if !resume {
                return Err(MatrixError::Options(format!(
                    "{} has runs already: --resume goes on with them, another --out begins anew",
                    path.display()
                )));
            }
            return Self::resume(path, &header);
        }
        fs::create_dir_all(folder).map_err(|e| MatrixError::file(folder, e))?;
        let file = OpenOptions::new().append(true).create_new(true).open(&path);
        let file = file.map_err(|e| MatrixError::file(&path, e))?;
        let mut journal = Self {
            path,
            file,
            header,
            records: Vec::new(),
        };
        let line = serde_json::to_vec(&journal.header);
        journal.write(line)?;
        Ok(journal)
    }

    fn resume(path: PathBuf, wanted: &Header) -> Result<Self, MatrixError> {
        let text = fs::read_to_string(&path).map_err(|e| MatrixError::file(&path, e))?;
        let (header, records, whole) = parse(&text).map_err(|why| MatrixError::file(&path, why))?;
        same(&header, wanted)?;
        let file = OpenOptions::new().append(true).open(&path);
        let file = file.map_err(|e| MatrixError::file(&path, e))?;
        // A line that was being written when the matrix was killed.
        file.set_len(whole as u64)
            .map_err(|e| MatrixError::file(&path, e))?;
        Ok(Self {
            path,
            file,
            header,
            records,
        })
    }

    /// Notes a run.
    ///
    /// # Errors
    /// [`MatrixError::File`].
    pub fn note(&mut self, record: Record) -> Result<(), MatrixError> {
        let line = serde_json::to_vec(&record);
        self.write(line)?;
        self.records.push(record);
        Ok(())
    }

    fn write(&mut self, line: serde_json::Result<Vec<u8>>) -> Result<(), MatrixError> {
        let mut line = line.map_err(|e| MatrixError::file(&self.path, e))?;
        line.push(b'\n');
        let written = self.file.write_all(&line);
        written.map_err(|e| MatrixError::file(&self.path, e))
    }

    /// The runs that have figures; one that failed is tried again when resumed.
    #[must_use]
    pub fn done(&self) -> BTreeSet<Run> {
        let measured = |record: &&Record| matches!(record.result, RunResult::Measured { .. });
        self.records
            .iter()
            .filter(measured)
            .map(|r| r.run)
            .collect()
    }
}

/// Header, records, and the bytes of the text's whole lines.
fn parse(text: &str) -> Result<(Header, Vec<Record>, usize), String> {
    let whole = text.rfind('\n').map_or(0, |at| at + 1);
    let mut lines = text[..whole].lines();
    let header = lines.next().ok_or("it is empty; remove it")?;
    let header = serde_json::from_str(header).map_err(|e| format!("line 1: {e}"))?;
    let records = lines
        .enumerate()
        .map(|(at, line)| serde_json::from_str(line).map_err(|e| format!("line {}: {e}", at + 2)));
    Ok((header, records.collect::<Result<_, String>>()?, whole))
}

/// Runs of two machines or efforts are not to be put into one picture.
fn same(there: &Header, wanted: &Header) -> Result<(), MatrixError> {
    let differs = |what: &str| {
        Err(MatrixError::Options(format!(
            "--resume: the runs that are there were made with {what}; begin anew with another --out"
        )))
    };
    if there.effort != wanted.effort {
        return differs("another duration, number of repeats or threads, pace or generator");
    }
    if there.machine.kernel != wanted.machine.kernel
        || there.machine.processor != wanted.machine.processor
    {
        return differs("another machine or kernel");
    }
    if there.machine.optimised != wanted.machine.optimised {
        return differs("another build");
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(crate) mod tests {
    use super::*;
    use crate::cell::System;
    use crate::plan::Generator;
    use crate::select::Selection;

    pub(crate) fn header() -> Header {
        Header {
            effort: Effort {
                duration_s: 1.0,
                repeats: 2,
                threads: 1,
                udp_pace: None,
                generator: Generator::Kuryr,
            },
            machine: Machine::default(),
        }
    }

    pub(crate) fn outcome(bits_per_s: f64, p50_us: f64) -> Outcome {
        Outcome {
            seconds: 1.0,
            bits_per_s,
            operations_per_s: bits_per_s / 1000.0,
            operations: 1,
            lost: 0.0,
            reordered: 0.0,
            latency: Some(kuryr_load::Latency {
                p50_us,
                p99_us: p50_us * 2.0,
                ..kuryr_load::Latency::default()
            }),
            client_cpu_s: 0.5,
            server_cpu_s: 0.25,
        }
    }

    fn record(turn: usize, failed: bool) -> Record {
        let run = Run {
            cell: Selection::default().cells()[0],
            system: System::Kuryr,
            turn,
        };
        let result = match failed {
            true => RunResult::Failed("no".to_owned()),
            false => RunResult::Measured {
                outcome: outcome(1e9, 20.0),
                hops: Counts::from([(crate::path::Hop::Wire, 5)]),
            },
        };
        Record { run, result }
    }

    #[test]
    fn what_was_noted_is_there_when_resumed_and_a_torn_line_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(folder.path(), header(), false).unwrap();
        journal.note(record(0, false)).unwrap();
        journal.note(record(1, true)).unwrap();
        let mut torn = OpenOptions::new()
            .append(true)
            .open(folder.path().join(FILE))
            .unwrap();
        torn.write_all(b"{\"backend\":\"ov").unwrap();
        let mut again = Journal::open(folder.path(), header(), true).unwrap();
        assert_eq!(again.records, journal.records);
        assert_eq!(again.done(), BTreeSet::from([record(0, false).run]));
        again.note(record(1, false)).unwrap();
        let third = Journal::open(folder.path(), header(), true).unwrap();
        assert_eq!(third.done().len(), 2);
    }

    #[test]
    fn runs_are_not_mixed_with_those_of_another_effort_nor_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        drop(Journal::open(folder.path(), header(), false).unwrap());
        let said = Journal::open(folder.path(), header(), false).unwrap_err();
        assert!(said.to_string().contains("--resume goes on"), "{said}");
        let mut other = header();
        other.effort.threads = 4;
        let said = Journal::open(folder.path(), other, true).unwrap_err();
        assert!(said.to_string().contains("another duration"), "{said}");
        fs::write(folder.path().join(FILE), "{}\n").unwrap();
        let said = Journal::open(folder.path(), header(), true).unwrap_err();
        assert!(said.to_string().contains("line 1"), "{said}");
    }
}
