//! The decisions alone: the stage of policies with a Neutron of maps that does at once what is asked, in this process.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use k8s_openapi::api::networking::v1::NetworkPolicy;
use kuryr_controller::facts;
use kuryr_core::Id;
use kuryr_core::policy::{
    Action, Answer, Claim, Dress, Event, Family, Limits, Mark, Namespace, Node, Pod, PodKey, Rule,
    SeenGroup, SeenPort, SeenRule, Settings, World,
};
use kuryr_core::reconcile::{Effect, Lane, Reconciler, Watched};
use serde_json::Value;

use super::shape::{self, Size};
use crate::stats::Runs;
use crate::{BenchError, Report};

/// The operator's group for pods.
const OPERATOR: &str = "operator";

/// Groups and ports, and what decides about them.
struct Bench {
    world: World,
    size: Size,
    pods: BTreeMap<PodKey, Pod>,
    made: usize,
    now: u64,
    /// Calls that changed something.
    changes: usize,
    /// Versions of KuryrNetworkPolicies.
    versions: u64,
}

/// Measures them.
pub(super) fn run(
    size: Size,
    rounds: usize,
    figure: &impl Fn(&str) -> String,
    report: &mut Report,
) -> Result<(), BenchError> {
    let mut bench = Bench::new(size);
    let begun = Instant::now();
    bench.learn()?;
    bench.rest();
    let took = begun.elapsed().as_secs_f64();
    let label = |name: &str| figure(&format!("plan_{name}"));
    report.figure(&label("from_nothing_s"), took);
    report.figure(&label("from_nothing_calls"), super::count(bench.changes));
    let (mut planned, mut settled, mut calls) = (Runs::default(), Runs::default(), Runs::default());
    for round in 0..rounds {
        let number = round * 37 % size.pods;
        let before = bench.changes;
        let begun = Instant::now();
        bench.relabel(number, shape::other(shape::app(number, size)));
        bench.step();
        planned.push(begun.elapsed().as_secs_f64() * 1e3);
        bench.rest();
        settled.push(begun.elapsed().as_secs_f64() * 1e3);
        calls.push(super::count(bench.changes - before));
        bench.relabel(number, shape::app(number, size));
        bench.rest();
    }
    let mut edits = Runs::default();
    for round in 0..rounds {
        let number = round * 7 % size.policies;
        let begun = Instant::now();
        bench.edit(number, round)?;
        bench.step();
        edits.push(begun.elapsed().as_secs_f64() * 1e3);
        bench.rest();
    }
    report.runs(&label("policy_edit"), "ms", edits);
    report.runs(&label("label_change"), "ms", planned);
    report.runs(&label("label_change_settled"), "ms", settled);
    report.runs(&label("label_change"), "calls", calls);
    Ok(())
}

impl Bench {
    fn new(size: Size) -> Self {
        let settings = Settings {
            families: [Family::V4].into(),
            operator: vec![OPERATOR.into()],
            services: Vec::new(),
            limits: Limits::default(),
            patience: 30_000,
            failures: 4,
        };
        Self {
            world: World::new(settings),
            size,
            pods: BTreeMap::new(),
            made: 0,
            now: 0,
            changes: 0,
            versions: 0,
        }
    }

    fn id(&mut self, kind: &str) -> Id {
        self.made += 1;
        format!("{kind}-{}", self.made).into()
    }

    /// Everything that watches tell at a start.
    fn learn(&mut self) -> Result<(), BenchError> {
        let size = self.size;
        let all = 0..size.namespaces();
        let mut namespaces = Vec::new();
        for number in all {
            let name: Id = shape::namespace(number).into();
            let labels = labels(&shape::namespace_labels(number));
            namespaces.push(Event::Namespace(Watched::There(Namespace { name, labels })));
        }
        let nodes = (0..size.nodes()).map(|number| {
            let address = std::net::Ipv4Addr::from(0x0a00_0000 + number_u32(number));
            let name = node(number);
            Event::Node(Watched::There(Node {
                name,
                addresses: [address.into()].into(),
            }))
        });
        let nodes: Vec<Event> = nodes.collect();
        for event in namespaces.into_iter().chain(nodes) {
            self.world.learn(0, event);
        }
        for number in 0..size.policies {
            self.put(shape::policy(number, size))?;
        }
        for number in 0..size.pods {
            self.relabel(number, shape::app(number, size));
        }
        let namespaces = (0..size.namespaces()).map(|n| shape::namespace(n).into());
        let namespaces = Watched::All(namespaces.collect());
        self.world.learn(0, Event::Namespace(namespaces));
        let nodes = (0..size.nodes()).map(node).collect();
        self.world.learn(0, Event::Node(Watched::All(nodes)));
        let pods = self.pods.keys().cloned().collect();
        self.world.learn(0, Event::Pod(Watched::All(pods)));
        let policies = (0..size.policies).map(|n| {
            let policy = shape::policy(n, size);
            let of = |pointer: &str| {
                policy
                    .pointer(pointer)
                    .and_then(Value::as_str)
                    .unwrap_or("")
            };
            kuryr_core::policy::PolicyKey::new(of("/metadata/namespace"), of("/metadata/name"))
        });
        let policies = Watched::All(policies.collect());
        self.world.learn(0, Event::Policy(policies));
        self.world
            .learn(0, Event::Service(Watched::All(BTreeSet::new())));
        self.world
            .learn(0, Event::Claim(Watched::All(BTreeSet::new())));
        self.world.ports_are(&BTreeSet::new());
        self.world.lead();
        Ok(())
    }

