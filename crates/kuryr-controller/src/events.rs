//! What is told on pods, Services, policies, namespaces and nodes: in the log, and as Events.

use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kuryr_core::policy::{News, PolicyKey};
use kuryr_core::port::PodKey;
use kuryr_core::service::ServiceKey;
use kuryr_process::events::{self, namespaced, node};

/// Writes Events, or not, as configured.
#[derive(Clone)]
pub(crate) struct Events(events::Events);

impl Events {
    pub(crate) fn new(client: &Client, enabled: bool, instance: &str) -> Self {
        Self(events::Events::new(
            client,
            enabled,
            "kuryr-controller",
            instance,
        ))
    }

    /// A warning on a pod.
    pub(crate) async fn warn(&self, pod: &PodKey, uid: &str, reason: &str, message: &str) {
        tracing::warn!(%pod, reason, message, "told on the pod");
        let about = namespaced("Pod", &pod.namespace, &pod.name, uid);
        self.0.warn(&about, reason, message).await;
    }

    /// A warning on a Service.
    pub(crate) async fn warn_service(
        &self,
        service: &ServiceKey,
        uid: &str,
        reason: &str,
        message: &str,
    ) {
        tracing::warn!(%service, reason, message, "Service");
        let about = namespaced("Service", &service.namespace, &service.name, uid);
        self.0.warn(&about, reason, message).await;
    }

    /// A warning on a namespace. One that ends takes no new objects, so that it is written where Events of nodes are.
    pub(crate) async fn warn_namespace(&self, name: &str, uid: &str, reason: &str, message: &str) {
        tracing::warn!(namespace = name, reason, message, "told on the namespace");
        let about = namespaced("Namespace", "default", name, uid);
        self.0.warn(&about, reason, message).await;
    }

    /// Something to know of a policy.
    pub(crate) async fn tell_policy(&self, policy: &PolicyKey, uid: &str, news: &News) {
        let (reason, message) = (news.reason(), news.message());
        let about = ObjectReference {
            api_version: Some("networking.k8s.io/v1".to_owned()),
            ..namespaced("NetworkPolicy", &policy.namespace, &policy.name, uid)
        };
        if news.is_warning() {
            tracing::warn!(%policy, reason, message, "told on the policy");
            self.0.warn(&about, &reason, &message).await;
        } else {
            tracing::info!(%policy, reason, message, "told on the policy");
            self.0.tell(&about, &reason, &message).await;
        }
    }

    /// A warning on a node.
    pub(crate) async fn warn_node(&self, name: &str, reason: &str, message: &str) {
        tracing::warn!(node = name, reason, message, "pool waits");
        self.0.warn(&node(name), reason, message).await;
    }
}
