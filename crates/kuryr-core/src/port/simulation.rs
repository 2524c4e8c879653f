//! The reconciler against a model of Neutron and Kubernetes that fails, forgets answers and
//! restarts the controller at any point. Whatever happened before, it has to come to rest
//! with each pod on a port of its own and nothing else left.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::pool::Limits;
use crate::reconcile::simulation::{self, Cloud as _, Controller as Harness, Fate, fate};
use crate::reconcile::{Failure, FailureKind, Reconciler, Watched};

mod cases;
mod dressed;
mod tenants;

const SUBNET_SIZE: usize = 60;

fn kind() -> Arc<PortKind> {
    kind_with("g")
}

fn kind_with(group: &str) -> Arc<PortKind> {
    Arc::new(PortKind {
        project: "p".into(),
        network: "n".into(),
        subnets: vec!["s".into()],
        security_groups: vec![group.into()],
    })
}

fn id(text: impl AsRef<str>) -> Id {
    text.as_ref().into()
}

/// What would be there if the controller were not.
#[derive(Clone, Default, Debug)]
pub(crate) struct Cloud {
    pub(crate) ports: BTreeMap<Id, Port>,
    pub(crate) trunks: BTreeMap<Id, BTreeMap<u16, Id>>,
    pub(crate) pods: BTreeMap<PodKey, Pod>,
    pub(crate) claims: BTreeMap<PodKey, Claim>,
    quota: usize,
    made: usize,
    version: u64,
    /// Deletions of claims that no watch has told of yet.
    deleted: Vec<(PodKey, u64)>,
    /// Somebody wrote claims: two may name one port.
    unchecked: bool,
    /// No agent wires ports: none becomes ACTIVE.
    asleep: bool,
}

impl Cloud {
    pub(crate) fn new(nodes: usize) -> Self {
        let trunks = (0..nodes).map(|n| (id(format!("t{n}")), BTreeMap::new()));
        Self {
            trunks: trunks.collect(),
            quota: 1000,
            ..Self::default()
        }
    }

    fn trunk_facts(&self) -> Vec<Trunk> {
        self.trunks
            .iter()
            .map(|(t, subports)| Trunk {
                id: t.clone(),
                addresses: vec![address(&t[1..])],
                subports: subports.clone(),
            })
            .collect()
    }

    fn add_pod(&mut self, n: usize, node: usize) {
        self.made += 1;
        let key = PodKey::new("ns", format!("pod{n}"));
        self.pods.insert(
            key.clone(),
            Pod {
                key,
                uid: id(format!("u{}", self.made)),
                node: id(format!("n{node}")),
                want: Want::Port(kind()),
                life: PodLife::Alive,
                finalizer: n.is_multiple_of(7),
                is_static: false,
                has_host_port: false,
                age: self.made as u64,
            },
        );
    }

