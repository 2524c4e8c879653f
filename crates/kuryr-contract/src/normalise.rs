//! What differs from run to run becomes a name. The same value gets the same name throughout a case, so that two
//! transcripts are equal when the same answers refer to the same things in the same places.
//!
//! | value | name |
//! |---|---|
//! | bound by the case | `<its name>` |
//! | id (UUID, 32 hexadecimal digits) | `<id 1>`, `<id 2>`, ... |
//! | MAC address, chosen IP address, token | `<mac 1>`, `<address 1>`, `<token 1>` |
//! | name of a trunk's bridge, of a host by its address | `<trunk's bridge>`, `<host>` |
//! | time | its digits as zeros, so that the form is compared |
//! | `revision_number` | `<revision>`; in the answer of a change `<grown>` or `<as before>` |
//! | `storageVersionHash` of a resource, name of a service account's token | `<hash>`, `<default token's secret>` |
//! | `audit_ids` of a token, `standard_attr_id` of a rule | `<audit ids>`, `<number>` |
//! | age in a row of a table, such as `0s` or `1m5s` | `<age>` |
//! | `resourceVersion` | `<version 1>`, `<version 2>` of each object; of a list `<version>` |
//!
//! What stands in the case's own text stays as it is. Where order has no meaning, lists are sorted.

mod text;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// The names given so far.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// The case's text.
    known: String,
    /// Values that were bound, or seen; by value.
    given: BTreeMap<String, String>,
    counts: BTreeMap<&'static str, usize>,
    revisions: BTreeMap<String, i64>,
    versions: BTreeMap<String, Vec<String>>,
    /// Nothing new is numbered: for sorting.
    sketch: bool,
}

/// How an answer is read.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reading {
    /// The order of lists counts.
    pub ordered: bool,
    /// It is the answer of a change.
    pub change: bool,
    /// Others write the objects too: their versions are not told apart.
    pub shared: bool,
}

impl Names {
    /// Names for a case of this text. From the pools in it the cloud chooses: their ends are no values of the case's.
    pub fn of(text: &str) -> Self {
        let mut pieces = text.split("allocation_pools: [");
        let first = pieces.next().unwrap_or_default().to_owned();
        let known = pieces.fold(first, |known, piece| {
            known + piece.split_once(']').map_or("", |(_, rest)| rest)
        });
        Self {
            known,
            ..Self::default()
        }
    }

    /// Gives a value a name of the case's choice.
    pub fn give(&mut self, value: &str, name: &str) {
        // Short values, such as versions and VLANs, would be found everywhere.
        if value.len() >= 5 && !self.knows(value) {
            self.given.insert(value.to_owned(), format!("<{name}>"));
        }
    }

    /// Whether the case's text has the value as a whole word: `10.77.0.50` is not `10.77.0.5`.
    fn knows(&self, value: &str) -> bool {
        let goes_on = |next: Option<char>| next.is_some_and(|c| c.is_ascii_alphanumeric());
        let whole = |at: usize| {
            let (before, after) = (&self.known[..at], &self.known[at + value.len()..]);
            !goes_on(before.chars().next_back()) && !goes_on(after.chars().next())
        };
        self.known.match_indices(value).any(|(at, _)| whole(at))
    }

    /// A body, or a part of one, with names.
    pub fn apply(&mut self, value: &Value, reading: Reading) -> Value {
        match value {
            Value::String(text) => json!(self.text(text)),
            Value::Array(items) => self.list(items, reading),
            Value::Object(fields) => self.object(fields, reading),
            other => other.clone(),
        }
    }

    fn list(&mut self, items: &[Value], reading: Reading) -> Value {
        let mut items: Vec<&Value> = items.iter().collect();
        if !reading.ordered {
            let sketch = Self {
                sketch: true,
                ..self.clone()
            };
            items.sort_by_cached_key(|item| {
                let rest = sketch.clone().apply(item, reading).to_string();
                (item.get("name").map(Value::to_string), rest)
            });
        }
        items
            .into_iter()
            .map(|item| self.apply(item, reading))
            .collect()
    }

