//! Pods that wait for their port, since when: for the figure of how long that takes.

use std::collections::{BTreeMap, BTreeSet};

use crate::Millis;
use crate::port::model::{Id, Pod, PodKey, PodLife, Want};

/// Pods without a port, by name: which pod of that name, and since when.
#[derive(Clone, Debug, Default)]
pub(crate) struct Waiting {
    since: BTreeMap<PodKey, (Id, Millis)>,
    waited: Vec<Millis>,
}

impl Waiting {
    /// A pod as it is now. It waits if it wants a port and has none; one that is over waits no more, and one of the same
    /// name has a wait of its own.
    pub(crate) fn pod(&mut self, pod: &Pod, has_port: bool, now: Millis) {
        if pod.want == Want::Nothing || pod.life == PodLife::Over {
            self.since.remove(&pod.key);
        } else if !has_port {
            let since = self.since.entry(pod.key.clone());
            let (uid, at) = since.or_insert_with(|| (pod.uid.clone(), now));
            if *uid != pod.uid {
                (*uid, *at) = (pod.uid.clone(), now);
            }
        }
    }

    /// A pod is gone, or did not wait after all.
    pub(crate) fn forget(&mut self, pod: &PodKey) {
        self.since.remove(pod);
    }

    /// All pods were listed: others are gone.
    pub(crate) fn retain(&mut self, there: &BTreeSet<PodKey>) {
        self.since.retain(|pod, _| there.contains(pod));
    }

    /// A pod's port is ready: it waits no more, and how long it did is remembered.
    pub(crate) fn ready(&mut self, pod: &PodKey, now: Millis) {
        if let Some((_, since)) = self.since.remove(pod) {
            self.waited.push(now.saturating_sub(since));
        }
    }

    /// How long pods waited that became ready since this was last asked.
    pub(crate) fn take_waited(&mut self) -> Vec<Millis> {
        std::mem::take(&mut self.waited)
    }

    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.since.len()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::port::model::PortKind;

    use super::*;

    fn pod(uid: &str, life: PodLife) -> Pod {
        Pod {
            key: PodKey::new("ns", "web-0"),
            uid: uid.into(),
            node: "node1".into(),
            is_static: false,
            has_host_port: false,
            finalizer: false,
            life,
            age: 0,
            want: Want::Port(Arc::new(PortKind {
                project: "project".into(),
                network: "net".into(),
                subnets: vec![],
                security_groups: vec![],
            })),
        }
    }

    #[test]
    fn a_pod_that_ends_without_a_port_waits_no_more() {
        let mut waiting = Waiting::default();
        waiting.pod(&pod("a", PodLife::Alive), false, 10);
        assert_eq!(waiting.len(), 1);
        waiting.pod(&pod("a", PodLife::Over), false, 20);
        assert_eq!(waiting.len(), 0);
    }

    #[test]
    fn a_pod_that_a_list_does_not_show_waits_no_more() {
        let mut waiting = Waiting::default();
        waiting.pod(&pod("a", PodLife::Alive), false, 10);
        waiting.retain(&BTreeSet::new());
        assert_eq!(waiting.len(), 0);
    }

    #[test]
    fn a_later_pod_of_the_same_name_has_a_wait_of_its_own() {
        let mut waiting = Waiting::default();
        waiting.pod(&pod("a", PodLife::Alive), false, 10);
        waiting.pod(&pod("a", PodLife::Alive), false, 20);
        waiting.pod(&pod("b", PodLife::Alive), false, 1_000);
        let key = PodKey::new("ns", "web-0");
        waiting.ready(&key, 1_500);
        waiting.ready(&key, 1_600);
        assert_eq!(waiting.take_waited(), [500]);
        assert!(waiting.take_waited().is_empty());
    }
}
