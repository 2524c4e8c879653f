//! The HTTP side of a request: sends what the SDK prepared, reads the answer within bounds, and tells apart
//! how that failed.
//!
//! The SDK's own transport is used for logins only. For calls it falls short in four ways, so [`Wire`] takes
//! its place behind the SDK's [`AsyncClient`]: it reads answers of any size, repeats a request after a 401
//! without letting it be counted, logs each request at `INFO`, and loses the status of an answer whose body
//! breaks off.

use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use http::{HeaderMap, HeaderValue, Response};
use openstack_sdk::api::{ApiError, AsyncClient, RestClient};
use openstack_sdk::types::{ApiVersion, BoxedAsyncRead, ServiceType};
use openstack_sdk_core::catalog::ServiceEndpoint;
use secrecy::{ExposeSecret, SecretString};

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

/// The HTTP client for calls, with the TLS settings that the SDK gives its own.
pub(crate) fn http_client(config: &CloudConfig) -> Result<reqwest::Client, Error> {
    let unusable = |what: String| Error::local("connect", ErrorKind::Config(what));
    let mut builder = reqwest::Client::builder()
        .connect_timeout(config.timeout.min(Duration::from_secs(10)))
        .pool_max_idle_per_host(config.concurrency)
        // Shorter than proxies keep idle connections: a POST on one that just closes is a POST of unknown fate.
        .pool_idle_timeout(Duration::from_secs(8))
        .tcp_keepalive(Duration::from_secs(60))
        // A redirect would carry the token elsewhere.
        .redirect(reqwest::redirect::Policy::none())
        .danger_accept_invalid_certs(config.insecure);
    if let Some(path) = &config.cafile {
        let pem = std::fs::read(path)
            .map_err(|e| unusable(format!("CA file {}: {e}", path.display())))?;
        let certificates = reqwest::Certificate::from_pem_bundle(&pem)
            .map_err(|e| unusable(format!("CA file {}: {e}", path.display())))?;
        if certificates.is_empty() {
            return Err(unusable(format!(
                "CA file {} has no certificate",
                path.display()
            )));
        }
        for certificate in certificates {
            builder = builder.add_root_certificate(certificate);
        }
    }
    builder
        .build()
        .map_err(|e| unusable(format!("HTTP client: {}", causes(&e))))
}

/// One request's way to one service.
pub(crate) struct Wire {
    pub(crate) http: reqwest::Client,
    pub(crate) endpoint: ServiceEndpoint,
    pub(crate) token: Option<SecretString>,
    pub(crate) timeout: Duration,
    pub(crate) max_answer: usize,
}

impl Wire {
    async fn exchange(
        &self,
        request: http::request::Builder,
        body: Vec<u8>,
    ) -> Result<Response<Bytes>, WireError> {
        let mut request = request
            .body(body)
            .map_err(|e| WireError::Request(e.to_string()))?;
        if let Some(token) = &self.token {
            let mut value = HeaderValue::from_str(token.expose_secret())
                .map_err(|_| WireError::Request("the token is no header value".to_owned()))?;
            value.set_sensitive(true);
            request.headers_mut().insert("x-auth-token", value);
        }
        let mut request = reqwest::Request::try_from(request).map_err(WireError::of)?;
        *request.timeout_mut() = Some(self.timeout);
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

impl RestClient for Wire {
    type Error = WireError;

    fn get_current_project(&self) -> Option<openstack_sdk::types::identity::v3::Project> {
        None
    }
}

#[async_trait]
impl AsyncClient for Wire {
    async fn rest_async(
        &self,
        request: http::request::Builder,
        body: Vec<u8>,
    ) -> Result<Response<Bytes>, ApiError<WireError>> {
        self.exchange(request, body).await.map_err(ApiError::client)
    }

    async fn rest_read_body_async(
        &self,
        _request: http::request::Builder,
        _body: BoxedAsyncRead,
    ) -> Result<Response<Bytes>, ApiError<WireError>> {
        Err(unsupported())
    }

    async fn download_async(
        &self,
        _request: http::request::Builder,
        _body: Vec<u8>,
    ) -> Result<(HeaderMap, BoxedAsyncRead), ApiError<WireError>> {
        Err(unsupported())
    }

    async fn get_service_endpoint(
        &self,
        _service_type: &ServiceType,
        _version: Option<&ApiVersion>,
    ) -> Result<ServiceEndpoint, ApiError<WireError>> {
        Ok(self.endpoint.clone())
    }
}

/// The services called here have no streamed bodies.
fn unsupported() -> ApiError<WireError> {
    ApiError::client(WireError::Request(
        "streamed bodies are not supported".to_owned(),
    ))
}
