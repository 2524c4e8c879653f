//! The HTTP side of a request: sends a call, reads the answer within bounds, and tells apart how that failed.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderValue, Response};
use kuryr_trust::Trust;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::call::Call;
use crate::config::CloudConfig;
use crate::error::{Error, ErrorKind};

/// How a request failed without an answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WireError {
    #[error("cannot connect: {0}")]
    Connect(String),
    #[error("no answer in time")]
    Timeout,
    #[error("connection broken: {0}")]
    Broken(String),
    #[error("answer larger than {0} bytes")]
    TooLarge(usize),
    #[error("cannot build the request: {0}")]
    Request(String),
}

impl WireError {
    fn of(error: reqwest::Error) -> Self {
        // A connection that is not made in time is not made: nothing was sent.
        if error.is_connect() {
            Self::Connect(causes(&error))
        } else if error.is_timeout() {
            Self::Timeout
        } else if error.is_builder() {
            Self::Request(causes(&error))
        } else {
            Self::Broken(causes(&error))
        }
    }

    /// What it means for a caller, within `timeout`.
    pub(crate) fn kind(self, timeout: Duration) -> ErrorKind {
        match self {
            Self::Connect(message) => ErrorKind::Connect(message),
            Self::Timeout => {
                let message = format!("no complete answer within {} s", timeout.as_secs_f32());
                ErrorKind::Timeout {
                    maybe_done: true,
                    message,
                }
            }
            Self::Broken(message) => ErrorKind::Disconnected {
                maybe_done: true,
                message,
            },
            Self::TooLarge(_) => ErrorKind::BadAnswer {
                what: self.to_string(),
                excerpt: String::new(),
            },
            Self::Request(message) => ErrorKind::Argument(message),
        }
    }
}

/// The innermost causes of a transport error in one line, without its URL (it has the query).
pub(crate) fn causes(error: &reqwest::Error) -> String {
    let mut said = Vec::new();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        said.push(cause.to_string());
        next = cause.source();
    }
    said.dedup();
    if said.is_empty() {
        "request failed".to_owned()
    } else {
        said.join(": ")
    }
}

/// The HTTP client for logins and calls.
pub(crate) fn http_client(config: &CloudConfig) -> Result<reqwest::Client, Error> {
    let unusable = |what: String| Error::local("connect", ErrorKind::Config(what));
    let mut builder = reqwest::Client::builder()
        .connect_timeout(config.timeout.min(Duration::from_secs(10)))
        .pool_max_idle_per_host(config.concurrency)
        // Shorter than proxies keep idle connections: a POST on one that just closes is a POST of unknown fate.
        .pool_idle_timeout(Duration::from_secs(8))
        // A way that swallows packets is noticed in about ten seconds; the next call takes another connection.
        .tcp_keepalive(Duration::from_secs(5))
        .tcp_keepalive_interval(Duration::from_secs(2))
        .tcp_keepalive_retries(3)
        .tcp_user_timeout(Duration::from_secs(10))
        // A redirect would carry the token elsewhere.
        .redirect(reqwest::redirect::Policy::none())
        .danger_accept_invalid_certs(config.insecure);
    // Without verification there is nothing to be verified by.
    if let Some(path) = config.cafile.as_ref().filter(|_| !config.insecure) {
        let unusable =
            |e: &dyn std::fmt::Display| unusable(format!("CA file {}: {e}", path.display()));
        let pem = std::fs::read(path).map_err(|e| unusable(&e))?;
        let tls = Trust::from_pem(&pem).and_then(|trust| trust.client_config());
        builder = builder.tls_backend_preconfigured(tls.map_err(|e| unusable(&e))?);
    }
    builder
        .build()
        .map_err(|e| unusable(format!("HTTP client: {}", causes(&e))))
}

/// One request's way to one service.
pub(crate) struct Wire {
    pub(crate) http: reqwest::Client,
    pub(crate) token: Option<SecretString>,
    pub(crate) timeout: Duration,
    pub(crate) max_answer: usize,
}

impl Wire {
    /// Sends a call to the service at this URL, its version included.
    pub(crate) async fn send(&self, call: &Call, at: &Url) -> Result<Response<Bytes>, WireError> {
        let mut request = reqwest::Request::new(call.method.clone(), call.url(at)?);
        *request.timeout_mut() = Some(self.timeout);
        let headers = request.headers_mut();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.extend(call.headers().clone());
        if let Some(token) = &self.token {
            let mut value = HeaderValue::from_str(token.expose_secret())
                .map_err(|_| WireError::Request("the token is no header value".to_owned()))?;
            value.set_sensitive(true);
            headers.insert("x-auth-token", value);
        }
        if let Some(body) = call.body() {
            let json = HeaderValue::from_static("application/json");
            headers.insert(CONTENT_TYPE, json);
            let bytes = serde_json::to_vec(body);
            let bytes = bytes.map_err(|e| WireError::Request(e.to_string()))?;
            *request.body_mut() = Some(bytes.into());
        }
        let answer = self.http.execute(request).await.map_err(WireError::of)?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let body = self.read(answer).await?;
        let mut response = Response::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Ok(response)
    }

    async fn read(&self, answer: reqwest::Response) -> Result<Bytes, WireError> {
        let mut read = BytesMut::new();
        let mut chunks = answer.bytes_stream();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(WireError::of)?;
            if read.len() + chunk.len() > self.max_answer {
                return Err(WireError::TooLarge(self.max_answer));
            }
            read.extend_from_slice(&chunk);
        }
        Ok(read.freeze())
    }
}
