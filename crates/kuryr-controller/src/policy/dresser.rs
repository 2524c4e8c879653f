//! The ports' loop's side: pods want the groups that were decided, and ports' groups are told.

use std::collections::BTreeSet;
use std::sync::Arc;

use kuryr_core::port::{Pod, PodKey, PortKind, Want, World};

use super::link::{Decision, Decisions, FromPorts, PortsEnd};

/// Gives pods the groups that policies ask for.
pub(crate) struct Dresser {
    end: PortsEnd,
    decisions: Decisions,
    /// The kind of ports where no policy is.
    base: Arc<PortKind>,
    /// Whether the other side was told that all ports are known.
    known: bool,
}

impl Dresser {
    pub(crate) fn new(end: PortsEnd, base: Arc<PortKind>) -> Self {
        Self {
            end,
            decisions: Decisions::default(),
            base,
            known: false,
        }
    }

    /// The next decision, when it comes.
    pub(crate) async fn next(&mut self) -> Decision {
        match self.end.decisions.recv().await {
            Some(decision) => decision,
            // The other loop ended: so does this one, by the same token.
            None => std::future::pending().await,
        }
    }

    /// A decision that is there already.
    pub(crate) fn try_next(&mut self) -> Option<Decision> {
        self.end.decisions.try_recv().ok()
    }

    /// Has a pod want what was decided.
    pub(crate) fn dress(&self, pod: &mut Pod) {
        if matches!(pod.want, Want::Port(_) | Want::Groups { .. }) {
            pod.want = self.decisions.want(pod, &self.base);
        }
    }

    /// Takes a decision in.
    pub(crate) fn decided(&mut self, decision: Decision, world: &mut World) {
        let key = decision.pod.clone();
        self.decisions.put(decision);
        let Some(known) = world.pod(&key) else {
            return;
        };
        let mut pod = known.clone();
        self.dress(&mut pod);
        if pod != *known {
            world.apply_pod(pod);
        }
    }

    /// A pod is gone.
    pub(crate) fn forget(&mut self, pod: &PodKey) {
        self.decisions.forget(pod);
    }

    /// Tells which ports have which groups now.
    pub(crate) fn tell(&mut self, world: &mut World, leads: bool) {
        // Sending fails at the end only, when the other loop is gone.
        for wearer in world.take_wearers() {
            let _ = self.end.ports.send(FromPorts::Wearer(wearer));
        }
        let known = leads && world.knows_ports();
        if known == self.known {
            return;
        }
        self.known = known;
        let news = if known {
            let all: BTreeSet<_> = world.ports().map(|(p, _)| p.id.clone()).collect();
            FromPorts::Known(all)
        } else {
            FromPorts::Unknown
        };
        let _ = self.end.ports.send(news);
    }
}

/// The next decision where there are policies; never, where there are none.
pub(crate) async fn next(dresser: &mut Option<Dresser>) -> Decision {
    match dresser {
        Some(dresser) => dresser.next().await,
        None => std::future::pending().await,
    }
}
