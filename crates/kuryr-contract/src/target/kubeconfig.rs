//! The real Kubernetes: a namespace for the case, and its end.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use super::plug::Hypervisor;
use super::{Keep, Made, Target, TargetError};
use crate::exchange::{Answer, Request, send};

/// Of a kubeconfig what the stack writes: one cluster, one user with a certificate, as files.
#[derive(Deserialize)]
struct Kubeconfig {
    clusters: Vec<Named<Cluster>>,
    users: Vec<Named<User>>,
}

#[derive(Deserialize)]
struct Named<T> {
    #[serde(alias = "cluster", alias = "user")]
    value: T,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Cluster {
    server: String,
    certificate_authority: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct User {
    client_certificate: String,
    client_key: String,
}

/// A namespace of the real cluster.
pub(super) struct Namespace {
    url: String,
    name: String,
}

fn no(what: impl std::fmt::Display) -> TargetError {
    TargetError::NoStack(what.to_string())
}

fn read(path: &str) -> Result<Vec<u8>, TargetError> {
    std::fs::read(path).map_err(|e| no(format!("{path}: {e}")))
}

fn connect() -> Result<(reqwest::Client, String), TargetError> {
    let path = std::env::var("KUBECONFIG").map_err(|_| no("KUBECONFIG is not set"))?;
    let mut config: Kubeconfig =
        serde_yaml_ng::from_slice(&read(&path)?).map_err(|e| no(format!("{path}: {e}")))?;
    let (Some(cluster), Some(user)) = (config.clusters.pop(), config.users.pop()) else {
        return Err(no(format!("{path} names no cluster and user")));
    };
    let (cluster, user) = (cluster.value, user.value);
    let mut identity = read(&user.client_certificate)?;
    identity.extend(read(&user.client_key)?);
    let authority =
        reqwest::Certificate::from_pem(&read(&cluster.certificate_authority)?).map_err(no)?;
    let client = reqwest::Client::builder()
        .tls_certs_only([authority])
        .identity(reqwest::Identity::from_pem(&identity).map_err(no)?)
        .build()
        .map_err(no)?;
    Ok((client, cluster.server))
}

/// Makes a namespace, and waits until its service account is there: no pod can be made before.
pub(super) async fn namespace() -> Result<Target, TargetError> {
    let (client, url) = connect()?;
    let name = format!(
        "contract-{}",
        &uuid::Uuid::new_v4().simple().to_string()[..12]
    );
    let namespace = Namespace {
        url: url.clone(),
        name: name.clone(),
    };
    let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    let made = namespace
        .ask(
            &client,
            "POST",
            "/api/v1/namespaces",
            Some(body.to_string()),
        )
        .await?;
    if made.status >= 300 {
        return Err(TargetError::Refused {
            what: format!("namespace {name}"),
            answer: made.body.to_string(),
        });
    }
    let account = format!("/api/v1/namespaces/{name}/serviceaccounts/default");
    for _ in 0..100 {
        let there = namespace.ask(&client, "GET", &account, None).await?;
        if there.body.pointer("/secrets/0").is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(Target {
        client,
        places: vec![(url.clone(), "kubernetes".to_owned())],
        bases: vec![("", url)],
        names: BTreeMap::from([("namespace".to_owned(), name)]),
        tokens: BTreeMap::new(),
        made: Vec::new(),
        real: true,
        ordered: true,
        hypervisor: Hypervisor::default(),
        keep: Keep::RealKubernetes(namespace),
    })
}

impl Namespace {
    async fn ask(
        &self,
        client: &reqwest::Client,
        method: &str,
        path: &str,
        body: Option<String>,
    ) -> Result<Answer, TargetError> {
        let kind = match method {
            "PATCH" => "application/merge-patch+json",
            _ => "application/json",
        };
        let url = if path.starts_with('/') {
            format!("{}{path}", self.url)
        } else {
            path.to_owned()
        };
        let request = Request {
            method: method.to_owned(),
            url,
            headers: vec![("content-type".to_owned(), kind.to_owned())],
            body,
        };
        Ok(send(client, &request).await?)
    }

    /// Deletes what the case made, whatever finalizers hold it, then the namespace.
    pub(super) async fn delete(&self, client: &reqwest::Client, made: &[Made]) {
        let release = json!({"metadata": {"finalizers": null}}).to_string();
        for made in made.iter().rev() {
            let _ = self
                .ask(client, "PATCH", &made.url, Some(release.clone()))
                .await;
            let url = format!("{}?gracePeriodSeconds=0", made.url);
            let _ = self.ask(client, "DELETE", &url, None).await;
        }
        let path = format!("/api/v1/namespaces/{}", self.name);
        let _ = self.ask(client, "DELETE", &path, None).await;
    }
}
