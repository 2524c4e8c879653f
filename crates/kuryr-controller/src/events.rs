//! Kubernetes Events on pods, Services and nodes.

use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use kuryr_core::port::PodKey;
use kuryr_core::service::ServiceKey;

/// Writes Events, or not, as configured.
#[derive(Clone)]
pub(crate) struct Events(Option<Recorder>);

impl Events {
    pub(crate) fn new(client: &Client, enabled: bool, instance: &str) -> Self {
        let reporter = Reporter {
            controller: "kuryr-controller".to_owned(),
            instance: Some(instance.to_owned()),
        };
        Self(enabled.then(|| Recorder::new(client.clone(), reporter)))
    }

    /// A warning on a pod. That it can't be written is logged and nothing more.
    pub(crate) async fn warn(&self, pod: &PodKey, uid: &str, reason: &str, message: &str) {
        tracing::warn!(%pod, reason, message, "told on the pod");
        let about = namespaced("Pod", &pod.namespace, &pod.name, uid);
        self.write(&about, reason, message).await;
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
        self.write(&about, reason, message).await;
    }

    /// A warning on a node.
    pub(crate) async fn warn_node(&self, node: &str, reason: &str, message: &str) {
        tracing::warn!(%node, reason, message, "pool waits");
        let about = ObjectReference {
            api_version: Some("v1".to_owned()),
            kind: Some("Node".to_owned()),
            name: Some(node.to_owned()),
            // As the kubelet does, so that `kubectl describe node` finds it.
            uid: Some(node.to_owned()),
            ..ObjectReference::default()
        };
        self.write(&about, reason, message).await;
    }

    async fn write(&self, about: &ObjectReference, reason: &str, note: &str) {
        let Some(recorder) = &self.0 else { return };
        let event = Event {
            type_: EventType::Warning,
            reason: reason.to_owned(),
            // The API server takes 1,024 bytes.
            note: Some(note.chars().take(900).collect()),
            action: "Networking".to_owned(),
            secondary: None,
        };
        if let Err(error) = recorder.publish(&event, about).await {
            let name = about.name.as_deref().unwrap_or_default();
            tracing::warn!(name, %error, "can't write an Event");
        }
    }
}

/// What an Event is about.
fn namespaced(kind: &str, namespace: &str, name: &str, uid: &str) -> ObjectReference {
    ObjectReference {
        api_version: Some("v1".to_owned()),
        kind: Some(kind.to_owned()),
        namespace: Some(namespace.to_owned()),
        name: Some(name.to_owned()),
        uid: Some(uid.to_owned()),
        ..ObjectReference::default()
    }
}
