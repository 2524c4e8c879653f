//! Actions on KuryrNetworkPolicies, and on the groups that upstream made for policies.

use kube::api::{Api, ApiResource, Patch, PatchParams, PostParams};
use kube::core::DynamicObject;
use kuryr_api::KuryrNetworkPolicy;
use kuryr_api::names::{NETWORKPOLICY_FINALIZER, POLICY_LINK_ANNOTATION};
use kuryr_core::Id;
use kuryr_core::policy::{Answer, Content, Outcome, PolicyKey};
use kuryr_core::reconcile::{Failure, FailureKind};
use kuryr_openstack::model::SecurityGroup;
use serde_json::json;

use super::Executor;
use crate::facts::policies as facts;
use crate::failure::{deleted, of_kubernetes, openstack};
use crate::objects::{Released, code, release};

/// How upstream described the groups that it made for policies: at first, and last with the policy's name after it.
const OLD_DESCRIPTIONS: [&str; 2] = [
    "Kuryr-Kubernetes NetPolicy SG",
    "Kuryr-Kubernetes Network Policy ",
];

fn claims(ctx: &Executor, policy: &PolicyKey) -> Api<DynamicObject> {
    let resource = ApiResource::erase::<KuryrNetworkPolicy>(&());
    Api::namespaced_with(ctx.client.clone(), &policy.namespace, &resource)
}

fn claimed(answer: Result<DynamicObject, kube::Error>, what: &str, policy: &PolicyKey) -> Outcome {
    let object = answer.map_err(|error| of_kubernetes(what, policy, &error))?;
    Ok(Answer::Claim(facts::claim(&object)))
}

/// The policy's path in the API, by which upstream finds it.
fn link(policy: &PolicyKey) -> String {
    let PolicyKey { namespace, name } = policy;
    format!("/apis/networking.k8s.io/v1/namespaces/{namespace}/networkpolicies/{name}")
}

pub(super) async fn create(
    ctx: &Executor,
    policy: &PolicyKey,
    uid: &Id,
    content: &Content,
) -> Outcome {
    let (spec, status) = facts::body(content);
    let object = json!({
        "apiVersion": "openstack.org/v1",
        "kind": "KuryrNetworkPolicy",
        "metadata": {
            "name": &*policy.name,
            "namespace": &*policy.namespace,
            "annotations": { POLICY_LINK_ANNOTATION: link(policy) },
            "finalizers": [NETWORKPOLICY_FINALIZER],
            "ownerReferences": [{
                "apiVersion": "networking.k8s.io/v1",
                "kind": "NetworkPolicy",
                "name": &*policy.name,
                "uid": &**uid,
            }],
        },
        "spec": spec,
        "status": status,
    });
    let object: DynamicObject = serde_json::from_value(object)
        .map_err(|error| Failure::new(FailureKind::Invalid, error.to_string()))?;
    let api = claims(ctx, policy);
    match api.create(&PostParams::default(), &object).await {
        // Made already, by an answer that was lost or by upstream: that one counts.
        Err(error) if code(&error) == 409 => {
            let there = api.get(&policy.name).await;
            claimed(there, "reading the KuryrNetworkPolicy of", policy)
        }
        answer => claimed(answer, "creating the KuryrNetworkPolicy of", policy),
    }
}

pub(super) async fn write(ctx: &Executor, policy: &PolicyKey, content: &Content) -> Outcome {
    let patch = facts::patch(content);
    let answer = claims(ctx, policy)
        .patch(&policy.name, &PatchParams::default(), &Patch::Merge(&patch))
        .await;
    claimed(answer, "writing the KuryrNetworkPolicy of", policy)
}

pub(super) async fn release_one(ctx: &Executor, policy: &PolicyKey, deleting: bool) -> Outcome {
    let api = claims(ctx, policy);
    let released = release(
        &api,
        &policy.name,
        NETWORKPOLICY_FINALIZER,
        deleting,
        &ctx.fence,
    );
    match released.await {
        Ok(Released::Gone) => Ok(Answer::Done),
        Ok(Released::Left(object)) => Ok(Answer::Claim(facts::claim(&object))),
        Ok(Released::NotLeader) => Err(Failure::not_leader()),
        Err(error) => {
            let what = "releasing the KuryrNetworkPolicy of";
            Err(of_kubernetes(what, policy, &error))
        }
    }
}

/// Deletes a group, if it shows that upstream made it for this policy: who may write KuryrNetworkPolicies may not delete others.
pub(super) async fn delete_old(ctx: &Executor, policy: &PolicyKey, id: &Id) -> Outcome {
    let group = match ctx.neutron.get_security_group(id).await {
        Err(error) if error.is_not_found() => return Ok(Answer::Done),
        answer => openstack(answer)?,
    };
    if is_upstreams(&group, policy) {
        return deleted(ctx.neutron.delete_security_group(id).await).map(|()| Answer::Done);
    }
    let name = &group.name;
    tracing::warn!(
        %policy,
        security_group = &**id,
        name,
        "the security group that the KuryrNetworkPolicy names was not made for this policy, and is left alone"
    );
    Ok(Answer::Done)
}

/// Upstream's name for it has changed, and always had the policy's in it.
fn is_upstreams(group: &SecurityGroup, policy: &PolicyKey) -> bool {
    let is_theirs = |begin: &str| group.description.starts_with(begin);
    OLD_DESCRIPTIONS.into_iter().any(is_theirs) && group.name.contains(&*policy.name)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn only_what_upstream_made_for_the_policy_is_upstreams() {
        let is = |name: &str, description: &str| {
            let group = json!({"id": "g", "name": name, "description": description});
            is_upstreams(
                &serde_json::from_value(group).unwrap(),
                &PolicyKey::new("shop", "deny"),
            )
        };
        let [first, last] = OLD_DESCRIPTIONS;
        assert!(is("sg-shop-deny", first));
        assert!(is("sg/shop-deny", &format!("{last}shop/deny SG")));
        assert!(!is("sg-shop-other", first));
        assert!(!is("sg-shop-deny", "the operator's own"));
    }
}