    fn apply(&mut self, action: &Action) -> Outcome {
        match action {
            Action::CreateClaim {
                pod,
                uid,
                node,
                vif,
                ..
            } => {
                // The executor reads the one that is there.
                if let Some(claim) = self.claims.get(pod) {
                    return Ok(Answer::Claim(claim.clone()));
                }
                self.put_claim(pod, uid, node, vif.as_ref())
            }
            Action::WriteVif { pod, uid, vif } => match self.claims.get(pod).cloned() {
                Some(c) if c.pod_uid == *uid => self.put_claim(pod, uid, &c.node, Some(vif)),
                _ => again("NotFound"),
            },
            Action::DropClaim { pod, uid, .. } => self.drop_claim(pod, uid),
            Action::DropPodFinalizer { pod, uid } => {
                if let Some(p) = self.pods.get_mut(pod).filter(|p| p.uid == *uid) {
                    p.finalizer = false;
                }
                Ok(Answer::Done)
            }
            Action::FindTrunks { .. } => Ok(Answer::Trunks(self.trunk_facts())),
            Action::Refresh => Ok(Answer::All {
                ports: self.ports.values().cloned().collect(),
                trunks: self.trunk_facts(),
            }),
            Action::CreatePorts { orders } => self.create(orders),
            Action::AddSubports { trunk, ports } => self.add(trunk, ports),
            Action::RemoveSubports { trunk, ports } => self.remove(trunk, ports),
            Action::DeletePort { port } => match self.ports.get(port).map(|p| p.place.clone()) {
                Some(Place::On { .. }) => stale("PortInUseAsSubPort"),
                _ => {
                    self.ports.remove(port);
                    Ok(Answer::Done)
                }
            },
            Action::SetSecurityGroups { port, kind } => {
                if let Some(p) = self.ports.get_mut(port) {
                    p.kind = kind.clone();
                }
                Ok(Answer::Done)
            }
            Action::Adopt { port, .. } => match self.ports.get(port) {
                Some(port) => Ok(Answer::Adopted(port.clone())),
                None => stale("PortNotFound"),
            },
            Action::Look { ports } => {
                for p in self.ports.values_mut() {
                    if matches!(p.place, Place::On { .. }) && !self.asleep {
                        p.status = PortStatus::Active;
                    }
                }
                let seen = ports.iter().filter_map(|i| self.ports.get(i));
                Ok(Answer::Seen(
                    seen.map(|p| (p.id.clone(), p.status)).collect(),
                ))
            }
            Action::Warn { .. } | Action::Report { .. } | Action::ReportNode { .. } => {
                Ok(Answer::Done)
            }
        }
    }

    fn put_claim(
        &mut self,
        pod: &PodKey,
        uid: &Id,
        node: &Id,
        vif: Option<&Assignment>,
    ) -> Outcome {
        self.version += 1;
        let claim = Claim {
            pod: pod.clone(),
            pod_uid: uid.clone(),
            node: node.clone(),
            vif: vif.map(|v| ClaimedVif {
                port: v.port.clone(),
                vlan: v.vlan,
                active: v.active,
            }),
            deleting: false,
            finalizer: true,
            version: self.version,
        };
        self.claims.insert(pod.clone(), claim.clone());
        Ok(Answer::Claim(claim))
    }

    /// The answer shows the object as it was last, without its finalizer.
    fn drop_claim(&mut self, pod: &PodKey, uid: &Id) -> Outcome {
        if self.claims.get(pod).is_none_or(|c| c.pod_uid != *uid) {
            return Ok(Answer::Done);
        }
        let Some(claim) = self.claims.remove(pod) else {
            return Ok(Answer::Done);
        };
        self.version += 1;
        self.deleted.push((pod.clone(), self.version));
        Ok(Answer::Claim(Claim {
            vif: None,
            deleting: true,
            finalizer: false,
            version: self.version,
            ..claim
        }))
    }

    fn create(&mut self, orders: &[(Id, Arc<PortKind>, usize)]) -> Outcome {
        let total: usize = orders.iter().map(|o| o.2).sum();
        if self.ports.len() + total > self.quota {
            return Err(Failure::new(
                FailureKind::Quota {
                    free: Some(self.quota.saturating_sub(self.ports.len())),
                },
                "OverQuota",
            ));
        }
        if self.ports.len() + total > SUBNET_SIZE {
            return Err(Failure::new(
                FailureKind::SubnetFull,
                "IpAddressGenerationFailure",
            ));
        }
        let mut made = Vec::new();
        for (_, kind, n) in orders {
            for _ in 0..*n {
                self.made += 1;
                let port = Port {
                    id: id(format!("port{}", self.made)),
                    kind: kind.clone(),
                    mac: id("fa:16:3e:00:00:01"),
                    addresses: vec![],
                    status: PortStatus::Down,
                    place: Place::Loose,
                };
                self.ports.insert(port.id.clone(), port.clone());
                made.push(port);
            }
        }
        Ok(Answer::Created(made))
    }

    fn add(&mut self, trunk: &Id, ports: &[(Id, u16)]) -> Outcome {
        let bad = ports.iter().any(|(p, vlan)| {
            self.trunks[trunk].contains_key(vlan)
                || self.ports.get(p).is_none_or(|p| p.place != Place::Loose)
        });
        if bad {
            return stale("DuplicateSubPort or TrunkPortInUse or PortNotFound");
        }
        for (p, vlan) in ports {
            self.trunks.get_mut(trunk).unwrap().insert(*vlan, p.clone());
            self.ports.get_mut(p).unwrap().place = Place::On {
                trunk: trunk.clone(),
                vlan: *vlan,
            };
        }
        Ok(Answer::Done)
    }

