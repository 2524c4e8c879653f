//! What `kuryr config check` prints.

use std::fmt::Display;

use crate::{ConfigErrors, Loaded};

/// The result of a check, ready to be printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Lines, each with a line end.
    pub text: String,
    /// 0 if the configuration can be used, else 1.
    pub exit_code: u8,
}

/// Describes the outcome of loading: a line for each warning and error, and a
/// summary.
pub fn report(outcome: &Result<Loaded, ConfigErrors>) -> Report {
    let (errors, warnings) = match outcome {
        Ok(loaded) => (&[][..], &loaded.warnings),
        Err(failed) => (&failed.errors[..], &failed.warnings),
    };
    let mut text = lines("warning", warnings) + &lines("error", errors);
    let counts = format!(
        "{}, {}",
        count(errors.len(), "error"),
        count(warnings.len(), "warning")
    );
    let verdict = match outcome {
        Ok(_) => "configuration can be used",
        Err(_) => "configuration can't be used",
    };
    text += &format!("{verdict}: {counts}\n");
    Report {
        text,
        exit_code: u8::from(outcome.is_err()),
    }
}

fn lines(label: &str, items: &[impl Display]) -> String {
    items
        .iter()
        .map(|item| format!("{label}: {item}\n"))
        .collect()
}

fn count(number: usize, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    }
}
