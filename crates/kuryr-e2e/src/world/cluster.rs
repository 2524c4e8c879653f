//! The Kubernetes that a world is in.

use std::path::Path;
use std::time::Duration;

use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Node as KubeNode, ServiceAccount};
use k8s_openapi::jiff::Timestamp;
use kube::api::PostParams;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use serde_json::json;

use crate::node::Node;
use crate::programs::{Kit, kubeconfig_of};
use crate::progress::until;
use crate::stack::{self, Stack};
use crate::{Outcome, fail};

/// How long a controller that was killed may keep the lease.
const PATIENCE: Duration = Duration::from_secs(30);

/// Kubernetes' API, as its administrator.
pub(super) async fn connect(stack: &Stack) -> Outcome<Client> {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let file = Kubeconfig::read_from(&stack.kubeconfig)?;
    let config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await?;
    Ok(Client::try_from(config)?)
}

/// Two controllers with different names in OpenStack would take each other's KuryrPorts for
/// their own: one that is not the tests' must have ended.
pub(super) async fn no_other_controller(kube: &Client) -> Outcome {
    let api: Api<Lease> = Api::namespaced(kube.clone(), "kube-system");
    until("no other controller has the lease", PATIENCE, async || {
        let Some(spec) = api
            .get_opt("kuryr-controller")
            .await?
            .and_then(|lease| lease.spec)
        else {
            return Ok(());
        };
        let holder = spec.holder_identity.unwrap_or_default();
        let seconds = i64::from(spec.lease_duration_seconds.unwrap_or(15));
        let renewed = spec.renew_time.map_or(0, |at| at.0.as_second());
        match holder.is_empty() || renewed + seconds < Timestamp::now().as_second() {
            true => Ok(()),
            false => fail(format!("{holder} has it: stop that controller")),
        }
    })
    .await
}

/// Installs the definitions that our program prints, and the accounts of its parts.
pub(super) async fn apply_definitions(stack: &Stack, kit: &Kit, dir: &Path) -> Outcome {
    let file = dir.join("crds.yaml");
    std::fs::write(&file, stack::output(kit.kuryr(&["crds"])).await?)?;
    let mut apply = stack.kubectl();
    apply.args(["apply", "-f"]).arg(&file);
    stack::output(apply).await?;
    let mut wait = stack.kubectl();
    wait.args(["wait", "--for=condition=established", "--timeout=60s", "-f"])
        .arg(&file);
    stack::output(wait).await?;
    let accounts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/rbac/accounts.yaml");
    let mut apply = stack.kubectl();
    apply.args(["apply", "-f"]).arg(accounts);
    stack::output(apply).await.map(drop)
}

/// Has each part its own account's rights, as `deploy/rbac` gives them, and no more.
pub(super) async fn log_in(stack: &Stack, kube: &Client, dir: &Path) -> Outcome {
    let accounts: Api<ServiceAccount> = Api::namespaced(kube.clone(), "kuryr");
    for account in ["kuryr-controller", "kuryr-daemon"] {
        let ask = TokenRequest {
            spec: TokenRequestSpec {
                expiration_seconds: Some(7200),
                ..TokenRequestSpec::default()
            },
            ..TokenRequest::default()
        };
        let given = accounts
            .create_token_request(account, &PostParams::default(), &ask)
            .await?;
        let token = given.status.ok_or("a token request without a token")?.token;
        let mut config = Kubeconfig::read_from(&stack.kubeconfig)?;
        for user in &mut config.auth_infos {
            user.auth_info = Some(serde_json::from_value(json!({ "token": token }))?);
        }
        std::fs::write(kubeconfig_of(dir, account), serde_json::to_string(&config)?)?;
    }
    Ok(())
}

/// Waits until all nodes take pods.
pub(super) async fn nodes_ready(kube: &Client, nodes: &[Node]) -> Outcome {
    let api: Api<KubeNode> = Api::all(kube.clone());
    until("the nodes are ready", super::PATIENCE, async || {
        for node in nodes {
            if !is_ready(&api.get(&node.name).await?) {
                return fail(format!("{} is not", node.name));
            }
        }
        Ok(())
    })
    .await
}

fn is_ready(node: &KubeNode) -> bool {
    let status = node.status.as_ref();
    let mut conditions = status
        .into_iter()
        .flat_map(|s| s.conditions.iter().flatten());
    conditions.any(|c| c.type_ == "Ready" && c.status == "True")
}
