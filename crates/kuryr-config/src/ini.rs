//! The INI dialect of oslo.config, with the line of each value.
//!
//! What it does follows oslo.config's `iniparser.py`: `name = value` or
//! `name: value`, whichever sign comes first; `#` and `;` start a comment in the
//! first column only; a line that starts with a space or a tab continues the
//! value above it, up to a blank line; one pair of quotes around a first line
//! is taken off; a name may come several times.

use std::fmt;

/// One assignment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) section: String,
    pub(crate) name: String,
    /// The value, a continuation line an element. Never empty.
    pub(crate) lines: Vec<String>,
    /// Line of the assignment, from 1.
    pub(crate) line: usize,
}

/// A line that is not INI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxError {
    /// Line number, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub kind: SyntaxErrorKind,
}

/// What can be wrong with a line. The line itself is not kept: it may hold a
/// secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyntaxErrorKind {
    /// `[name` without the closing bracket.
    UnclosedSection,
    /// `[]`.
    EmptySectionName,
    /// Neither `=` nor `:`.
    NoAssignment,
    /// `= value`.
    EmptyName,
    /// An indented line with no value above it to continue.
    StrayContinuation,
    /// An assignment before the first `[section]`.
    NoSection,
    /// Bytes that are not UTF-8.
    NotUtf8,
}

impl fmt::Display for SyntaxErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnclosedSection => {
                "found \"[\" without a closing \"]\": expected a section such as [kubernetes]"
            }
            Self::EmptySectionName => {
                "found \"[]\": expected a section with a name, such as [kubernetes]"
            }
            Self::NoAssignment => {
                "found neither \"=\" nor \":\": expected \"option = value\", \"[section]\" or a comment"
            }
            Self::EmptyName => "found no name before the sign: expected \"option = value\"",
            Self::StrayContinuation => {
                "found an indented line with no value above it to continue: \
                 expected \"option = value\" at the start of the line"
            }
            Self::NoSection => {
                "found an option before any section: expected a line such as [DEFAULT] above it"
            }
            Self::NotUtf8 => "found bytes that are not UTF-8: expected text in UTF-8",
        })
    }
}

/// Reads a whole file. What can be read is returned beside the errors, so that
/// all of them are reported in one go.
pub(crate) fn parse(bytes: &[u8]) -> (Vec<Entry>, Vec<SyntaxError>) {
    let mut parser = Parser::default();
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    for (index, raw) in bytes.split(|&byte| byte == b'\n').enumerate() {
        let line = index + 1;
        let read = match std::str::from_utf8(raw) {
            Ok(text) => parser.line(text.trim_end(), line),
            Err(_) => Err(SyntaxErrorKind::NotUtf8),
        };
        if let Err(kind) = read {
            parser.open = None;
            parser.errors.push(SyntaxError { line, kind });
        }
    }
    parser.flush();
    (parser.entries, parser.errors)
}

#[derive(Default)]
struct Parser {
    section: Option<String>,
    /// The assignment that continuation lines belong to.
    open: Option<Entry>,
    entries: Vec<Entry>,
    errors: Vec<SyntaxError>,
}

impl Parser {
    fn flush(&mut self) {
        self.entries.extend(self.open.take());
    }

    fn line(&mut self, text: &str, line: usize) -> Result<(), SyntaxErrorKind> {
        if text.starts_with([' ', '\t']) {
            let open = self
                .open
                .as_mut()
                .ok_or(SyntaxErrorKind::StrayContinuation)?;
            open.lines.push(text.trim_start().to_owned());
            return Ok(());
        }
        self.flush();
        if text.is_empty() || text.starts_with(['#', ';']) {
            return Ok(());
        }
        if let Some(rest) = text.strip_prefix('[') {
            let name = rest
                .strip_suffix(']')
                .ok_or(SyntaxErrorKind::UnclosedSection)?;
            if name.is_empty() {
                return Err(SyntaxErrorKind::EmptySectionName);
            }
            self.section = Some(name.to_owned());
            return Ok(());
        }
        self.assignment(text, line)
    }

    fn assignment(&mut self, text: &str, line: usize) -> Result<(), SyntaxErrorKind> {
        let (name, value) = text
            .split_once(['=', ':'])
            .ok_or(SyntaxErrorKind::NoAssignment)?;
        let name = name.trim();
        if name.is_empty() {
            return Err(SyntaxErrorKind::EmptyName);
        }
        let section = self.section.clone().ok_or(SyntaxErrorKind::NoSection)?;
        self.open = Some(Entry {
            section,
            name: name.to_owned(),
            lines: vec![unquote(value.trim()).to_owned()],
            line,
        });
        Ok(())
    }
}

