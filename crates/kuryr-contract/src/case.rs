//! The form of a case: a YAML file, a script of HTTP calls.
//!
//! `${name}` in a path, header or body stands for what was bound by an earlier step, or by the target: `project`,
//! `namespace`, `run` (unique to the run).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

/// What a case is about, and its steps.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// File name without its ending.
    #[serde(skip)]
    pub name: String,
    /// The file's text: values that stand in it are no run's own, and are compared as they are.
    #[serde(skip)]
    pub text: String,
    /// What it shows, in a sentence.
    pub title: String,
    /// Flavours of the service that it makes sense for, such as `ovn`; all if empty.
    #[serde(default)]
    pub flavours: Vec<String>,
    /// How the embedded service is to be set, where the real one was too when the golden was recorded.
    #[serde(default)]
    pub setting: Setting,
    /// Sent one after the other.
    pub steps: Vec<Step>,
}

/// A cloud that differs from the usual one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Setting {
    #[default]
    Usual,
    /// One whose load balancers take so long that nothing else can be done with them meanwhile.
    Busy,
    /// A Neutron without ML2's extension driver `tag_ports_during_bulk_creation`, trunks and tags.
    Bare,
}

/// One call, repeated until something holds, or one thing done to the cloud.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Step {
    /// The operation of the product that sends this call: for the list of what is covered, and for what is read.
    pub call: Option<String>,
    /// Who sends it.
    #[serde(rename = "as")]
    pub by: Who,
    /// Method and path, such as `GET /v2.0/ports`.
    pub send: Option<String>,
    /// Headers besides the usual ones.
    pub headers: BTreeMap<String, String>,
    /// The body: JSON, or a string that is sent as it is.
    pub body: Option<Value>,
    /// A file of the project that is the body; YAML becomes JSON.
    pub file: Option<String>,
    /// Replaced in the file's text.
    pub replace: BTreeMap<String, String>,
    /// Names for values of the answer, by JSON pointer; `header:NAME` takes a header.
    pub bind: BTreeMap<String, String>,
    /// The call is repeated until these values, by JSON pointer, are there; `/status` of the key `:status` is the
    /// HTTP status.
    pub until: BTreeMap<String, Value>,
    /// Of these lists, by JSON pointer, only the items with one of these values are compared.
    pub keep: BTreeMap<String, BTreeMap<String, Vec<Value>>>,
    /// The order of lists counts.
    pub ordered: Option<bool>,
    /// Others write the object too, whenever they like: which of its versions is seen does not count.
    pub shared: bool,
    /// The answer is not compared.
    pub quiet: bool,
    /// The service forgets its history first, as one does that has run for long.
    pub expire: bool,
    /// A port whose interface is plugged into a hypervisor.
    pub plug: Option<String>,
    /// A port whose interface is taken out again.
    pub unplug: Option<String>,
}

/// Who sends a call.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Who {
    /// The user that the product is.
    #[default]
    Member,
    /// The cloud's administrator.
    Admin,
    /// Nobody: no token.
    Nobody,
    /// Whoever has this token.
    Token(String),
}

/// A case can't be read.
#[derive(Debug, thiserror::Error)]
pub enum CaseError {
    /// The file can't be read.
    #[error("{path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is no case.
    #[error("{path}: {source}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_yaml_ng::Error,
    },
}

impl Case {
    /// Reads one case.
    ///
    /// # Errors
    /// If the file can't be read or is no case.
    pub fn read(path: &Path) -> Result<Self, CaseError> {
        let at = || path.to_owned();
        let text = std::fs::read_to_string(path)
            .map_err(|source| CaseError::Read { path: at(), source })?;
        let case: Self = serde_yaml_ng::from_str(&text)
            .map_err(|source| CaseError::Parse { path: at(), source })?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        Ok(Self {
            name: name.into_owned(),
            text,
            ..case
        })
    }

    /// Reads all cases of a folder, by name.
    ///
    /// # Errors
    /// If one of them can't be read.
    pub fn read_all(folder: &Path) -> Result<Vec<Self>, CaseError> {
        let failed = |source| CaseError::Read {
            path: folder.to_owned(),
            source,
        };
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path.extension().is_some_and(|e| e == "yaml") {
                paths.push(path);
            }
        }
        paths.sort();
        paths.iter().map(|path| Self::read(path)).collect()
    }

    /// Whether it makes sense for a flavour.
    pub fn is_for(&self, flavour: &str) -> bool {
        self.flavours.is_empty() || self.flavours.iter().any(|f| f == flavour)
    }
}
