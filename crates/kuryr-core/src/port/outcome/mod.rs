//! What an action changes when it begins, and when its outcome is known.

mod change;
mod create;
mod observe;

use crate::Millis;
use crate::port::action::{Action, Answer, Assignment, Outcome, Reason};
use crate::port::model::{Id, PodKey};
use crate::port::world::{Held, NodeTrunk, World};
use crate::reconcile::{Failure, FailureKind};

/// Milliseconds; the longest pause between two tries of a bulk create or a full list, however often it failed: one call for
/// all pods that wait costs Neutron little.
const SOON: Millis = 5_000;

impl World {
    /// The action is about to be carried out: what it concerns is busy until its outcome is known.
    pub(in crate::port) fn begin(&mut self, action: &Action) {
        match action {
            Action::CreateClaim { pod, vif, .. } => self.begin_claim(pod, vif.as_ref()),
            Action::WriteVif { pod, vif, .. } => self.begin_claim(pod, Some(vif)),
            Action::DropClaim { pod, .. } | Action::DropPodFinalizer { pod, .. } => {
                self.begin_claim(pod, None);
            }
            Action::FindTrunks { nodes } => {
                for (node, _) in nodes {
                    self.node_mut(node).finding = true;
                }
            }
            Action::CreatePorts { orders } => {
                self.making.begins(orders);
                self.population.making(orders);
            }
            Action::AddSubports { trunk, ports } => {
                self.set_trunk_busy(trunk, true);
                if let (Some(t), Some((_, last))) = (self.trunks.get_mut(trunk), ports.last()) {
                    t.last_vlan = *last;
                }
                let node = self.trunks.get(trunk).and_then(|t| t.node.clone());
                for (id, _) in ports {
                    // An orphan is this node's from now on.
                    self.change_port(id, |_, n| (n.busy, n.made_for) = (true, node.clone()));
                }
            }
            Action::RemoveSubports { trunk, ports } => {
                self.set_trunk_busy(trunk, true);
                if let Some(t) = self.trunks.get_mut(trunk) {
                    t.shrunk_at = self.agenda.now();
                }
                self.set_busy(ports, true);
            }
            Action::DeletePort { port } => {
                self.deletes += 1;
                self.change_port(port, |_, n| (n.busy, n.doomed) = (true, true));
            }
            Action::SetSecurityGroups { port, kind } => {
                self.set_busy([port], true);
                self.regrouping.insert(port.clone(), kind.clone());
            }
            Action::Adopt { port, .. } => drop(self.adopting.insert(port.clone())),
            Action::Look { .. } => self.looks.begins(),
            Action::Refresh => {
                self.list.begin(self.sequence);
            }
            Action::Report {
                pod,
                reason,
                message,
                ..
            } => {
                self.reported
                    .insert(pod.clone(), (*reason, message.clone()));
            }
            Action::Warn { pod, uid, .. } => {
                self.warned.insert(pod.clone(), uid.clone());
            }
            Action::ReportNode { node, reason, .. } => {
                self.reported_nodes.insert(node.clone(), *reason);
            }
        }
    }

    fn begin_claim(&mut self, pod: &PodKey, vif: Option<&Assignment>) {
        if let Some(vif) = vif {
            self.use_port(&vif.port, pod);
            self.reported.remove(pod);
        }
        self.claims.call_begins(pod.clone(), vif.cloned());
    }