/// Takes one pair of equal quotes off.
fn unquote(value: &str) -> &str {
    ['"', '\'']
        .into_iter()
        .find_map(|quote| value.strip_prefix(quote)?.strip_suffix(quote))
        .unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entry(section: &str, name: &str, lines: &[&str], line: usize) -> Entry {
        Entry {
            section: section.into(),
            name: name.into(),
            lines: lines.iter().map(|&text| text.into()).collect(),
            line,
        }
    }

    #[test]
    fn the_dialect_is_that_of_oslo_config() {
        let text = "# comment\n; comment\n[DEFAULT]\ndebug = true\r\n\n[a b]\nx: 1=2\ny = 1:2\n\
                    list = a,\n  b\n\tc\n\nquoted = \" x \"\nhalf = 'x\nx = again\nempty =\n";
        let (entries, errors) = parse(text.as_bytes());
        assert_eq!(errors, []);
        assert_eq!(
            entries,
            [
                entry("DEFAULT", "debug", &["true"], 4),
                entry("a b", "x", &["1=2"], 7),
                entry("a b", "y", &["1:2"], 8),
                entry("a b", "list", &["a,", "b", "c"], 9),
                entry("a b", "quoted", &[" x "], 13),
                entry("a b", "half", &["'x"], 14),
                entry("a b", "x", &["again"], 15),
                entry("a b", "empty", &[""], 16),
            ]
        );
    }

    #[test]
    fn each_bad_line_is_reported_and_the_rest_is_read() {
        let text =
            b"early = 1\n[open\n[]\n  stray\nnothing\n= 1\n[a]\nx = \xff\ny = 2\n\n  stray\n";
        let (entries, errors) = parse(text);
        let kinds: Vec<_> = errors.iter().map(|e| (e.line, e.kind)).collect();
        assert_eq!(
            kinds,
            [
                (1, SyntaxErrorKind::NoSection),
                (2, SyntaxErrorKind::UnclosedSection),
                (3, SyntaxErrorKind::EmptySectionName),
                (4, SyntaxErrorKind::StrayContinuation),
                (5, SyntaxErrorKind::NoAssignment),
                (6, SyntaxErrorKind::EmptyName),
                (8, SyntaxErrorKind::NotUtf8),
                (11, SyntaxErrorKind::StrayContinuation),
            ]
        );
        assert_eq!(entries, [entry("a", "y", &["2"], 9)]);
    }

    #[test]
    fn a_byte_order_mark_is_skipped() {
        let (entries, errors) = parse(b"\xef\xbb\xbf[a]\nx=1");
        assert_eq!((entries.len(), errors.len()), (1, 0));
    }

    /// Writes entries as a careful author would.
    fn write(entries: &[Entry]) -> String {
        let mut text = String::new();
        for entry in entries {
            let (first, more) = entry.lines.split_first().expect("a value has a line");
            text += &format!("[{}]\n{} = \"{first}\"\n", entry.section, entry.name);
            for line in more {
                text += &format!("    {line}\n");
            }
        }
        text
    }

    prop_compose! {
        fn any_entry()(
            section in "[A-Za-z_][A-Za-z0-9_ .-]{0,10}[a-z]",
            name in "[a-z_][a-z0-9_.-]{0,12}",
            first in "[^\r\n]{0,20}",
            more in prop::collection::vec("[^\\s]{1,12}", 0..3),
        ) -> Entry {
            let lines = std::iter::once(first).chain(more).collect();
            Entry { section, name, lines, line: 0 }
        }
    }

    proptest! {
        #[test]
        fn no_input_panics(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn no_text_panics(text in "([\\[\\]=:#; \t\n\"'a-z$\\\\]|\\PC){0,200}") {
            let _ = parse(text.as_bytes());
        }

        #[test]
        fn what_is_written_is_read_back(entries in prop::collection::vec(any_entry(), 0..6)) {
            let (mut read, errors) = parse(write(&entries).as_bytes());
            prop_assert_eq!(errors, vec![]);
            read.iter_mut().for_each(|entry| entry.line = 0);
            prop_assert_eq!(read, entries);
        }
    }
}
