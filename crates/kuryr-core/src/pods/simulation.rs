//! Namespaces that come and go with their pods, against a Neutron and a Kubernetes that fail, forget answers and restart the
//! controller at any point. Whatever happened before, each pod has to end on a port of its namespace's network, and nothing
//! is left of a namespace that is gone.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::Id;
use crate::network::{Claim, Leg, Namespace, Network, Own, PoolRoom, PrefixPool, Status, Subnet};
use crate::port::simulation as ports;
use crate::port::{Pod, PodKey, PodLife, PortKind, Want};
use crate::reconcile::simulation::{Controller as Harness, Fate, fate};
use crate::reconcile::{Failure, FailureKind, Watched};

mod cases;
mod policies;

const NODES: usize = 2;

fn id(text: impl AsRef<str>) -> Id {
    text.as_ref().into()
}

fn space(n: usize) -> Id {
    id(format!("ns{n}"))
}

/// What would be there if the controller were not.
#[derive(Clone, Debug)]
struct Cloud {
    ports: ports::Cloud,
    namespaces: BTreeMap<Id, Namespace>,
    claims: BTreeMap<Id, Claim>,
    networks: BTreeMap<Id, Network>,
    /// Deletions of KuryrNetworks that no watch has told of yet.
    deleted: Vec<(Id, u64)>,
    /// Subnet pools, with how many prefixes are left.
    pools: BTreeMap<Id, usize>,
    made: usize,
    version: u64,
}

impl Cloud {
    fn new() -> Self {
        Self {
            ports: ports::Cloud::new(NODES),
            namespaces: BTreeMap::new(),
            claims: BTreeMap::new(),
            networks: BTreeMap::new(),
            deleted: vec![],
            pools: [(id("pool4"), 1_000), (id("pool6"), 1_000)].into(),
            made: 0,
            version: 0,
        }
    }

    fn number(&mut self) -> usize {
        self.made += 1;
        self.made
    }

    fn add_namespace(&mut self, n: usize) {
        if self.namespaces.contains_key(&space(n)) {
            return;
        }
        let namespace = Namespace {
            name: space(n),
            uid: id(format!("uid{}", self.number())),
            ending: false,
            project: None,
            own: Ok(None),
            labels: BTreeMap::new(),
        };
        self.namespaces.insert(space(n), namespace);
    }

    fn add_pod(&mut self, n: usize, p: usize) {
        let key = PodKey::new(space(n), format!("pod{p}"));
        let is_open = self.namespaces.get(&space(n)).is_some_and(|ns| !ns.ending);
        if !is_open || self.ports.pods.contains_key(&key) {
            return;
        }
        let made = self.number();
        let pod = Pod {
            key: key.clone(),
            uid: id(format!("u{made}")),
            node: id(format!("n{}", p % NODES)),
            want: Want::Unknown(None),
            life: PodLife::Alive,
            finalizer: false,
            is_static: false,
            has_host_port: false,
            age: made as u64,
        };
        self.ports.pods.insert(key, pod);
    }

    fn delete_pod(&mut self, n: usize, p: usize) {
        let key = PodKey::new(space(n), format!("pod{p}"));
        self.ports.pods.remove(&key);
    }

    /// Somebody, or the end of its namespace, deletes a KuryrNetwork.
    fn delete_claim(&mut self, name: &Id) {
        self.version += 1;
        if let Some(claim) = self.claims.get_mut(name) {
            (claim.deleting, claim.version) = (true, self.version);
            if !claim.finalizer {
                self.claims.remove(name);
                self.deleted.push((name.clone(), self.version));
            }
        }
    }

    /// What Kubernetes does about namespaces that end: all in them goes, then they do.
    fn collect(&mut self) {
        let ending: Vec<Id> = self
            .namespaces
            .values()
            .filter(|n| n.ending)
            .map(|n| n.name.clone())
            .collect();
        for name in ending {
            let of = |key: &PodKey| key.namespace == name;
            self.ports.pods.retain(|key, _| !of(key));
            if self.claims.get(&name).is_some_and(|c| !c.deleting) {
                self.delete_claim(&name);
            }
            let is_empty = !self.claims.contains_key(&name) && !self.ports.claims.keys().any(of);
            if is_empty {
                self.namespaces.remove(&name);
            }
        }
    }

