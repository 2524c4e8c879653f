//! Nodes for pods, in turn: what a lab needs of kube-scheduler.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::pin::pin;

use futures::{StreamExt, stream};
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::PostParams;
use kube::runtime::watcher::{Config, watcher};
use kube::runtime::{WatchStreamExt, reflector};
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};

/// Binds pods that wait for a node, until it is dropped.
pub(super) async fn run(client: Client) {
    let (nodes, node_writer) = reflector::store::<Node>();
    let (pods, pod_writer) = reflector::store::<Pod>();
    // A watch that is lost begins again by itself.
    let watch = || Config::default();
    let node_changes = watcher(Api::all(client.clone()), watch()).default_backoff();
    let node_changes = node_changes
        .reflect(node_writer)
        .touched_objects()
        .map(drop);
    let waiting = watch().fields("spec.nodeName=");
    let pod_changes = watcher(Api::all(client.clone()), waiting).default_backoff();
    let pod_changes = pod_changes.reflect(pod_writer).touched_objects().map(drop);
    let mut changes = pin!(stream::select(node_changes, pod_changes));
    let mut last = String::new();
    while changes.next().await.is_some() {
        let ready: BTreeSet<String> = nodes
            .state()
            .iter()
            .filter(|node| takes_pods(node))
            .map(|n| n.name_any())
            .collect();
        for pod in pods.state().iter().filter(|pod| waits(pod)) {
            let Some(node) = next(&ready, &last) else {
                break;
            };
            match bind(&client, pod, &node).await {
                Ok(()) => last = node,
                // It has a node already, or is gone: the watch will say so.
                Err(error) => tracing::debug!(pod = pod.name_any(), node, %error, "not bound"),
            }
        }
    }
}

/// The node after `last`, in the order of names.
fn next(ready: &BTreeSet<String>, last: &str) -> Option<String> {
    let after = ready.range::<str, _>((Bound::Excluded(last), Bound::Unbounded));
    after.chain(ready).next().cloned()
}

fn waits(pod: &Pod) -> bool {
    let unbound = pod
        .spec
        .as_ref()
        .is_some_and(|spec| spec.node_name.is_none());
    unbound && pod.metadata.deletion_timestamp.is_none()
}

fn takes_pods(node: &Node) -> bool {
    let open = node
        .spec
        .as_ref()
        .is_none_or(|spec| spec.unschedulable != Some(true));
    let conditions = node
        .status
        .as_ref()
        .and_then(|status| status.conditions.as_ref());
    let ready = conditions
        .into_iter()
        .flatten()
        .any(|c| c.type_ == "Ready" && c.status == "True");
    open && ready
}

async fn bind(client: &Client, pod: &Pod, node: &str) -> Result<(), kube::Error> {
    let namespace = pod.namespace().unwrap_or_default();
    let (api, name) = (
        Api::<Pod>::namespaced(client.clone(), &namespace),
        pod.name_any(),
    );
    let binding = json!({
        "apiVersion": "v1", "kind": "Binding", "metadata": {"name": name},
        "target": {"apiVersion": "v1", "kind": "Node", "name": node},
    });
    let options = PostParams::default();
    let bound = api.create_subresource::<_, Value>("binding", &name, &options, &binding);
    bound.await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_take_turns() {
        let ready = BTreeSet::from(["a".to_owned(), "b".to_owned()]);
        assert_eq!(next(&ready, "").as_deref(), Some("a"));
        assert_eq!(next(&ready, "a").as_deref(), Some("b"));
        assert_eq!(next(&ready, "b").as_deref(), Some("a"));
        assert_eq!(next(&BTreeSet::new(), "b"), None);
    }
}
