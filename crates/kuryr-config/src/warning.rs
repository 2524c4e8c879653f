//! What does not end the start and the operator should know.

use std::fmt;

use crate::origin::Origin;
use crate::suggest::hint;

/// Something in the configuration that has no effect, or a risky one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Where it is.
    pub origin: Origin,
    /// `[group] option`, `[group]`, or empty where the origin says it all.
    pub subject: String,
    /// What is the matter.
    pub kind: WarningKind,
}

/// Kinds of [`Warning`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WarningKind {
    /// No option of that name is known.
    Unknown {
        /// The name that was probably meant.
        suggestion: Option<String>,
    },
    /// No section of that name is known.
    UnknownGroup {
        /// The options under it.
        options: Vec<String>,
        /// The section that was probably meant.
        suggestion: Option<String>,
    },
    /// It is known and changes nothing, for this reason.
    NoEffect(String),
    /// One of its values is known and changes nothing.
    ValueWithoutEffect {
        /// The value.
        value: String,
        /// Why.
        reason: String,
    },
    /// The option has another name now.
    OlderName {
        /// That name.
        current: String,
    },
    /// The same file sets it again further down, which counts.
    SetAgain {
        /// Line of the one that counts.
        line: usize,
    },
    /// It makes the system less safe.
    Unsafe(String),
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.origin)?;
        if !self.subject.is_empty() {
            write!(f, "{}: ", self.subject)?;
        }
        match &self.kind {
            WarningKind::Unknown { suggestion } => {
                write!(f, "unknown option, not used{}", hint(suggestion.as_deref()))
            }
            WarningKind::UnknownGroup {
                options,
                suggestion,
            } => {
                let hint = hint(suggestion.as_deref());
                let options = options.join(", ");
                write!(
                    f,
                    "unknown section, not used, with its options {options}{hint}"
                )
            }
            WarningKind::NoEffect(reason) => write!(f, "has no effect: {reason}"),
            WarningKind::ValueWithoutEffect { value, reason } => {
                write!(f, "{value} has no effect: {reason}")
            }
            WarningKind::OlderName { current } => write!(f, "older name of {current}"),
            WarningKind::SetAgain { line } => {
                write!(f, "not used: it is set again in line {line}")
            }
            WarningKind::Unsafe(why) => f.write_str(why),
        }
    }
}