    fn remove(&mut self, trunk: &Id, ports: &[Id]) -> Outcome {
        let there: BTreeSet<&Id> = self.trunks[trunk].values().collect();
        if ports.iter().any(|p| !there.contains(p)) {
            return stale("SubPortNotFound");
        }
        self.trunks
            .get_mut(trunk)
            .unwrap()
            .retain(|_, p| !ports.contains(p));
        for p in ports {
            let port = self.ports.get_mut(p).unwrap();
            (port.place, port.status) = (Place::Loose, PortStatus::Down);
        }
        Ok(Answer::Done)
    }
}

impl simulation::Cloud for Cloud {
    type Mind = World;

    fn carry_out(&mut self, action: &Action, fate: Fate) -> Outcome {
        match fate {
            Fate::Refused | Fate::Immutable => {
                return Err(Failure::again("503"));
            }
            Fate::NeverSent => return lost(),
            Fate::Works | Fate::DoneButAnswerLost => {}
        }
        let outcome = self.apply(action);
        if fate == Fate::DoneButAnswerLost && outcome.is_ok() {
            return lost();
        }
        outcome
    }

    fn news(&mut self) -> Vec<Event> {
        let pods = self.pods.values().cloned();
        let mut news: Vec<Event> = pods.map(|p| Event::Pod(Watched::There(p))).collect();
        let there = self.pods.keys().cloned().collect();
        news.push(Event::Pod(Watched::All(there)));
        let gone = self.deleted.drain(..);
        news.extend(gone.map(|(key, version)| Event::Claim(Watched::Gone(key, version))));
        let claims = self.claims.values().cloned();
        news.extend(claims.map(|c| Event::Claim(Watched::There(c))));
        news
    }

    fn lists(&mut self) -> Vec<Event> {
        self.deleted.clear();
        let mut lists = vec![Event::Claim(Watched::Begin)];
        lists.extend(self.news());
        let there = self.claims.keys().cloned().collect();
        lists.push(Event::Claim(Watched::All(there)));
        lists
    }

    /// No port serves two pods, ever.
    fn check_always(&self) {
        if self.unchecked {
            return;
        }
        let mut seen = BTreeSet::new();
        for vif in self.claims.values().filter_map(|c| c.vif.as_ref()) {
            assert!(seen.insert(&vif.port), "port {} has two pods", vif.port);
        }
    }
}

pub(crate) fn address(n: &str) -> std::net::IpAddr {
    format!("10.0.0.{}", n.parse::<u8>().unwrap() + 1)
        .parse()
        .unwrap()
}

fn again(message: &str) -> Outcome {
    Err(Failure::again(message))
}

fn stale(message: &str) -> Outcome {
    Err(Failure::new(FailureKind::Gone, message))
}

fn lost() -> Outcome {
    Err(Failure::unknown("timed out"))
}

type Controller = Harness<Cloud>;

impl Controller {
    /// As after a start: the watches are read, Neutron is not yet.
    fn start(cloud: &mut Cloud, settings: Settings, now: u64) -> Self {
        let mut world = World::new(settings);
        let nodes = cloud.trunks.keys().map(|t| id(t.replace('t', "n")));
        let nodes: BTreeSet<Id> = nodes.collect();
        for node in &nodes {
            let there = Watched::There((node.clone(), vec![address(&node[1..])]));
            world.learn(now, Event::Node(there));
        }
        world.learn(now, Event::Node(Watched::All(nodes)));
        Self::of(world, cloud, now)
    }
}

pub(crate) fn settings(pool: bool) -> Settings {
    let pool = if pool {
        Limits {
            enabled: true,
            min: 2,
            max: 0,
            batch: 3,
        }
    } else {
        Limits::NONE
    };
    Settings {
        pool,
        linger: if pool.enabled { 200 } else { 0 },
        cooldown: 50,
        orphan_grace: 500,
        ..Settings::default()
    }
}

