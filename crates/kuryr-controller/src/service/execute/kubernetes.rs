//! Actions on Kubernetes objects.

use std::net::IpAddr;

use k8s_openapi::api::core::v1::Service;
use kube::ResourceExt;
use kube::api::{Api, ApiResource, Patch, PatchParams, PostParams};
use kube::core::DynamicObject;
use kuryr_api::KuryrLoadBalancer;
use kuryr_api::names::{KURYRLOADBALANCER_FINALIZER, SERVICE_FINALIZER};
use kuryr_core::reconcile::{Failure, FailureKind};
use kuryr_core::service::{
    Action, Answer, ClaimSpec, ClaimedAddress, Observed, Outcome, ServiceKey,
};
use serde_json::{Value, json};

use super::{Executor, status};
use crate::failure::of_kubernetes;
use crate::objects::{Released, code, finalizers_without, patch_finalizers, release};
use crate::service::facts;

/// Carries out what is on Kubernetes.
pub(super) async fn run(ctx: &Executor, action: &Action) -> Outcome {
    match action {
        Action::CreateClaim { service, uid, spec } => create_claim(ctx, service, uid, spec).await,
        Action::WriteClaim {
            service,
            spec,
            observed,
            floating,
            ..
        } => write_claim(ctx, service, spec, observed.as_deref(), floating.as_ref()).await,
        Action::DropClaim {
            service, deleting, ..
        } => drop_claim(ctx, service, *deleting).await,
        Action::WriteServiceStatus {
            service, ingress, ..
        } => write_status(ctx, service, ingress).await,
        Action::DropServiceFinalizer { service, uid } => drop_finalizer(ctx, service, uid).await,
        Action::Report {
            service,
            uid,
            complaint,
        } => {
            let reason = complaint.reason.to_string();
            ctx.events
                .warn_service(service, uid, &reason, &complaint.message)
                .await;
            Ok(Answer::Done)
        }
        _ => Ok(Answer::Done),
    }
}

fn claims(ctx: &Executor, service: &ServiceKey) -> Api<DynamicObject> {
    let resource = ApiResource::erase::<KuryrLoadBalancer>(&());
    Api::namespaced_with(ctx.client.clone(), &service.namespace, &resource)
}

fn services(ctx: &Executor, service: &ServiceKey) -> Api<Service> {
    Api::namespaced(ctx.client.clone(), &service.namespace)
}

fn claimed(
    answer: Result<DynamicObject, kube::Error>,
    what: &str,
    service: &ServiceKey,
) -> Outcome {
    match answer {
        Ok(object) => Ok(Answer::Claim(Box::new(facts::claim(&object)))),
        Err(error) if code(&error) == 404 => Ok(Answer::Gone),
        Err(error) => Err(of_kubernetes(what, service, &error)),
    }
}

async fn create_claim(
    ctx: &Executor,
    service: &ServiceKey,
    uid: &str,
    spec: &ClaimSpec,
) -> Outcome {
    let object = json!({
        "apiVersion": "openstack.org/v1",
        "kind": "KuryrLoadBalancer",
        "metadata": {
            "name": &*service.name,
            "namespace": &*service.namespace,
            "finalizers": [KURYRLOADBALANCER_FINALIZER],
            "ownerReferences": [{
                "apiVersion": "v1", "kind": "Service", "name": &*service.name, "uid": uid,
            }],
        },
        "spec": status::spec(spec),
        "status": {},
    });
    let object: DynamicObject = serde_json::from_value(object)
        .map_err(|error| Failure::new(FailureKind::Invalid, error.to_string()))?;
    let api = claims(ctx, service);
    match api.create(&PostParams::default(), &object).await {
        // Made already, by an answer that was lost or by upstream: that one counts.
        Err(error) if code(&error) == 409 => {
            let there = api.get(&service.name).await;
            claimed(there, "reading the KuryrLoadBalancer of", service)
        }
        answer => claimed(answer, "creating the KuryrLoadBalancer of", service),
    }
}

