//! Application credentials that are given by name.
//!
//! The SDK (0.22) leaves the name out of the login request, so that Keystone refuses it. The name is therefore
//! traded for the id once, by a login of our own whose answer tells it (Keystone API v3, "Authenticating with an
//! Application Credential"); from then on the SDK logs in by id.

use std::time::Duration;

use openstack_sdk::api::{ApiError, QueryAsync, raw};
use openstack_sdk::types::ApiVersion;
use openstack_sdk_core::catalog::ServiceEndpoint;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::call::{Answer, Call, Service};
use crate::config::{Auth, CloudConfig, Credential, Domain, User};
use crate::error::{Error, ErrorKind, LOGIN, classify};
use crate::session::keystone;
use crate::wire::Wire;

/// Most time for the login: it is one small request.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Replaces a credential's name in `config` by its id.
pub(crate) async fn resolve(config: &mut CloudConfig, http: &reqwest::Client) -> Result<(), Error> {
    let Auth::ApplicationCredential {
        credential: Credential::Name { name, user },
        secret,
    } = &config.auth
    else {
        return Ok(());
    };
    let url = keystone(&config.auth_url).map_err(|e| Error::local(LOGIN, ErrorKind::Config(e)))?;
    let wire = Wire {
        http: http.clone(),
        endpoint: ServiceEndpoint::new(url, ApiVersion::new(3, 0)),
        token: None,
        timeout: TIMEOUT,
        max_answer: config.max_answer,
    };
    let call = Call::post(
        Service::Identity,
        LOGIN,
        "auth/tokens",
        body(name, user, secret),
    );
    let response = raw(call.clone())
        .skip_error_check(true)
        .query_async(&wire)
        .await
        .map_err(|error| match error {
            ApiError::Client { source } => call.fail(source.kind(TIMEOUT)),
            other => call.fail(ErrorKind::Config(other.to_string())),
        })?;
    let (parts, body) = response.into_parts();
    if !parts.status.is_success() {
        return Err(classify(&call, parts.status, &parts.headers, &body));
    }
    let answer = Answer {
        status: parts.status,
        headers: parts.headers,
        body,
        context: call.context(),
    };
    let token: Value = answer.json("token")?;
    let id = token["application_credential"]["id"].as_str();
    let id =
        id.ok_or_else(|| answer.bad("no id of the application credential in it".to_owned()))?;
    let credential = Credential::Id(id.to_owned());
    config.auth = Auth::ApplicationCredential {
        credential,
        secret: secret.clone(),
    };
    Ok(())
}

fn body(name: &str, user: &User, secret: &SecretString) -> Value {
    let user = match user {
        User::Id(id) => json!({ "id": id }),
        User::Name {
            name,
            domain: Domain::Id(id),
        } => json!({ "name": name, "domain": { "id": id } }),
        User::Name {
            name,
            domain: Domain::Name(d),
        } => json!({ "name": name, "domain": { "name": d } }),
    };
    json!({ "auth": { "identity": {
        "methods": ["application_credential"],
        "application_credential": { "name": name, "secret": secret.expose_secret(), "user": user },
    } } })
}
