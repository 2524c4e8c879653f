//! The CNI error object, and the codes we use.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::version::CniVersion;

/// Why a call failed, as CNI has it (spec, section 5 "Result types", Error).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CniError {
    /// A [`Code`] as a number; whoever reads an answer may meet one that it does not know.
    pub code: u32,
    /// What failed and why: runtimes show it to the user.
    pub msg: String,
    /// More for whoever looks closer; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub details: String,
}

/// Error codes: below 100 the spec's, from 100 on ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// The CNI version is not served, or lacks the command.
    IncompatibleVersion,
    /// A field of the network configuration that Kuryr cannot honour.
    UnsupportedField,
    /// The container or its pod is not there (any more); nothing is left to clean up.
    UnknownContainer,
    /// A `CNI_` variable is missing or wrong.
    InvalidEnvironment,
    /// Reading or writing failed.
    Io,
    /// Standard input is not JSON.
    Decode,
    /// The network configuration is wrong.
    InvalidConfig,
    /// Not now; the same call may succeed later.
    TryAgainLater,
    /// STATUS: no ADD can be served now.
    Unavailable,
    /// STATUS: no ADD can be served, and pods may have lost their connection.
    Limited,
    /// Ours: the kernel refused to plug or unplug.
    Plug,
    /// Ours: the KuryrPort holds no VIF that can be plugged.
    InvalidVif,
    /// Ours: CHECK found the interface changed.
    Changed,
    /// Ours: plugin and daemon do not understand each other.
    Protocol,
    /// Ours: the daemon could not keep its record of the interface.
    Record,
}

impl Code {
    /// The number on the wire.
    #[must_use]
    pub fn number(self) -> u32 {
        match self {
            Self::IncompatibleVersion => 1,
            Self::UnsupportedField => 2,
            Self::UnknownContainer => 3,
            Self::InvalidEnvironment => 4,
            Self::Io => 5,
            Self::Decode => 6,
            Self::InvalidConfig => 7,
            Self::TryAgainLater => 11,
            Self::Unavailable => 50,
            Self::Limited => 51,
            Self::Plug => 100,
            Self::InvalidVif => 101,
            Self::Changed => 102,
            Self::Protocol => 103,
            Self::Record => 104,
        }
    }
}

impl CniError {
    /// An error without details.
    #[must_use]
    pub fn new(code: Code, msg: impl Into<String>) -> Self {
        Self {
            code: code.number(),
            msg: msg.into(),
            details: String::new(),
        }
    }

    /// The same with details.
    #[must_use]
    pub fn details(mut self, details: impl Into<String>) -> Self {
        self.details = details.into();
        self
    }

    /// The object that the plugin prints.
    #[must_use]
    pub fn to_json(&self, version: CniVersion) -> Value {
        let mut object = json!({
            "cniVersion": version.as_str(),
            "code": self.code,
            "msg": self.msg,
        });
        if !self.details.is_empty() {
            object["details"] = json!(self.details);
        }
        object
    }
}

impl fmt::Display for CniError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (code {})", self.msg, self.code)?;
        if !self.details.is_empty() {
            write!(f, ": {}", self.details)?;
        }
        Ok(())
    }
}

impl std::error::Error for CniError {}
