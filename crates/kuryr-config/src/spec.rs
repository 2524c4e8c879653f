//! The form of the option table: what is known of a group and of an option.

use std::fmt;

use crate::setting::Rejection;
use crate::suggest::nearest;

/// A group of options: a `[section]` of `kuryr.conf`.
#[derive(Debug)]
pub struct GroupSpec {
    /// The section's name.
    pub name: &'static str,
    /// What its options are about, a few sentences.
    pub help: &'static str,
    /// Its options in the order of the reference page.
    pub options: &'static [OptionSpec],
}

/// One option.
#[derive(Debug)]
pub struct OptionSpec {
    /// Its name within the group.
    pub name: &'static str,
    /// What it does, with units.
    pub help: &'static str,
    /// What is allowed as its value.
    pub kind: Kind,
    /// Its value, as it would be written, when nobody sets it; `None` is unset.
    pub default: Option<&'static str>,
    /// Older names of it in the same group.
    pub aliases: &'static [&'static str],
    /// A variable that overrides the files, like `OS_<GROUP>__<OPTION>` does.
    pub env: Option<&'static str>,
    /// A variable that gives the default, which the files override.
    pub default_env: Option<&'static str>,
    /// Whether it has an effect.
    pub status: Status,
    /// Values that upstream takes and that end the start here, with the reason.
    pub refused: &'static [(&'static str, &'static str)],
    /// Values that are taken and have no effect, with the reason.
    pub idle: &'static [(&'static str, &'static str)],
}

/// Whether an option has an effect here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It does what its help says.
    Supported,
    /// Upstream's option that changes nothing here, for the reason given.
    /// Setting it is a warning.
    Ignored(&'static str),
    /// Upstream's option that can't be left out of account, for the reason
    /// given. Setting it is an error.
    Refused(&'static str),
}

/// What an option's value may be.
#[derive(Clone, Copy)]
pub enum Kind {
    /// `true`, `false` and oslo.config's other words for them.
    Bool,
    /// A whole number in a range, both ends included.
    Integer {
        /// Smallest value allowed.
        min: i64,
        /// Largest value allowed.
        max: i64,
    },
    /// A duration in seconds, decimals allowed.
    Seconds {
        /// Smallest value allowed.
        min: u32,
    },
    /// Any text on one line.
    Text,
    /// A name or UUID: text without white space.
    Id,
    /// Text of a certain form.
    Matching {
        /// The form in words, after "expected".
        form: &'static str,
        /// Whether a text has it.
        test: fn(&str) -> bool,
    },
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Any of these words, with commas between.
    Choices(&'static [&'static str]),
    /// Texts with commas between.
    List,
    /// `key:value` pairs with commas between.
    Map,
    /// A path of the file system.
    Path,
    /// `host:port`.
    HostPort,
    /// An `http` or `https` URL.
    Url,
    /// Text that is never printed.
    Secret,
}

impl Kind {
    /// What is allowed, in words that follow "expected".
    pub fn expected(&self) -> String {
        match *self {
            Self::Bool => "true or false (or yes, no, on, off, 1, 0)".into(),
            Self::Integer { min, max: i64::MAX } => format!("an integer of {min} or more"),
            Self::Integer { min, max } => format!("an integer from {min} to {max}"),
            Self::Seconds { min } => format!("a number of seconds, {min} or more"),
            Self::Text => "text on one line".into(),
            Self::Id => "a name or id without white space".into(),
            Self::Matching { form, .. } => form.into(),
            Self::Choice([only]) => (*only).into(),
            Self::Choice(words) => format!("one of {}", words.join(", ")),
            Self::Choices(words) => {
                format!("a list, with commas between, of {}", words.join(", "))
            }
            Self::List => "a list with commas between".into(),
            Self::Map => "key:value pairs with commas between, each key once".into(),
            Self::Path => "a path".into(),
            Self::HostPort => "host:port".into(),
            Self::Url => "an http:// or https:// URL".into(),
            Self::Secret => "a text that is not empty".into(),
        }
    }

