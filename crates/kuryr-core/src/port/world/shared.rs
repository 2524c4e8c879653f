//! One copy of what stands in many facts: with a hundred thousand ports that is most of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::World;
use crate::port::model::{Claim, Id, Pod, Port, PortKind, Want};

/// Values that many facts have, each once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shared {
    kinds: BTreeSet<Arc<PortKind>>,
    namespaces: BTreeSet<Id>,
}

fn one<T: Ord + Clone>(known: &mut BTreeSet<T>, value: &mut T) {
    if let Some(first) = known.get(value) {
        value.clone_from(first);
    } else {
        known.insert(value.clone());
    }
}

impl Shared {
    /// Forgets kinds that nothing has any more.
    pub(crate) fn tidy(&mut self) {
        self.kinds.retain(|kind| Arc::strong_count(kind) > 1);
    }
}

impl World {
    pub(crate) fn share_port(&mut self, port: &mut Port) {
        one(&mut self.shared.kinds, &mut port.kind);
        for (subnet, _) in &mut port.addresses {
            if let Some(known) = port.kind.subnets.iter().find(|s| *s == subnet) {
                subnet.clone_from(known);
            }
        }
        if let Some((id, _)) = self.users.get_key_value(&port.id) {
            port.id = id.clone();
        }
    }

    pub(crate) fn share_pod(&mut self, pod: &mut Pod) {
        one(&mut self.shared.namespaces, &mut pod.key.namespace);
        if let Want::Port(kind) = &mut pod.want {
            one(&mut self.shared.kinds, kind);
        }
        if let Some((node, _)) = self.nodes.get_key_value(&pod.node) {
            pod.node = node.clone();
        }
        if let Some(claim) = self.claims.get(&pod.key) {
            pod.key = claim.pod.clone();
            if claim.pod_uid == pod.uid {
                pod.uid = claim.pod_uid.clone();
            }
        }
    }

    pub(crate) fn share_claim(&mut self, claim: &mut Claim) {
        one(&mut self.shared.namespaces, &mut claim.pod.namespace);
        if let Some((node, _)) = self.nodes.get_key_value(&claim.node) {
            claim.node = node.clone();
        }
        if let Some(pod) = self.pods.get(&claim.pod) {
            claim.pod = pod.key.clone();
            if pod.uid == claim.pod_uid {
                claim.pod_uid = pod.uid.clone();
            }
        }
        if let Some(vif) = &mut claim.vif
            && let Some((id, _)) = self.ports.get_key_value(&vif.port)
        {
            vif.port = id.clone();
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::port::model::{ClaimedVif, Place, PodKey, PodLife, PortNotes, PortStatus};
    use crate::port::settings::Settings;

    fn kind() -> Arc<PortKind> {
        Arc::new(PortKind {
            project: "p".into(),
            network: "n".into(),
            subnets: vec!["s".into()],
            security_groups: vec![],
        })
    }

    #[test]
    fn facts_that_say_the_same_hold_one_copy() {
        let mut world = World::new(Settings::default());
        world.apply_claim(Claim {
            pod: PodKey::new("ns", "pod"),
            pod_uid: "u".into(),
            node: "n1".into(),
            vif: Some(ClaimedVif {
                port: "port".into(),
                vlan: 1,
                active: true,
            }),
            deleting: false,
            finalizer: true,
            version: 1,
        });
        world.apply_pod(Pod {
            key: PodKey::new("ns", "pod"),
            uid: "u".into(),
            node: "n1".into(),
            want: Want::Port(kind()),
            life: PodLife::Alive,
            finalizer: false,
            is_static: false,
            has_host_port: false,
            age: 0,
        });
        let port = Port {
            id: "port".into(),
            kind: kind(),
            mac: "m".into(),
            addresses: vec![("s".into(), [10, 0, 0, 1].into())],
            status: PortStatus::Active,
            place: Place::Loose,
        };
        world.put_port(port, PortNotes::default());
        let key = PodKey::new("ns", "pod");
        let (claim, pod) = (world.claim(&key).unwrap(), world.pod(&key).unwrap());
        let port = world.port(&"port".into()).unwrap();
        assert!(Arc::ptr_eq(&claim.pod_uid, &pod.uid));
        assert!(Arc::ptr_eq(&claim.node, &pod.node));
        assert!(Arc::ptr_eq(&claim.vif.as_ref().unwrap().port, &port.id));
        assert!(Arc::ptr_eq(pod.wanted_kind().unwrap(), &port.kind));
        assert!(Arc::ptr_eq(&port.addresses[0].0, &port.kind.subnets[0]));
    }
}
