//! Between the loop of policies and that of ports.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use kuryr_core::policy::PortGroups;
use kuryr_core::port::{Id, Pod, PodKey, PortKind, Want, Wearer};
use tokio::sync::mpsc;

/// Which groups a pod's port is to have.
#[derive(Clone, Debug)]
pub(crate) struct Decision {
    /// The pod.
    pub(super) pod: PodKey,
    /// Uid of the pod that it is about: one of the same name may have other labels.
    pub(super) uid: Id,
    /// What its port is to have. None: that can't be said yet.
    pub(super) groups: Option<PortGroups>,
    /// Why not, if the pod's owner is to know.
    pub(super) why: Option<String>,
}

/// What the ports' loop tells.
#[derive(Debug)]
pub(super) enum FromPorts {
    /// A port has other groups, or another pod, or is gone.
    Wearer(Wearer),
    /// All ports were listed since this process leads; these are there.
    Known(BTreeSet<Id>),
    /// They are to be listed anew.
    Unknown,
}

/// The policies' end.
pub(super) struct PoliciesEnd {
    pub(super) decisions: mpsc::UnboundedSender<Decision>,
    pub(super) ports: mpsc::UnboundedReceiver<FromPorts>,
}

/// The ports' end.
pub(crate) struct PortsEnd {
    pub(super) decisions: mpsc::UnboundedReceiver<Decision>,
    pub(super) ports: mpsc::UnboundedSender<FromPorts>,
}

/// Both ends.
pub(super) fn ends() -> (PoliciesEnd, PortsEnd) {
    let (decisions, decided) = mpsc::unbounded_channel();
    let (ports, told) = mpsc::unbounded_channel();
    let policies = PoliciesEnd {
        decisions,
        ports: told,
    };
    let own = PortsEnd {
        decisions: decided,
        ports,
    };
    (policies, own)
}

/// What was decided, as the ports' loop has it.
#[derive(Debug, Default)]
pub(super) struct Decisions(HashMap<PodKey, Decision>);

impl Decisions {
    /// Takes a decision in.
    pub(super) fn put(&mut self, decision: Decision) {
        if decision.groups.is_none() && decision.why.is_none() {
            self.0.remove(&decision.pod);
        } else {
            self.0.insert(decision.pod.clone(), decision);
        }
    }

    /// A pod is gone.
    pub(super) fn forget(&mut self, pod: &PodKey) {
        self.0.remove(pod);
    }

    /// What a pod that would have a port of kind `base` where there are no policies wants.
    pub(super) fn want(&self, pod: &Pod, base: &Arc<PortKind>) -> Want {
        let decision = self.0.get(&pod.key).filter(|d| d.uid == pod.uid);
        match decision.and_then(|d| d.groups.as_ref()) {
            Some(groups) => Want::Port(dressed(base, groups)),
            None => Want::Groups {
                like: base.clone(),
                why: decision.and_then(|d| d.why.clone()),
            },
        }
    }
}

/// The kind of port that has these groups.
fn dressed(base: &Arc<PortKind>, groups: &PortGroups) -> Arc<PortKind> {
    if groups.operator && groups.groups.is_empty() {
        return base.clone();
    }
    let operator = base.security_groups.iter().filter(|_| groups.operator);
    let all: BTreeSet<Id> = operator.chain(&groups.groups).cloned().collect();
    Arc::new(PortKind {
        security_groups: all.into_iter().collect(),
        ..(**base).clone()
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use kuryr_core::port::PodLife;

    fn base() -> Arc<PortKind> {
        Arc::new(PortKind {
            project: "p".into(),
            network: "n".into(),
            subnets: vec![],
            security_groups: vec!["m".into()],
        })
    }

    fn pod(uid: &str) -> Pod {
        Pod {
            key: PodKey::new("ns", "pod"),
            uid: uid.into(),
            node: "node".into(),
            want: Want::Port(base()),
            life: PodLife::Alive,
            finalizer: false,
            is_static: false,
            age: 0,
        }
    }

    fn decided(operator: bool, groups: &[&str]) -> Decisions {
        let mut all = Decisions::default();
        all.put(Decision {
            pod: PodKey::new("ns", "pod"),
            uid: "u1".into(),
            groups: Some(PortGroups {
                operator,
                groups: groups.iter().map(|g| Id::from(*g)).collect(),
            }),
            why: None,
        });
        all
    }

    fn groups(decisions: &Decisions) -> String {
        match decisions.want(&pod("u1"), &base()) {
            Want::Port(kind) => kind.security_groups.join(" "),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn groups_of_a_port_are_sorted_and_the_operators_are_there_where_no_policy_selects() {
        assert_eq!(groups(&decided(true, &[])), "m");
        assert_eq!(groups(&decided(true, &["z", "a"])), "a m z");
        assert_eq!(groups(&decided(false, &["z", "a"])), "a z");
    }

    #[test]
    fn what_was_decided_of_an_earlier_pod_of_the_name_is_nothing_for_this_one() {
        let decisions = decided(true, &["a"]);
        let want = decisions.want(&pod("u2"), &base());
        assert!(matches!(want, Want::Groups { why: None, .. }), "{want:?}");
    }

    #[test]
    fn why_a_pod_waits_is_kept_and_nothing_is_not() {
        let mut decisions = decided(true, &["a"]);
        let none = |why: Option<&str>| Decision {
            pod: PodKey::new("ns", "pod"),
            uid: "u1".into(),
            groups: None,
            why: why.map(str::to_owned),
        };
        decisions.put(none(Some("quota")));
        let want = decisions.want(&pod("u1"), &base());
        assert!(
            matches!(want, Want::Groups { why: Some(_), .. }),
            "{want:?}"
        );
        decisions.put(none(None));
        assert!(decisions.0.is_empty());
    }
}
