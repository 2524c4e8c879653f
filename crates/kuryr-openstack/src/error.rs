//! What can go wrong in a call to OpenStack, as a caller needs to tell it apart.
//!
//! An [`Error`] is a [kind](ErrorKind), which decides what to do next, and a [`Context`], which says what was
//! attempted, on which object, and what came back. Context never holds a secret: no header, no query string,
//! no request body.

mod answer;
mod conflict;

use std::fmt;
use std::time::Duration;

use http::Method;

pub(crate) use answer::{classify, excerpt, request_id};
pub use conflict::ConflictKind;

/// The operation of errors about a login. The call that needed it was not sent, or was refused.
pub(crate) const LOGIN: &str = "login";

/// The outcome of a call that failed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{context}: {kind}")]
pub struct Error {
    kind: ErrorKind,
    context: Box<Context>,
}

/// What was attempted and what came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    /// Name of the call, such as `create_ports`: the label of its metrics too.
    pub operation: &'static str,
    /// The object it was about, such as `trunk 4d1f...`; empty if there is none.
    pub object: String,
    /// HTTP method.
    pub method: Method,
    /// Path below the service's version, without query.
    pub path: String,
    /// HTTP status, if an answer came.
    pub status: Option<u16>,
    /// `NeutronError.type`, if the answer had one. Octavia has none.
    pub error_type: Option<String>,
    /// `x-openstack-request-id` of the answer: what the cloud's logs know the request by.
    pub request_id: Option<String>,
    /// Requests sent, retries included. 0 if none was.
    pub attempts: u32,
}

/// Why a call failed. Messages are the cloud's own words, shortened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// This process may not change anything now, as its guard says. Nothing was sent.
    #[error("withheld: this process may not write at this moment")]
    Withheld,
    /// The settings can't be used (URL, CA file, credentials missing). Nothing was sent.
    #[error("unusable setting: {0}")]
    Config(String),
    /// An argument can't be used, such as an id with a slash. Nothing was sent.
    #[error("unusable argument: {0}")]
    Argument(String),
    /// The catalogue has no such service in this region and interface. Nothing was sent.
    #[error("not in the service catalogue: {0}")]
    Catalog(String),
    /// 404.
    #[error("not found: {0}")]
    NotFound(String),
    /// 409 or 412, and Octavia's 403 about a quota.
    #[error("conflict ({kind}): {message}")]
    Conflict {
        kind: ConflictKind,
        /// The cloud's words.
        message: String,
    },
    /// 429.
    #[error("rate limited{}: {message}", after(.retry_after))]
    RateLimited {
        /// The `Retry-After` of the answer.
        retry_after: Option<Duration>,
        /// The cloud's words.
        message: String,
    },
    /// 401, also after a new login; or Keystone refuses the credentials.
    #[error("unauthorized: {0}")]
    Unauthorized(String),
    /// 403.
    #[error("forbidden: {0}")]
    Forbidden(String),
    /// 400 and other 4xx: the request itself is at fault, repeating it is no use.
    #[error("bad request: {0}")]
    BadRequest(String),
    /// 501: the cloud, or Octavia's provider, has no such feature.
    #[error("not supported{}: {message}", by(.provider))]
    Unsupported {
        /// The provider that lacks it, such as `ovn`, when the message tells.
        provider: Option<String>,
        /// What it lacks, in the cloud's words.
        message: String,
    },
    /// 5xx but 501.
    #[error("server error{}: {message}", after(.retry_after))]
    Server {
        /// 503: the server, or a proxy before it, did not take the request up.
        declined: bool,
        /// The `Retry-After` of the answer.
        retry_after: Option<Duration>,
        /// The cloud's words.
        message: String,
    },
    /// No answer in time.
    #[error("timed out: {message}")]
    Timeout {
        /// The request may have been carried out.
        maybe_done: bool,
        /// What was waited for.
        message: String,
    },
    /// No connection was made: the request was never sent.
    #[error("cannot connect: {0}")]
    Connect(String),
    /// The connection broke after the request was sent and before the answer was complete.
    #[error("connection broken: {message}")]
    Disconnected {
        /// The request may have been carried out.
        maybe_done: bool,
        /// How it broke.
        message: String,
    },
    /// An answer came and is not what the API promises (HTML, wrong types, too large).
    #[error("unusable answer: {what}; it begins {excerpt:?}")]
    BadAnswer {
        /// What is wrong with it.
        what: String,
        /// Its beginning, at most 256 characters.
        excerpt: String,
    },
}

fn after(retry_after: &Option<Duration>) -> String {
    retry_after.map_or_else(String::new, |d| format!(" (retry after {} s)", d.as_secs()))
}

