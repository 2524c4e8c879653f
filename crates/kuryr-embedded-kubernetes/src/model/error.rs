//! Error answers in the form of Kubernetes: a `Status` with code, reason and details.
//!
//! Wording follows k8s.io/apimachinery `pkg/api/errors` and `pkg/util/validation/field`,
//! since clients and people match on it.

use serde_json::{Value, json};

/// An answer of kind `Status` with status `Failure`.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    /// HTTP status code.
    pub code: u16,
    /// Machine-readable reason, such as `NotFound`.
    pub reason: &'static str,
    /// Sentence for people.
    pub message: String,
    /// `details` of the Status, or null.
    pub details: Value,
}

/// One refused field of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// Why, as in the Status cause: `FieldValueInvalid`, `FieldValueRequired`, ...
    pub reason: &'static str,
    /// Path of the field, such as `spec.containers[0].name`.
    pub field: String,
    /// Sentence without the field.
    pub message: String,
}

impl FieldError {
    /// A field that must be there is not.
    pub fn required(field: impl Into<String>, detail: &str) -> Self {
        let message = match detail {
            "" => "Required value".to_owned(),
            _ => format!("Required value: {detail}"),
        };
        Self::new("FieldValueRequired", field, message)
    }

    /// The value breaks a rule.
    pub fn invalid(field: impl Into<String>, value: &Value, detail: &str) -> Self {
        Self::new(
            "FieldValueInvalid",
            field,
            format!("Invalid value: {value}: {detail}"),
        )
    }

    /// The value has the wrong type.
    pub fn wrong_type(field: impl Into<String>, found: &str, detail: &str) -> Self {
        Self::new(
            "FieldValueInvalid",
            field,
            format!("Invalid value: \"{found}\": {detail}"),
        )
    }

    /// The value is none of those allowed.
    pub fn unsupported(field: impl Into<String>, value: &Value, allowed: &[Value]) -> Self {
        let allowed: Vec<String> = allowed.iter().map(Value::to_string).collect();
        let message = format!(
            "Unsupported value: {value}: supported values: {}",
            allowed.join(", ")
        );
        Self::new("FieldValueNotSupported", field, message)
    }

    /// The field may not be set or changed here.
    pub fn forbidden(field: impl Into<String>, detail: &str) -> Self {
        Self::new("FieldValueForbidden", field, format!("Forbidden: {detail}"))
    }

    /// The list holds the value twice.
    pub fn duplicate(field: impl Into<String>, value: &Value) -> Self {
        Self::new(
            "FieldValueDuplicate",
            field,
            format!("Duplicate value: {value}"),
        )
    }

    fn new(reason: &'static str, field: impl Into<String>, message: String) -> Self {
        Self {
            reason,
            field: field.into(),
            message,
        }
    }

    fn cause(&self) -> Value {
        json!({"reason": self.reason, "message": self.message, "field": self.field})
    }
}

/// `plural` or `plural.group`, as messages name a resource or kind.
pub(crate) fn qualified(name: &str, group: &str) -> String {
    match group {
        "" => name.to_owned(),
        _ => format!("{name}.{group}"),
    }
}

/// `details` of a Status about one object.
fn details(group: &str, resource: &str, name: &str) -> Value {
    let mut details = json!({});
    for (key, value) in [("name", name), ("group", group), ("kind", resource)] {
        if !value.is_empty() {
            details[key] = json!(value);
        }
    }
    details
}

