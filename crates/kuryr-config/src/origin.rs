//! Where a value was written.

use std::fmt;
use std::path::PathBuf;

/// The place that a value came from, as it is named in messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A line of a configuration file.
    File {
        /// The file as it was named on the command line or found in a directory.
        path: PathBuf,
        /// Line number, from 1.
        line: usize,
    },
    /// An environment variable.
    Environment(String),
    /// A key of a `clouds.yaml`.
    Cloud {
        /// The file.
        path: PathBuf,
        /// The key with its parents: `clouds.prod.auth.auth_url`.
        key: String,
    },
    /// Nobody set it.
    BuiltIn,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::Cloud { path, key } => write!(f, "{}: {key}", path.display()),
            Self::BuiltIn => f.write_str("built-in default"),
        }
    }
}

impl Origin {
    /// Sorts by file and line, then the environment, then the rest.
    pub(crate) fn rank(&self) -> (u8, String, usize) {
        match self {
            Self::File { path, line } => (0, path.display().to_string(), *line),
            Self::Environment(name) => (1, name.clone(), 0),
            Self::Cloud { path, key } => (2, format!("{}{key}", path.display()), 0),
            Self::BuiltIn => (3, String::new(), 0),
        }
    }
}
