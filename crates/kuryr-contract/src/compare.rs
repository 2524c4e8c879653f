//! Two transcripts, field by field.

use serde_json::{Map, Value};

use crate::reads::Reads;
use crate::transcript::{Record, Transcript};

/// One place where the answers differ.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// Number of the step.
    pub step: usize,
    /// What was sent.
    pub sent: String,
    /// Where: `status`, `headers.NAME`, or a path in the body such as `port.fixed_ips[0].subnet_id`.
    pub at: String,
    /// What the golden has there; none if nothing.
    pub golden: Option<Value>,
    /// What the answer has there.
    pub answer: Option<Value>,
    /// The product reads it. Else one of the two has a field more, that nobody looks at.
    pub matters: bool,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let show = |value: &Option<Value>| match value {
            None => "nothing".to_owned(),
            Some(value) => value.to_string(),
        };
        write!(f, "step {} ({}), {}", self.step, self.sent, self.at)?;
        write!(
            f,
            ": golden {}, answer {}",
            show(&self.golden),
            show(&self.answer)
        )
    }
}

/// What the product reads of an answer.
pub type ReadsOf<'a> = &'a dyn Fn(&Record) -> Reads;

/// All differences of two transcripts of one case.
pub fn transcripts(
    golden: &Transcript,
    answer: &Transcript,
    reads: ReadsOf<'_>,
) -> Vec<Difference> {
    let mut found = Vec::new();
    let longest = golden.steps.len().max(answer.steps.len());
    for at in 0..longest {
        match (golden.steps.get(at), answer.steps.get(at)) {
            (Some(g), Some(a)) => records(g, a, &reads(g), &mut found),
            (g, a) => found.extend(g.or(a).map(|there| Difference {
                step: there.step,
                sent: there.sent.clone(),
                at: "the step".to_owned(),
                golden: g.map(|_| Value::Bool(true)),
                answer: a.map(|_| Value::Bool(true)),
                matters: true,
            })),
        }
    }
    found
}

fn records(golden: &Record, answer: &Record, reads: &Reads, found: &mut Vec<Difference>) {
    let mut place = Place {
        record: golden,
        found,
    };
    let number = |n: usize| Value::from(n);
    place.value(
        "step",
        Some(&number(golden.step)),
        Some(&number(answer.step)),
        &Reads::All,
    );
    let status = |r: &Record| Value::from(r.status);
    place.value(
        "status",
        Some(&status(golden)),
        Some(&status(answer)),
        &Reads::All,
    );
    let headers = |r: &Record| serde_json::to_value(&r.headers).unwrap_or_default();
    place.value(
        "headers",
        Some(&headers(golden)),
        Some(&headers(answer)),
        &Reads::All,
    );
    place.value("", Some(&golden.body), Some(&answer.body), reads);
}

/// Where the comparison is.
struct Place<'a> {
    record: &'a Record,
    found: &'a mut Vec<Difference>,
}

impl Place<'_> {
    fn value(&mut self, at: &str, golden: Option<&Value>, answer: Option<&Value>, reads: &Reads) {
        match (golden, answer) {
            (Some(g), Some(a)) if same(g, a) => {}
            (Some(Value::Object(g)), Some(Value::Object(a))) => self.fields(at, g, a, reads),
            // Of what is missing on one side only some fields may be read.
            (Some(Value::Object(g)), None) if matches!(reads, Reads::Fields(_)) => {
                self.fields(at, g, &Map::new(), reads);
            }
            (None, Some(Value::Object(a))) if matches!(reads, Reads::Fields(_)) => {
                self.fields(at, &Map::new(), a, reads);
            }
            (Some(Value::Array(g)), Some(Value::Array(a))) => {
                for i in 0..g.len().max(a.len()) {
                    self.value(&format!("{at}[{i}]"), g.get(i), a.get(i), reads);
                }
            }
            // A field that nobody reads may be missing, but where both have it it is the same.
            (g, a) => self.found.push(Difference {
                step: self.record.step,
                sent: self.record.sent.clone(),
                at: at.to_owned(),
                golden: g.cloned(),
                answer: a.cloned(),
                matters: *reads != Reads::Nothing || (g.is_some() && a.is_some()),
            }),
        }
    }

    fn fields(
        &mut self,
        at: &str,
        golden: &Map<String, Value>,
        answer: &Map<String, Value>,
        reads: &Reads,
    ) {
        let mut names: Vec<&String> = golden.keys().chain(answer.keys()).collect();
        names.sort();
        names.dedup();
        for name in names {
            let inner = match at {
                "" => name.clone(),
                at => format!("{at}.{name}"),
            };
            self.value(
                &inner,
                golden.get(name),
                answer.get(name),
                reads.field(name),
            );
        }
    }
}

/// 1 is 1.0: JSON knows one kind of number.
fn same(golden: &Value, answer: &Value) -> bool {
    golden == answer || (golden.is_number() && golden.as_f64() == answer.as_f64())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    fn told(body: Value) -> Transcript {
        let record = Record {
            step: 1,
            sent: "GET /".to_owned(),
            call: None,
            status: 200,
            headers: BTreeMap::new(),
            body,
        };
        Transcript {
            title: String::new(),
            steps: vec![record],
        }
    }

    fn differences(golden: Value, answer: Value) -> Vec<(String, bool)> {
        let reads = |_: &Record| Reads::only(&["read"]);
        transcripts(&told(golden), &told(answer), &reads)
            .into_iter()
            .map(|d| (d.at, d.matters))
            .collect()
    }

    #[test]
    fn a_missing_field_matters_if_it_is_read() {
        let golden = json!({"read": 1, "unread": 1});
        let want = vec![("read".to_owned(), true), ("unread".to_owned(), false)];
        assert_eq!(differences(golden, json!({})), want);
    }

    #[test]
    fn another_value_matters_always() {
        let found = differences(json!({"unread": [1, 2]}), json!({"unread": [1, 3]}));
        assert_eq!(found, [("unread[1]".to_owned(), true)]);
    }

    #[test]
    fn of_a_missing_object_only_what_is_read_matters() {
        let reads = |_: &Record| Reads::paths(&["status.phase"]);
        let golden = told(json!({"status": {"phase": "Active", "images": []}}));
        let found = transcripts(&golden, &told(json!({})), &reads);
        let found: Vec<_> = found.into_iter().map(|d| (d.at, d.matters)).collect();
        let want = [
            ("status.images".to_owned(), false),
            ("status.phase".to_owned(), true),
        ];
        assert_eq!(found, want);
    }

    #[test]
    fn null_is_not_absent() {
        let found = differences(json!({"read": null}), json!({}));
        assert_eq!(found, [("read".to_owned(), true)]);
    }

    #[test]
    fn a_missing_step_is_told() {
        let reads = |_: &Record| Reads::All;
        let found = transcripts(&told(json!(1)), &Transcript::default(), &reads);
        assert_eq!(found.len(), 1);
    }
}
