//! Random lives of pods, with DELs at odd times, crashes and lost namespaces: no VLAN ever
//! has two interfaces, and nothing is left at the end.

use std::collections::BTreeMap;
use std::time::Duration;

use kuryr_cni::protocol::Attached;
use kuryr_daemon::Refusal;
use kuryr_daemon::ports::Known;
use proptest::prelude::*;
use tokio::task::JoinHandle;

use crate::world::{World, key, target, uid, vif};

const PODS: usize = 3;
const CONTAINERS: usize = 2;
/// As many as pods: a released VLAN is soon another pod's.
const VLANS: u16 = 3;

#[derive(Clone, Debug)]
enum Op {
    /// The controller gives a pod a port, not active yet or from a pool.
    Give(usize, bool),
    /// Neutron shows it ACTIVE.
    Activate(usize),
    /// The controller releases it.
    Release(usize),
    /// The runtime asks; nobody waits for the answer.
    Add(usize, usize),
    /// The runtime takes back.
    Del(usize, usize),
    /// The namespace goes, without DEL.
    Kill(usize, usize),
    /// The daemon is killed and starts again.
    Restart,
    /// The daemon looks for leftovers.
    Sweep,
    /// Time passes.
    Yield,
}

fn op() -> impl Strategy<Value = Op> {
    let pod = 0..PODS;
    let container = 0..CONTAINERS;
    prop_oneof![
        4 => (pod.clone(), any::<bool>()).prop_map(|(p, a)| Op::Give(p, a)),
        3 => pod.clone().prop_map(Op::Activate),
        2 => pod.clone().prop_map(Op::Release),
        6 => (pod.clone(), container.clone()).prop_map(|(p, c)| Op::Add(p, c)),
        4 => (pod.clone(), container.clone()).prop_map(|(p, c)| Op::Del(p, c)),
        1 => (pod, container).prop_map(|(p, c)| Op::Kill(p, c)),
        1 => Just(Op::Restart),
        1 => Just(Op::Sweep),
        6 => Just(Op::Yield),
    ]
}

struct Life {
    world: World,
    adds: Vec<JoinHandle<Result<Attached, Refusal>>>,
    /// VLANs in use by ports, as Neutron would know.
    vlans: BTreeMap<usize, u16>,
    ports: u16,
    crashed: bool,
}

fn pod(p: usize) -> String {
    format!("web-{p}")
}

fn container(p: usize, c: usize) -> String {
    format!("c{p}{c}")
}

impl Life {
    async fn step(&mut self, op: &Op) {
        match *op {
            Op::Give(p, active) => self.give(p, active),
            Op::Activate(p) => self.world.activate(&pod(p)),
            Op::Release(p) => {
                self.vlans.remove(&p);
                self.world.delete_port(&pod(p));
            }
            Op::Add(p, c) => {
                let target = target(&container(p, c), &pod(p));
                self.adds.push(self.world.adding(&target));
            }
            Op::Del(p, c) => {
                let target = target(&container(p, c), &pod(p));
                self.world.node.del(&target).await.unwrap();
            }
            Op::Kill(p, c) => {
                let path = format!("/run/netns/{}", container(p, c));
                self.world.kernel().kill_netns(&path);
            }
            Op::Restart => {
                for add in self.adds.drain(..) {
                    add.abort();
                }
                self.crashed = true;
                self.world.restart().await;
            }
            Op::Sweep => self.world.node.sweep().await,
            Op::Yield => tokio::time::sleep(Duration::from_millis(1)).await,
        }
        let violations = self.world.kernel().violations.clone();
        assert_eq!(violations, Vec::<String>::new(), "after {op:?}");
    }

    fn give(&mut self, p: usize, active: bool) {
        if self.world.api.contains_key(&key(&pod(p))) {
            return;
        }
        let free = (101..101 + VLANS).find(|v| !self.vlans.values().any(|used| used == v));
        let Some(vlan) = free else { return };
        self.vlans.insert(p, vlan);
        self.ports += 1;
        let vif = vif(self.ports, vlan, active);
        self.world.port(&pod(p), &uid(&pod(p)), Some(vif));
    }

    /// Every pod gets an active port: then each ADD that waits comes to an end.
    async fn settle(&mut self) {
        for p in 0..PODS {
            self.step(&Op::Give(p, true)).await;
            self.step(&Op::Activate(p)).await;
        }
        for add in self.adds.drain(..) {
            let _ = add.await.unwrap();
        }
        // A crash may fall between unplugging and forgetting: DEL finds nothing to unplug then.
        if !self.crashed {
            assert_recorded(&self.world);
        }
    }

    /// Every sandbox is taken away, as a runtime does until DEL succeeds.
    async fn end(mut self) {
        for p in 0..PODS {
            for c in 0..CONTAINERS {
                self.step(&Op::Del(p, c)).await;
            }
            self.step(&Op::Release(p)).await;
        }
        self.world.node.sweep().await;
        self.world.assert_clean();
    }
}

/// What is plugged for good is what the record says.
fn assert_recorded(world: &World) {
    let kernel = world.kernel();
    for attachment in world.node.ledger().all() {
        if attachment.complete
            && kernel
                .netns
                .contains_key(attachment.netns.as_ref().unwrap())
        {
            let name = attachment.host_name();
            assert!(
                kernel.links.contains_key(&name),
                "{name} is recorded, not plugged"
            );
        }
    }
    for known in world.api.values() {
        assert!(matches!(known, Known::Port(_)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_and_nothing_is_left(ops in prop::collection::vec(op(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut life = Life {
                world: World::waiting(Duration::from_secs(60)).await,
                adds: Vec::new(),
                vlans: BTreeMap::new(),
                ports: 0,
                crashed: false,
            };
            for op in &ops {
                life.step(op).await;
            }
            life.settle().await;
            life.end().await;
        });
    }
}
