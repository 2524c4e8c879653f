//! The real Keystone, Neutron and Octavia: a project for the case, its user, and their end.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Value, json};

use super::plug::Hypervisor;
use super::rented::Rented;
use super::{Flavour, Keep, Target, TargetError};
use crate::case::Setting;
use crate::exchange::{Answer, Request, send};

/// The user that cases are carried out as; in the real Keystone with the run's suffix.
pub(super) const USER: &str = "contract-user";
pub(super) const PASSWORD: &str = "contract-password";
pub(super) const PROJECT: &str = "contract-project";
/// Its application credential.
pub(super) const CREDENTIAL: &str = "contract-credential";
/// Extensions that [`Setting::Bare`] is without.
pub(super) const MISSING: &[&str] = &["trunk", "trunk-details", "tag-ports-during-bulk-creation"];
/// Where a Neutron with [`Setting::Bare`] listens.
const BARE: &str = "KURYR_CONTRACT_BARE";

/// Names of the case's user and project, as `${user}`, `${password}`, `${project-name}`.
pub(super) fn names(suffix: &str) -> BTreeMap<String, String> {
    BTreeMap::from([
        ("user".to_owned(), format!("{USER}{suffix}")),
        ("password".to_owned(), PASSWORD.to_owned()),
        ("project-name".to_owned(), format!("{PROJECT}{suffix}")),
    ])
}

/// The roles of the user, besides those that they imply.
pub(super) fn roles(flavour: Flavour) -> &'static [&'static str] {
    match flavour {
        Flavour::Octavia => &["member", "load-balancer_member"],
        _ => &["member"],
    }
}

/// URLs as the services write them.
pub(super) fn places(identity: &str, network: &str, balancer: &str) -> Vec<(String, String)> {
    vec![
        (identity.to_owned(), "identity".to_owned()),
        (network.to_owned(), "network".to_owned()),
        (balancer.to_owned(), "load-balancer".to_owned()),
    ]
}

/// What the first part of a path selects; nothing selects the service that the cases are about.
pub(super) fn bases(
    flavour: Flavour,
    identity: String,
    network: String,
    balancer: String,
) -> Vec<(&'static str, String)> {
    let usual = match flavour {
        Flavour::Octavia => balancer.clone(),
        _ => network.clone(),
    };
    vec![
        ("", usual),
        ("network", network),
        ("identity", identity),
        ("load-balancer", balancer),
    ]
}

/// A login by password with a project.
pub(super) fn login(user: &str, password: &str, project: &str) -> Value {
    let domain = json!({"id": "default"});
    json!({"auth": {
        "identity": {"methods": ["password"], "password": {"user": {"name": user, "domain": domain, "password": password}}},
        "scope": {"project": {"name": project, "domain": domain}},
    }})
}

/// A token, and whom it is for.
pub(super) struct Token {
    pub(super) value: String,
    pub(super) project: String,
    network: Option<String>,
    balancer: Option<String>,
}

/// Logs in.
pub(super) async fn token(
    client: &reqwest::Client,
    identity: &str,
    login: &Value,
) -> Result<Token, TargetError> {
    let answer = call(
        client,
        "POST",
        format!("{identity}/v3/auth/tokens"),
        "",
        Some(login),
    )
    .await?;
    let value = answer.headers.get("x-subject-token").cloned();
    let project = answer
        .body
        .pointer("/token/project/id")
        .and_then(Value::as_str);
    match (value, project) {
        (Some(value), Some(project)) => Ok(Token {
            value,
            project: project.to_owned(),
            network: endpoint(&answer.body, "network"),
            balancer: endpoint(&answer.body, "load-balancer"),
        }),
        _ => Err(refused("login", &answer)),
    }
}