    /// A policy is there, or is another.
    fn put(&mut self, policy: Value) -> Result<(), BenchError> {
        let policy = serde_json::from_value(policy);
        let policy: NetworkPolicy = policy.map_err(|error| BenchError::Cloud {
            what: "read a policy of the bench".to_owned(),
            message: error.to_string(),
        })?;
        let policy = facts::policies::policy(&policy);
        let news = Event::Policy(Watched::There(policy));
        self.world.learn(self.now, news);
        Ok(())
    }

    /// A policy allows another port.
    fn edit(&mut self, number: usize, round: usize) -> Result<(), BenchError> {
        let mut policy = shape::policy(number, self.size);
        policy["spec"]["ingress"][0]["ports"][0]["port"] = (9_000 + round).into();
        self.put(policy)
    }

    /// A pod's labels are another application's.
    fn relabel(&mut self, number: usize, app: usize) {
        let (namespace, name) = shape::pod(number, self.size);
        let key = PodKey::new(&*namespace, &*name);
        let address = std::net::Ipv4Addr::from(0x0a40_0000 + number_u32(number));
        let pod = Pod {
            uid: name.as_str().into(),
            key: key.clone(),
            labels: labels(&shape::labels(app)),
            addresses: vec![address.into()],
            ports: BTreeSet::new(),
            node: Some(node(number % self.size.nodes())),
            host_network: false,
            over: false,
        };
        self.pods.insert(key, pod.clone());
        self.world.learn(self.now, Event::Pod(Watched::There(pod)));
    }

    /// One turn: what is to be done is done.
    fn step(&mut self) -> bool {
        self.now += 1;
        let actions = self.world.step(self.now);
        let dressed = self.world.take_changed();
        let is_news = !actions.is_empty() || !dressed.is_empty();
        for action in actions {
            let outcome = self.carry_out(&action);
            self.world.finish(self.now, &action, Ok(outcome), 1);
        }
        for pod in dressed {
            let Dress::Groups(groups) = self.world.dress(&pod) else {
                continue;
            };
            self.changes += 1;
            self.world.port_is(SeenPort {
                id: format!("port of {pod}").into(),
                pod: Some(pod),
                groups,
            });
        }
        is_news
    }

    fn rest(&mut self) {
        while self.step() {}
    }

    fn carry_out(&mut self, action: &Action) -> Answer {
        let changes_the_cloud = action.lane() == Lane::Cloud;
        self.changes += usize::from(changes_the_cloud);
        match action {
            Action::List => Answer::All {
                groups: Vec::new(),
                operator: [(OPERATOR.into(), BTreeSet::new())].into(),
            },
            Action::CreateGroup { key } => Answer::Created(SeenGroup {
                id: self.id("group"),
                mark: Mark::of(key),
                rules: Vec::new(),
            }),
            Action::CreateRules { rules, .. } => {
                let seen = rules.iter().map(|rule: &Rule<Id>| SeenRule {
                    id: self.id("rule"),
                    rule: Some(rule.clone()),
                });
                Answer::Rules(seen.collect())
            }
            Action::CreateClaim {
                policy, content, ..
            }
            | Action::WriteClaim { policy, content } => {
                self.versions += 1;
                Answer::Claim(Claim {
                    policy: policy.clone(),
                    group: content.group().cloned(),
                    content: Some(content.clone()),
                    deleting: false,
                    finalizer: true,
                    version: self.versions,
                })
            }
            Action::DeleteRule { .. }
            | Action::DeleteGroup { .. }
            | Action::DeleteOld { .. }
            | Action::ReleaseClaim { .. }
            | Action::Report { .. } => Answer::Done,
        }
    }
}

fn node(number: usize) -> Id {
    format!("node-{number:04}").into()
}

fn number_u32(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn labels(of: &Value) -> kuryr_core::policy::Labels {
    let pairs = of.as_object().into_iter().flatten();
    let pairs = pairs.map(|(key, value)| {
        let value = value.as_str().unwrap_or_default();
        (Id::from(key.as_str()), Id::from(value))
    });
    pairs.collect()
}