fn by(provider: &Option<String>) -> String {
    provider
        .as_ref()
        .map_or_else(String::new, |name| format!(" by provider {name}"))
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, context: Context) -> Self {
        Self {
            kind,
            context: Box::new(context),
        }
    }

    /// An error before any request, named by `operation`.
    pub(crate) fn local(operation: &'static str, kind: ErrorKind) -> Self {
        Self::new(kind, Context::unsent(operation))
    }

    /// It is about a login, not about the call itself.
    pub(crate) fn is_login(&self) -> bool {
        self.context.operation == LOGIN
    }

    /// The same of another kind.
    pub(crate) fn with_kind(self, kind: ErrorKind) -> Self {
        Self { kind, ..self }
    }

    pub(crate) fn with_attempts(mut self, attempts: u32) -> Self {
        self.context.attempts = attempts;
        self
    }

    /// Why it failed.
    pub fn kind(&self) -> &ErrorKind {
        &self.kind
    }

    /// What was attempted and what came back.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// The error in words that are the same each time that the same thing fails: without the
    /// request's id, and how often it was sent. For those who are to be told once.
    pub fn gist(&self) -> String {
        let context = Context {
            request_id: None,
            attempts: 1,
            ..(*self.context).clone()
        };
        format!("{context}: {}", self.kind)
    }

    /// The conflict, if it is one.
    pub fn conflict(&self) -> Option<&ConflictKind> {
        match &self.kind {
            ErrorKind::Conflict { kind, .. } => Some(kind),
            _ => None,
        }
    }

    /// 404: the object is not there.
    pub fn is_not_found(&self) -> bool {
        matches!(self.kind, ErrorKind::NotFound(_))
    }

    /// Octavia works on the load balancer, or it is in `ERROR`: the change was refused, whatever it was.
    pub fn is_immutable(&self) -> bool {
        self.conflict() == Some(&ConflictKind::Immutable)
    }

    /// The project's quota is used up.
    pub fn is_over_quota(&self) -> bool {
        self.conflict() == Some(&ConflictKind::OverQuota)
    }

    /// The network or subnet has no address left.
    pub fn is_ip_exhausted(&self) -> bool {
        self.conflict() == Some(&ConflictKind::IpExhausted)
    }

    /// The same call may succeed later with nothing changed on our side: worth another try after a pause,
    /// once it is known not to have been [carried out](Self::maybe_applied).
    pub fn is_retryable(&self) -> bool {
        match &self.kind {
            ErrorKind::RateLimited { .. }
            | ErrorKind::Server { .. }
            | ErrorKind::Timeout { .. }
            | ErrorKind::Connect(_)
            | ErrorKind::Disconnected { .. }
            | ErrorKind::BadAnswer { .. } => true,
            ErrorKind::Conflict { kind, .. } => kind.passes_by_itself(),
            _ => false,
        }
    }

    /// The call changes something and may have been carried out although it failed. Before it is made again,
    /// look at what is there.
    pub fn maybe_applied(&self) -> bool {
        if self.context.method == Method::GET || self.is_login() {
            return false;
        }
        match &self.kind {
            ErrorKind::Timeout { maybe_done, .. } | ErrorKind::Disconnected { maybe_done, .. } => {
                *maybe_done
            }
            ErrorKind::Server { .. } | ErrorKind::BadAnswer { .. } => true,
            _ => false,
        }
    }

    /// How long the cloud asks to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        match &self.kind {
            ErrorKind::RateLimited { retry_after, .. } | ErrorKind::Server { retry_after, .. } => {
                *retry_after
            }
            _ => None,
        }
    }

    /// A short constant word for the kind: the `outcome` label of the metrics.
    pub fn outcome(&self) -> &'static str {
        match &self.kind {
            ErrorKind::Withheld => "withheld",
            ErrorKind::Config(_) | ErrorKind::Argument(_) => "invalid",
            ErrorKind::Catalog(_) => "catalog",
            ErrorKind::NotFound(_) => "not_found",
            ErrorKind::Conflict { kind, .. } => kind.name(),
            ErrorKind::RateLimited { .. } => "rate_limited",
            ErrorKind::Unauthorized(_) => "unauthorized",
            ErrorKind::Forbidden(_) => "forbidden",
            ErrorKind::BadRequest(_) => "bad_request",
            ErrorKind::Unsupported { .. } => "unsupported",
            ErrorKind::Server { .. } => "server_error",
            ErrorKind::Timeout { .. } => "timeout",
            ErrorKind::Connect(_) => "connect",
            ErrorKind::Disconnected { .. } => "disconnected",
            ErrorKind::BadAnswer { .. } => "bad_answer",
        }
    }
}

impl Context {
    pub(crate) fn unsent(operation: &'static str) -> Self {
        Self {
            operation,
            object: String::new(),
            method: Method::GET,
            path: String::new(),
            status: None,
            error_type: None,
            request_id: None,
            attempts: 0,
        }
    }
}

impl fmt::Display for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.operation)?;
        if !self.object.is_empty() {
            write!(f, " of {}", self.object)?;
        }
        if !self.path.is_empty() {
            write!(f, " ({} {}", self.method, self.path)?;
            if let Some(status) = self.status {
                write!(f, " answered {status}")?;
            }
            if let Some(error_type) = &self.error_type {
                write!(f, " {error_type}")?;
            }
            if let Some(id) = &self.request_id {
                write!(f, ", {id}")?;
            }
            if self.attempts > 1 {
                write!(f, ", after {} attempts", self.attempts)?;
            }
            f.write_str(")")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gist_of_two_equal_failures_is_equal() {
        let failed = |request: &str, attempts| {
            let context = Context {
                object: "2 ports".to_owned(),
                path: "ports".to_owned(),
                status: Some(503),
                request_id: Some(request.to_owned()),
                attempts,
                ..Context::unsent("create_ports")
            };
            Error::new(ErrorKind::NotFound("gone".to_owned()), context)
        };
        let (a, b) = (failed("req-1", 1), failed("req-2", 5));
        assert_ne!(a.to_string(), b.to_string());
        assert_eq!(a.gist(), b.gist());
        assert!(a.gist().contains("2 ports") && a.gist().contains("503"));
    }
}
