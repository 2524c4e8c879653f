//! The kubelet's Node: registered once, its readiness and heartbeat kept.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Node;
use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::json;

use super::{Context, KubeletError, status};

/// How often the network's readiness is looked at; a change is reported at once.
const LOOK: Duration = Duration::from_millis(500);
/// How often the Node is reported though nothing changed, as kubelets renew their leases.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// A kubelet's lease is good for so long.
const LEASE_SECONDS: i32 = 40;

/// Makes the Node, or takes over the one that is there, and reports it.
pub(super) async fn register(context: &Context) -> Result<(), KubeletError> {
    let node = &context.spec.node;
    let failed = |source| KubeletError::Register {
        node: node.clone(),
        source: Box::new(source),
    };
    let api: Api<Node> = Api::all(context.client.clone());
    let new = serde_json::from_value(status::node(node))
        .map_err(kube::Error::SerdeError)
        .map_err(failed)?;
    match api.create(&PostParams::default(), &new).await {
        Err(kube::Error::Api(refused)) if refused.code == 409 => {}
        Err(error) => return Err(failed(error)),
        Ok(_) => {}
    }
    let ready = readiness(context).await;
    report(context, &ready, Timestamp::now())
        .await
        .map_err(failed)
}

/// Keeps the Node's status and lease until it is stopped.
pub(super) async fn keep(context: Arc<Context>) {
    let mut reported: Option<Result<(), String>> = None;
    let (mut since, mut last) = (Timestamp::now(), Instant::now());
    let mut look = tokio::time::interval(LOOK);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        look.tick().await;
        let ready = readiness(&context).await;
        let changed = reported.as_ref() != Some(&ready);
        if !changed && last.elapsed() < HEARTBEAT {
            continue;
        }
        if changed {
            since = Timestamp::now();
        }
        let done = async {
            report(&context, &ready, since).await?;
            renew(&context).await
        };
        match done.await {
            Ok(()) => (reported, last) = (Some(ready), Instant::now()),
            Err(error) => {
                tracing::debug!(%error, node = context.spec.node, "the Node was not reported; again soon")
            }
        }
    }
}

async fn readiness(context: &Context) -> Result<(), String> {
    let runtime = context.runtime.clone();
    let asked =
        tokio::task::spawn_blocking(move || runtime.status().map_err(|error| error.to_string()))
            .await;
    asked.unwrap_or_else(|error| Err(error.to_string()))
}

async fn report(
    context: &Context,
    ready: &Result<(), String>,
    since: Timestamp,
) -> Result<(), kube::Error> {
    let spec = &context.spec;
    let network = ready.as_ref().map(|&()| ()).map_err(String::as_str);
    let patch = status::node_status(
        &spec.node,
        &spec.addresses,
        network,
        since,
        Timestamp::now(),
    );
    let api: Api<Node> = Api::all(context.client.clone());
    api.patch_status(&spec.node, &PatchParams::default(), &Patch::Merge(&patch))
        .await
        .map(drop)
}

/// Renews the Node's lease in kube-node-lease, by which others know that it lives.
async fn renew(context: &Context) -> Result<(), kube::Error> {
    let node = &context.spec.node;
    let api: Api<Lease> = Api::namespaced(context.client.clone(), "kube-node-lease");
    let now = Timestamp::now()
        .strftime("%Y-%m-%dT%H:%M:%S.%6fZ")
        .to_string();
    let spec =
        json!({"holderIdentity": node, "leaseDurationSeconds": LEASE_SECONDS, "renewTime": now});
    let patch = json!({"spec": spec});
    match api
        .patch(node, &PatchParams::default(), &Patch::Merge(&patch))
        .await
    {
        Err(kube::Error::Api(refused)) if refused.code == 404 => {}
        other => return other.map(drop),
    }
    let new = json!({"metadata": {"name": node}, "spec": spec});
    let new = serde_json::from_value(new).map_err(kube::Error::SerdeError)?;
    match api.create(&PostParams::default(), &new).await {
        // A cluster without the namespace does without the lease.
        Err(kube::Error::Api(refused)) if refused.code == 404 => Ok(()),
        other => other.map(drop),
    }
}
