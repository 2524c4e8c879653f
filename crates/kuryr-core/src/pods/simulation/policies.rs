//! Pods with ports and policies that change, against a Neutron that fails and forgets, in one reconciler: what the stages of ports
//! and of policies tell each other.

use super::super::Pod as SeenPod;
use super::*;
use crate::policy::simulation::cloud::Cloud as Policies;
use crate::policy::simulation::mind::{Call, News};
use crate::policy::simulation::{Change, change};
use crate::policy::tests::draw::{self, drawn};
use crate::policy::tests::fixtures::{OPERATOR, settings as policy_settings};
use crate::policy::{Behind, Facts};

/// What would be there if the controller were not.
#[derive(Clone, Debug)]
struct Cluster {
    policies: Policies,
    ports: ports::Cloud,
}

fn bare() -> Want {
    Want::Port(std::sync::Arc::new(PortKind {
        project: id("p"),
        network: id("n"),
        subnets: vec![id("s")],
        security_groups: vec![],
    }))
}

impl Cluster {
    fn new(mut facts: Facts) -> Self {
        for n in 0..NODES {
            let name = id(format!("n{n}"));
            let addresses = [ports::address(&n.to_string())].into();
            let node = policy::Node {
                name: name.clone(),
                addresses,
            };
            facts.nodes.insert(name, std::sync::Arc::new(node));
        }
        let mut cluster = Self {
            policies: Policies::new(facts),
            ports: ports::Cloud::new(NODES),
        };
        cluster.follow();
        cluster
    }

    /// Pods as the stage of ports sees them, and what their ports carry as far as they use them.
    fn follow(&mut self) {
        let facts = self.policies.facts.pods.values();
        let pods = facts.filter(|pod| pod.counts()).map(|pod| {
            let pod = Pod {
                key: pod.key.clone(),
                uid: pod.uid.clone(),
                node: pod.node.clone().unwrap(),
                want: bare(),
                life: PodLife::Alive,
                finalizer: false,
                is_static: false,
                has_host_port: false,
                age: 1,
            };
            (pod.key.clone(), pod)
        });
        self.ports.pods = pods.collect();
        let claims = self.ports.claims.values();
        let used = claims.filter_map(|claim| {
            let vif = claim.vif.as_ref().filter(|vif| vif.active)?;
            let is_there = self.ports.pods.contains_key(&claim.pod);
            is_there.then_some((claim.pod.clone(), self.worn(&vif.port)))
        });
        self.policies.ports = used.collect();
    }

    fn worn(&self, port: &Id) -> BTreeSet<Id> {
        let port = self.ports.ports.get(port);
        let groups = port.map(|port| port.kind.security_groups.iter().cloned());
        groups.into_iter().flatten().collect()
    }

    /// A port carries only what there is, and what a port carries is not deleted.
    fn refuses(&self, action: &Action) -> Option<Failure> {
        match action {
            Action::Port(port::Action::SetSecurityGroups { kind, .. }) => {
                let mut groups = kind.security_groups.iter();
                let is_known = |id: &Id| &**id == OPERATOR || self.policies.groups.contains_key(id);
                let are_known = groups.all(is_known);
                (!are_known).then(|| Failure::new(FailureKind::Gone, "SecurityGroupNotFound"))
            }
            Action::Policy(policy::Action::DeleteGroup { group }) => {
                let mut ports = self.ports.ports.values();
                let is_used = ports.any(|port| port.kind.security_groups.contains(group));
                is_used.then(|| Failure::new(FailureKind::Taken, "SecurityGroupInUse"))
            }
            _ => None,
        }
    }

    fn pods(&self) -> Vec<Event> {
        let there = self.policies.facts.pods.values().map(|fact| {
            Event::Pod(Watched::There(SeenPod {
                key: fact.key.clone(),
                for_ports: self.ports.pods.get(&fact.key).cloned(),
                for_policies: Some((**fact).clone()),
            }))
        });
        let all = self.policies.facts.pods.keys().cloned().collect();
        there.chain([Event::Pod(Watched::All(all))]).collect()
    }

    fn of_policies(&mut self) -> Vec<Event> {
        let news = crate::reconcile::simulation::Cloud::news(&mut self.policies);
        let news = news.into_iter().filter_map(|news| match news {
            // Nodes and pods are news of several stages.
            News::Policy(policy::Event::Node(_) | policy::Event::Pod(_)) | News::Ports(_) => None,
            News::Policy(event) => Some(Event::Policy(event)),
        });
        news.chain(self.pods()).collect()
    }

    /// Every pod is on a port that carries what it is to, and ports that wait carry nothing.
    fn check_end(&self) {
        self.policies.check_end();
        let used: BTreeSet<&Id> = self
            .ports
            .claims
            .values()
            .filter_map(|claim| Some(&claim.vif.as_ref()?.port))
            .collect();
        assert_eq!(self.ports.claims.len(), self.ports.pods.len());
        assert_eq!(self.policies.ports.len(), self.ports.pods.len(), "all run");
        let waiting = self.ports.ports.values();
        let mut waiting = waiting.filter(|port| !used.contains(&port.id));
        assert!(waiting.all(|port| port.kind.security_groups.is_empty()));
    }
}

impl crate::reconcile::simulation::Cloud for Cluster {
    type Mind = World;

    fn carry_out(&mut self, action: &Action, fate: Fate) -> Outcome<World> {
        if let Some(refusal) = self.refuses(action) {
            return Err(refusal);
        }
        let outcome = match action {
            Action::Port(action) => self.ports.carry_out(action, fate).map(Answer::Port),
            Action::Policy(action) => {
                let call = Call::Policy(action.clone());
                let outcome = self.policies.carry_out(&call, fate);
                outcome.map(Answer::Policy)
            }
            Action::Network(_) => Err(Failure::again("no networks")),
        };
        self.follow();
        outcome
    }