async fn write_claim(
    ctx: &Executor,
    service: &ServiceKey,
    spec: &ClaimSpec,
    observed: Option<&Observed>,
    floating: Option<&ClaimedAddress>,
) -> Outcome {
    let api = claims(ctx, service);
    let patch = json!({
        "spec": status::spec_patch(spec),
        "status": status_patch(ctx, spec, observed, floating),
    });
    let written = api
        .patch(
            &service.name,
            &PatchParams::default(),
            &Patch::Merge(&patch),
        )
        .await;
    let what = "writing the KuryrLoadBalancer of";
    let object = match written {
        Ok(object) => object,
        answer => return claimed(answer, what, service),
    };
    let has = |o: &DynamicObject| {
        let all = o.finalizers();
        all.iter().any(|f| f == KURYRLOADBALANCER_FINALIZER)
    };
    if has(&object) || object.metadata.deletion_timestamp.is_some() {
        return Ok(Answer::Claim(Box::new(facts::claim(&object))));
    }
    let mut all = object.finalizers().to_vec();
    all.push(KURYRLOADBALANCER_FINALIZER.to_owned());
    claimed(patch_finalizers(&api, &object, &all).await, what, service)
}

/// The status as a merge patch. What is not known of the load balancer stays.
fn status_patch(
    ctx: &Executor,
    spec: &ClaimSpec,
    observed: Option<&Observed>,
    floating: Option<&ClaimedAddress>,
) -> Value {
    let mut patch = observed.map_or_else(
        || json!({}),
        |seen| {
            let status = status::status(seen, None, &ctx.project, &spec.security_groups);
            serde_json::to_value(status).unwrap_or_default()
        },
    );
    patch["service_pub_ip_info"] = json!(floating.map(status::public_ip));
    patch
}

async fn drop_claim(ctx: &Executor, service: &ServiceKey, deleting: bool) -> Outcome {
    let api = claims(ctx, service);
    let finalizer = KURYRLOADBALANCER_FINALIZER;
    match release(&api, &service.name, finalizer, deleting, &ctx.fence).await {
        Ok(Released::Gone) => Ok(Answer::Gone),
        Ok(Released::Left(object)) => Ok(Answer::Claim(Box::new(facts::claim(&object)))),
        Ok(Released::NotLeader) => Err(Failure::not_leader()),
        Err(error) => Err(of_kubernetes(
            "releasing the KuryrLoadBalancer of",
            service,
            &error,
        )),
    }
}

async fn write_status(ctx: &Executor, service: &ServiceKey, ingress: &[IpAddr]) -> Outcome {
    let addresses: Vec<Value> = ingress.iter().map(|ip| json!({ "ip": ip })).collect();
    let patch = json!({ "status": { "loadBalancer": { "ingress": addresses } } });
    let answer = services(ctx, service)
        .patch_status(
            &service.name,
            &PatchParams::default(),
            &Patch::Merge(&patch),
        )
        .await;
    match answer {
        Ok(_) => Ok(Answer::Done),
        Err(error) if code(&error) == 404 => Ok(Answer::Gone),
        Err(error) => Err(of_kubernetes("writing the status of", service, &error)),
    }
}

/// Takes upstream's finalizer off a Service.
async fn drop_finalizer(ctx: &Executor, service: &ServiceKey, uid: &str) -> Outcome {
    let api = services(ctx, service);
    let object = match api.get_metadata_opt(&service.name).await {
        Ok(Some(object)) if object.uid().as_deref() == Some(uid) => object,
        Ok(_) => return Ok(Answer::Gone),
        Err(error) => return Err(of_kubernetes("reading", service, &error)),
    };
    let rest = finalizers_without(&object, SERVICE_FINALIZER);
    match patch_finalizers(&api, &object, &rest).await {
        Ok(_) => Ok(Answer::Done),
        Err(error) if code(&error) == 404 => Ok(Answer::Gone),
        Err(error) => Err(of_kubernetes("taking the finalizer off", service, &error)),
    }
}
