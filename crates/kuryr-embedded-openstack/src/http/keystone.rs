//! Keystone's HTTP.

use std::time::SystemTime;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::answer::Answer;
use super::call::{Received, Shared, header};
use crate::{ApiError, identity};

/// The page for a path that is none.
const NOT_FOUND: &str = "<!doctype html>\n<html lang=en>\n<title>404 Not Found</title>\n<h1>Not Found</h1>\n\
                         <p>The requested URL was not found on the server. If you entered the URL manually please check \
                         your spelling and try again.</p>\n";

pub(super) fn answer(call: &Received<'_>, body: &[u8], shared: &Shared) -> Answer {
    let answer = match (call.method, call.path.trim_end_matches('/')) {
        (&Method::GET | &Method::HEAD, "") => Ok(versions(shared)),
        (&Method::GET | &Method::HEAD, "/v3") => Ok(Answer::json(
            StatusCode::OK,
            &json!({"version": version(shared)}),
        )),
        (&Method::POST, "/v3/auth/tokens") => issue(body, shared),
        (&Method::GET | &Method::HEAD, "/v3/auth/tokens") => validate(call, shared),
        (&Method::DELETE, "/v3/auth/tokens") => revoke(call, shared),
        (&Method::GET, "/v3/auth/catalog") => catalog(call, shared),
        _ => Ok(Answer::text(
            StatusCode::NOT_FOUND,
            "text/html; charset=utf-8",
            NOT_FOUND.to_owned(),
        )),
    };
    let answer = answer.unwrap_or_else(|error| refusal(&error, shared));
    answer.header("vary", "X-Auth-Token")
}

/// `{"error": {"code", "message", "title"}}`
pub(super) fn refusal(error: &ApiError, shared: &Shared) -> Answer {
    let title = error.status.canonical_reason().unwrap_or_default();
    let body =
        json!({"error": {"code": error.status.as_u16(), "message": error.message, "title": title}});
    let answer = Answer::json(error.status, &body);
    match error.status {
        StatusCode::UNAUTHORIZED => answer.header("www-authenticate", &challenge(shared)),
        _ => answer,
    }
}

/// `WWW-Authenticate` of a 401, here and by Neutron.
pub(super) fn challenge(shared: &Shared) -> String {
    format!("Keystone uri=\"{}\"", shared.identity_url)
}

fn version(shared: &Shared) -> Value {
    json!({
        "id": "v3.14",
        "status": "stable",
        "updated": "2020-04-07T00:00:00Z",
        "links": [{"rel": "self", "href": format!("{}/", shared.identity_url)}],
        "media-types": [{"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}],
    })
}

fn versions(shared: &Shared) -> Answer {
    let body = json!({"versions": {"values": [version(shared)]}});
    Answer::json(StatusCode::MULTIPLE_CHOICES, &body)
        .header("location", &format!("{}/", shared.identity_url))
}

fn issue(body: &[u8], shared: &Shared) -> Result<Answer, ApiError> {
    let malformed = |_| identity::expecting("valid JSON");
    let body: Value = serde_json::from_slice(body).map_err(malformed)?;
    let issued = shared
        .handle
        .with(|state| state.identity.authenticate(&body, SystemTime::now()))?;
    Ok(Answer::json(StatusCode::CREATED, &issued.body).header("x-subject-token", &issued.token))
}

fn validate(call: &Received<'_>, shared: &Shared) -> Result<Answer, ApiError> {
    let (own, subject) = (
        header(call.headers, "x-auth-token"),
        header(call.headers, "x-subject-token"),
    );
    let body = shared
        .handle
        .with(|state| state.identity.validate(own, subject, SystemTime::now()))?;
    Ok(Answer::json(StatusCode::OK, &body).header("x-subject-token", subject))
}

fn revoke(call: &Received<'_>, shared: &Shared) -> Result<Answer, ApiError> {
    let (own, subject) = (
        header(call.headers, "x-auth-token"),
        header(call.headers, "x-subject-token"),
    );
    shared.handle.with(|state| {
        state.identity.validate(own, subject, SystemTime::now())?;
        state.identity.revoke(subject);
        Ok(Answer::empty(StatusCode::NO_CONTENT))
    })
}

fn catalog(call: &Received<'_>, shared: &Shared) -> Result<Answer, ApiError> {
    let own = header(call.headers, "x-auth-token");
    shared.handle.with(|state| {
        state.identity.caller(own, SystemTime::now())?;
        let links = json!({"next": null, "self": format!("{}/auth/catalog", shared.identity_url), "previous": null});
        Ok(Answer::json(StatusCode::OK, &json!({"catalog": state.identity.catalog(), "links": links})))
    })
}
