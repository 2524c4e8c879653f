//! The real Keystone, Neutron and Octavia: a project for the case, its user, and their end.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::plug::{Hypervisor, Place};
use super::{Flavour, Keep, Made, Target, TargetError};
use crate::case::Setting;
use crate::exchange::{Answer, Request, send};

/// The user that cases are carried out as; in the real Keystone with the run's suffix.
pub(super) const USER: &str = "contract-user";
/// Its password.
pub(super) const PASSWORD: &str = "contract-password";
/// Its project.
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

fn refused(what: &str, answer: &Answer) -> TargetError {
    TargetError::Refused {
        what: what.to_owned(),
        answer: format!("{} {}", answer.status, answer.body),
    }
}

async fn call(
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

/// A project with its user in the real Keystone.
pub(super) struct Rented {
    identity: String,
    network: String,
    balancer: String,
    admin: String,
    project: String,
    user: String,
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

impl Rented {
    async fn make(
        client: &reqwest::Client,
        flavour: Flavour,
        [identity, network, balancer]: [&str; 3],
        admin: &str,
        names: &BTreeMap<String, String>,
    ) -> Result<Self, TargetError> {
        let made = async |path: &str, body: Value| {
            let answer = call(
                client,
                "POST",
                format!("{identity}/v3/{path}"),
                admin,
                Some(&body),
            )
            .await?;
            let id = super::ids(&answer.body).pop();
            id.ok_or_else(|| refused(path, &answer))
        };
        let project = json!({"project": {"name": names["project-name"], "domain_id": "default"}});
        let project = made("projects", project).await?;
        let user =
            json!({"user": {"name": names["user"], "domain_id": "default", "password": PASSWORD}});
        let user = made("users", user).await?;
        let rented = Self {
            identity: identity.to_owned(),
            network: network.to_owned(),
            balancer: balancer.to_owned(),
            admin: admin.to_owned(),
            project,
            user,
        };
        for role in roles(flavour) {
            rented.give_role(client, role).await?;
        }
        Ok(rented)
    }

    async fn give_role(&self, client: &reqwest::Client, name: &str) -> Result<(), TargetError> {
        let url = self.keystone(&format!("roles?name={name}"));
        let roles = self.ask(client, "GET", &url, None).await?;
        let role = roles.body.pointer("/roles/0/id").and_then(Value::as_str);
        let role = role.ok_or_else(|| refused(&format!("role {name}"), &roles))?;
        let path = format!("projects/{}/users/{}/roles/{role}", self.project, self.user);
        self.ask(client, "PUT", &self.keystone(&path), None).await?;
        Ok(())
    }

    /// An application credential of the user; it goes with the user.
    async fn credential(
        &self,
        client: &reqwest::Client,
        token: &str,
    ) -> Result<BTreeMap<String, String>, TargetError> {
        let url = self.keystone(&format!("users/{}/application_credentials", self.user));
        let body = json!({"application_credential": {"name": CREDENTIAL}});
        let answer = call(client, "POST", url, token, Some(&body)).await?;
        let part = |name: &str| {
            let at = format!("/application_credential/{name}");
            let value = answer.body.pointer(&at).and_then(Value::as_str);
            let value = value.ok_or_else(|| refused("application credential", &answer))?;
            Ok((format!("credential-{name}"), value.to_owned()))
        };
        ["id", "name", "secret"].into_iter().map(part).collect()
    }

    fn keystone(&self, path: &str) -> String {
        format!("{}/v3/{path}", self.identity)
    }

    fn neutron(&self, path: &str) -> String {
        format!("{}/v2.0/{path}", self.network)
    }

    async fn ask(
        &self,
        client: &reqwest::Client,
        method: &str,
        url: &str,
        body: Option<&Value>,
    ) -> Result<Answer, TargetError> {
        call(client, method, url.to_owned(), &self.admin, body).await
    }

    /// Where Neutron wants a port's interface.
    pub(super) async fn place_of(
        &self,
        client: &reqwest::Client,
        port: &str,
    ) -> Result<Place, TargetError> {
        let url = self.neutron(&format!("ports/{port}"));
        let answer = self.ask(client, "GET", &url, None).await?;
        let part = |at: &str| answer.body.pointer(at).and_then(Value::as_str);
        let bridge = part("/port/binding:vif_details/bridge_name").unwrap_or("br-int");
        let mac = part("/port/mac_address").ok_or_else(|| refused("port to plug", &answer))?;
        Ok(Place {
            bridge: bridge.to_owned(),
            mac: mac.to_owned(),
        })
    }

    /// Deletes what the case made, the newest first, then the project with all that Neutron made for it.
    pub(super) async fn give_back(
        &self,
        client: &reqwest::Client,
        made: &[Made],
        plugged: &[String],
    ) {
        for port in plugged {
            let free =
                json!({"port": {"binding:host_id": "", "device_owner": "", "device_id": ""}});
            let url = self.neutron(&format!("ports/{port}"));
            let _ = self.ask(client, "PUT", &url, Some(&free)).await;
        }
        let mut left: Vec<&Made> = made.iter().rev().collect();
        for _ in 0..10 {
            self.delete_left_vips(client).await;
            let mut again = Vec::new();
            for made in left {
                if !self.gone(client, made).await {
                    again.push(made);
                }
            }
            if again.is_empty() {
                break;
            }
            left = again;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        self.delete_project(client).await;
    }

    /// Octavia leaves the port of a load balancer behind that it refused.
    async fn delete_left_vips(&self, client: &reqwest::Client) {
        let url = self.neutron(&format!(
            "ports?fields=id&fields=name&device_owner=&project_id={}",
            self.project
        ));
        let Ok(answer) = self.ask(client, "GET", &url, None).await else {
            return;
        };
        let ports = answer.body["ports"].as_array().cloned().unwrap_or_default();
        let left = ports.iter().filter(|port| {
            let name = port["name"].as_str().unwrap_or_default();
            name.starts_with("ovn-lb-vip-") || name.starts_with("octavia-lb-")
        });
        for id in left.filter_map(|port| port["id"].as_str()) {
            let url = self.neutron(&format!("ports/{id}"));
            let _ = self.ask(client, "DELETE", &url, None).await;
        }
    }

    async fn gone(&self, client: &reqwest::Client, made: &Made) -> bool {
        let body = made
            .body
            .as_deref()
            .and_then(|b| serde_json::from_str(b).ok());
        let answer = self
            .ask(client, made.method, &made.url, body.as_ref())
            .await;
        answer.is_ok_and(|a| a.status < 300 || a.status == 404 || a.status == 400)
    }

    async fn delete_project(&self, client: &reqwest::Client) {
        let groups = self.neutron(&format!(
            "security-groups?fields=id&project_id={}",
            self.project
        ));
        let groups = self.ask(client, "GET", &groups, None).await;
        let groups = groups
            .map(|answer| super::ids(&answer.body))
            .unwrap_or_default();
        let groups = groups
            .iter()
            .map(|id| self.neutron(&format!("security-groups/{id}")));
        let rest = [
            self.neutron(&format!("quotas/{}", self.project)),
            format!("{}/v2/lbaas/quotas/{}", self.balancer, self.project),
            self.keystone(&format!("users/{}", self.user)),
            self.keystone(&format!("projects/{}", self.project)),
        ];
        for url in groups.chain(rest) {
            let _ = self.ask(client, "DELETE", &url, None).await;
        }
    }
}
