//! Pods of the lab's own, and the watch on all pods.

use std::pin::pin;
use std::time::Duration;

use futures::{StreamExt, stream};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, PostParams};
use kube::runtime::watcher::{Config, watcher};
use kube::runtime::{WatchStreamExt, reflector};
use kube::{Api, Client};
use kuryr_api::KuryrPort;
use serde_json::json;
use tokio::sync::watch;

use super::{LabError, PodState, Snapshot, Worker};

/// How many pods are asked for at once.
const AT_ONCE: usize = 8;

/// Keeps a snapshot of all pods until it is dropped.
pub(super) async fn follow(client: Client, workers: Vec<Worker>, shown: watch::Sender<Snapshot>) {
    let (pods, pod_writer) = reflector::store::<Pod>();
    let (ports, port_writer) = reflector::store::<KuryrPort>();
    // A watch that is lost begins again by itself.
    let pod_changes = watcher(Api::all(client.clone()), Config::default()).default_backoff();
    let pod_changes = pod_changes.reflect(pod_writer).map(drop);
    let port_changes = watcher(Api::all(client), Config::default()).default_backoff();
    let port_changes = port_changes.reflect(port_writer).map(drop);
    let mut changes = pin!(stream::select(pod_changes, port_changes));
    while changes.next().await.is_some() {
        let now = Snapshot::of(pods.state(), ports.state(), &workers);
        shown.send_if_modified(|shown| {
            let changed = *shown != now;
            *shown = now;
            changed
        });
    }
}

/// Creates pods `pod-1` to `pod-COUNT`.
pub(super) async fn create(client: &Client, count: usize) -> Result<(), LabError> {
    let api: Api<Pod> = Api::default_namespaced(client.clone());
    let one = |number: usize| {
        let api = api.clone();
        async move {
            let pod = manifest(number);
            let created = api.create(&PostParams::default(), &pod).await;
            created
                .map(drop)
                .map_err(LabError::call(format!("create pod-{number}")))
        }
    };
    let mut created = stream::iter(1..=count).map(one).buffer_unordered(AT_ONCE);
    while let Some(result) = created.next().await {
        result?;
    }
    Ok(())
}

/// No image is run: a lab's pod is its network namespace.
fn manifest(number: usize) -> Pod {
    let metadata = kube::core::ObjectMeta {
        name: Some(format!("pod-{number}")),
        labels: Some([("app".to_owned(), "lab".to_owned())].into()),
        ..Default::default()
    };
    let spec = json!({
        "containers": [{"name": "sleep", "image": "lab/sleep"}],
        "terminationGracePeriodSeconds": 0,
        "automountServiceAccountToken": false,
    });
    Pod {
        metadata,
        spec: serde_json::from_value(spec).ok(),
        status: None,
    }
}

/// Deletes all pods that are there.
pub(super) async fn delete_all(client: &Client, snapshot: &Snapshot) -> Result<(), LabError> {
    for pod in &snapshot.pods {
        let api: Api<Pod> = Api::namespaced(client.clone(), &pod.namespace);
        match api.delete(&pod.name, &DeleteParams::default()).await {
            Err(kube::Error::Api(answer)) if answer.code == 404 => {}
            deleted => {
                deleted.map_err(LabError::call(format!("delete pod {}", pod.title())))?;
            }
        }
    }
    Ok(())
}

/// Waits until a snapshot is as wanted.
pub(super) async fn wait(
    shown: &watch::Receiver<Snapshot>,
    patience: Duration,
    what: &str,
    mut wanted: impl FnMut(&Snapshot) -> bool,
) -> Result<(), LabError> {
    let mut changes = shown.clone();
    let came = async { changes.wait_for(|now| wanted(now)).await.map(drop) };
    match tokio::time::timeout(patience, came).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(LabError::Ended {
            part: "the watch on pods".to_owned(),
            why: "nothing follows the pods any more".to_owned(),
        }),
        Err(_) => Err(LabError::Late {
            what: what.to_owned(),
            seconds: patience.as_secs(),
            state: standing(&shown.borrow()),
        }),
    }
}

/// How pods stand that are not ready, a line each.
fn standing(snapshot: &Snapshot) -> String {
    let line = |pod: &super::PodRow| match &pod.state {
        PodState::Ready => None,
        PodState::Pending(why) => Some(format!("\n  {}: {why}", pod.title())),
        PodState::Terminating => Some(format!("\n  {}: is being deleted", pod.title())),
        PodState::Completed => Some(format!("\n  {}: has ended", pod.title())),
    };
    snapshot.pods.iter().filter_map(line).collect()
}
