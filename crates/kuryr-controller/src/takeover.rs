//! Finalizers that the Python implementation left on objects of kinds that no reconciler here keeps, or that is not switched on.
//!
//! A KuryrNetwork, NetworkPolicy or KuryrNetworkPolicy that is deleted would wait for a controller that is gone for good, and its
//! namespace would stay Terminating. What such an object stands for in OpenStack is left there, and named.

use std::time::Duration;

use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::api::{ApiResource, ListParams};
use kube::core::{DynamicObject, PartialObjectMeta};
use kube::{Api, Client, ResourceExt};
use kuryr_api::names::{KURYRNETWORK_FINALIZER, NETWORKPOLICY_FINALIZER};
use kuryr_api::{KuryrNetwork, KuryrNetworkPolicy};
use serde_json::Value;

use crate::lease::Fence;
use crate::objects::{code, finalizers_without, patch_finalizers};

/// Between two looks. Who deletes a namespace waits no longer for what is left in it.
const PAUSE: Duration = Duration::from_secs(15);
/// Between two looks where the account may not look, or there is no such kind: nothing is taken over there.
const LONG_PAUSE: Duration = Duration::from_secs(600);
/// Between two questions whether this process leads, while it does not.
const STANDBY: Duration = Duration::from_secs(1);

/// A kind of object that may have upstream's finalizer.
#[derive(Clone, Debug)]
pub struct LeftKind {
    /// Its word in reports.
    pub word: &'static str,
    /// How the API server knows it.
    pub resource: ApiResource,
    /// Upstream's finalizer.
    pub finalizer: &'static str,
}

impl LeftKind {
    /// All of them, in the order in which upstream let go of them.
    #[must_use]
    pub fn all() -> [Self; 3] {
        let of = |word, resource, finalizer| Self {
            word,
            resource,
            finalizer,
        };
        [
            of(
                "kuryrnetworkpolicy",
                ApiResource::erase::<KuryrNetworkPolicy>(&()),
                NETWORKPOLICY_FINALIZER,
            ),
            of(
                "networkpolicy",
                ApiResource::erase::<NetworkPolicy>(&()),
                NETWORKPOLICY_FINALIZER,
            ),
            of(
                "kuryrnetwork",
                ApiResource::erase::<KuryrNetwork>(&()),
                KURYRNETWORK_FINALIZER,
            ),
        ]
    }

    /// Whether an object is being deleted and upstream's finalizer holds it.
    pub fn holds(&self, object: &impl ResourceExt) -> bool {
        let deleting = object.meta().deletion_timestamp.is_some();
        deleting && object.finalizers().iter().any(|f| f == self.finalizer)
    }
}

/// What an object of upstream's stands for in OpenStack, by its status: a word and an id each.
#[must_use]
pub fn left_in_openstack(object: &DynamicObject) -> Vec<String> {
    const FIELDS: [(&str, &str); 3] = [
        ("netId", "network"),
        ("subnetId", "subnet"),
        ("securityGroupId", "security group"),
    ];
    let status = &object.data["status"];
    let named = FIELDS.iter().filter_map(|(field, word)| {
        let id = status.get(field).and_then(Value::as_str)?;
        (!id.is_empty()).then(|| format!("{word} {id}"))
    });
    named.collect()
}

/// Looks again and again, while this process leads; not at the kinds of these words, which a reconciler keeps.
pub(crate) async fn release(client: Client, fence: Fence, reconciled: Vec<&'static str>) {
    let all = LeftKind::all().into_iter();
    let kept = all.filter(|kind| !reconciled.contains(&kind.word));
    let mut kinds: Vec<_> = kept.map(|kind| (kind, Duration::ZERO)).collect();
    loop {
        for (kind, until) in &mut kinds {
            *until = until.saturating_sub(PAUSE);
            if !until.is_zero() || !fence.open() {
                continue;
            }
            if let Err(error) = release_kind(&client, kind, &fence).await {
                let may_not = matches!(code(&error), 403 | 404);
                let kind = &kind.resource.plural;
                if may_not {
                    *until = LONG_PAUSE;
                    tracing::debug!(kind, %error, "upstream's finalizers are not looked for");
                } else {
                    tracing::warn!(kind, %error, "upstream's finalizers can't be looked for; it is tried again");
                }
            }
        }
        // Who comes to lead looks soon.
        tokio::time::sleep(if fence.open() { PAUSE } else { STANDBY }).await;
    }
}

async fn release_kind(client: &Client, kind: &LeftKind, fence: &Fence) -> Result<(), kube::Error> {
    let all: Api<DynamicObject> = Api::all_with(client.clone(), &kind.resource);
    // What the API server has in memory is new enough, and costs etcd nothing.
    let list = all
        .list_metadata(&ListParams::default().match_any())
        .await?;
    for object in list.items.iter().filter(|o| kind.holds(*o)) {
        if fence.open() {
            release_one(client, kind, object).await;
        }
    }
    Ok(())
}

async fn release_one(client: &Client, kind: &LeftKind, object: &PartialObjectMeta<DynamicObject>) {
    let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), &namespace, &kind.resource);
    let rest = finalizers_without(object, kind.finalizer);
    let kind = &kind.resource.kind;
    match patch_finalizers(&api, object, &rest).await {
        Ok(object) => {
            let left = left_in_openstack(&object).join(", ");
            tracing::warn!(
                kind,
                namespace,
                name,
                left,
                "upstream's finalizer is taken off; what is left in OpenStack is yours to delete"
            );
        }
        Err(error) if code(&error) == 404 => {}
        Err(error) => {
            tracing::warn!(kind, namespace, name, %error, "upstream's finalizer can't be taken off; it is tried again")
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> DynamicObject {
        #[allow(clippy::unwrap_used)]
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn what_is_not_deleted_or_not_upstreams_is_not_held() {
        let [policy, ..] = LeftKind::all();
        let with = |deleted: Option<&str>, finalizers: &[&str]| {
            object(
                json!({"apiVersion": "openstack.org/v1", "kind": "KuryrNetworkPolicy",
                "metadata": {"name": "a", "namespace": "b", "deletionTimestamp": deleted, "finalizers": finalizers}}),
            )
        };
        let now = Some("2024-01-01T00:00:00Z");
        assert!(policy.holds(&with(now, &["other", NETWORKPOLICY_FINALIZER])));
        assert!(!policy.holds(&with(None, &[NETWORKPOLICY_FINALIZER])));
        assert!(!policy.holds(&with(now, &["other"])));
    }

    #[test]
    fn what_is_left_is_named() {
        let network = object(json!({"metadata": {"name": "a"},
            "status": {"netId": "n1", "subnetId": "s1", "routerId": "r1", "populated": true}}));
        assert_eq!(left_in_openstack(&network), ["network n1", "subnet s1"]);
        assert_eq!(
            left_in_openstack(&object(json!({"metadata": {"name": "a"}}))),
            [""; 0]
        );
        assert_eq!(
            left_in_openstack(&object(json!({"metadata": {}, "status": "odd"}))),
            [""; 0]
        );
    }
}
