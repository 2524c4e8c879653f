//! Actions on KuryrNetworks.

use kube::api::{Api, ApiResource, Patch, PatchParams, PostParams};
use kube::core::DynamicObject;
use kuryr_api::KuryrNetwork;
use kuryr_api::names::KURYRNETWORK_FINALIZER;
use kuryr_core::Id;
use kuryr_core::network::{Action, Answer, Outcome};
use kuryr_core::reconcile::{Failure, FailureKind};
use serde_json::json;

use super::Executor;
use crate::facts;
use crate::failure::of_kubernetes;
use crate::objects::{code, finalizers_without, patch_finalizers};

/// Carries out what is on Kubernetes.
pub(super) async fn run(ctx: &Executor, action: &Action) -> Outcome {
    match action {
        Action::CreateClaim { .. } => create(ctx, action).await,
        Action::WriteStatus { .. } => write(ctx, action).await,
        Action::ReleaseClaim { namespace } => release_claim(ctx, namespace).await,
        Action::Report {
            namespace,
            uid,
            reason,
            message,
        } => {
            let reason = reason.to_string();
            ctx.events
                .warn_namespace(namespace, uid, &reason, message)
                .await;
            Ok(Answer::Done)
        }
        _ => Ok(Answer::Done),
    }
}

/// KuryrNetworks of a namespace: there is one, of its name.
fn claims(ctx: &Executor, namespace: &str) -> Api<DynamicObject> {
    let resource = ApiResource::erase::<KuryrNetwork>(&());
    Api::namespaced_with(ctx.client.clone(), namespace, &resource)
}

fn claimed(answer: Result<DynamicObject, kube::Error>, what: &str, namespace: &Id) -> Outcome {
    let object = answer.map_err(|error| of_kubernetes(what, namespace, &error))?;
    Ok(Answer::Claim(facts::network_claim(&object)))
}

async fn create(ctx: &Executor, action: &Action) -> Outcome {
    let Action::CreateClaim {
        namespace,
        project,
        labels,
    } = action
    else {
        return Ok(Answer::Done);
    };
    let object = json!({
        "apiVersion": "openstack.org/v1",
        "kind": "KuryrNetwork",
        "metadata": {
            "name": &**namespace,
            "namespace": &**namespace,
            "finalizers": [KURYRNETWORK_FINALIZER],
        },
        "spec": { "nsName": &**namespace, "projectId": &**project, "nsLabels": labels },
        "status": {},
    });
    let object: DynamicObject = serde_json::from_value(object)
        .map_err(|error| Failure::new(FailureKind::Invalid, error.to_string()))?;
    let api = claims(ctx, namespace);
    match api.create(&PostParams::default(), &object).await {
        // Made already, by an answer that was lost or by upstream: that one counts.
        Err(error) if code(&error) == 409 => claimed(
            api.get(namespace).await,
            "reading the KuryrNetwork of",
            namespace,
        ),
        answer => claimed(answer, "creating the KuryrNetwork of", namespace),
    }
}

/// Writes what there is. A merge keeps labels that are gone, so those are named too.
async fn write(ctx: &Executor, action: &Action) -> Outcome {
    let Action::WriteStatus {
        namespace,
        labels,
        gone_labels,
        status,
    } = action
    else {
        return Ok(Answer::Done);
    };
    let mut all = json!(labels);
    for label in gone_labels {
        all[label] = json!(null);
    }
    let status = json!({
        "netId": status.network.as_deref(),
        "subnetId": status.subnet.as_deref(),
        "subnetCIDR": status.cidr.as_deref(),
        "routerId": status.router.as_deref(),
        // Upstream fills pools when it finds this; here they follow demand.
        "populated": status.router.is_some().then_some(true),
        "nsLabels": all,
    });
    let patch = json!({ "spec": { "nsLabels": all }, "status": status });
    let answer = claims(ctx, namespace)
        .patch(namespace, &PatchParams::default(), &Patch::Merge(&patch))
        .await;
    claimed(answer, "writing the KuryrNetwork of", namespace)
}

/// Takes the finalizer off; one that nobody deletes keeps it.
async fn release_claim(ctx: &Executor, namespace: &Id) -> Outcome {
    let what = "releasing the KuryrNetwork of";
    let api = claims(ctx, namespace);
    let object = match api.get_opt(namespace).await {
        Ok(Some(object)) => object,
        Ok(None) => return Ok(Answer::Done),
        Err(error) => return Err(of_kubernetes(what, namespace, &error)),
    };
    if object.metadata.deletion_timestamp.is_none() {
        return Ok(Answer::Claim(facts::network_claim(&object)));
    }
    let rest = finalizers_without(&object, KURYRNETWORK_FINALIZER);
    match patch_finalizers(&api, &object, &rest).await {
        // The API server answers the object that it has just let go of.
        Ok(_) if rest.is_empty() => Ok(Answer::Done),
        Ok(object) => Ok(Answer::Claim(facts::network_claim(&object))),
        Err(error) if code(&error) == 404 => Ok(Answer::Done),
        Err(error) => Err(of_kubernetes(what, namespace, &error)),
    }
}
