//! What a failed step's logs say: the end of its own, and of each log that it names, bounded and without secrets.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Lines of the step's own log that are shown, and of each that it names.
const OWN: usize = 60;
const NAMED: usize = 25;
/// Logs shown besides its own, and characters of a line.
const MOST: usize = 6;
const WIDTH: usize = 400;

/// Words after which a value is nobody's to read.
const SECRET: &[&str] = &[
    "password",
    "passphrase",
    "passwd",
    "secret",
    "token",
    "credential",
];

/// The ends of a step's log and of those that it, or `why` it failed, names: a title and lines each.
pub(super) fn of_failure(log: &Path, why: &str) -> Vec<(PathBuf, Vec<String>)> {
    let own = end_of(log, OWN).unwrap_or_default();
    let mut named = BTreeSet::new();
    for line in own.iter().map(String::as_str).chain([why]) {
        named.extend(logs_in(line));
    }
    named.remove(log);
    let others = named
        .into_iter()
        .filter_map(|path| Some((end_of(&path, NAMED)?, path)))
        .map(|(lines, path)| (path, lines));
    let mut all: Vec<_> = others.take(MOST).collect();
    if !own.is_empty() {
        // Last, where the eye falls.
        all.push((log.to_path_buf(), own));
    }
    all
}

fn end_of(log: &Path, lines: usize) -> Option<Vec<String>> {
    let text = String::from_utf8_lossy(&fs::read(log).ok()?).into_owned();
    let skip = text.lines().count().saturating_sub(lines);
    let shown = text.lines().skip(skip).map(|line| {
        let line: String = line.chars().take(WIDTH).collect();
        without_secrets(&line)
    });
    Some(shown.collect())
}

/// Absolute paths of log files in a line: `see /var/x/y.log`.
fn logs_in(line: &str) -> impl Iterator<Item = PathBuf> + '_ {
    line.split(|c: char| c.is_whitespace() || matches!(c, ';' | ',' | '\'' | '"' | '`' | '(' | ')'))
        .map(|word| word.trim_end_matches(['.', ':']))
        .filter(|word| word.starts_with('/') && word.ends_with(".log"))
        .map(PathBuf::from)
}

/// The line with `***` in the place of what follows `password =`, `"token": ` and the like, and of a password in an
/// address.
fn without_secrets(line: &str) -> String {
    let mut text = line.to_owned();
    for word in SECRET {
        let mut from = 0;
        while let Some(at) = text[from..].to_ascii_lowercase().find(word) {
            let after = from + at + word.len();
            let Some(range) = value_after(&text, after) else {
                from = after;
                continue;
            };
            text.replace_range(range.clone(), "***");
            from = range.start + 3;
        }
    }
    without_password_of_address(&text)
}

/// Where the value after a word stands, if `=` or `:` follows the word.
fn value_after(text: &str, at: usize) -> Option<std::ops::Range<usize>> {
    let rest = &text[at..];
    let sign = rest.trim_start_matches(['"', '\'', ' ']);
    let value = sign.strip_prefix(['=', ':'])?;
    let value = value.trim_start_matches([' ', '"', '\'']);
    let start = text.len() - value.len();
    let ends = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ',' | '}' | ')');
    let end = value.find(ends).map_or(text.len(), |n| start + n);
    (start < end).then_some(start..end)
}

/// `scheme://user:password@host` without the password.
fn without_password_of_address(text: &str) -> String {
    let Some((before, rest)) = text.split_once("://") else {
        return text.to_owned();
    };
    let end = rest.find([' ', '/', '"', '\'']).unwrap_or(rest.len());
    let rest = match (rest[..end].find(':'), rest[..end].rfind('@')) {
        (Some(colon), Some(at)) if colon < at => {
            format!("{}:***{}", &rest[..colon], &rest[at..])
        }
        _ => rest.to_owned(),
    };
    format!("{before}://{}", rest)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_log_that_is_named_in_a_log_is_shown_too() {
        let folder = std::env::temp_dir().join(format!("xtask-logs-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let (step, service) = (folder.join("step.log"), folder.join("service.log"));
        fs::write(&service, "early\nno endpoint\n").unwrap();
        fs::write(
            &step,
            format!("up: service failed; see {}\n", service.display()),
        )
        .unwrap();
        let shown = of_failure(&step, "`stack up` failed");
        fs::remove_dir_all(&folder).unwrap();
        let (paths, lines): (Vec<_>, Vec<_>) = shown.into_iter().unzip();
        assert_eq!(paths, [service, step]);
        assert_eq!(lines[0], ["early", "no endpoint"]);
    }

    #[test]
    fn the_end_is_bounded() {
        let log = std::env::temp_dir().join(format!("xtask-long-{}.log", std::process::id()));
        fs::write(&log, "x\n".repeat(1000) + &"y".repeat(1000)).unwrap();
        let shown = of_failure(&log, "");
        fs::remove_file(&log).unwrap();
        assert_eq!(shown[0].1.len(), OWN);
        assert_eq!(shown[0].1[OWN - 1].len(), WIDTH);
    }

    #[test]
    fn secrets_are_left_out() {
        let cases = [
            ("password = kuryr, x", "password = ***, x"),
            (
                r#"{"token": "abc", "id": 1}"#,
                r#"{"token": "***", "id": 1}"#,
            ),
            ("OS_PASSWORD=a b", "OS_PASSWORD=*** b"),
            (
                "rabbit://guest:guest@h:1/ down",
                "rabbit://guest:***@h:1/ down",
            ),
            (
                "tokens expire; no password here",
                "tokens expire; no password here",
            ),
        ];
        for (line, want) in cases {
            assert_eq!(without_secrets(line), want);
        }
    }
}
