//! All cases of a flavour, against the embedded or the real service.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::accepted::{self, ACCEPTED, Accepted};
use crate::case::{Case, CaseError, Setting};
use crate::compare::{self, Difference};
use crate::reads::{self, Reads};
use crate::run::{self, RunError};
use crate::target::{Flavour, Target, TargetError};
use crate::transcript::{Record, Transcript};

/// Only cases whose names contain this.
const ONLY: &str = "KURYR_CONTRACT_CASE";

/// Something went wrong, besides a difference.
#[derive(Debug, thiserror::Error)]
pub enum SuiteError {
    /// A case can't be read.
    #[error(transparent)]
    Case(#[from] CaseError),
    /// A case can't be carried out.
    #[error("{case}: {source}")]
    Run {
        case: String,
        /// Why.
        source: RunError,
    },
    /// There is nothing to carry it out against.
    #[error("{case}: {source}")]
    Target {
        case: String,
        /// Why.
        source: TargetError,
    },
    /// A golden transcript can't be read or written.
    #[error("{path}: {source}")]
    Golden {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// What to carry the cases out against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Against {
    /// The embedded services; compared with the golden transcripts.
    Embedded,
    /// The real services; compared with the golden transcripts.
    Real,
    /// The real services; the golden transcripts are written.
    Recording,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Report {
    /// Cases carried out.
    pub cases: usize,
    /// Differences that fail the suite, and what else did.
    pub failures: Vec<String>,
    /// Fields that one of the two has more, and nobody reads.
    pub notes: Vec<String>,
    /// Accepted differences that were met.
    pub met: Vec<&'static Accepted>,
}

/// The crate's folder.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Cases of a flavour.
///
/// # Errors
/// If one can't be read.
pub fn cases(flavour: Flavour) -> Result<Vec<Case>, CaseError> {
    let all = Case::read_all(&root().join("cases").join(flavour.service()))?;
    let only = std::env::var(ONLY).unwrap_or_default();
    Ok(all
        .into_iter()
        .filter(|case| case.is_for(flavour.word()) && case.name.contains(&only))
        .collect())
}

/// A file of the project as a JSON body, with parts of its text replaced.
pub(crate) fn file(path: &str, replace: &BTreeMap<String, String>) -> Result<String, String> {
    let path = root().join("../..").join(path);
    let mut text = std::fs::read_to_string(&path).map_err(|e| e.to_string())?;
    for (from, to) in replace {
        text = text.replace(from.as_str(), to);
    }
    let value: serde_json::Value = serde_yaml_ng::from_str(&text).map_err(|e| e.to_string())?;
    Ok(value.to_string())
}

/// Carries all cases of a flavour out. What goes wrong with one is told in the report, and the others go on.
///
/// # Errors
/// If the cases can't be read.
pub async fn run(flavour: Flavour, against: Against) -> Result<Report, SuiteError> {
    let mut report = Report::default();
    for case in cases(flavour)? {
        report.cases += 1;
        if let Err(error) = one(flavour, against, &case, &mut report).await {
            report.failures.push(error.to_string());
        }
    }
    Ok(report)
}

async fn one(
    flavour: Flavour,
    against: Against,
    case: &Case,
    report: &mut Report,
) -> Result<(), SuiteError> {
    let name = || case.name.clone();
    let path = golden_path(flavour, case);
    if against != Against::Embedded && case.setting == Setting::Bare && !bare_is_there() {
        return Ok(());
    }
    let target = match against {
        Against::Embedded => Target::embedded(flavour, case.setting).await,
        Against::Real | Against::Recording => Target::real(flavour, case.setting).await,
    };
    let mut target = target.map_err(|source| SuiteError::Target {
        case: name(),
        source,
    })?;
    let outcome = run::case(case, &mut target).await;
    target.finish().await;
    let answer = outcome.map_err(|source| SuiteError::Run {
        case: name(),
        source,
    })?;
    let golden = |source| SuiteError::Golden {
        path: path.clone(),
        source,
    };
    if against == Against::Recording {
        return answer.write(&path).map_err(golden);
    }
    let recorded = Transcript::read(&path).map_err(golden)?;
    let reads = |record: &Record| reads_of(flavour, record);
    for difference in compare::transcripts(&recorded, &answer, &reads) {
        report.add(flavour, &case.name, &difference);
    }
    Ok(())
}

fn bare_is_there() -> bool {
    std::env::var_os("KURYR_CONTRACT_BARE").is_some()
}

fn golden_path(flavour: Flavour, case: &Case) -> PathBuf {
    let folder = root().join("golden").join(flavour.folder());
    folder.join(format!("{}.json", case.name))
}

/// What the product reads of an answer.
fn reads_of(flavour: Flavour, record: &Record) -> Reads {
    match flavour {
        Flavour::Kubernetes => reads::of_kubernetes(&record.body),
        _ => reads::of_openstack(record.call.as_deref()),
    }
}

impl Report {
    fn add(&mut self, flavour: Flavour, case: &str, difference: &Difference) {
        let text = format!("{}/{case}: {difference}", flavour.folder());
        let accepted = ACCEPTED
            .iter()
            .find(|a| a.covers(flavour.service(), case, difference));
        match accepted {
            _ if !difference.matters || accepted::unobservable(flavour, difference) => {
                self.notes.push(text);
            }
            Some(accepted) => self.met.push(accepted),
            None => self.failures.push(text),
        }
    }
}
