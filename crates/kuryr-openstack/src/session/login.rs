//! One login: what Keystone v3 is asked and what it answers (Identity API v3, `POST /v3/auth/tokens`).

use std::time::Duration;

use http::StatusCode;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::catalog::Entry;
use crate::call::{Answer, Call, Service};
use crate::config::{Auth, CloudConfig, Credential, Domain, Scope, User};
use crate::error::{Error, ErrorKind, LOGIN, classify};
use crate::wire::Wire;

/// Where the answer has the token.
const TOKEN: &str = "x-subject-token";
/// A user who has shown one factor of two is given this instead.
const RECEIPT: &str = "openstack-auth-receipt";
/// A token of a century is renewed once a day all the same.
const LONGEST: Duration = Duration::from_secs(86_400);

/// What Keystone said of us at the last login.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoginFacts {
    /// Names of the roles that the token has in its project.
    pub roles: Vec<String>,
    /// How far Keystone's clock was ahead of ours, seconds; the time that the answer took is in it.
    pub clock_ahead: i64,
}

/// What a login gave.
pub(super) struct Login {
    pub(super) facts: LoginFacts,
    pub(super) token: SecretString,
    /// The id of the project, if the token is of one.
    pub(super) project: Option<String>,
    pub(super) catalog: Vec<Entry>,
    /// How long the token lives from now. Reckoned from Keystone's two times, so a difference between its clock and
    /// ours does no harm.
    pub(super) life: Duration,
}

/// The token of Keystone's answer, of it what is read.
#[derive(Deserialize)]
struct Token {
    issued_at: Timestamp,
    expires_at: Timestamp,
    project: Option<Project>,
    #[serde(default)]
    roles: Vec<Role>,
    #[serde(default)]
    catalog: Vec<Entry>,
}

#[derive(Deserialize)]
struct Role {
    name: String,
}

#[derive(Deserialize)]
struct Project {
    id: String,
}

/// Logs in at Keystone's URL, its version included.
pub(super) async fn login(
    config: &CloudConfig,
    at: &url::Url,
    wire: &Wire,
) -> Result<Login, Error> {
    let body = body(config).map_err(|e| Error::local(LOGIN, ErrorKind::Config(e)))?;
    let call = Call::post(Service::Identity, LOGIN, "auth/tokens", body);
    let response = wire.send(&call, at).await;
    let (parts, body) = response
        .map_err(|e| call.fail(e.kind(wire.timeout)))?
        .into_parts();
    if parts.headers.contains_key(RECEIPT) {
        let message = "the user needs a second factor".to_owned();
        return Err(call.fail(ErrorKind::Unauthorized(message)));
    }
    if !parts.status.is_success() {
        let error = classify(&call, parts.status, &parts.headers, &body);
        return Err(match parts.status {
            // Never `NotFound`: a caller would take its object for deleted.
            StatusCode::NOT_FOUND => error.with_kind(ErrorKind::Catalog(format!(
                "no Keystone v3 at auth_url {}",
                config.auth_url
            ))),
            _ => error,
        });
    }
    let answer = Answer {
        status: parts.status,
        headers: parts.headers,
        body,
        context: call.context(),
    };
    let said: Token = answer.json("token")?;
    let token = answer.headers.get(TOKEN).and_then(|v| v.to_str().ok());
    let token = token.ok_or_else(|| answer.bad(format!("no header {TOKEN}")))?;
    let life = said.expires_at.duration_since(said.issued_at);
    let ahead = said.issued_at.duration_since(Timestamp::now());
    Ok(Login {
        facts: LoginFacts {
            roles: said.roles.into_iter().map(|role| role.name).collect(),
            clock_ahead: ahead.as_secs(),
        },
        token: token.to_owned().into(),
        project: said.project.map(|project| project.id),
        catalog: said.catalog,
        life: Duration::try_from(life).unwrap_or_default().min(LONGEST),
    })
}

/// What is sent: who we are, and for which project the token is to be.
fn body(config: &CloudConfig) -> Result<Value, String> {
    let mut auth = json!({ "identity": identity(&config.auth) });
    // An application credential has its project already, and Keystone refuses another.
    if !matches!(config.auth, Auth::ApplicationCredential { .. }) {
        auth["scope"] = json!({ "project": project(&config.project)? });
    }
    Ok(json!({ "auth": auth }))
}

fn identity(auth: &Auth) -> Value {
    let (method, value) = match auth {
        Auth::Password { user, password } => {
            let mut user = named_user(user);
            user.insert("password".to_owned(), password.expose_secret().into());
            ("password", json!({ "user": user }))
        }
        Auth::ApplicationCredential { credential, secret } => {
            let mut value = match credential {
                Credential::Id(id) => json!({ "id": id }),
                Credential::Name { name, user } => {
                    json!({ "name": name, "user": named_user(user) })
                }
            };
            value["secret"] = secret.expose_secret().into();
            ("application_credential", value)
        }
        Auth::Token { token } => ("token", json!({ "id": token.expose_secret() })),
    };
    json!({ "methods": [method], method: value })
}

fn named_user(user: &User) -> Map<String, Value> {
    let mut fields = Map::new();
    match user {
        User::Id(id) => {
            fields.insert("id".to_owned(), id.as_str().into());
        }
        User::Name { name, domain } => {
            fields.insert("name".to_owned(), name.as_str().into());
            fields.insert("domain".to_owned(), named_domain(domain));
        }
    }
    fields
}

fn project(scope: &Scope) -> Result<Value, String> {
    match scope {
        Scope::Unset => Err("a project is needed with a password or token".to_owned()),
        Scope::Id(id) => Ok(json!({ "id": id })),
        Scope::Name { name, domain } => Ok(json!({ "name": name, "domain": named_domain(domain) })),
    }
}

fn named_domain(domain: &Domain) -> Value {
    match domain {
        Domain::Id(id) => json!({ "id": id }),
        Domain::Name(name) => json!({ "name": name }),
    }
}
