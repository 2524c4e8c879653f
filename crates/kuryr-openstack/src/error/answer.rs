//! From an HTTP answer that is no success to an [`ErrorKind`].

use std::time::Duration;

use http::{HeaderMap, StatusCode, header::RETRY_AFTER};
use serde_json::Value;

use super::{ConflictKind, Error, ErrorKind};
use crate::call::Call;

/// Longest message of the cloud that is kept, in characters.
const MESSAGE: usize = 1024;
/// Longest excerpt of an unusable answer, in characters.
const EXCERPT: usize = 256;

/// The beginning of a body, printable.
pub(crate) fn excerpt(body: &[u8]) -> String {
    let head = &body[..body.len().min(EXCERPT * 4)];
    String::from_utf8_lossy(head)
        .chars()
        .take(EXCERPT)
        .collect()
}

/// The error that an answer with a status of 300 or more stands for.
pub(crate) fn classify(call: &Call, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Error {
    let said = Said::read(body);
    let mut context = call.context();
    context.status = Some(status.as_u16());
    context.error_type = Some(said.error_type.clone()).filter(|t| !t.is_empty());
    context.request_id = request_id(headers);
    Error::new(kind_of(status, headers, said, body), context)
}

fn kind_of(status: StatusCode, headers: &HeaderMap, said: Said, body: &[u8]) -> ErrorKind {
    let Said {
        error_type,
        message,
        understood,
    } = said;
    let conflict = |message: String| ErrorKind::Conflict {
        kind: ConflictKind::parse(status.as_u16(), &error_type, &message),
        message,
    };
    match status.as_u16() {
        // An external network without a free address.
        400 if error_type == "ExternalIpAddressExhausted" => conflict(message),
        401 => ErrorKind::Unauthorized(message),
        // Octavia tells a used up quota by 403.
        403 if message.starts_with("Quota has been met") => conflict(message),
        403 => ErrorKind::Forbidden(message),
        // A proxy's page says nothing about the object: nobody may take it for deleted.
        404 if !understood => bad_answer(status, body),
        404 => ErrorKind::NotFound(message),
        409 | 412 => conflict(message),
        413 if error_type == "OverQuota" => conflict(message),
        429 => ErrorKind::RateLimited {
            retry_after: retry_after(headers),
            message,
        },
        // A subnet pool without a free prefix.
        500 if error_type == "SubnetAllocationError" => conflict(message),
        500 if message.starts_with(PROVIDER_SAYS) => provider_error(status, headers, message),
        501 => unsupported(&message),
        code @ 500..=599 => ErrorKind::Server {
            declined: code == 503,
            retry_after: retry_after(headers),
            message,
        },
        400..=499 => ErrorKind::BadRequest(message),
        _ => bad_answer(status, body),
    }
}

/// What Octavia says of a provider begins like this.
const PROVIDER_SAYS: &str = "Provider '";

/// A provider that could not make a load balancer's port says why in Neutron's words, and Octavia answers 500. Nothing
/// was made then.
fn provider_error(status: StatusCode, headers: &HeaderMap, message: String) -> ErrorKind {
    match ConflictKind::parse(409, "", &message) {
        ConflictKind::Other(_) if message.contains(" is not a valid IP for ") => {
            ErrorKind::BadRequest(message)
        }
        ConflictKind::Other(_) => ErrorKind::Server {
            declined: status.as_u16() == 503,
            retry_after: retry_after(headers),
            message,
        },
        kind => ErrorKind::Conflict { kind, message },
    }
}

/// Octavia names the provider: "Provider 'ovn' does not support a requested option: ...".
fn unsupported(message: &str) -> ErrorKind {
    let named = message
        .strip_prefix(PROVIDER_SAYS)
        .and_then(|rest| rest.split_once('\''));
    let (provider, rest) = named.map_or((None, message), |(name, rest)| (Some(name), rest));
    let what = [
        " does not support a requested option: ",
        " does not support a requested action: ",
    ]
    .iter()
    .find_map(|words| rest.strip_prefix(words));
    ErrorKind::Unsupported {
        provider: provider.map(str::to_owned),
        message: what.unwrap_or(message).to_owned(),
    }
}

fn bad_answer(status: StatusCode, body: &[u8]) -> ErrorKind {
    ErrorKind::BadAnswer {
        what: format!("status {status} without an OpenStack error"),
        excerpt: excerpt(body),
    }
}

/// `Retry-After` in its form of seconds. The form of a date is not used by OpenStack and read as absent.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers
        .get(RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()?;
    Some(Duration::from_secs(seconds))
}

/// The id by which the cloud's logs know the request.
pub(crate) fn request_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get("x-openstack-request-id")?.to_str().ok()?;
    Some(id.chars().take(64).collect())
}

/// What an error body says.
struct Said {
    error_type: String,
    message: String,
    /// The body had the shape of an OpenStack error.
    understood: bool,
}

impl Said {
    /// Reads Neutron's `NeutronError` (object, or plain text in old releases), Octavia's `faultstring`, or its
    /// `description` where a path leads to nothing, and Keystone's `error`; of anything else, its beginning.
    fn read(body: &[u8]) -> Self {
        let value: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
        let text = |v: &Value| {
            v.as_str()
                .unwrap_or_default()
                .chars()
                .take(MESSAGE)
                .collect::<String>()
        };
        let said = |t: String, message: String| Self {
            error_type: t,
            message,
            understood: true,
        };
        match (
            value.get("NeutronError"),
            value.get("faultstring"),
            value.get("error"),
        ) {
            (Some(Value::String(s)), _, _) => {
                said(String::new(), s.chars().take(MESSAGE).collect())
            }
            (Some(e), _, _) => said(text(&e["type"]), text(&e["message"])),
            (_, Some(fault), _) => said(String::new(), text(fault)),
            (_, _, Some(e)) if e.is_object() => said(String::new(), text(&e["message"])),
            _ if value["code"].is_number() && value["description"].is_string() => {
                said(String::new(), text(&value["description"]))
            }
            _ => Self {
                error_type: String::new(),
                message: excerpt(body),
                understood: false,
            },
        }
    }
}
