//! What ends the start, each with its place, what was found and what is allowed.

use std::fmt;
use std::path::PathBuf;

use crate::ini::SyntaxError;
use crate::origin::Origin;
use crate::spec::OptionSpec;
use crate::suggest::hint;
use crate::{Secret, Warning};

/// Why a configuration can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file or directory that was asked for can't be read.
    #[error("{}: can't be read: {source}", path.display())]
    Read {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A line that is not INI.
    #[error("{}:{}: {}", path.display(), error.line, error.kind)]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line and what is wrong with it.
        error: SyntaxError,
    },
    /// An option's value, or an option that is missing.
    #[error(transparent)]
    Option(Box<OptionError>),
    /// A `clouds.yaml` or `secure.yaml` that is no YAML of the right form.
    #[error("{}: {message}", path.display())]
    Clouds {
        /// The file.
        path: PathBuf,
        /// What was found and what was expected.
        message: String,
    },
    /// A cloud is named and there is no `clouds.yaml`.
    #[error(
        "{origin}: [neutron] cloud = {cloud:?}: found no clouds.yaml with it; looked for {}",
        looked_at.join(", ")
    )]
    NoClouds {
        /// Where the cloud is named.
        origin: Origin,
        /// Its name.
        cloud: String,
        /// The files that were tried.
        looked_at: Vec<String>,
    },
    /// A cloud is named that the file does not have.
    #[error(
        "{}: clouds.{cloud}: no such cloud: expected one of {}{}",
        path.display(), known.join(", "), hint(suggestion.as_deref())
    )]
    NoSuchCloud {
        /// The file.
        path: PathBuf,
        /// The name.
        cloud: String,
        /// Names that the file has.
        known: Vec<String>,
        /// The name that was probably meant.
        suggestion: Option<String>,
    },
}

impl ConfigError {
    /// Sorts by place, as [`Origin::rank`].
    pub(crate) fn rank(&self) -> (u8, String, usize) {
        match self {
            Self::Read { path, .. } => (0, path.display().to_string(), 0),
            Self::Syntax { path, error } => (0, path.display().to_string(), error.line),
            Self::Option(error) => error.origin.rank(),
            Self::NoClouds { origin, .. } => origin.rank(),
            Self::Clouds { path, .. } | Self::NoSuchCloud { path, .. } => {
                (2, path.display().to_string(), 0)
            }
        }
    }
}

/// What is wrong with an option, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionError {
    /// Where it was set.
    pub origin: Origin,
    /// The option.
    pub option: OptionName,
    /// Its value.
    pub found: Found,
    /// What is wrong with it.
    pub problem: Problem,
}

impl fmt::Display for OptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Origin::Cloud { .. } => write!(f, "{}", self.origin)?,
            Origin::BuiltIn => write!(f, "{}", self.option)?,
            origin => write!(f, "{origin}: {}", self.option)?,
        }
        match &self.problem {
            Problem::Missing(_) => write!(f, " is not set: {}", self.problem),
            problem => write!(f, "{}: {problem}", self.found),
        }
    }
}

impl std::error::Error for OptionError {}

impl From<OptionError> for ConfigError {
    fn from(error: OptionError) -> Self {
        Self::Option(Box::new(error))
    }
}

/// An option by group and name, printed as `[group] name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionName {
    /// The section.
    pub group: String,
    /// The option.
    pub name: String,
}

impl OptionName {
    pub(crate) fn new(group: &str, name: &str) -> Self {
        Self {
            group: group.into(),
            name: name.into(),
        }
    }
}

impl fmt::Display for OptionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] {}", self.group, self.name)
    }
}

/// The value that was found, as far as it may be printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// The option is not set.
    Nothing,
    /// A secret.
    Hidden,
    /// The text.
    Text(String),
}

impl Found {
    /// The value of an option; hidden if it is, or holds, a secret.
    pub(crate) fn of(spec: &OptionSpec, text: &str, holds_secret: bool) -> Self {
        if spec.kind.is_secret() || holds_secret {
            Self::Hidden
        } else {
            Self::Text(without_user_info(text))
        }
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// Longer values are cut.
        const LONG: usize = 200;
        match self {
            Self::Nothing => Ok(()),
            Self::Hidden => write!(f, " = {}", Secret::HIDDEN),
            Self::Text(text) if text.chars().count() > LONG => {
                let start: String = text.chars().take(LONG).collect();
                write!(f, " = {start:?}…")
            }
            Self::Text(text) => write!(f, " = {text:?}"),
        }
    }
}

/// Hides `user:password@` of a URL.
fn without_user_info(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        return text.to_owned();
    };
    match rest.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://{}@{host}", Secret::HIDDEN),
        None => text.to_owned(),
    }
}

/// What is wrong with an option.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Its value is not of the kind that is allowed.
    #[error("expected {0}")]
    Expected(String),
    /// Its value is upstream's and is not supported here.
    #[error("not supported: {reason}; expected {expected}")]
    NotSupported {
        /// Why.
        reason: String,
        /// What is allowed.
        expected: String,
    },
    /// The option is upstream's and must not be set here.
    #[error("not supported: {0}")]
    Refused(String),
    /// A value that belongs on one line has an indented line below it.
    #[error(
        "expected a value on one line; line {0} is indented, so it continues this value: \
         take its indentation away"
    )]
    SeveralLines(usize),
    /// A `$name` in the value leads nowhere.
    #[error("{0}; write $$ for a dollar sign")]
    Reference(String),
    /// Two options that don't go together.
    #[error("{0}")]
    Conflict(String),
    /// An option that has to be set.
    #[error("{0}")]
    Missing(String),
    /// A value in the environment that is not UTF-8.
    #[error("expected text in UTF-8")]
    NotUtf8,
}

/// Everything that is wrong with a configuration.
#[derive(Debug)]
pub struct ConfigErrors {
    /// The errors in the order of files and lines; at least one.
    pub errors: Vec<ConfigError>,
    /// What was noticed beside them.
    pub warnings: Vec<Warning>,
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.errors.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}
