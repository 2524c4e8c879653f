//! Answers, whole and spoilt.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures::stream;
use http::{HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use serde_json::{Value, json};

/// A response's body: whole, or one that breaks off.
pub(super) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// An answer before it becomes HTTP.
#[derive(Debug, Clone, Default)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Bytes,
    /// Objects in a list, which cost time to read.
    pub(super) listed: usize,
    /// It is given before the request gets an id.
    pub(super) before_id: bool,
    breaks_off: bool,
}

impl Answer {
    /// A JSON answer.
    pub(super) fn json(status: StatusCode, body: &Value) -> Self {
        Self::text(status, "application/json", body.to_string())
    }

    /// An answer without a body.
    pub(super) fn empty(status: StatusCode) -> Self {
        Self {
            status,
            ..Self::default()
        }
    }

    /// An answer of any type.
    pub(super) fn text(status: StatusCode, content_type: &str, body: String) -> Self {
        let headers = vec![("content-type", content_type.to_owned())];
        Self {
            status,
            headers,
            body: Bytes::from(body),
            ..Self::default()
        }
    }

    /// The same with a header more.
    pub(super) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// The same, of which only half arrives.
    pub(super) fn truncated(mut self) -> Self {
        self.breaks_off = true;
        self
    }

    /// The same names with values of other types.
    pub(super) fn wrong_types(mut self) -> Self {
        let body: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        self.body = Bytes::from(mistyped(&body).to_string());
        self
    }

    /// The same with so many bytes of padding in front, still JSON.
    pub(super) fn padded(mut self, bytes: usize) -> Self {
        let mut body: Value = serde_json::from_slice(&self.body).unwrap_or_else(|_| json!({}));
        body["padding"] = json!("x".repeat(bytes));
        self.body = Bytes::from(body.to_string());
        self
    }

    pub(super) fn into_response(self) -> Response<Body> {
        let body = match self.breaks_off {
            false => Full::new(self.body)
                .map_err(|never| match never {})
                .boxed_unsync(),
            true => {
                let half = self.body.slice(..self.body.len() / 2);
                let end = io::Error::new(
                    io::ErrorKind::ConnectionReset,
                    "the answer breaks off on purpose",
                );
                StreamBody::new(stream::iter([Ok(Frame::data(half)), Err(end)])).boxed_unsync()
            }
        };
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response
                    .headers_mut()
                    .append(HeaderName::from_static(name), value);
            }
        }
        response
    }
}

fn mistyped(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.clone(), mistyped(value)))
            .collect(),
        Value::Array(items) if items.iter().all(Value::is_object) && !items.is_empty() => {
            items.iter().map(mistyped).collect()
        }
        Value::Array(_) => json!("not a list"),
        Value::String(_) => json!(42),
        Value::Number(_) | Value::Bool(_) | Value::Null => json!({"not": "a scalar"}),
    }
}

/// 429 as a rate limiter in front of the API answers.
pub(super) fn too_many_requests(retry: Option<Duration>) -> Answer {
    let body = json!({"overLimit": {"code": 429, "message": "This request was rate-limited."}});
    let answer = Answer::json(StatusCode::TOO_MANY_REQUESTS, &body);
    match retry {
        Some(retry) => answer.header("retry-after", &retry.as_secs().to_string()),
        None => answer,
    }
}

/// 503 as a proxy in front of the API answers.
pub(super) fn unavailable() -> Answer {
    let page = "<html><body><h1>503 Service Unavailable</h1>\nNo server is available to handle this request.\n</body></html>\n";
    Answer::text(
        StatusCode::SERVICE_UNAVAILABLE,
        "text/html",
        page.to_owned(),
    )
}

/// A page of HTML with the status of the answer that it takes the place of.
pub(super) fn html(answer: &Answer) -> Answer {
    let page = "<!DOCTYPE html>\n<html><head><title>Welcome</title></head><body><p>It works.</p></body></html>\n";
    let mut html = Answer::text(answer.status, "text/html", page.to_owned());
    html.headers.extend(
        answer
            .headers
            .iter()
            .filter(|(name, _)| *name != "content-type")
            .cloned(),
    );
    html
}