    fn object(&mut self, fields: &Map<String, Value>, reading: Reading) -> Value {
        let mut named = Map::new();
        let mut sorted: Vec<_> = fields.iter().collect();
        sorted.sort_by_key(|(name, _)| *name);
        for (name, value) in sorted {
            let value = match (name.as_str(), value) {
                ("managedFields", _) => continue,
                ("storageVersionHash", _) => json!("<hash>"),
                ("audit_ids", _) => json!("<audit ids>"),
                ("standard_attr_id", _) => json!("<number>"),
                ("revision_number", Value::Number(n)) => {
                    json!(self.revision(fields.get("id"), n.as_i64().unwrap_or(0), reading))
                }
                ("resourceVersion", Value::String(_)) if reading.shared => json!("<version>"),
                ("resourceVersion", Value::String(version)) => {
                    json!(self.version(fields.get("uid"), version))
                }
                ("cells", Value::Array(cells)) => cells
                    .iter()
                    .map(|cell| match cell.as_str().is_some_and(text::is_age) {
                        true => json!("<age>"),
                        false => self.apply(cell, reading),
                    })
                    .collect(),
                ("continue", Value::String(token)) if !token.is_empty() => json!("<continue>"),
                ("href", Value::String(link)) if !reading.ordered => json!(self.text(&page(link))),
                ("ip_address" | "vip_address" | "floating_ip_address", Value::String(address)) => {
                    json!(self.address(address))
                }
                _ => self.apply(value, reading),
            };
            named.insert(self.text(name), value);
        }
        Value::Object(named)
    }

    fn revision(&mut self, id: Option<&Value>, revision: i64, reading: Reading) -> &'static str {
        let id = id.and_then(Value::as_str).unwrap_or_default().to_owned();
        let before = if self.sketch {
            None
        } else {
            self.revisions.insert(id, revision)
        };
        match before {
            Some(before) if reading.change && before == revision => "<as before>",
            Some(before) if reading.change && before < revision => "<grown>",
            Some(before) if before > revision => "<shrunk>",
            _ => "<revision>",
        }
    }

    fn version(&mut self, uid: Option<&Value>, version: &str) -> String {
        let Some(uid) = uid.and_then(Value::as_str).filter(|_| !self.sketch) else {
            return "<version>".to_owned();
        };
        let seen = self.versions.entry(uid.to_owned()).or_default();
        let at = seen.iter().position(|v| v == version).unwrap_or_else(|| {
            seen.push(version.to_owned());
            seen.len() - 1
        });
        format!("<version {}>", at + 1)
    }

    /// An address of a port: chosen by Neutron unless the case says it.
    fn address(&mut self, address: &str) -> String {
        if self.knows(address) {
            return address.to_owned();
        }
        self.named("address", address)
    }

    /// The name of a value of a kind; a new one if it has none.
    fn named(&mut self, kind: &'static str, value: &str) -> String {
        if let Some(name) = self.given.get(value) {
            return name.clone();
        }
        if self.knows(value) {
            return value.to_owned();
        }
        if self.sketch {
            return format!("<{kind}>");
        }
        let count = self.counts.entry(kind).or_default();
        *count += 1;
        let name = format!("<{kind} {count}>");
        self.given.insert(value.to_owned(), name.clone());
        name
    }
}