    fn news(&mut self) -> Vec<Event> {
        let ports = self.ports.news().into_iter();
        let claims = ports.filter(|event| !matches!(event, port::Event::Pod(_)));
        let claims: Vec<Event> = claims.map(Event::Port).collect();
        self.of_policies().into_iter().chain(claims).collect()
    }

    fn lists(&mut self) -> Vec<Event> {
        let ports = self.ports.lists().into_iter();
        let claims = ports.filter(|event| !matches!(event, port::Event::Pod(_)));
        let claims: Vec<Event> = claims.map(Event::Port).collect();
        self.of_policies().into_iter().chain(claims).collect()
    }

    fn check_always(&self) {
        self.ports.check_always();
        self.policies.check_always();
    }
}

type Controller = Harness<Cluster>;

/// So long that who waits for it is found out.
const PATIENCE: Millis = 1_000_000_000;

/// As after a start: the watches are read, Neutron is not yet.
fn start(cluster: &mut Cluster, pool: bool, now: Millis) -> Controller {
    let settings = policy::Settings {
        patience: PATIENCE,
        failures: u32::MAX,
        ..policy_settings()
    };
    let mut world = World::new(
        ports::settings(pool),
        Stages {
            networks: None,
            policies: Some((settings, Behind::default())),
        },
    );
    let names: BTreeSet<Id> = (0..NODES).map(|n| id(format!("n{n}"))).collect();
    for name in &names {
        let there = Watched::There((name.clone(), vec![ports::address(&name[1..])]));
        world.learn(now, Event::Port(port::Event::Node(there)));
    }
    world.learn(now, Event::Port(port::Event::Node(Watched::All(names))));
    Controller::of(world, cluster, now)
}

/// Runs until nothing is to be done but wait for the end of patience; returns the calls.
fn rest(cluster: &mut Cluster, c: &mut Controller) -> Vec<Action> {
    let calls = c.settle_within(cluster, PATIENCE / 2);
    calls.expect("never rests")
}

fn settle(cluster: &mut Cluster, c: &mut Controller) {
    for _ in 0..2 {
        c.world.look_anew();
        rest(cluster, c);
    }
    cluster.check_end();
}

#[derive(Clone, Debug)]
enum Meanwhile {
    Plan,
    Answer(usize, Fate),
    CarryOut(usize, Fate),
    Arrive(usize),
    Relist,
    Restart,
}

fn meanwhile() -> impl Strategy<Value = Meanwhile> {
    prop_oneof![
        8 => Just(Meanwhile::Plan),
        12 => (0..9usize, fate()).prop_map(|(i, f)| Meanwhile::Answer(i, f)),
        3 => (0..9usize, fate()).prop_map(|(i, f)| Meanwhile::CarryOut(i, f)),
        3 => (0..9usize).prop_map(Meanwhile::Arrive),
        1 => Just(Meanwhile::Relist),
        1 => Just(Meanwhile::Restart),
    ]
}

fn take(step: &Meanwhile, pool: bool, cluster: &mut Cluster, c: &mut Controller) {
    match step {
        Meanwhile::Plan => {
            c.watch(cluster);
            c.plan();
        }
        Meanwhile::Answer(i, fate) => c.answer(*i, cluster, *fate),
        Meanwhile::CarryOut(i, fate) => c.carry_out(*i, cluster, *fate),
        Meanwhile::Arrive(i) => c.arrive(*i),
        Meanwhile::Relist => c.relist(cluster),
        Meanwhile::Restart => {
            let now = c.die(cluster);
            *c = start(cluster, pool, now);
        }
    }
}

/// Somebody changes something.
fn happen(cluster: &mut Cluster, change: &Change, is_watched: bool) {
    match is_watched {
        true => cluster.policies.begin(change),
        false => cluster.policies.change(change),
    }
    cluster.follow();
}

proptest! {
    #![proptest_config(drawn(40, 3))]

    #[test]
    fn a_change_opens_nothing_that_neither_allows(
        facts in draw::facts(),
        changes in prop::collection::vec((change(), prop::collection::vec(meanwhile(), 0..60)), 1..3),
        pool: bool,
    ) {
        let mut cluster = Cluster::new(facts);
        let mut c = start(&mut cluster, pool, 0);
        settle(&mut cluster, &mut c);
        for (change, steps) in changes {
            happen(&mut cluster, &change, true);
            for step in &steps {
                take(step, pool, &mut cluster, &mut c);
            }
            settle(&mut cluster, &mut c);
        }
    }

    #[test]
    fn all_stages_come_to_rest_together(
        facts in draw::facts(),
        changes in prop::collection::vec((change(), prop::collection::vec(meanwhile(), 0..12)), 0..10),
        pool: bool,
    ) {
        let mut cluster = Cluster::new(facts);
        let mut c = start(&mut cluster, pool, 0);
        for (change, steps) in changes {
            happen(&mut cluster, &change, false);
            for step in &steps {
                take(step, pool, &mut cluster, &mut c);
            }
        }
        settle(&mut cluster, &mut c);
        let before = format!("{cluster:?}");
        let mut again = start(&mut cluster, pool, c.now);
        let calls = rest(&mut cluster, &mut again);
        let calls = calls.iter().map(Effect::name);
        let mut calls: Vec<&str> = calls.filter(|name| *name != "report_network_policy").collect();
        calls.sort_unstable();
        prop_assert_eq!(calls, ["list_security_groups", "refresh"], "a restart changes nothing");
        prop_assert_eq!(before, format!("{cluster:?}"));
    }
}