    fn set_busy<'a>(&mut self, ids: impl IntoIterator<Item = &'a Id>, busy: bool) {
        for id in ids {
            self.change_port(id, |_, notes| notes.busy = busy);
        }
    }

    fn set_trunk_busy(&mut self, trunk: &Id, busy: bool) {
        self.sequence += 1;
        let sequence = self.sequence;
        if let Some(t) = self.trunks.get_mut(trunk) {
            t.busy = busy;
            t.touched = sequence;
            if let Some(node) = t.node.clone() {
                self.touch(&node);
            }
        }
    }

    /// The action's outcome is known; it took so many milliseconds.
    pub(in crate::port) fn conclude(&mut self, action: &Action, outcome: Outcome, took: Millis) {
        let failure = outcome.as_ref().err().cloned();
        match action {
            Action::CreateClaim { pod, .. }
            | Action::WriteVif { pod, .. }
            | Action::DropClaim { pod, .. }
            | Action::DropPodFinalizer { pod, .. } => self.finish_claim(pod, outcome, failure),
            Action::FindTrunks { nodes } => {
                let names: Vec<Id> = nodes.iter().map(|(n, _)| n.clone()).collect();
                self.finish_find(&names, outcome, failure);
            }
            Action::CreatePorts { orders } => self.finish_create(orders, outcome, took),
            Action::AddSubports { trunk, ports } => self.finish_add(trunk, ports, failure, took),
            Action::RemoveSubports { trunk, ports } => self.finish_remove(trunk, ports, failure),
            Action::DeletePort { port } => self.finish_delete(port, failure),
            Action::SetSecurityGroups { port, kind } => self.finish_groups(port, kind, failure),
            Action::Adopt { .. } => self.finish_adopt(action, outcome),
            Action::Look { ports } => self.finish_look(ports, outcome),
            Action::Refresh => self.finish_refresh(outcome, failure),
            Action::Warn { .. } | Action::Report { .. } | Action::ReportNode { .. } => {}
        }
    }

    fn finish_claim(&mut self, pod: &PodKey, outcome: Outcome, failure: Option<Failure>) {
        let ended = self.claims.call_ends(pod);
        if let Ok(Answer::Claim(claim)) = outcome {
            if claim.vif.as_ref().is_some_and(|v| v.active) {
                self.waiting.ready(&claim.pod, self.agenda.now());
            }
            // The watch may have been faster than the answer.
            if ended.is_current(&claim) {
                self.apply_claim(claim);
            }
        }
        // Whatever came of it: the port goes back unless the claim has it.
        let claimed = self.claims.get(pod).and_then(|c| c.vif.as_ref());
        let mut failure = failure;
        if let Some(vif) = ended
            .call
            .flatten()
            .filter(|v| claimed.map(|c| &c.port) != Some(&v.port))
        {
            self.free(&vif.port, pod);
            // Where no answer came the pod may have it: the watch says so while the port cools.
            if !failure.as_ref().is_some_and(Failure::is_unknown) {
                self.change_port(&vif.port, |_, n| n.free_since = 0);
            }
            // Else it would be tried as fast as it is answered.
            failure =
                failure.or_else(|| Some(Failure::again("the KuryrPort did not take the port")));
        }
        self.settle(Held::Claim(pod.clone()), failure.as_ref(), None);
        self.touch_pod_nodes(pod);
    }

    fn finish_find(&mut self, names: &[Id], outcome: Outcome, failure: Option<Failure>) {
        if let Ok(Answer::Trunks(trunks)) = outcome {
            for trunk in trunks {
                self.put_trunk(trunk);
            }
            for name in names {
                self.match_node(name);
                if self.node_mut(name).trunk == NodeTrunk::Unknown {
                    self.node_mut(name).trunk = NodeTrunk::Missing;
                }
            }
        }
        for name in names {
            self.node_mut(name).finding = false;
            let missing = self.node_trunk(name) == NodeTrunk::Missing;
            let again = missing.then(|| Failure::again("no trunk"));
            self.settle(
                Held::Node(name.clone()),
                failure.as_ref().or(again.as_ref()),
                None,
            );
            self.touch(name);
        }
    }

    /// Notes success or failure of what `held` names.
    fn settle(&mut self, held: Held, failure: Option<&Failure>, reason: Option<Reason>) {
        match failure {
            None => {
                self.agenda.release(&held);
                if self.agenda.untell(&held).is_some() {
                    self.reported_nodes.clear();
                    self.touch_held(&held);
                }
            }
            Some(f) if f.kind == FailureKind::NotLeader => {}
            Some(f) => {
                if let Some(reason) = reason {
                    self.agenda.tell(held.clone(), (reason, f.message.clone()));
                }
                self.touch_held(&held);
                // One call each for all that wait: it may come often.
                let longest = match held {
                    Held::Create | Held::Kind(_) | Held::Refresh => SOON,
                    _ => Millis::MAX,
                };
                self.agenda.hold(held, longest, f.after);
            }
        }
    }
}