    fn apply(&mut self, action: &network::Action) -> network::Outcome {
        use network::{Action as A, Answer as B};
        match action {
            A::List => Ok(B::All {
                networks: {
                    let ours = self.networks.values().filter(|n| n.made_for.is_some());
                    ours.cloned().collect()
                },
                pools: self.room(),
            }),
            A::CreateClaim { namespace, .. } => self.create_claim(namespace),
            A::WriteStatus {
                namespace,
                labels,
                status,
                ..
            } => self.change_claim(namespace, |c| {
                c.status = status.clone();
                c.labels = labels.clone();
            }),
            A::ReleaseClaim { namespace, .. } => {
                self.version += 1;
                if self.claims.remove(namespace).is_some() {
                    self.deleted.push((namespace.clone(), self.version));
                }
                Ok(B::Done)
            }
            A::Report { .. } => Ok(B::Done),
            A::Adopt { network, .. }
            | A::ReadOwn {
                own: Own::Network(network),
                ..
            } => match self.networks.get(network) {
                Some(network) => Ok(B::Network(network.clone())),
                None => gone(),
            },
            A::ReadOwn { .. } => gone(),
            A::CreateNetwork {
                namespace,
                uid,
                project,
            } => {
                let network = Network {
                    id: id(format!("net{}", self.number())),
                    made_for: Some((Some(uid.clone()), namespace.clone())),
                    project: project.clone(),
                    tagged: false,
                    subnets: vec![],
                };
                self.networks.insert(network.id.clone(), network.clone());
                Ok(B::Network(network))
            }
            A::CreateSubnet {
                network,
                pool,
                version,
                ..
            } => self.create_subnet(network, pool, *version),
            A::AddLeg {
                network,
                router,
                subnet,
                ..
            } => self.set_leg(network, subnet, Some(router)),
            A::RemoveLeg {
                network, subnet, ..
            } => self.set_leg(network, subnet, None),
            A::DeleteNetwork { network, .. } => self.delete_network(network),
            A::Tag { network, .. } => match self.networks.get_mut(network) {
                Some(network) => {
                    network.tagged = true;
                    Ok(B::Done)
                }
                None => gone(),
            },
        }
    }

    fn room(&self) -> Vec<PoolRoom> {
        let room = |(pool, free): (&Id, &usize)| PoolRoom {
            pool: pool.clone(),
            free: Some(*free as u64),
        };
        self.pools.iter().map(room).collect()
    }

    fn create_claim(&mut self, namespace: &Id) -> network::Outcome {
        if self.namespaces.get(namespace).is_none_or(|n| n.ending) {
            return Err(Failure::again("the namespace is being terminated"));
        }
        self.version += 1;
        let version = self.version;
        let claim = self
            .claims
            .entry(namespace.clone())
            .or_insert_with(|| Claim {
                namespace: namespace.clone(),
                labels: BTreeMap::new(),
                status: Status::default(),
                deleting: false,
                finalizer: true,
                version,
            });
        Ok(network::Answer::Claim(claim.clone()))
    }

    fn change_claim(&mut self, name: &Id, change: impl FnOnce(&mut Claim)) -> network::Outcome {
        self.version += 1;
        let Some(claim) = self.claims.get_mut(name) else {
            return gone();
        };
        change(claim);
        claim.version = self.version;
        Ok(network::Answer::Claim(claim.clone()))
    }

    fn create_subnet(&mut self, network: &Id, pool: &Id, version: u8) -> network::Outcome {
        let left = self.pools.get_mut(pool).unwrap();
        if *left == 0 {
            return Err(Failure::new(FailureKind::SubnetFull, "no prefix left"));
        }
        *left -= 1;
        let n = self.number();
        let cidr = match version {
            4 => format!("10.{}.{}.0/24", n / 256, n % 256),
            _ => format!("fd00:{n:x}::/64"),
        };
        let subnet = Subnet {
            id: id(format!("sub{n}")),
            cidr: cidr.parse().unwrap(),
            leg: None,
        };
        match self.networks.get_mut(network) {
            Some(network) => network.subnets.push(subnet.clone()),
            None => return gone(),
        }
        Ok(network::Answer::Subnet(subnet))
    }

