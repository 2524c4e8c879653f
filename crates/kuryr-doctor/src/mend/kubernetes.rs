//! Writes to Kubernetes, each on condition of the version that was read.

use k8s_openapi::api::core::v1::Pod as PodObject;
use kube::api::{DeleteParams, Patch, PatchParams, Preconditions};
use kube::core::DynamicObject;
use kube::{Api, Client, ResourceExt};
use kuryr_api::names::{KURYRPORT_FINALIZER, POD_FINALIZER};
use kuryr_controller::Wants;
use kuryr_core::port::{Pod, PodKey};
use serde_json::{Value, json};

use super::{Mender, Outcome};
use crate::error::answer;
use crate::look::{kuryrports, reduce_pod};

/// A KuryrPort as it was read.
pub(super) type KuryrPortObject = DynamicObject;

/// What of a pod a write depends on.
pub(super) struct PodMeta {
    finalizers: Vec<String>,
    version: Option<String>,
}

/// The pod as it is now.
pub(super) async fn read_pod(
    client: &Client,
    key: &PodKey,
    wants: &Wants,
) -> Result<Option<(Pod, PodMeta)>, String> {
    let api: Api<PodObject> = Api::namespaced(client.clone(), &key.namespace);
    let pod = api.get_opt(&key.name).await.map_err(|e| answer(&e))?;
    Ok(pod.map(|pod| {
        let meta = PodMeta {
            finalizers: pod.finalizers().to_vec(),
            version: pod.resource_version(),
        };
        (reduce_pod(&pod, wants), meta)
    }))
}

fn outcome(error: &kube::Error) -> Outcome {
    match error {
        kube::Error::Api(status) if matches!(status.code, 404 | 409) => {
            Outcome::Skipped("it was changed meanwhile".to_owned())
        }
        other => Outcome::Failed(answer(other)),
    }
}

/// A patch that takes a finalizer off an object of this version.
fn without(finalizers: &[String], finalizer: &str, version: Option<&String>) -> Value {
    let rest: Vec<&String> = finalizers.iter().filter(|f| *f != finalizer).collect();
    json!({ "metadata": { "finalizers": rest, "resourceVersion": version } })
}

impl Mender<'_> {
    /// Deletes the very KuryrPort that was read, then takes our finalizer off.
    pub(super) async fn drop_claim(&self, pod: &PodKey, read: Option<KuryrPortObject>) -> Outcome {
        let Some(read) = read else {
            return Outcome::Skipped("the KuryrPort is gone".to_owned());
        };
        let api = kuryrports(self.client, Some(&pod.namespace));
        let this = DeleteParams {
            preconditions: Some(Preconditions {
                resource_version: read.resource_version(),
                uid: read.uid(),
            }),
            ..DeleteParams::default()
        };
        let deleted = match api.delete(&pod.name, &this).await {
            Ok(deleted) => deleted.left(),
            Err(error) => return outcome(&error),
        };
        let Some(left) = deleted else {
            return Outcome::Done;
        };
        let version = left.resource_version();
        let patch = without(left.finalizers(), KURYRPORT_FINALIZER, version.as_ref());
        match api
            .patch(&pod.name, &PatchParams::default(), &Patch::Merge(&patch))
            .await
        {
            Ok(_) => Outcome::Done,
            // Gone already: the controller was as quick.
            Err(kube::Error::Api(status)) if status.code == 404 => Outcome::Done,
            Err(error) => outcome(&error),
        }
    }

    /// Takes upstream's finalizer off the very pod that was read.
    pub(super) async fn drop_finalizer(&self, pod: &PodKey, read: Option<PodMeta>) -> Outcome {
        let Some(read) = read else {
            return Outcome::Skipped("the pod is gone".to_owned());
        };
        let api: Api<PodObject> = Api::namespaced(self.client.clone(), &pod.namespace);
        let patch = without(&read.finalizers, POD_FINALIZER, read.version.as_ref());
        let patch = Patch::Merge(&patch);
        match api
            .patch_metadata(&pod.name, &PatchParams::default(), &patch)
            .await
        {
            Ok(_) => Outcome::Done,
            Err(error) => outcome(&error),
        }
    }
}
