//! Actions on Kubernetes objects.

use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ApiResource, Patch, PatchParams, PostParams};
use kube::core::DynamicObject;
use kube::{Client, ResourceExt};
use kuryr_api::KuryrPort;
use kuryr_api::names::{
    DEFAULT_IFNAME, KURYRPORT_FINALIZER, NODE_LABEL, POD_FINALIZER, WAIT_REASON_ANNOTATION,
    node_label,
};
use kuryr_core::port::{Action, Answer, Assignment, Outcome, PodKey, Reason};
use kuryr_core::reconcile::{Failure, FailureKind};
use serde_json::{Value, json};

use super::Executor;
use crate::facts;
use crate::failure::of_kubernetes;
use crate::objects::{Released, code, finalizers_without, patch_finalizers, release};

/// Carries out what is on Kubernetes.
pub(super) async fn run(ctx: &Executor, action: &Action) -> Outcome {
    match action {
        Action::CreateClaim { .. } => create_claim(ctx, action).await,
        Action::WriteVif { pod, vif, .. } => write_vif(ctx, pod, vif).await,
        Action::DropClaim { pod, deleting, .. } => drop_claim(ctx, pod, *deleting).await,
        Action::DropPodFinalizer { pod, uid } => drop_pod_finalizer(ctx, pod, uid).await,
        Action::Report {
            pod,
            uid,
            reason,
            message,
        } => report(ctx, pod, uid, *reason, message).await,
        Action::Warn {
            pod,
            uid,
            reason,
            message,
        } => {
            ctx.events
                .warn(pod, uid, &reason.to_string(), message)
                .await;
            Ok(Answer::Done)
        }
        Action::ReportNode {
            node,
            reason,
            message,
        } => {
            let reason = reason.to_string();
            ctx.events.warn_node(node, &reason, message).await;
            Ok(Answer::Done)
        }
        _ => Ok(Answer::Done),
    }
}

fn claims(client: &Client, pod: &PodKey) -> Api<DynamicObject> {
    let resource = ApiResource::erase::<KuryrPort>(&());
    Api::namespaced_with(client.clone(), &pod.namespace, &resource)
}

fn claimed(answer: Result<DynamicObject, kube::Error>, what: &str, pod: &PodKey) -> Outcome {
    let object = answer.map_err(|error| of_kubernetes(what, pod, &error))?;
    Ok(Answer::Claim(facts::claim(&object)))
}

/// `status.vifs` of a KuryrPort.
fn vifs(ctx: &Executor, vif: &Assignment) -> Value {
    let wire = ctx.networks.vif(vif).to_wire();
    json!({ DEFAULT_IFNAME: { "default": true, "vif": wire } })
}

/// Creates the KuryrPort, in one call together with its port if there is one.
async fn create_claim(ctx: &Executor, action: &Action) -> Outcome {
    let Action::CreateClaim {
        pod,
        uid,
        node,
        is_static,
        vif,
    } = action
    else {
        return Ok(Answer::Done);
    };
    let vifs = vif.as_ref().map_or_else(|| json!({}), |v| vifs(ctx, v));
    let object = json!({
        "apiVersion": "openstack.org/v1",
        "kind": "KuryrPort",
        "metadata": {
            "name": &*pod.name,
            "namespace": &*pod.namespace,
            "labels": { NODE_LABEL: node_label(node) },
            "finalizers": [KURYRPORT_FINALIZER],
            "ownerReferences": [{
                "apiVersion": "v1", "kind": "Pod", "name": &*pod.name, "uid": &**uid,
            }],
        },
        "spec": { "podUid": &**uid, "podNodeName": &**node, "podStatic": is_static },
        "status": { "vifs": vifs },
    });
    let api = claims(&ctx.client, pod);
    let object: DynamicObject = serde_json::from_value(object)
        .map_err(|error| Failure::new(FailureKind::Invalid, error.to_string()))?;
    match api.create(&PostParams::default(), &object).await {
        // Made already, by an answer that was lost or by upstream: that one counts.
        Err(error) if code(&error) == 409 => {
            claimed(api.get(&pod.name).await, "reading the KuryrPort of", pod)
        }
        answer => claimed(answer, "creating the KuryrPort of", pod),
    }
}

/// Writes the port into the KuryrPort.
async fn write_vif(ctx: &Executor, pod: &PodKey, vif: &Assignment) -> Outcome {
    let vifs = vifs(ctx, vif);
    let patch = json!({
        "metadata": { "annotations": { WAIT_REASON_ANNOTATION: null } },
        "status": { "vifs": vifs },
    });
    let answer = claims(&ctx.client, pod)
        .patch(&pod.name, &PatchParams::default(), &Patch::Merge(&patch))
        .await;
    claimed(answer, "writing the KuryrPort of", pod)
}

/// Deletes the KuryrPort and takes our finalizer off.
async fn drop_claim(ctx: &Executor, pod: &PodKey, deleting: bool) -> Outcome {
    let api = claims(&ctx.client, pod);
    match release(&api, &pod.name, KURYRPORT_FINALIZER, deleting, &ctx.fence).await {
        Ok(Released::Gone) => Ok(Answer::Done),
        Ok(Released::Left(object)) => {
            let mut claim = facts::claim(&object);
            claim.vif = None;
            Ok(Answer::Claim(claim))
        }
        Ok(Released::NotLeader) => Err(Failure::not_leader()),
        Err(error) => Err(of_kubernetes("releasing the KuryrPort of", pod, &error)),
    }
}

/// Takes upstream's finalizer off a pod.
async fn drop_pod_finalizer(ctx: &Executor, pod: &PodKey, uid: &str) -> Outcome {
    let api: Api<Pod> = Api::namespaced(ctx.client.clone(), &pod.namespace);
    let object = match api.get_metadata_opt(&pod.name).await {
        Ok(Some(object)) if object.uid().as_deref() == Some(uid) => object,
        Ok(_) => return Ok(Answer::Done),
        Err(error) => return Err(of_kubernetes("reading", pod, &error)),
    };
    let rest = finalizers_without(&object, POD_FINALIZER);
    match patch_finalizers(&api, &object, &rest).await {
        Ok(_) => Ok(Answer::Done),
        Err(error) if code(&error) == 404 => Ok(Answer::Done),
        Err(error) => Err(of_kubernetes("taking the finalizer off", pod, &error)),
    }
}

/// Says why a pod waits: an Event for people, an annotation for the daemon.
async fn report(ctx: &Executor, pod: &PodKey, uid: &str, reason: Reason, message: &str) -> Outcome {
    let reason = reason.to_string();
    ctx.events.warn(pod, uid, &reason, message).await;
    let text = json!({ "reason": reason, "message": message }).to_string();
    let patch = json!({ "metadata": { "annotations": { WAIT_REASON_ANNOTATION: text } } });
    let answer = claims(&ctx.client, pod)
        .patch(&pod.name, &PatchParams::default(), &Patch::Merge(&patch))
        .await;
    if let Err(error) = answer {
        tracing::debug!(%pod, %error, "the KuryrPort can't say why the pod waits");
    }
    Ok(Answer::Done)
}
