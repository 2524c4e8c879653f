//! What came back: one record a step, in the form that is checked in.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The answers of one case.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Transcript {
    /// What the case shows.
    pub title: String,
    /// Its compared steps.
    pub steps: Vec<Record>,
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Number of the step in the case, from 1.
    pub step: usize,
    /// What was sent, as in the case.
    pub sent: String,
    /// The product's operation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<String>,
    /// HTTP status.
    pub status: u16,
    /// Headers that a client looks at.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The body: JSON, or text; a watch's events as a list.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub body: Value,
}

impl Transcript {
    /// Reads a golden transcript.
    ///
    /// # Errors
    /// If it can't be read, or is none.
    pub fn read(path: &Path) -> std::io::Result<Self> {
        Ok(serde_json::from_slice(&std::fs::read(path)?)?)
    }

    /// Writes a golden transcript.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn write(&self, path: &Path) -> std::io::Result<()> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        std::fs::write(path, text)
    }
}
