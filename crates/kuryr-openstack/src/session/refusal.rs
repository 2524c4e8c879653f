//! Failed logins: from the SDK's errors to ours.

use openstack_sdk::OpenStackError;
use openstack_sdk::auth::AuthError;

use crate::error::{Context, Error, ErrorKind, LOGIN, excerpt};
use crate::wire::causes;

/// A failed login in our terms.
pub(super) fn login_error(error: OpenStackError) -> Error {
    let mut status = None;
    let kind = match error {
        OpenStackError::Communication { source }
        | OpenStackError::AuthError {
            source: AuthError::Reqwest { source },
        } => transport(&source),
        OpenStackError::AuthError {
            source: AuthError::Identity(said),
        } => {
            status = u16::try_from(said.code).ok();
            refused(status.unwrap_or(0), said.message)
        }
        OpenStackError::AuthError {
            source: AuthError::UnknownAuth { code, message },
        } => {
            status = Some(code);
            refused(code, excerpt(message.unwrap_or_default().as_bytes()))
        }
        OpenStackError::AuthError {
            source: AuthError::AuthReceipt(_),
        } => ErrorKind::Unauthorized("the user needs a second factor".to_owned()),
        other => ErrorKind::BadAnswer {
            what: excerpt(other.to_string().as_bytes()),
            excerpt: String::new(),
        },
    };
    let context = Context {
        method: http::Method::POST,
        path: "auth/tokens".to_owned(),
        status,
        attempts: 1,
        ..Context::unsent(LOGIN)
    };
    Error::new(kind, context)
}

fn transport(error: &reqwest::Error) -> ErrorKind {
    let message = causes(error);
    match () {
        () if error.is_connect() => ErrorKind::Connect(message),
        () if error.is_timeout() => ErrorKind::Timeout {
            maybe_done: false,
            message,
        },
        () if error.is_decode() => ErrorKind::BadAnswer {
            what: message,
            excerpt: String::new(),
        },
        () if error.is_builder() => ErrorKind::Config(message),
        () => ErrorKind::Disconnected {
            maybe_done: false,
            message,
        },
    }
}

fn refused(status: u16, message: String) -> ErrorKind {
    match status {
        401 => ErrorKind::Unauthorized(message),
        403 => ErrorKind::Forbidden(message),
        // Never `NotFound`: a caller would take its object for deleted.
        404 => ErrorKind::Catalog(format!("no Keystone at auth_url: {message}")),
        429 => ErrorKind::RateLimited {
            retry_after: None,
            message,
        },
        500..=599 => ErrorKind::Server {
            declined: status == 503,
            retry_after: None,
            message,
        },
        _ => ErrorKind::BadRequest(message),
    }
}
