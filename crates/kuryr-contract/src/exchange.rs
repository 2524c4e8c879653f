//! One call and its answer, as they go over the wire.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

/// A request, everything filled in.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<String>,
}

/// Its answer, as it came.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Value,
}

/// No answer came.
#[derive(Debug, thiserror::Error)]
#[error("{method} {url}: {source}")]
pub struct NoAnswer {
    method: String,
    url: String,
    source: reqwest::Error,
}

/// Longest time that a call may take: a bulk of the real Neutron, or a watch.
const LONGEST: Duration = Duration::from_secs(120);

/// Sends it; whatever status comes back is an answer.
pub(crate) async fn send(client: &reqwest::Client, request: &Request) -> Result<Answer, NoAnswer> {
    let failed = |source| NoAnswer {
        method: request.method.clone(),
        url: request.url.clone(),
        source,
    };
    let method = request.method.parse().unwrap_or(http::Method::GET);
    let mut call = client.request(method, &request.url).timeout(LONGEST);
    for (name, value) in &request.headers {
        call = call.header(name, value);
    }
    if let Some(body) = &request.body {
        call = call.body(body.clone());
    }
    let answer = call.send().await.map_err(failed)?;
    let status = answer.status().as_u16();
    let headers = answer
        .headers()
        .iter()
        .map(|(name, value)| {
            (
                name.to_string(),
                String::from_utf8_lossy(value.as_bytes()).into_owned(),
            )
        })
        .collect();
    let text = answer.text().await.map_err(failed)?;
    Ok(Answer {
        status,
        headers,
        body: read(&text, request.url.contains("watch=true")),
    })
}

/// JSON, or text; of a watch a list of events.
fn read(text: &str, watch: bool) -> Value {
    let text_itself = |_| json!(text);
    if watch {
        let lines: Result<Vec<Value>, _> = text.lines().map(serde_json::from_str).collect();
        return lines.map(events).unwrap_or_else(text_itself);
    }
    if text.is_empty() {
        return Value::Null;
    }
    serde_json::from_str(text).unwrap_or_else(text_itself)
}

/// The events of a watch. How many bookmarks there are is a matter of time: of those in a row the first is kept.
fn events(mut events: Vec<Value>) -> Value {
    let bookmark = |event: &Value| event["type"] == "BOOKMARK";
    events.dedup_by(|second, first| bookmark(second) && bookmark(first));
    Value::Array(events)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_json_or_text() {
        assert_eq!(read("", false), Value::Null);
        assert_eq!(read("{\"a\":1}", false), json!({"a": 1}));
        assert_eq!(read("<html>", false), json!("<html>"));
    }

    #[test]
    fn a_watch_is_a_list_of_events() {
        assert_eq!(read("", true), json!([]));
        let (mark, added) = (r#"{"type":"BOOKMARK"}"#, r#"{"type":"ADDED"}"#);
        let text = [mark, mark, added, mark].join("\n");
        let want = json!([{"type": "BOOKMARK"}, {"type": "ADDED"}, {"type": "BOOKMARK"}]);
        assert_eq!(read(&text, true), want);
        assert_eq!(
            read("404 page not found\n", true),
            json!("404 page not found\n")
        );
    }
}