    fn set_leg(&mut self, network: &Id, subnet: &Id, router: Option<&Id>) -> network::Outcome {
        let subnets = self.networks.get_mut(network).map(|n| &mut n.subnets);
        let subnet = subnets.and_then(|all| all.iter_mut().find(|s| s.id == *subnet));
        let Some(subnet) = subnet else { return gone() };
        if router.is_none() && subnet.leg.is_none() {
            return gone();
        }
        subnet.leg = router.map(|router| Leg {
            router: router.clone(),
        });
        Ok(network::Answer::Done)
    }

    fn delete_network(&mut self, network: &Id) -> network::Outcome {
        let is_used = |p: &port::Port| p.kind.network == *network;
        let has_leg = |n: &Network| n.subnets.iter().any(|s| s.leg.is_some());
        match self.networks.get(network) {
            None => gone(),
            Some(n) if has_leg(n) || self.ports.ports.values().any(is_used) => {
                Err(Failure::again("NetworkInUse"))
            }
            Some(_) => {
                self.networks.remove(network);
                Ok(network::Answer::Done)
            }
        }
    }

    /// Ports are made on networks that are there.
    fn can_make(&self, action: &port::Action) -> bool {
        match action {
            port::Action::CreatePorts { orders } => orders
                .iter()
                .all(|(_, kind, _)| self.networks.contains_key(&kind.network)),
            _ => true,
        }
    }
}

fn gone() -> network::Outcome {
    Err(Failure::new(FailureKind::Gone, "NotFound"))
}

impl crate::reconcile::simulation::Cloud for Cloud {
    type Mind = World;

    fn carry_out(&mut self, action: &Action, fate: Fate) -> Outcome<World> {
        let action = match action {
            Action::Port(action) if !self.can_make(action) => {
                return Err(Failure::new(FailureKind::Gone, "NetworkNotFound"));
            }
            Action::Port(action) => return self.ports.carry_out(action, fate).map(Answer::Port),
            Action::Network(action) => action,
            Action::Policy(_) => return Err(Failure::again("no policies")),
        };
        match fate {
            Fate::Refused | Fate::Immutable => return Err(Failure::again("503")),
            Fate::NeverSent => return Err(Failure::unknown("timed out")),
            Fate::Works | Fate::DoneButAnswerLost => {}
        }
        let outcome = self.apply(action);
        if fate == Fate::DoneButAnswerLost && outcome.is_ok() {
            return Err(Failure::unknown("timed out"));
        }
        outcome.map(Answer::Network)
    }

    fn news(&mut self) -> Vec<Event> {
        use network::Event::{Claim as C, Namespace as N};
        self.collect();
        let there = self.namespaces.values().cloned();
        let mut news: Vec<_> = there.map(|n| N(Watched::There(n))).collect();
        news.push(N(Watched::All(self.namespaces.keys().cloned().collect())));
        let gone = self.deleted.drain(..);
        news.extend(gone.map(|(name, version)| C(Watched::Gone(name, version))));
        let claims = self.claims.values().cloned();
        news.extend(claims.map(|c| C(Watched::There(c))));
        let ports = port_events(self.ports.news());
        news.into_iter().map(Event::Network).chain(ports).collect()
    }

    fn lists(&mut self) -> Vec<Event> {
        use network::Event::Claim as C;
        self.deleted.clear();
        let mut lists = vec![Event::Network(C(Watched::Begin))];
        lists.extend(self.news());
        let there = self.claims.keys().cloned().collect();
        lists.push(Event::Network(C(Watched::All(there))));
        lists.extend(port_events(self.ports.lists()));
        lists
    }

    fn check_always(&self) {
        self.ports.check_always();
    }
}

/// News of ports, of which a pod's is for other stages too.
fn port_events(news: Vec<port::Event>) -> impl Iterator<Item = Event> {
    news.into_iter().map(|event| match event {
        port::Event::Pod(news) => {
            let whole = |pod: &Pod| {
                Some(super::Pod {
                    key: pod.key.clone(),
                    for_ports: Some(pod.clone()),
                    for_policies: None,
                })
            };
            Event::Pod(news.part(|pod| pod.key.clone(), whole))
        }
        event => Event::Port(event),
    })
}