/// What the end must look like.
fn check_end(cloud: &Cloud, pool: bool) {
    let alive: Vec<&Pod> = cloud
        .pods
        .values()
        .filter(|p| p.wanted_kind().is_some())
        .collect();
    for pod in &alive {
        let claim = cloud.claims.get(&pod.key).expect("a claim for each pod");
        assert_eq!(claim.pod_uid, pod.uid);
        let vif = claim.vif.as_ref().expect("a port for each pod");
        assert!(vif.active);
        let port = &cloud.ports[&vif.port];
        let trunk = id(pod.node.replace('n', "t"));
        assert_eq!(
            port.place,
            Place::On {
                trunk,
                vlan: vif.vlan
            }
        );
        assert_eq!(Some(&port.kind), pod.wanted_kind(), "its security groups");
    }
    assert_eq!(cloud.claims.len(), alive.len(), "no claim without a pod");
    if pool {
        assert!(cloud.ports.values().all(|p| p.place != Place::Loose));
    } else {
        assert_eq!(
            cloud.ports.len(),
            alive.len(),
            "no port without a pod: {:?} {:?}",
            cloud.ports,
            cloud.claims
        );
    }
}

#[derive(Clone, Debug)]
enum Step {
    Regroup(usize),
    AddPod(usize, usize),
    EndPod(usize),
    DeletePod(usize),
    Plan,
    Answer(usize, Fate),
    CarryOut(usize, Fate),
    Arrive(usize),
    Relist,
    Restart,
    Drift(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..12usize, 0..3usize).prop_map(|(p, n)| Step::AddPod(p, n)),
        1 => (0..12usize).prop_map(Step::EndPod),
        2 => (0..12usize).prop_map(Step::DeletePod),
        6 => Just(Step::Plan),
        8 => (0..9usize, fate()).prop_map(|(i, f)| Step::Answer(i, f)),
        3 => (0..9usize, fate()).prop_map(|(i, f)| Step::CarryOut(i, f)),
        3 => (0..9usize).prop_map(Step::Arrive),
        1 => Just(Step::Relist),
        1 => Just(Step::Restart),
        1 => (0..30usize).prop_map(Step::Drift),
        1 => (0..30usize).prop_map(Step::Regroup),
    ]
}

fn run(steps: &[Step], pool: bool) -> (Cloud, Controller) {
    let mut cloud = Cloud::new(3);
    let mut c = Controller::start(&mut cloud, settings(pool), 0);
    for step in steps {
        let key = |n: &usize| PodKey::new("ns", format!("pod{n}"));
        match step {
            Step::AddPod(p, n) => {
                if !cloud.pods.contains_key(&key(p)) {
                    cloud.add_pod(*p, *n);
                }
            }
            Step::EndPod(p) => {
                if let Some(pod) = cloud.pods.get_mut(&key(p)) {
                    pod.life = PodLife::Over;
                }
            }
            Step::DeletePod(p) => {
                cloud.pods.remove(&key(p));
            }
            Step::Plan => {
                c.watch(&mut cloud);
                c.plan();
            }
            Step::Answer(i, fate) => c.answer(*i, &mut cloud, *fate),
            Step::CarryOut(i, fate) => c.carry_out(*i, &mut cloud, *fate),
            Step::Arrive(i) => c.arrive(*i),
            Step::Relist => c.relist(&mut cloud),
            Step::Restart => {
                let now = c.die(&mut cloud);
                c = Controller::start(&mut cloud, settings(pool), now);
            }
            Step::Drift(n) => drift(&mut cloud, *n),
            Step::Regroup(n) => regroup(&mut cloud, *n),
        }
    }
    (cloud, c)
}

/// Someone changes a port's security groups by hand.
fn regroup(cloud: &mut Cloud, n: usize) {
    let port = cloud.ports.values_mut().nth(n);
    if let Some(port) = port {
        port.kind = kind_with("theirs");
    }
}

