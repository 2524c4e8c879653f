//! What a program was compiled of, as CycloneDX 1.5.

use serde_json::{Value, json};

/// The bill of materials of a program, from what `cargo tree --prefix none --format "{p}|{l}"` prints.
pub(super) fn bill(program: &str, version: &str, tree: &str) -> Value {
    let mut components: Vec<(String, String, String)> =
        tree.lines().filter_map(component).collect();
    components.sort();
    components.dedup();
    let ours = |name: &str| name == program || name.starts_with("kuryr-");
    let listed = components.iter().map(|(name, version, licence)| {
        let mut one = json!({
            "type": "library", "name": name, "version": version, "bom-ref": format!("{name}@{version}"),
        });
        if !ours(name) {
            one["purl"] = json!(format!("pkg:cargo/{name}@{version}"));
        }
        if !licence.is_empty() {
            one["licenses"] = json!([{"expression": licence.replace('/', " OR ")}]);
        }
        one
    });
    json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
        "metadata": {"component": {"type": "application", "name": program, "version": version, "bom-ref": program}},
        "components": listed.collect::<Vec<Value>>(),
    })
}

/// `name v1.2.3 (proc-macro)|MIT`: a path or a mark in brackets may follow the version, and a star what was printed before.
fn component(line: &str) -> Option<(String, String, String)> {
    let (package, licence) = line.split_once('|')?;
    let mut words = package.split_whitespace();
    let name = words.next()?.to_owned();
    let version = words.next()?.strip_prefix('v')?.to_owned();
    let licence = licence.trim_end_matches("(*)").trim().to_owned();
    Some((name, version, licence))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_a_list_of_what_is_in_it_once() {
        let tree = "kuryr-programs v0.1.0 (/a/path)|Apache-2.0\nserde v1.0.1|MIT OR Apache-2.0\n\nserde v1.0.1|MIT OR Apache-2.0 (*)\n\
                    old v0.1.0 (proc-macro)|MIT/Apache-2.0\nring|x";
        let bill = bill("kuryr-controller", "0.1.0", tree);
        let names: Vec<&str> = bill["components"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|c| c["bom-ref"].as_str())
            .collect();
        assert_eq!(names, ["kuryr-programs@0.1.0", "old@0.1.0", "serde@1.0.1"]);
        assert_eq!(
            bill["components"][1]["licenses"][0]["expression"],
            "MIT OR Apache-2.0"
        );
        assert!(!bill.to_string().contains("/a/path"), "no machine's path");
    }
}
