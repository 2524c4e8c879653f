//! Kubernetes Events: what an operator or a pod's owner is to know.

use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};

/// The API server takes notes of up to 1,024 bytes; a character has up to four, but ours are mostly ASCII.
const LONGEST_NOTE: usize = 900;

/// Writes Events, or not, as configured.
#[derive(Clone)]
pub struct Events(Option<Recorder>);

impl Events {
    /// Events of a program (`kuryr-controller`), by one instance of it.
    #[must_use]
    pub fn new(client: &Client, enabled: bool, program: &str, instance: &str) -> Self {
        let reporter = Reporter {
            controller: program.to_owned(),
            instance: Some(instance.to_owned()),
        };
        Self(enabled.then(|| Recorder::new(client.clone(), reporter)))
    }

    /// Writes a warning. That it can't be written is logged and nothing more.
    pub async fn warn(&self, about: &ObjectReference, reason: &str, note: &str) {
        self.write(EventType::Warning, about, reason, note).await;
    }

    /// Writes what is good news.
    pub async fn tell(&self, about: &ObjectReference, reason: &str, note: &str) {
        self.write(EventType::Normal, about, reason, note).await;
    }

    async fn write(&self, type_: EventType, about: &ObjectReference, reason: &str, note: &str) {
        let Some(recorder) = &self.0 else { return };
        let event = Event {
            type_,
            reason: reason.to_owned(),
            note: Some(note.chars().take(LONGEST_NOTE).collect()),
            action: "Networking".to_owned(),
            secondary: None,
        };
        if let Err(error) = recorder.publish(&event, about).await {
            let name = about.name.as_deref().unwrap_or_default();
            tracing::warn!(name, %error, "can't write an Event");
        }
    }
}

/// An object of a namespace, of the core group, that an Event is about.
#[must_use]
pub fn namespaced(kind: &str, namespace: &str, name: &str, uid: &str) -> ObjectReference {
    ObjectReference {
        api_version: Some("v1".to_owned()),
        kind: Some(kind.to_owned()),
        namespace: Some(namespace.to_owned()),
        name: Some(name.to_owned()),
        uid: Some(uid.to_owned()),
        ..ObjectReference::default()
    }
}

/// A node that an Event is about. Its name stands for its uid, as with the kubelet. An Event about what has no namespace is
/// written into `default`, where Kubernetes 1.20 refuses it in events.k8s.io, but for one whose object is said to be there too.
#[must_use]
pub fn node(name: &str) -> ObjectReference {
    namespaced("Node", "default", name, name)
}