/// Someone takes a subport off its trunk by hand.
fn drift(cloud: &mut Cloud, n: usize) {
    let on: Vec<Id> = cloud
        .ports
        .values()
        .filter(|p| p.place != Place::Loose)
        .map(|p| p.id.clone())
        .collect();
    let Some(port) = on.get(n) else { return };
    for subports in cloud.trunks.values_mut() {
        subports.retain(|_, p| p != port);
    }
    let port = cloud.ports.get_mut(port).unwrap();
    (port.place, port.status) = (Place::Loose, PortStatus::Down);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn comes_to_rest_from_anywhere(
        steps in proptest::collection::vec(step(), 0..120),
        pool: bool,
    ) {
        let (mut cloud, mut c) = run(&steps, pool);
        c.world.look_anew();
        prop_assert!(c.settle(&mut cloud).is_some(), "never rests");
        // A second full look finds what drifted while the first was under way.
        c.world.look_anew();
        prop_assert!(c.settle(&mut cloud).is_some(), "never rests");
        check_end(&cloud, pool);
    }

    #[test]
    fn a_restart_at_rest_changes_nothing(
        steps in proptest::collection::vec(step(), 0..60),
        pool: bool,
    ) {
        let (mut cloud, mut c) = run(&steps, pool);
        c.world.look_anew();
        prop_assert!(c.settle(&mut cloud).is_some());
        c.world.look_anew();
        prop_assert!(c.settle(&mut cloud).is_some());
        let before = format!("{:?}{:?}{:?}", cloud.ports, cloud.trunks, cloud.claims);
        let mut again = Controller::start(&mut cloud, settings(pool), c.now);
        let calls = again.settle(&mut cloud);
        prop_assert_eq!(calls, Some(vec![Action::Refresh]), "and nothing else");
        let after = format!("{:?}{:?}{:?}", cloud.ports, cloud.trunks, cloud.claims);
        prop_assert_eq!(before, after);
    }

    #[test]
    fn the_order_of_pods_does_not_matter(
        order in Just((0..20usize).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let mut cloud = Cloud::new(2);
        for p in order {
            cloud.add_pod(p, p % 2);
        }
        let mut c = Controller::start(&mut cloud, settings(false), 0);
        prop_assert!(c.settle(&mut cloud).is_some());
        check_end(&cloud, false);
    }
}

#[test]
fn quota_reached_is_said_and_ends() {
    let mut cloud = Cloud::new(1);
    cloud.quota = 5;
    for p in 0..8 {
        cloud.add_pod(p, 0);
    }
    let mut c = Controller::start(&mut cloud, settings(false), 0);
    for _ in 0..60 {
        c.round(&mut cloud);
    }
    assert_eq!(cloud.ports.len(), 5, "all that the quota allows");
    let told = c
        .world
        .reported
        .values()
        .filter(|(r, _)| *r == Reason::QuotaReached)
        .count();
    assert_eq!(told, 3, "each pod that waits is told");
    cloud.quota = 8;
    c.settle(&mut cloud);
    check_end(&cloud, false);
}

#[test]
fn a_full_subnet_is_filled_to_the_last_address() {
    let mut cloud = Cloud::new(2);
    for p in 0..SUBNET_SIZE + 2 {
        cloud.add_pod(p, p % 2);
    }
    let mut c = Controller::start(&mut cloud, settings(false), 0);
    for _ in 0..200 {
        c.round(&mut cloud);
    }
    assert_eq!(cloud.ports.len(), SUBNET_SIZE);
    let told = c
        .world
        .reported
        .values()
        .filter(|(r, _)| *r == Reason::SubnetFull)
        .count();
    assert_eq!(told, 2);
}

#[test]
fn a_warm_pool_gives_a_port_without_any_call_to_neutron() {
    let mut cloud = Cloud::new(1);
    cloud.add_pod(0, 0);
    let mut c = Controller::start(&mut cloud, settings(true), 0);
    c.settle(&mut cloud);
    cloud.add_pod(1, 0);
    c.watch(&mut cloud);
    let first = c.plan();
    assert!(
        matches!(&first[..], [Action::CreateClaim { vif: Some(v), .. }, ..] if v.active),
        "{first:?}"
    );
}

#[test]
fn a_hundred_pods_cost_few_calls() {
    let mut cloud = Cloud::new(2);
    for p in 0..50 {
        cloud.add_pod(p, p % 2);
    }
    let mut c = Controller::start(&mut cloud, settings(false), 0);
    c.settle(&mut cloud);
    check_end(&cloud, false);
}

#[test]
fn a_deletion_seen_before_its_own_answer_stays_a_deletion() {
    let mut cloud = Cloud::new(1);
    cloud.add_pod(0, 0);
    let mut c = Controller::start(&mut cloud, settings(false), 0);
    assert!(c.settle(&mut cloud).is_some());
    // Another pod takes the name.
    cloud.add_pod(0, 0);
    c.watch(&mut cloud);
    c.plan();
    assert!(matches!(c.under_way[..], [Action::DropClaim { .. }]));
    c.carry_out(0, &mut cloud, Fate::Works);
    c.watch(&mut cloud);
    c.arrive(0);
    assert!(c.settle(&mut cloud).is_some());
    check_end(&cloud, false);
}

/// A node with one pod and a full pool.
fn with_a_pool() -> (Cloud, Controller) {
    let mut cloud = Cloud::new(1);
    cloud.add_pod(0, 0);
    let mut c = Controller::start(&mut cloud, settings(true), 0);
    assert!(c.settle(&mut cloud).is_some());
    (cloud, c)
}

fn creates(actions: &[Action]) -> usize {
    let size = |a: &Action| match a {
        Action::CreatePorts { orders } => orders.iter().map(|o| o.2).sum(),
        _ => 0,
    };
    actions.iter().map(size).sum()
}

#[test]
fn ports_of_a_pool_get_the_groups_that_pods_want_now() {
    let (mut cloud, mut c) = with_a_pool();
    let before: BTreeSet<Id> = cloud.ports.keys().cloned().collect();
    for pod in cloud.pods.values_mut() {
        pod.want = Want::Port(kind_with("other"));
    }
    assert!(c.settle(&mut cloud).is_some());
    assert!(cloud.ports.values().all(|p| p.kind == kind_with("other")));
    assert_eq!(
        before,
        cloud.ports.keys().cloned().collect(),
        "none was made or deleted"
    );
}

#[test]
fn a_pool_is_left_alone_for_a_while_after_a_pod_ended() {
    let (mut cloud, mut c) = with_a_pool();
    let all = cloud.ports.len();
    cloud.pods.clear();
    for _ in 0..20 {
        c.watch(&mut cloud);
        c.plan();
        while !c.under_way.is_empty() {
            c.answer(0, &mut cloud, Fate::Works);
        }
    }
    assert_eq!(cloud.ports.len(), all, "kept for the next pod");
    assert!(c.settle(&mut cloud).is_some());
    assert!(cloud.ports.is_empty(), "and given up in the end");
}

#[test]
fn pods_come_before_pools_where_the_quota_ends() {
    let mut cloud = Cloud::new(2);
    cloud.quota = 2;
    cloud.add_pod(0, 0);
    cloud.add_pod(1, 1);
    let mut c = Controller::start(&mut cloud, settings(true), 0);
    for _ in 0..60 {
        c.round(&mut cloud);
    }
    let active = cloud
        .claims
        .values()
        .filter(|c| c.vif.as_ref().is_some_and(|v| v.active));
    assert_eq!(active.count(), 2);
    let nodes: Vec<_> = c.world.reported_nodes.iter().collect();
    assert_eq!(
        nodes,
        [
            (&id("n0"), &Reason::QuotaReached),
            (&id("n1"), &Reason::QuotaReached)
        ],
        "each node is told that its pool is too small"
    );
}

#[test]
fn a_port_that_changes_its_groups_counts_as_coming() {
    let (mut cloud, mut c) = with_a_pool();
    for pod in cloud.pods.values_mut() {
        pod.want = Want::Port(kind_with("other"));
    }
    c.watch(&mut cloud);
    let first = c.plan();
    c.watch(&mut cloud);
    let second = c.plan();
    assert_eq!(
        creates(&first) + creates(&second),
        0,
        "{first:?} {second:?}"
    );
}