/// A link to another page: which one it begins at depends on ids.
fn page(link: &str) -> String {
    let parts = link
        .split('&')
        .map(|part| match part.starts_with("marker=") {
            true => "marker=<any>",
            false => part,
        });
    parts.collect::<Vec<_>>().join("&")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const A: &str = "0b5a5d3e-6a3c-4a35-9a47-0d9d5a7c0001";
    const B: &str = "1b5a5d3e-6a3c-4a35-9a47-0d9d5a7c0002";

    #[test]
    fn ages_of_a_tables_rows_are_not_compared() {
        let body = json!({"cells": ["web-0", "1m5s", 100, "0s"], "message": "5s"});
        let want = json!({"cells": ["web-0", "<age>", 100, "<age>"], "message": "5s"});
        assert_eq!(Names::of("").apply(&body, Reading::default()), want);
    }

    #[test]
    fn the_same_value_gets_the_same_name() {
        let mut names = Names::of("");
        names.give(A, "parent");
        let body = json!({"port": {"id": B, "trunk": A}, "message": format!("Port {B} of {A}.")});
        let want = json!({"port": {"id": "<id 1>", "trunk": "<parent>"}, "message": "Port <id 1> of <parent>."});
        assert_eq!(names.apply(&body, Reading::default()), want);
    }

    #[test]
    fn a_part_of_what_the_case_says_is_not_what_it_says() {
        let mut names = Names::of("ip: 10.77.0.50");
        let body = json!([{"ip_address": "10.77.0.5"}, {"ip_address": "10.77.0.50"}]);
        let want = json!([{"ip_address": "<address 1>"}, {"ip_address": "10.77.0.50"}]);
        assert_eq!(
            names.apply(
                &body,
                Reading {
                    ordered: true,
                    ..Reading::default()
                }
            ),
            want
        );
    }

    #[test]
    fn the_end_of_a_pool_may_be_chosen() {
        let mut names =
            Names::of("allocation_pools: [{start: 10.0.0.5, end: 10.0.0.9}], ip: 10.0.0.50");
        let body = json!([{"ip_address": "10.0.0.5"}, {"ip_address": "10.0.0.50"}]);
        let reading = Reading {
            ordered: true,
            ..Reading::default()
        };
        let want = json!([{"ip_address": "<address 1>"}, {"ip_address": "10.0.0.50"}]);
        assert_eq!(names.apply(&body, reading), want);
    }

    #[test]
    fn what_the_case_says_stays() {
        let mut names = Names::of(&format!("ip: 10.0.0.5\nid: {A}"));
        let body = json!([{"ip_address": "10.0.0.5"}, {"ip_address": "10.0.0.6"}, A]);
        let reading = Reading {
            ordered: true,
            ..Reading::default()
        };
        let want = json!([{"ip_address": "10.0.0.5"}, {"ip_address": "<address 1>"}, A]);
        assert_eq!(names.apply(&body, reading), want);
        let text = json!("10.0.0.6 is not 10.0.0.60");
        assert_eq!(
            names.apply(&text, reading),
            json!("<address 1> is not 10.0.0.60")
        );
    }

    #[test]
    fn lists_without_order_are_sorted_by_what_is_no_runs_own() {
        let sort = |first: &str, second: &str| {
            let body = json!([{"id": first, "name": "b"}, {"id": second, "name": "a"}]);
            Names::of("").apply(&body, Reading::default())
        };
        assert_eq!(
            sort(A, B),
            json!([{"id": "<id 1>", "name": "a"}, {"id": "<id 2>", "name": "b"}])
        );
        assert_eq!(sort(A, B), sort(B, A));
    }

    #[test]
    fn revisions_are_compared_with_the_one_before() {
        let mut names = Names::of("");
        let mut see = |n: i64, change| {
            let body = json!({"id": A, "revision_number": n});
            let reading = Reading {
                ordered: true,
                change,
                shared: false,
            };
            names.apply(&body, reading)["revision_number"]
                .as_str()
                .unwrap()
                .to_owned()
        };
        assert_eq!(see(3, false), "<revision>");
        assert_eq!(see(3, true), "<as before>");
        assert_eq!(see(5, true), "<grown>");
        assert_eq!(see(9, false), "<revision>");
        assert_eq!(see(8, false), "<shrunk>");
    }

    #[test]
    fn versions_of_an_object_are_counted() {
        let mut names = Names::of("");
        let mut see = |version: &str| {
            let body = json!({"uid": A, "resourceVersion": version});
            names.apply(&body, Reading::default())["resourceVersion"].clone()
        };
        assert_eq!(see("17"), "<version 1>");
        assert_eq!(see("21"), "<version 2>");
        assert_eq!(see("17"), "<version 1>");
    }
}
