//! Carries a case out against a target.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::case::{Case, Step};
use crate::exchange::{Answer, NoAnswer, Request, send};
use crate::normalise::{Names, Reading};
use crate::target::{Made, Target, TargetError};
use crate::transcript::{Record, Transcript};

/// Longest wait for a value: the real cloud wires a port within seconds.
const LONGEST: Duration = Duration::from_secs(60);

/// Headers that clients look at.
const HEADERS: &[&str] = &[
    "content-type",
    "www-authenticate",
    "retry-after",
    "x-openstack-request-id",
    "x-subject-token",
];

/// A case could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A call was not answered.
    #[error("step {step}: {source}")]
    NoAnswer {
        /// Number of the step.
        step: usize,
        /// Which, and why.
        source: NoAnswer,
    },
    /// A value that was waited for did not come.
    #[error("step {step} ({sent}): waited for {until:?}, last answer {last}")]
    TooLong {
        /// Number of the step.
        step: usize,
        /// The call.
        sent: String,
        /// What was waited for.
        until: BTreeMap<String, Value>,
        /// The last answer.
        last: String,
    },
    /// The answer lacks a value that the case binds.
    #[error("step {step} ({sent}): nothing at {at} of {last}")]
    Unbound {
        /// Number of the step.
        step: usize,
        /// The call.
        sent: String,
        /// The place.
        at: String,
        /// The answer.
        last: String,
    },
    /// The case is not well formed.
    #[error("step {step}: {what}")]
    Case {
        /// Number of the step.
        step: usize,
        /// What is wrong.
        what: String,
    },
    /// The target could not do something.
    #[error("step {step}: {source}")]
    Target {
        /// Number of the step.
        step: usize,
        /// What and why.
        source: TargetError,
    },
}

/// Carries `case` out and gives what was answered. What it made is the target's to take away.
///
/// # Errors
/// See [`RunError`].
pub async fn case(case: &Case, target: &mut Target) -> Result<Transcript, RunError> {
    let mut run = Run {
        bound: target.names(),
        names: Names::of(&case.text),
        target,
    };
    for (value, name) in run.target.places() {
        run.names.give(&value, &name);
    }
    for (name, value) in &run.bound {
        run.names.give(value, name);
    }
    let mut steps = Vec::new();
    for (index, step) in case.steps.iter().enumerate() {
        steps.extend(run.step(index + 1, step).await?);
    }
    Ok(Transcript {
        title: case.title.clone(),
        steps,
    })
}

struct Run<'a> {
    bound: BTreeMap<String, String>,
    names: Names,
    target: &'a mut Target,
}