type Controller = Harness<Cloud>;

fn network_settings(dual: bool) -> network::Settings {
    let pool = |text: &str, version| PrefixPool {
        id: id(text),
        version,
    };
    let mut pools = vec![pool("pool4", 4)];
    if dual {
        pools.push(pool("pool6", 6));
    }
    network::Settings {
        project: id("p"),
        networks_by_annotation: false,
        ports_by_annotation: false,
        security_groups: vec![id("g")],
        router: id("r"),
        pools,
        slow: 10_000,
    }
}

/// As after a start: the watches are read, Neutron is not yet.
fn start(cloud: &mut Cloud, pool: bool, dual: bool, now: Millis) -> Controller {
    let mut world = World::new(
        ports::settings(pool),
        Stages {
            networks: Some(network_settings(dual)),
            policies: None,
        },
    );
    let names: BTreeSet<Id> = (0..NODES).map(|n| id(format!("n{n}"))).collect();
    for name in &names {
        let there = Watched::There((name.clone(), vec![ports::address(&name[1..])]));
        world.learn(now, Event::Port(port::Event::Node(there)));
    }
    world.learn(now, Event::Port(port::Event::Node(Watched::All(names))));
    Controller::of(world, cloud, now)
}

/// What the end must look like.
fn check_end(cloud: &Cloud, pool: bool, versions: usize) {
    assert!(
        cloud.namespaces.values().all(|n| !n.ending),
        "{:?}",
        cloud.namespaces
    );
    for pod in cloud.ports.pods.values() {
        let claim = &cloud.ports.claims[&pod.key];
        let vif = claim.vif.as_ref().expect("a port for each pod");
        assert!(vif.active && claim.pod_uid == pod.uid);
        let kind = &cloud.ports.ports[&vif.port].kind;
        let network = cloud.networks.get(&kind.network).expect("its network");
        let uid = cloud.namespaces[&pod.key.namespace].uid.clone();
        assert_eq!(
            network.made_for,
            Some((Some(uid), pod.key.namespace.clone()))
        );
        assert_eq!((network.tagged, network.subnets.len()), (true, versions));
        assert!(network.subnets.iter().all(|s| s.leg.is_some()));
        let told = &cloud.claims[&pod.key.namespace].status;
        assert_eq!(told.network.as_ref(), Some(&network.id));
        assert!(told.subnet.is_some() && told.router.is_some());
    }
    assert_eq!(cloud.ports.claims.len(), cloud.ports.pods.len());
    let mut homes = BTreeSet::new();
    for network in cloud.networks.values() {
        let (uid, name) = network.made_for.clone().unwrap();
        assert_eq!(Some(&cloud.namespaces[&name].uid), uid.as_ref());
        assert!(homes.insert(name), "one network a namespace");
    }
    assert!(
        cloud
            .claims
            .keys()
            .all(|name| cloud.namespaces.contains_key(name))
    );
    let used: BTreeSet<&Id> = cloud.ports.pods.keys().map(|key| &key.namespace).collect();
    let home = |kind: &PortKind| cloud.networks[&kind.network].made_for.clone().unwrap().1;
    let is_used = |p: &port::Port| used.contains(&home(&p.kind));
    assert!(
        cloud.ports.ports.values().all(is_used),
        "no port for a namespace without pods"
    );
    if !pool {
        assert_eq!(cloud.ports.ports.len(), cloud.ports.pods.len());
    }
}

