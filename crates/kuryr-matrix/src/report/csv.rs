//! The rows as comma-separated values (RFC 4180); no field needs quotes.

use std::fmt::Write as _;

use crate::figures::Row;

const HEADER: &str = "protocol,pattern,placement,size,target,backend,figure,kuryr,kuryr_low,kuryr_high,\
                      sdn,sdn_low,sdn_high,vm,ratio,ci_low,ci_high,ratio_to_vm,runs,kuryr_arrived,sdn_arrived";

/// A header and a line a row.
pub(super) fn csv(rows: &[Row]) -> String {
    let mut text = format!("{HEADER}\n");
    for row in rows {
        let number = |value: Option<f64>| value.map(|v| format!("{v:.4}")).unwrap_or_default();
        let protocol = format!("{:?}", row.protocol).to_lowercase();
        let figure = serde_json::to_value(row.figure).unwrap_or_default();
        let fields = [
            row.kuryr.mean,
            row.kuryr.low,
            row.kuryr.high,
            row.sdn.mean,
            row.sdn.low,
            row.sdn.high,
        ]
        .map(|value| number(Some(value)));
        let rest = [
            row.vm.map(|vm| vm.mean),
            Some(row.ratio),
            row.ci_low,
            row.ci_high,
            row.ratio_to_vm,
        ]
        .map(number);
        let arrived = [0, 1].map(|at| number(row.arrived.map(|both| both[at])));
        let _ = writeln!(
            text,
            "{protocol},{},{},{},{},{},{},{},{},{},{}",
            row.pattern,
            row.placement,
            row.size,
            row.target,
            row.backend,
            figure.as_str().unwrap_or_default(),
            fields.join(","),
            rest.join(","),
            row.runs,
            arrived.join(",")
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::{rows, tests::measured};
    use crate::select::Selection;

    #[test]
    fn each_line_has_the_headers_fields() {
        let mut records = Vec::new();
        for cell in Selection::default().cells() {
            for system in cell.systems() {
                records.push(measured(cell, system, 0, 1e9, 20.0));
            }
        }
        let text = csv(&rows(&records));
        let count = |line: &str| line.split(',').count();
        let fields = text.lines().next().map(count);
        assert!(text.lines().count() > 600);
        assert!(text.lines().all(|line| Some(count(line)) == fields));
    }
}
