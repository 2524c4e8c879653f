//! Claims in the world.

use std::collections::BTreeSet;

use super::World;
use crate::port::model::{Claim, Id, PodKey};

impl World {
    /// A KuryrPort is there, or changed.
    ///
    /// Watches and answers of calls bring the same object in any order: an older version
    /// than the one known is left aside.
    pub(crate) fn apply_claim(&mut self, mut claim: Claim) {
        self.sequence += 1;
        if !self.claims.is_news(&claim.pod, &claim, self.sequence) {
            return;
        }
        self.share_claim(&mut claim);
        self.forget_claim_place(&claim.pod, claim.vif.as_ref().map(|v| &v.port));
        self.touch(&claim.node);
        self.node_mut(&claim.node).claims.insert(claim.pod.clone());
        if let Some(vif) = &claim.vif {
            self.use_port(&vif.port, &claim.pod);
        }
        self.claims.put(claim.pod.clone(), claim, self.sequence);
    }

    /// A KuryrPort is gone; `version` is that of its deletion, for the reason given at
    /// [`World::apply_claim`].
    pub(crate) fn delete_claim(&mut self, key: &PodKey, version: u64) {
        if self.claims.is_gone(key, version) {
            self.remove_claim(key, version);
        }
    }

    fn remove_claim(&mut self, key: &PodKey, version: u64) {
        self.forget_claim_place(key, None);
        if let Some(claim) = self.claims.remove(key, version) {
            if let Some(pod) = self.pods.get(key) {
                let node = pod.node.clone();
                self.touch(&node);
            }
            self.touch(&claim.node);
        }
    }

    /// The list of KuryrPorts that began last was read whole: those not in it and not written since are gone.
    pub(crate) fn retain_claims(&mut self, there: &BTreeSet<PodKey>) {
        for key in self.claims.absent(there) {
            // Made again or not, a call that is under way did not do it.
            self.remove_claim(&key, u64::MAX);
        }
        if self.claims.list_ends() {
            self.touch_all();
        }
    }

    /// Takes a claim out of the indexes; its port becomes free unless it is `kept`.
    fn forget_claim_place(&mut self, key: &PodKey, kept: Option<&Id>) {
        let Some(old) = self.claims.get(key) else {
            return;
        };
        let (node, port) = (old.node.clone(), old.vif.as_ref().map(|v| v.port.clone()));
        let uid = old.pod_uid.clone();
        self.node_mut(&node).claims.remove(key);
        self.forget_if_nothing(&node);
        if let Some(port) = port.filter(|p| Some(p) != kept) {
            self.free(&port, key);
            if let Some((_, notes)) = self.ports.get_mut(&port) {
                notes.last_pod = Some(uid);
            }
        }
    }

    /// A pod has a port. Whoever had it first keeps it: that a claim names it is no proof.
    pub(crate) fn use_port(&mut self, port: &Id, pod: &PodKey) {
        self.note_worn(port);
        match self.users.get(port) {
            Some(user) if user != pod => {
                let rivals = self.rivals.entry(port.clone()).or_default();
                rivals.insert(pod.clone());
            }
            _ => drop(self.users.insert(port.clone(), pod.clone())),
        }
    }

    /// A port is no longer `user`'s.
    pub(crate) fn free(&mut self, port: &Id, user: &PodKey) {
        if let Some(rivals) = self.rivals.get_mut(port) {
            rivals.remove(user);
            if rivals.is_empty() {
                self.rivals.remove(port);
            }
        }
        if self.users.get(port) != Some(user) {
            return;
        }
        self.users.remove(port);
        self.note_worn(port);
        let next = self.rivals.get(port).and_then(|r| r.first().cloned());
        if let Some(next) = next {
            self.use_port(port, &next);
            return self.touch_pod_nodes(&next);
        }
        let now = self.agenda.now();
        if let Some((_, notes)) = self.ports.get_mut(port) {
            notes.free_since = now.max(1);
        }
        self.touch_port_node(port);
    }

    /// Claims, for reports.
    pub fn claims(&self) -> impl Iterator<Item = &Claim> {
        self.claims.values()
    }

    /// The claim of one pod.
    #[must_use]
    pub fn claim(&self, key: &PodKey) -> Option<&Claim> {
        self.claims.get(key)
    }
}