#[derive(Clone, Debug)]
enum Step {
    AddNamespace(usize),
    EndNamespace(usize),
    DeleteClaim(usize),
    AddPod(usize, usize),
    DeletePod(usize, usize),
    Plan,
    Answer(usize, Fate),
    CarryOut(usize, Fate),
    Arrive(usize),
    Relist,
    Restart,
    /// A leg, an empty network: taken away by hand.
    LoseLeg(usize),
    LoseNetwork(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let ns = || 0..3usize;
    prop_oneof![
        3 => ns().prop_map(Step::AddNamespace),
        1 => ns().prop_map(Step::EndNamespace),
        1 => ns().prop_map(Step::DeleteClaim),
        5 => (ns(), 0..4usize).prop_map(|(n, p)| Step::AddPod(n, p)),
        2 => (ns(), 0..4usize).prop_map(|(n, p)| Step::DeletePod(n, p)),
        8 => Just(Step::Plan),
        10 => (0..9usize, fate()).prop_map(|(i, f)| Step::Answer(i, f)),
        3 => (0..9usize, fate()).prop_map(|(i, f)| Step::CarryOut(i, f)),
        3 => (0..9usize).prop_map(Step::Arrive),
        1 => Just(Step::Relist),
        1 => Just(Step::Restart),
        1 => (0..4usize).prop_map(Step::LoseLeg),
        1 => (0..4usize).prop_map(Step::LoseNetwork),
    ]
}

fn run(steps: &[Step], pool: bool, dual: bool) -> (Cloud, Controller) {
    let mut cloud = Cloud::new();
    let mut c = start(&mut cloud, pool, dual, 0);
    for step in steps {
        match step {
            Step::AddNamespace(n) => cloud.add_namespace(*n),
            Step::EndNamespace(n) => {
                if let Some(namespace) = cloud.namespaces.get_mut(&space(*n)) {
                    namespace.ending = true;
                }
            }
            Step::DeleteClaim(n) => cloud.delete_claim(&space(*n)),
            Step::AddPod(n, p) => cloud.add_pod(*n, *p),
            Step::DeletePod(n, p) => cloud.delete_pod(*n, *p),
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
                c = start(&mut cloud, pool, dual, now);
            }
            Step::LoseLeg(n) => lose_leg(&mut cloud, *n),
            Step::LoseNetwork(n) => lose_network(&mut cloud, *n),
        }
    }
    (cloud, c)
}

fn lose_leg(cloud: &mut Cloud, n: usize) {
    let networks = cloud.networks.values_mut();
    if let Some(subnet) = networks.flat_map(|n| &mut n.subnets).nth(n) {
        subnet.leg = None;
    }
}

fn lose_network(cloud: &mut Cloud, n: usize) {
    let Some(lost) = cloud.networks.keys().nth(n).cloned() else {
        return;
    };
    if !cloud.ports.ports.values().any(|p| p.kind.network == lost) {
        cloud.networks.remove(&lost);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn comes_to_rest_from_anywhere(
        steps in proptest::collection::vec(step(), 0..120),
        pool: bool,
        dual: bool,
    ) {
        let (mut cloud, mut c) = run(&steps, pool, dual);
        for _ in 0..2 {
            c.world.look_anew();
            prop_assert!(c.settle(&mut cloud).is_some(), "never rests");
        }
        check_end(&cloud, pool, if dual { 2 } else { 1 });
    }

    #[test]
    fn a_restart_at_rest_changes_nothing(
        steps in proptest::collection::vec(step(), 0..80),
        pool: bool,
    ) {
        let (mut cloud, mut c) = run(&steps, pool, false);
        for _ in 0..2 {
            c.world.look_anew();
            prop_assert!(c.settle(&mut cloud).is_some());
        }
        let before = format!("{cloud:?}");
        let mut again = start(&mut cloud, pool, false, c.now);
        let calls = again.settle(&mut cloud);
        let reads = [
            Action::Network(network::Action::List),
            Action::Port(port::Action::Refresh),
        ];
        prop_assert_eq!(calls.unwrap_or_default(), reads, "and nothing else");
        prop_assert_eq!(before, format!("{cloud:?}"));
    }

    #[test]
    fn all_namespaces_go_in_any_order(
        steps in proptest::collection::vec(step(), 0..80),
        order in Just((0..3usize).collect::<Vec<_>>()).prop_shuffle(),
        pool: bool,
    ) {
        let (mut cloud, mut c) = run(&steps, pool, true);
        for n in order {
            if let Some(namespace) = cloud.namespaces.get_mut(&space(n)) {
                namespace.ending = true;
            }
            c.watch(&mut cloud);
            c.plan();
        }
        c.world.look_anew();
        prop_assert!(c.settle(&mut cloud).is_some());
        c.world.look_anew();
        prop_assert!(c.settle(&mut cloud).is_some());
        let left = (cloud.namespaces.len(), cloud.claims.len(), cloud.networks.len(), cloud.ports.ports.len());
        prop_assert_eq!(left, (0, 0, 0, 0));
    }
}
