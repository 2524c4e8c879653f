//! A small scheduler: pods without a node go to ready nodes in turn.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
};

use serde_json::{Value, json};

use super::{Controller, ignore_gone};
use crate::{
    api::{Api, Part, Target, WriteOptions},
    model::{error::ApiError, object},
    store::{ChangeKind, Key, Object, Observed, TableName},
};

/// Nodes, pods that wait for one, and whose turn it is.
#[derive(Debug, Default)]
pub(crate) struct Scheduler {
    nodes: BTreeMap<String, Object>,
    waiting: BTreeSet<Key>,
    last: String,
}

impl Controller for Scheduler {
    fn name(&self) -> &'static str {
        "scheduler"
    }

    fn on_change(&mut self, api: &Api, observed: &Observed) -> Result<(), ApiError> {
        let (object, gone) = (
            &observed.change.object,
            observed.change.kind == ChangeKind::Deleted,
        );
        let key = object.key();
        match observed.table.as_str() {
            "nodes" if gone => drop(self.nodes.remove(&key.name)),
            "nodes" => {
                self.nodes.insert(key.name, object.clone());
                if takes_pods(&object.value) {
                    return self.try_all(api);
                }
            }
            "pods" if gone || !wants_node(&object.value) => drop(self.waiting.remove(&key)),
            "pods" if self.waiting.insert(key.clone()) => return self.try_one(api, &key),
            _ => {}
        }
        Ok(())
    }
}

impl Scheduler {
    fn try_all(&mut self, api: &Api) -> Result<(), ApiError> {
        let waiting: Vec<Key> = self.waiting.iter().cloned().collect();
        waiting.iter().try_for_each(|key| self.try_one(api, key))
    }

    fn try_one(&mut self, api: &Api, key: &Key) -> Result<(), ApiError> {
        let Some(pod) = api.store().get(&TableName::from("pods"), key) else {
            self.waiting.remove(key);
            return Ok(());
        };
        if !wants_node(&pod.value) {
            self.waiting.remove(key);
            return Ok(());
        }
        let target = Target {
            kind: api.kind("", "pods")?,
            key: key.clone(),
        };
        match self.choose(&pod.value) {
            Some(node) => {
                self.last.clone_from(&node);
                self.waiting.remove(key);
                ignore_gone(api.bind(&target, &node))
            }
            None => say_unschedulable(api, &target, self.nodes.len()),
        }
    }

    /// The next node after the last one used that takes this pod.
    fn choose(&self, pod: &Value) -> Option<String> {
        let after = (Bound::Excluded(self.last.as_str()), Bound::Unbounded);
        let turn = self.nodes.range::<str, _>(after).chain(&self.nodes);
        let fits = |node: &Value| takes_pods(node) && selects(pod, node) && tolerates(pod, node);
        turn.filter(|(_, node)| fits(&node.value))
            .map(|(name, _)| name.clone())
            .next()
    }
}

fn wants_node(pod: &Value) -> bool {
    let node = object::text(pod, &["spec", "nodeName"]).unwrap_or_default();
    let gates = object::list(pod, &["spec", "schedulingGates"]);
    let scheduler = object::text(pod, &["spec", "schedulerName"]);
    node.is_empty()
        && gates.is_empty()
        && scheduler == Some("default-scheduler")
        && !object::is_deleting(pod)
}

fn takes_pods(node: &Value) -> bool {
    let closed = object::at(node, &["spec", "unschedulable"]) == Some(&json!(true));
    !closed && object::has_condition(node, "Ready") && !object::is_deleting(node)
}

/// The node has every label of the pod's `nodeSelector`.
fn selects(pod: &Value, node: &Value) -> bool {
    let wanted = object::at(pod, &["spec", "nodeSelector"]).and_then(Value::as_object);
    wanted
        .into_iter()
        .flatten()
        .all(|(key, value)| object::label(node, key) == value.as_str())
}

/// The pod tolerates every taint of the node that keeps pods away.
fn tolerates(pod: &Value, node: &Value) -> bool {
    let tolerations = object::list(pod, &["spec", "tolerations"]);
    let keeps_away = |taint: &&Value| {
        matches!(
            object::text(taint, &["effect"]),
            Some("NoSchedule" | "NoExecute")
        )
    };
    object::list(node, &["spec", "taints"])
        .iter()
        .filter(keeps_away)
        .all(|taint| {
            tolerations.iter().any(|toleration| {
                let any = |field: &str| toleration.get(field).is_none_or(|value| value == "");
                let same = |field: &str| toleration.get(field) == taint.get(field);
                let exists = toleration["operator"] == "Exists";
                (same("key") || (exists && any("key")))
                    && (any("effect") || same("effect"))
                    && (exists || same("value"))
            })
        })
}

fn say_unschedulable(api: &Api, pod: &Target, nodes: usize) -> Result<(), ApiError> {
    let message = format!("0/{nodes} nodes are available");
    let update = api.update(pod, Part::Internal, &WriteOptions::default(), |old| {
        let known = object::list(old, &["status", "conditions"])
            .iter()
            .any(|condition| {
                condition["type"] == "PodScheduled" && condition["message"] == message.as_str()
            });
        let mut new = old.clone();
        if !known {
            let condition = json!({
                "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
                "message": message, "lastTransitionTime": object::now(),
            });
            object::set_condition(&mut new, condition);
        }
        Ok(new)
    });
    ignore_gone(update.map(drop))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_taints_decide() {
        let node = json!({
            "metadata": {"labels": {"zone": "a"}},
            "spec": {"taints": [{"key": "role", "value": "infra", "effect": "NoSchedule"}]},
        });
        let pod = |selector: Value, tolerations: Value| json!({"spec": {"nodeSelector": selector, "tolerations": tolerations}});
        assert!(selects(&pod(json!({"zone": "a"}), json!([])), &node));
        assert!(!selects(&pod(json!({"zone": "b"}), json!([])), &node));
        assert!(!tolerates(&pod(json!({}), json!([])), &node));
        assert!(tolerates(
            &pod(json!({}), json!([{"operator": "Exists"}])),
            &node
        ));
        let exact = json!([{"key": "role", "value": "infra", "effect": "NoSchedule"}]);
        assert!(tolerates(&pod(json!({}), exact), &node));
        let other = json!([{"key": "role", "value": "web"}]);
        assert!(!tolerates(&pod(json!({}), other), &node));
    }
}
