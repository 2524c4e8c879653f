//! What owners are told: each reason once.

use super::Draft;
use crate::port::action::{Action, Assignment, Reason};
use crate::port::model::{Id, Pod};
use crate::port::world::World;

impl Draft {
    /// Says why a pod waits. Other words for the same reason are no news.
    pub(super) fn report(&mut self, world: &World, pod: &Pod, reason: Reason, message: String) {
        let told = world.reported.get(&pod.key);
        if told.is_none_or(|(told, _)| *told != reason) {
            self.actions.push(Action::Report {
                pod: pod.key.clone(),
                uid: pod.uid.clone(),
                reason,
                message,
            });
        }
    }

    /// Says once of a pod that its `hostPort` leads nowhere.
    pub(super) fn warn_of_host_port(&mut self, world: &World, pod: &Pod) {
        let is_told = world.warned.get(&pod.key) == Some(&pod.uid);
        if !pod.has_host_port || is_told || pod.wanted_kind().is_none() {
            return;
        }
        self.actions.push(Action::Warn {
            pod: pod.key.clone(),
            uid: pod.uid.clone(),
            reason: Reason::HostPortNotServed,
            message: "hostPort is not opened on the node, unless a plugin that is chained behind kuryr-cni does so; the pod is \
                      reached at its own address, and from outside by a Service"
                .to_owned(),
        });
    }

    /// Says why a node's pools are too small.
    pub(super) fn report_node(&mut self, world: &World, name: &Id, reason: Reason, message: &str) {
        let said = |a: &Action| matches!(a, Action::ReportNode { node, .. } if node == name);
        if world.reported_nodes.get(name) != Some(&reason) && !self.actions.iter().any(said) {
            self.actions.push(Action::ReportNode {
                node: name.clone(),
                reason,
                message: format!("fewer ports than wanted wait for pods here: {message}"),
            });
        }
    }

    /// A KuryrPort before there is a port: the daemon then sees why the pod waits.
    pub(super) fn early_claim(&mut self, world: &World, pod: &Pod) {
        if !world.claims.contains(&pod.key) {
            self.actions.push(create_claim(pod, None));
        }
    }
}

pub(super) fn create_claim(pod: &Pod, vif: Option<Assignment>) -> Action {
    Action::CreateClaim {
        pod: pod.key.clone(),
        uid: pod.uid.clone(),
        node: pod.node.clone(),
        is_static: pod.is_static,
        vif,
    }
}