/// A service's public URL in a catalogue.
fn endpoint(body: &Value, kind: &str) -> Option<String> {
    let catalog = body.pointer("/token/catalog")?.as_array()?;
    let service = catalog.iter().find(|s| s["type"] == kind)?;
    let endpoints = service["endpoints"].as_array()?;
    let public = endpoints.iter().find(|e| e["interface"] == "public")?;
    Some(public["url"].as_str()?.trim_end_matches('/').to_owned())
}

pub(super) fn refused(what: &str, answer: &Answer) -> TargetError {
    TargetError::Refused {
        what: what.to_owned(),
        answer: format!("{} {}", answer.status, answer.body),
    }
}

pub(super) async fn call(
    client: &reqwest::Client,
    method: &str,
    url: String,
    token: &str,
    body: Option<&Value>,
) -> Result<Answer, TargetError> {
    let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    if !token.is_empty() {
        headers.push(("x-auth-token".to_owned(), token.to_owned()));
    }
    let request = Request {
        method: method.to_owned(),
        url,
        headers,
        body: body.map(Value::to_string),
    };
    Ok(send(client, &request).await?)
}

#[derive(Deserialize)]
struct Clouds {
    clouds: BTreeMap<String, Cloud>,
}

#[derive(Deserialize)]
struct Cloud {
    auth: Auth,
}

#[derive(Deserialize)]
struct Auth {
    auth_url: String,
    username: String,
    password: String,
    project_name: String,
}

/// The administrator's cloud in the file that the stack's environment names.
fn administrator() -> Result<Auth, TargetError> {
    let variable = "OS_CLIENT_CONFIG_FILE";
    let no = |what: String| TargetError::NoStack(what);
    let path = std::env::var(variable).map_err(|_| no(format!("{variable} is not set")))?;
    let text = std::fs::read_to_string(Path::new(&path)).map_err(|e| no(format!("{path}: {e}")))?;
    let mut clouds: Clouds =
        serde_yaml_ng::from_str(&text).map_err(|e| no(format!("{path}: {e}")))?;
    let admin = clouds.clouds.remove("admin");
    admin
        .map(|cloud| cloud.auth)
        .ok_or_else(|| no(format!("{path} has no cloud admin")))
}

/// Makes the project and its user.
pub(super) async fn rent(flavour: Flavour, setting: Setting) -> Result<Target, TargetError> {
    let client = reqwest::Client::new();
    let auth = administrator()?;
    let identity = auth
        .auth_url
        .trim_end_matches('/')
        .trim_end_matches("/v3")
        .to_owned();
    let body = login(&auth.username, &auth.password, &auth.project_name);
    let admin = token(&client, &identity, &body).await?;
    let usual = admin
        .network
        .clone()
        .ok_or_else(|| TargetError::NoStack("the catalogue has no network service".to_owned()))?;
    let network = match setting {
        Setting::Usual | Setting::Busy => usual.clone(),
        Setting::Bare => {
            std::env::var(BARE).map_err(|_| TargetError::NoStack(format!("{BARE} is not set")))?
        }
    };
    let balancer = admin.balancer.clone().unwrap_or_default();
    let suffix = format!("-{}", uuid::Uuid::new_v4().simple());
    let mut names = names(&suffix[..13]);
    let rented = Rented::make(
        &client,
        flavour,
        [&identity, &network, &balancer],
        &admin.value,
        &names,
    )
    .await?;
    let body = login(&names["user"], PASSWORD, &names["project-name"]);
    let member = token(&client, &identity, &body).await?;
    names.insert("project".to_owned(), member.project.clone());
    names.insert("member-project".to_owned(), member.project);
    names.insert("admin-project".to_owned(), admin.project);
    names.extend(rented.credential(&client, &member.value).await?);
    Ok(Target {
        client,
        places: places(&identity, &network, &balancer),
        bases: bases(flavour, identity, network, balancer),
        names,
        tokens: BTreeMap::from([("admin", admin.value), ("member", member.value)]),
        made: Vec::new(),
        real: true,
        ordered: false,
        hypervisor: Hypervisor::default(),
        keep: Keep::RealOpenStack(rented),
    })
}