impl Run<'_> {
    async fn step(&mut self, number: usize, step: &Step) -> Result<Option<Record>, RunError> {
        let failed = |source| RunError::Target {
            step: number,
            source,
        };
        if let Some(port) = &step.plug {
            let port = self.fill(number, port)?;
            self.target.plug(&port).await.map_err(failed)?;
        }
        if let Some(port) = &step.unplug {
            let port = self.fill(number, port)?;
            self.target.unplug(&port).await.map_err(failed)?;
        }
        if step.expire {
            self.target.expire();
        }
        let Some(sent) = &step.send else {
            return Ok(None);
        };
        let request = self.request(number, step, sent)?;
        let answer = self.answered(number, step, sent, &request).await?;
        self.target.made.extend(Made::by(&request, &answer));
        self.bind(number, step, sent, &answer)?;
        if step.quiet {
            return Ok(None);
        }
        Ok(Some(self.record(number, step, sent, &answer)))
    }

    fn request(&self, number: usize, step: &Step, sent: &str) -> Result<Request, RunError> {
        let wrong = |what: String| RunError::Case { step: number, what };
        let (method, path) = sent
            .split_once(' ')
            .ok_or_else(|| wrong(format!("{sent:?} has no method")))?;
        let path = self.fill(number, path)?;
        let body = match (&step.body, &step.file) {
            (Some(Value::String(text)), _) => Some(self.fill(number, text)?),
            (Some(body), _) => Some(self.fill_value(number, body)?.to_string()),
            (None, Some(file)) => Some(self.file(number, step, file)?),
            (None, None) => None,
        };
        let mut headers = self.target.headers(&step.by);
        headers.retain(|(name, _)| !step.headers.keys().any(|n| n.eq_ignore_ascii_case(name)));
        for (name, value) in &step.headers {
            headers.push((name.clone(), self.fill(number, value)?));
        }
        if let crate::case::Who::Token(token) = &step.by {
            headers.push(("x-auth-token".to_owned(), self.fill(number, token)?));
        }
        Ok(Request {
            method: method.to_owned(),
            url: self.target.url(&path),
            headers,
            body,
        })
    }

    fn file(&self, number: usize, step: &Step, file: &str) -> Result<String, RunError> {
        let mut replace = BTreeMap::new();
        for (from, to) in &step.replace {
            replace.insert(from.clone(), self.fill(number, to)?);
        }
        crate::suite::file(file, &replace).map_err(|error| RunError::Case {
            step: number,
            what: format!("{file}: {error}"),
        })
    }

    /// The answer: the first, or the first with what the step waits for.
    async fn answered(
        &self,
        number: usize,
        step: &Step,
        sent: &str,
        request: &Request,
    ) -> Result<Answer, RunError> {
        let began = Instant::now();
        loop {
            let answer = send(self.target.client(), request)
                .await
                .map_err(|source| RunError::NoAnswer {
                    step: number,
                    source,
                })?;
            let there = |(at, want): (&String, &Value)| match at.as_str() {
                ":status" => want == answer.status,
                at => answer.body.pointer(at) == Some(want),
            };
            if step.until.iter().all(there) {
                return Ok(answer);
            }
            if began.elapsed() > LONGEST {
                return Err(RunError::TooLong {
                    step: number,
                    sent: sent.to_owned(),
                    until: step.until.clone(),
                    last: format!("{} {}", answer.status, answer.body),
                });
            }
            tokio::time::sleep(self.target.pause()).await;
        }
    }

    fn bind(
        &mut self,
        number: usize,
        step: &Step,
        sent: &str,
        answer: &Answer,
    ) -> Result<(), RunError> {
        for (name, at) in &step.bind {
            let value = match at.strip_prefix("header:") {
                Some(header) => answer.headers.get(header).cloned(),
                None => answer.body.pointer(at).filter(|v| !v.is_null()).map(plain),
            };
            let value = value.ok_or_else(|| RunError::Unbound {
                step: number,
                sent: sent.to_owned(),
                at: at.clone(),
                last: format!("{} {}", answer.status, answer.body),
            })?;
            self.names.give(&value, name);
            self.bound.insert(name.clone(), value);
        }
        Ok(())
    }

    fn record(&mut self, number: usize, step: &Step, sent: &str, answer: &Answer) -> Record {
        let reading = Reading {
            ordered: step.ordered.unwrap_or(self.target.ordered()),
            shared: step.shared,
            change: sent.starts_with("PUT"),
        };
        let mut body = answer.body.clone();
        for (at, wanted) in &step.keep {
            keep(&mut body, at, wanted);
        }
        let headers = HEADERS.iter().filter_map(|name| {
            let value = answer.headers.get(*name)?;
            let value = self.names.apply(&json!(value), reading);
            Some(((*name).to_owned(), plain(&value)))
        });
        let headers = headers.collect();
        Record {
            step: number,
            sent: sent.to_owned(),
            call: step.call.clone(),
            status: answer.status,
            headers,
            body: self.names.apply(&body, reading),
        }
    }

    fn fill(&self, number: usize, text: &str) -> Result<String, RunError> {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let (name, after) = after.split_once('}').unwrap_or((after, ""));
            let value = self.bound.get(name).ok_or_else(|| RunError::Case {
                step: number,
                what: format!("${{{name}}} is bound to nothing"),
            })?;
            filled.push_str(before);
            filled.push_str(value);
            rest = after;
        }
        Ok(filled + rest)
    }

    fn fill_value(&self, number: usize, value: &Value) -> Result<Value, RunError> {
        Ok(match value {
            Value::String(text) => json!(self.fill(number, text)?),
            Value::Array(items) => items
                .iter()
                .map(|item| self.fill_value(number, item))
                .collect::<Result<_, _>>()?,
            Value::Object(fields) => Value::Object(
                fields
                    .iter()
                    .map(|(name, value)| {
                        Ok((self.fill(number, name)?, self.fill_value(number, value)?))
                    })
                    .collect::<Result<_, _>>()?,
            ),
            other => other.clone(),
        })
    }
}

/// Leaves of the list at `at` only the items one of whose fields has one of the wanted values.
fn keep(body: &mut Value, at: &str, wanted: &BTreeMap<String, Vec<Value>>) {
    if let Some(Value::Array(items)) = body.pointer_mut(at) {
        items.retain(|item| {
            wanted.iter().all(|(field, values)| {
                item.pointer(field)
                    .is_some_and(|value| values.contains(value))
            })
        });
    }
}

/// A string as it is, anything else as JSON.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_wanted_is_kept() {
        let mut body = json!({"extensions": [{"alias": "trunk"}, {"alias": "qos"}]});
        let wanted = BTreeMap::from([("/alias".to_owned(), vec![json!("trunk")])]);
        keep(&mut body, "/extensions", &wanted);
        assert_eq!(body, json!({"extensions": [{"alias": "trunk"}]}));
    }
}