impl ApiError {
    /// An answer without details.
    pub fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            reason,
            message: message.into(),
            details: Value::Null,
        }
    }

    fn about(mut self, group: &str, resource: &str, name: &str) -> Self {
        self.details = details(group, resource, name);
        self
    }

    /// 404: no object of this name.
    pub fn not_found(group: &str, resource: &str, name: &str) -> Self {
        let message = format!("{} \"{name}\" not found", qualified(resource, group));
        Self::new(404, "NotFound", message).about(group, resource, name)
    }

    /// 404: no such path or resource.
    pub fn no_such_resource() -> Self {
        let message = "the server could not find the requested resource";
        Self {
            details: json!({}),
            ..Self::new(404, "NotFound", message)
        }
    }

    /// 409: the name is taken.
    pub fn already_exists(group: &str, resource: &str, name: &str) -> Self {
        let message = format!("{} \"{name}\" already exists", qualified(resource, group));
        Self::new(409, "AlreadyExists", message).about(group, resource, name)
    }

    /// 409: the object is not in the state that the request builds on.
    pub fn conflict(group: &str, resource: &str, name: &str, detail: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {} \"{name}\": {detail}",
            qualified(resource, group)
        );
        Self::new(409, "Conflict", message).about(group, resource, name)
    }

    /// 409: the resourceVersion of the request is not the object's.
    pub fn stale(group: &str, resource: &str, name: &str) -> Self {
        let detail = "the object has been modified; please apply your changes to the latest \
                      version and try again";
        Self::conflict(group, resource, name, detail)
    }

    /// 422: the object breaks rules of its kind.
    pub fn invalid(group: &str, kind: &str, name: &str, errors: &[FieldError]) -> Self {
        let lines: Vec<String> = errors
            .iter()
            .map(|error| format!("{}: {}", error.field, error.message))
            .collect();
        let lines = match lines.as_slice() {
            [one] => one.clone(),
            many => format!("[{}]", many.join(", ")),
        };
        let message = format!("{} \"{name}\" is invalid: {lines}", qualified(kind, group));
        let mut answer = Self::new(422, "Invalid", message).about(group, kind, name);
        answer.details["causes"] = errors.iter().map(FieldError::cause).collect();
        answer
    }

    /// 422: a patch that does not fit the object.
    pub fn patch_refused() -> Self {
        let message = "the server rejected our request due to an error in our request";
        Self {
            details: json!({}),
            ..Self::new(422, "Invalid", message)
        }
    }

    /// 400: the request cannot be understood.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// 403: not allowed for this object now.
    pub fn forbidden(group: &str, resource: &str, name: &str, detail: &str) -> Self {
        let message = format!(
            "{} \"{name}\" is forbidden: {detail}",
            qualified(resource, group)
        );
        Self::new(403, "Forbidden", message).about(group, resource, name)
    }

    /// 405: the resource does not have this verb.
    pub fn method_not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource";
        Self {
            details: json!({}),
            ..Self::new(405, "MethodNotAllowed", message)
        }
    }

    /// 410: the history that the request needs is forgotten.
    pub fn expired(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message)
    }

    /// 504: the resourceVersion asked for has not been reached.
    pub fn version_too_large(asked: u64, current: u64) -> Self {
        let message = format!("Too large resource version: {asked}, current: {current}");
        Self {
            details: json!({
                "causes": [{
                    "reason": "ResourceVersionTooLarge",
                    "message": "Too large resource version",
                }],
                "retryAfterSeconds": 1,
            }),
            ..Self::new(504, "Timeout", format!("Timeout: {message}"))
        }
    }

    /// 413: the body is larger than the server reads.
    pub fn too_large() -> Self {
        Self::new(413, "RequestEntityTooLarge", "Request entity too large")
    }

    /// 415: this content type is not understood here.
    pub fn unsupported_media_type(allowed: &str) -> Self {
        let message = format!(
            "the body of the request was in an unknown format - accepted media types include: {allowed}"
        );
        Self::new(415, "UnsupportedMediaType", message)
    }

    /// Seconds after which the client may try again, if the answer says so.
    pub fn retry_after(&self) -> Option<u64> {
        self.details.get("retryAfterSeconds")?.as_u64()
    }

    /// The answer as an object of kind `Status`.
    pub fn to_status(&self) -> Value {
        let mut status = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "code": self.code,
        });
        if !self.reason.is_empty() {
            status["reason"] = json!(self.reason);
        }
        if !self.details.is_null() {
            status["details"] = self.details.clone();
        }
        status
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_lists_every_cause() {
        let errors = [
            FieldError::required("spec.podUid", ""),
            FieldError::invalid("spec.n", &json!(5), "must be less than 3"),
        ];
        let status = ApiError::invalid("openstack.org", "KuryrPort", "a", &errors).to_status();
        assert_eq!(
            status,
            json!({
                "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                "code": 422, "reason": "Invalid",
                "message": "KuryrPort.openstack.org \"a\" is invalid: [spec.podUid: Required value, \
                            spec.n: Invalid value: 5: must be less than 3]",
                "details": {
                    "name": "a", "group": "openstack.org", "kind": "KuryrPort",
                    "causes": [
                        {"reason": "FieldValueRequired", "message": "Required value", "field": "spec.podUid"},
                        {"reason": "FieldValueInvalid",
                         "message": "Invalid value: 5: must be less than 3", "field": "spec.n"},
                    ],
                },
            })
        );
    }

    #[test]
    fn core_objects_are_named_without_a_group() {
        let error = ApiError::not_found("", "pods", "a");
        assert_eq!(error.message, "pods \"a\" not found");
        assert_eq!(error.details, json!({"name": "a", "kind": "pods"}));
    }
}
