//! What is to be true at rest, and waiting for it.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use kuryr_embedded_openstack::Kind;

use super::{CLUSTER, Pod, World};

/// Nothing takes so long unless it never happens.
const PATIENCE: Duration = Duration::from_secs(90);

impl World {
    /// Waits until `check` finds nothing wrong.
    pub(crate) async fn until(&self, check: impl Fn(&Self) -> Result<(), String>) {
        let begin = tokio::time::Instant::now();
        let mut wrong = Ok(());
        while begin.elapsed() < PATIENCE {
            wrong = check(self);
            if wrong.is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("still not so: {}\n{}", wrong.unwrap_err(), self.dump());
    }

    /// Waits until `check` is true.
    pub(crate) async fn until_true(&self, what: &str, check: impl Fn(&Self) -> bool) {
        let so = |world: &Self| check(world).then_some(()).ok_or_else(|| what.to_owned());
        self.until(so).await;
    }

    /// Waits until each pod has its port and no KuryrPort is left over.
    pub(crate) async fn all_ready(&self) {
        self.until(Self::check_pods).await;
    }

    /// The same, and that there is no port besides the pods'.
    pub(crate) async fn all_ready_and_no_more(&self) {
        self.until(|world| {
            world.check_pods()?;
            let (ports, pods) = (world.ports_of(CLUSTER).len(), world.all_pods().len());
            (ports == pods)
                .then_some(())
                .ok_or(format!("{ports} ports for {pods} pods"))
        })
        .await;
    }

    /// Waits until no pod is there, and nothing of them.
    pub(crate) async fn all_gone(&self) {
        self.until(|world| {
            let (pods, claims) = (world.all_pods().len(), world.all_claims().len());
            let ports = world.ports_of(CLUSTER).len();
            (pods + claims + ports == 0)
                .then_some(())
                .ok_or(format!("{pods} pods, {claims} KuryrPorts, {ports} ports"))
        })
        .await;
    }

    /// Each pod has one port of its own, on its node's trunk, ACTIVE, and is told so; no
    /// KuryrPort is without its pod.
    pub(crate) fn check_pods(&self) -> Result<(), String> {
        let (pods, claims) = (self.all_pods(), self.all_claims());
        let mut ports = BTreeSet::new();
        for claim in &claims {
            let of = |p: &&Pod| p.name == claim.name && p.namespace == claim.namespace;
            let pod = pods.iter().find(of);
            if pod.is_none_or(|p| p.uid != claim.uid) {
                return Err(format!("{claim:?} is for no pod"));
            }
            if let Some((port, _, _)) = &claim.vif {
                assert!(ports.insert(port.clone()), "{port} has two pods");
            }
        }
        pods.iter().try_for_each(|pod| self.check_pod(pod))
    }

    /// One pod of those.
    pub(crate) fn check_pod(&self, pod: &Pod) -> Result<(), String> {
        let claims = self.all_claims();
        let of = |c: &&super::Claim| c.name == pod.name && c.namespace == pod.namespace;
        let claim = claims.iter().find(of);
        let claim = claim.ok_or_else(|| format!("{pod:?} has no KuryrPort"))?;
        let (id, vlan, active) = claim.vif.clone().ok_or(format!("{claim:?} has no port"))?;
        let port = self.port(&id).ok_or(format!("{claim:?}: port is gone"))?;
        let trunk = self.trunk_of(&pod.node).ok_or("node without trunk")?;
        let by_policies = self.by_policies.load(Ordering::Relaxed);
        let right = active
            && port.status == "ACTIVE"
            && port.place == Some((trunk.clone(), vlan))
            && claim.node == pod.node
            && (by_policies || port.groups == [self.tenant.pod_security_group.clone()]);
        right
            .then_some(())
            .ok_or_else(|| format!("{claim:?} has {port:?}, the node's trunk is {trunk}"))
    }

    /// Waits until one pod of the usual namespace is ready.
    pub(crate) async fn ready(&self, name: &str) {
        self.until(|world| {
            let pods = world.all_pods();
            let pod = pods.iter().find(|p| p.name == name);
            world.check_pod(pod.ok_or("no such pod")?)
        })
        .await;
    }

    /// Waits until a pod was told by an Event why it waits; the Event's words.
    pub(crate) async fn until_told(&self, pod: &str, reason: &str) -> String {
        let what = format!("no Event {reason} about {pod}");
        self.until_true(&what, |world| world.told(pod, reason).is_some())
            .await;
        self.told(pod, reason).unwrap_or_default()
    }

    /// All that a failed test's reader wants to see.
    fn dump(&self) -> String {
        let mut lines = Vec::new();
        lines.extend(self.all_pods().iter().map(|p| format!("{p:?}")));
        lines.extend(self.all_claims().iter().map(|c| format!("{c:?}")));
        lines.extend(self.ports_of(CLUSTER).iter().map(|p| format!("{p:?}")));
        let trunks = self.objects(Kind::Trunk);
        lines.extend(
            trunks
                .iter()
                .map(|t| format!("trunk {}: {}", t["id"], t["sub_ports"])),
        );
        lines.extend(self.events().iter().map(|e| format!("{e:?}")));
        lines.extend(self.dump_groups());
        let calls = self.openstack.calls().all();
        let last = calls.iter().rev().take(20).rev();
        lines.extend(last.map(|c| format!("{} {} {}", c.method, c.uri, c.status)));
        lines.join("\n")
    }
}
