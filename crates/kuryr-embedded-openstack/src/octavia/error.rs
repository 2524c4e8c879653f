//! What Octavia refuses with: status and words. It has no types of errors.

use http::StatusCode;

use super::super::ApiError;
use super::schema::LbKind;

fn new(status: StatusCode, message: impl Into<String>) -> ApiError {
    ApiError::new(status, "", message)
}

/// 400 with the words as they are.
pub(super) fn bad_request(message: impl Into<String>) -> ApiError {
    new(StatusCode::BAD_REQUEST, message)
}

/// 400 for a body that is no JSON, or lacks what it is about.
pub(crate) fn unreadable(what: &str) -> ApiError {
    bad_request(format!(
        "Invalid input for field/attribute {what}. Value: 'None'. Mandatory field missing."
    ))
}

/// 400 for an argument with something else in it.
pub(crate) fn unknown_argument(argument: &str, name: &str) -> ApiError {
    bad_request(format!("Unknown attribute for argument {argument}: {name}"))
}

/// 400 of the API's own checks.
pub(super) fn invalid(detail: impl AsRef<str>) -> ApiError {
    bad_request(format!("Validation failure: {}", detail.as_ref()))
}

/// 400 of a field.
pub(super) fn invalid_field(field: &str, value: &str, why: impl AsRef<str>) -> ApiError {
    bad_request(format!(
        "Invalid input for field/attribute {field}. Value: '{value}'. {}",
        why.as_ref()
    ))
}

/// 400 for an object of Neutron's that is not there.
pub(super) fn no_subresource(resource: &str, id: &str) -> ApiError {
    bad_request(format!("{resource} {id} not found."))
}

/// 403 by policy.
pub(super) fn forbidden() -> ApiError {
    new(
        StatusCode::FORBIDDEN,
        "Policy does not allow this request to be performed.",
    )
}

/// 403 by quota.
pub(super) fn over_quota(kind: LbKind) -> ApiError {
    let message = format!("Quota has been met for resources: {}", kind.title());
    new(StatusCode::FORBIDDEN, message)
}

/// 404 for an object.
pub(super) fn not_found(kind: LbKind, id: &str) -> ApiError {
    no_object(kind.title(), id)
}

/// 404 for an object of what is no kind here.
pub(crate) fn no_object(what: &str, id: &str) -> ApiError {
    new(StatusCode::NOT_FOUND, format!("{what} {id} not found."))
}

/// 409 with the words as they are.
pub(super) fn conflict(message: impl Into<String>) -> ApiError {
    new(StatusCode::CONFLICT, message)
}

/// 409 while Octavia works on the object, or it is in `ERROR`.
pub(super) fn immutable(kind: LbKind, id: &str) -> ApiError {
    conflict(format!(
        "{} {id} is immutable and cannot be updated.",
        kind.title()
    ))
}

/// 500 of a provider that failed.
pub(super) fn provider_failed(provider: &str, why: &str) -> ApiError {
    new(
        StatusCode::INTERNAL_SERVER_ERROR,
        format!("Provider '{provider}' reports error: {why}"),
    )
}

/// 500 of Octavia itself.
pub(super) fn internal(message: &str) -> ApiError {
    new(StatusCode::INTERNAL_SERVER_ERROR, message)
}

/// 501 for an option that a provider hasn't.
pub(super) fn unsupported(provider: &str, why: impl AsRef<str>) -> ApiError {
    let why = why.as_ref();
    let message = format!("Provider '{provider}' does not support a requested option: {why}");
    new(StatusCode::NOT_IMPLEMENTED, message)
}

/// 501 for something that a provider can't do at all.
pub(super) fn not_implemented(provider: &str, why: &str) -> ApiError {
    let message = format!("Provider '{provider}' does not support a requested action: {why}");
    new(StatusCode::NOT_IMPLEMENTED, message)
}
