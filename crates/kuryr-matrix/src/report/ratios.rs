//! Ratios as a table: for a terminal, and the order in which the page has them.

use std::collections::{BTreeMap, BTreeSet};

use comfy_table::{CellAlignment, Table, presets};
use kuryr_load::Pattern;

use crate::cell::{Backend, Placement, Target};
use crate::figures::{Figure, Row, Standing};

/// A line of the table.
pub(super) type Key = (Backend, Target, Placement, Pattern, Figure);

/// The rows by line and size.
pub(super) fn lines(rows: &[Row]) -> BTreeMap<Key, BTreeMap<usize, &Row>> {
    let mut lines: BTreeMap<Key, BTreeMap<usize, &Row>> = BTreeMap::new();
    for row in rows {
        let key = (
            row.backend,
            row.target,
            row.placement,
            row.pattern,
            row.figure,
        );
        lines.entry(key).or_default().insert(row.size, row);
    }
    lines
}

/// All sizes that occur.
pub(super) fn sizes(rows: &[Row]) -> BTreeSet<usize> {
    rows.iter().map(|row| row.size).collect()
}

/// A ratio as it is shown: where chance can't be ruled out, in brackets.
pub(super) fn shown(row: &Row) -> String {
    match row.standing() {
        Standing::Level => format!("({:.2})", row.ratio),
        _ => format!("{:.2}", row.ratio),
    }
}

/// The ratios for people at a terminal, above 1 where Kuryr is ahead.
#[must_use]
pub fn table(rows: &[Row]) -> String {
    let sizes = sizes(rows);
    let mut table = Table::new();
    let mut header = vec!["backend", "target", "placement", "pattern", "figure"]
        .into_iter()
        .map(str::to_owned)
        .collect::<Vec<_>>();
    header.extend(sizes.iter().map(|size| format!("{size} B")));
    table
        .load_style(presets::UTF8_BORDERS_ONLY)
        .set_header(header);
    for column in table.column_iter_mut().skip(5) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for ((backend, target, placement, pattern, figure), by_size) in lines(rows) {
        let mut line = vec![
            backend.to_string(),
            target.to_string(),
            placement.to_string(),
            pattern.to_string(),
            figure.title().to_owned(),
        ];
        let cell = |size: &usize| by_size.get(size).map(|row| shown(row)).unwrap_or_default();
        line.extend(sizes.iter().map(cell));
        table.add_row(line);
    }
    format!(
        "Kuryr to an overlay in the overlay; above 1 Kuryr is ahead; in brackets: may be chance\n{table}"
    )
}