    /// Its name in the reference page.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Bool => "boolean",
            Self::Integer { .. } => "integer",
            Self::Seconds { .. } => "seconds",
            Self::Text | Self::Id | Self::Matching { .. } => "string",
            Self::Choice(_) => "choice",
            Self::Choices(_) => "list of choices",
            Self::List => "list",
            Self::Map => "map",
            Self::Path => "path",
            Self::HostPort => "host:port",
            Self::Url => "URL",
            Self::Secret => "secret",
        }
    }

    /// Whether a value may go over several lines.
    pub(crate) fn is_multi_line(&self) -> bool {
        matches!(self, Self::Choices(_) | Self::List | Self::Map)
    }

    /// Whether a value must not be printed.
    pub(crate) fn is_secret(&self) -> bool {
        matches!(self, Self::Secret)
    }

    /// The rejection that names what is allowed.
    pub(crate) fn reject<T>(&self) -> Result<T, Rejection> {
        Err(Rejection {
            expected: self.expected(),
            suggestion: None,
        })
    }

    /// The same for a word that is none of the choices.
    pub(crate) fn reject_word(&self, word: &str) -> Rejection {
        let suggestion = match *self {
            Self::Choice(words) => nearest(word, words.iter().copied()),
            _ => None,
        };
        Rejection {
            expected: self.expected(),
            suggestion,
        }
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name(), self.expected())
    }
}

impl GroupSpec {
    /// The option of that name, older names included; `-` counts as `_`, as in
    /// oslo.config.
    pub(crate) fn find(&self, name: &str) -> Option<&'static OptionSpec> {
        let name = name.replace('-', "_");
        self.options
            .iter()
            .find(|option| option.name == name || option.aliases.contains(&name.as_str()))
    }
}

impl OptionSpec {
    /// An option of that kind: unset, supported.
    pub(crate) const fn new(kind: Kind) -> Self {
        Self {
            name: "",
            help: "",
            kind,
            default: None,
            aliases: &[],
            env: None,
            default_env: None,
            status: Status::Supported,
            refused: &[],
            idle: &[],
        }
    }

    pub(crate) const fn named(self, name: &'static str, help: &'static str) -> Self {
        Self { name, help, ..self }
    }

    pub(crate) const fn default(self, text: &'static str) -> Self {
        Self {
            default: Some(text),
            ..self
        }
    }

    pub(crate) const fn aliases(self, aliases: &'static [&'static str]) -> Self {
        Self { aliases, ..self }
    }

    pub(crate) const fn env(self, name: &'static str) -> Self {
        Self {
            env: Some(name),
            ..self
        }
    }

    pub(crate) const fn default_env(self, name: &'static str) -> Self {
        Self {
            default_env: Some(name),
            ..self
        }
    }

    pub(crate) const fn ignored(self, reason: &'static str) -> Self {
        Self {
            status: Status::Ignored(reason),
            ..self
        }
    }

    pub(crate) const fn refused(self, reason: &'static str) -> Self {
        Self {
            status: Status::Refused(reason),
            ..self
        }
    }

    pub(crate) const fn refuses(self, refused: &'static [(&'static str, &'static str)]) -> Self {
        Self { refused, ..self }
    }

    pub(crate) const fn idles(self, idle: &'static [(&'static str, &'static str)]) -> Self {
        Self { idle, ..self }
    }

    /// oslo.config's name for the variable that overrides the files.
    pub fn env_name(&self, group: &str) -> String {
        format!("OS_{}__{}", group, self.name).to_uppercase()
    }

    /// The words of `text` that `table` (refused or idle values) names.
    pub(crate) fn named_values<'a>(
        &self,
        text: &'a str,
        table: &'static [(&'static str, &'static str)],
    ) -> impl Iterator<Item = (&'a str, &'static str)> {
        let words = match self.kind {
            Kind::Choices(_) => crate::setting::items(text),
            _ => vec![text.trim()],
        };
        words.into_iter().filter_map(move |word| {
            let (_, reason) = table.iter().find(|(value, _)| *value == word)?;
            Some((word, *reason))
        })
    }
}

/// Short constructors for the table.
pub(crate) mod kinds {
    use super::{Kind, OptionSpec};

    pub(crate) const fn boolean(default: &'static str) -> OptionSpec {
        OptionSpec::new(Kind::Bool).default(default)
    }

    pub(crate) const fn integer(min: i64, max: i64, default: &'static str) -> OptionSpec {
        OptionSpec::new(Kind::Integer { min, max }).default(default)
    }

    pub(crate) const fn at_least(min: i64, default: &'static str) -> OptionSpec {
        integer(min, i64::MAX, default)
    }

    pub(crate) const fn port(default: &'static str) -> OptionSpec {
        integer(0, 65535, default)
    }

    pub(crate) const fn seconds(min: u32, default: &'static str) -> OptionSpec {
        OptionSpec::new(Kind::Seconds { min }).default(default)
    }

    pub(crate) const fn choice(
        words: &'static [&'static str],
        default: &'static str,
    ) -> OptionSpec {
        OptionSpec::new(Kind::Choice(words)).default(default)
    }

    pub(crate) const fn of(kind: Kind) -> OptionSpec {
        OptionSpec::new(kind)
    }
}
