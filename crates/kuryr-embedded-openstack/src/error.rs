//! What a service answers when it refuses: status, error type, message.
//!
//! The three are those of the real services (Neutron 21, Keystone 22), so that code which tells errors apart by
//! type or message sees the same here. The HTTP layer wraps them in each service's own envelope.

use http::StatusCode;

/// A refusal: carried as `{"NeutronError": {"type", "message", "detail"}}` by Neutron and as
/// `{"error": {"code", "title", "message"}}` by Keystone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{status} {kind}: {message}")]
pub struct ApiError {
    /// HTTP status of the answer.
    pub status: StatusCode,
    /// Neutron's exception name, such as `OverQuota`; for Keystone the reason phrase.
    pub kind: &'static str,
    /// The message as the real service words it.
    pub message: String,
}

impl ApiError {
    /// An error of any status and type.
    pub fn new(status: StatusCode, kind: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            status,
            kind,
            message,
        }
    }

    /// 400 that the API layer itself answers (attributes, filters, body).
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "HTTPBadRequest", message)
    }

    /// 400 `InvalidInput`, whose message carries a fixed prefix.
    pub fn invalid_input(reason: impl AsRef<str>) -> Self {
        let message = format!(
            "Invalid input for operation: {}.",
            reason.as_ref().trim_end_matches('.')
        );
        Self::new(StatusCode::BAD_REQUEST, "InvalidInput", message)
    }

    /// 400 `BadRequest` of a named resource, such as the router plugin answers.
    pub fn bad_resource(resource: &str, reason: impl AsRef<str>) -> Self {
        let message = format!("Bad {resource} request: {}.", reason.as_ref());
        Self::new(StatusCode::BAD_REQUEST, "BadRequest", message)
    }

    /// 409 of a given type.
    pub fn conflict(kind: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, kind, message)
    }

    /// 404 of a given type.
    pub fn not_found(kind: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, kind, message)
    }

    /// 404 for a path that no resource answers to.
    pub fn no_such_path() -> Self {
        Self::not_found("HTTPNotFound", "The resource could not be found.")
    }

    /// 405 for a method that the path doesn't take.
    pub fn method_not_allowed() -> Self {
        let message = "The server could not comply with the request since it is either malformed or otherwise incorrect.";
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "HTTPMethodNotAllowed",
            message,
        )
    }

    /// 403 by policy; `rule` is the expression that the answer names.
    pub fn forbidden(rule: impl AsRef<str>) -> Self {
        let message = format!("{} is disallowed by policy", rule.as_ref());
        Self::new(StatusCode::FORBIDDEN, "PolicyNotAuthorized", message)
    }

    /// 401 of Keystone and of Neutron's token check alike.
    pub fn unauthorized() -> Self {
        let message = "The request you have made requires authentication.";
        Self::new(StatusCode::UNAUTHORIZED, "Unauthorized", message)
    }

    /// 500 without details, as Neutron hides its own failures.
    pub fn internal() -> Self {
        let message = "Request Failed: internal server error while processing your request.";
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "HTTPInternalServerError",
            message,
        )
    }

    /// 409 `OverQuota` for one kind of resource.
    pub fn over_quota(resource: &str) -> Self {
        Self::conflict(
            "OverQuota",
            format!("Quota exceeded for resources: ['{resource}']."),
        )
    }

    /// 412 when an `If-Match` names another revision than the current.
    pub fn stale_revision(asked: i64, current: i64) -> Self {
        let message = format!("Constrained to {asked}, but current revision is {current}");
        Self::new(
            StatusCode::PRECONDITION_FAILED,
            "RevisionNumberConstraintFailed",
            message,
        )
    }
}
