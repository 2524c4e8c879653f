//! What was seen and done, for people and for programs.

mod json;
mod table;

pub use json::json;
pub use table::{steps, table};

use kuryr_core::doctor::Severity;

use crate::doctor::Look;

/// Sums that both forms show.
struct Sums {
    errors: usize,
    warnings: usize,
    notes: usize,
    used: usize,
    free: usize,
    foreign: usize,
}

impl Sums {
    fn of(look: &Look) -> Self {
        let rows = &look.overview.nodes;
        Self {
            errors: look.count(Severity::Error),
            warnings: look.count(Severity::Warning),
            notes: look.count(Severity::Note),
            used: rows.iter().map(|r| r.used).sum(),
            free: rows.iter().map(|r| r.free).sum(),
            foreign: rows.iter().map(|r| r.foreign).sum(),
        }
    }
}

#[cfg(test)]
mod tests;
