//! The documentation has all kinds of findings: the table is made from them; `UPDATE_DOCS=1` writes it.
#![allow(clippy::unwrap_used)]

use kuryr_core::doctor::markdown;

#[test]
fn the_documentation_has_all_kinds() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/doctor.md");
    let text = std::fs::read_to_string(file).unwrap();
    let (begin, end) = ("<!-- findings -->\n", "<!-- /findings -->");
    let (head, rest) = text.split_once(begin).unwrap();
    let (_, tail) = rest.split_once(end).unwrap();
    let wanted = format!("{head}{begin}{}{end}{tail}", markdown());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(file, &wanted).unwrap();
        return;
    }
    assert!(
        text == wanted,
        "docs/doctor.md is not up to date: UPDATE_DOCS=1 writes it"
    );
}
