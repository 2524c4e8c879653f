//! A project with its user in the real Keystone, for one case, and its end.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::openstack::{CREDENTIAL, PASSWORD, call, refused, roles};
use super::plug::Place;
use super::{Flavour, Made, TargetError};
use crate::exchange::Answer;

/// A project with its user in the real Keystone.
pub(super) struct Rented {
    identity: String,
    network: String,
    balancer: String,
    admin: String,
    project: String,
    user: String,
}

impl Rented {
    pub(super) async fn make(
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
    pub(super) async fn credential(
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
