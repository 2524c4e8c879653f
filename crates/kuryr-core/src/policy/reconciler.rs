//! The stage as its loop sees it.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::action::{Action, Answer};
use super::claim::Claim;
use super::group::Rule;
use super::model::{
    Facts, Id, Namespace, Node, Pod, PodKey, Policy, PolicyKey, Service, ServiceKey,
};
use super::world::{SeenPort, Stale, Subject, World};
use crate::Millis;
use crate::reconcile::{Outcome, Reconciler, Watched};

/// News from a watch.
#[derive(Clone, Debug)]
pub enum Event {
    Policy(Watched<PolicyKey, Policy>),
    Pod(Watched<PodKey, Pod>),
    Namespace(Watched<Id, Namespace>),
    Node(Watched<Id, Node>),
    Service(Watched<ServiceKey, Service>),
    /// KuryrNetworkPolicies.
    Claim(Watched<PolicyKey, Claim>),
}

/// Figures of policies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    pub policies: usize,
    /// Security groups of ours.
    pub groups: usize,
    /// Their rules.
    pub rules: usize,
    /// Pods whose ports don't carry yet what they are to.
    pub waiting: usize,
}

/// Takes in news of one kind of fact: where such facts are, their key, whether all were read, and what is stale by one that changed.
macro_rules! learn {
    ($world:expr, $news:expr, $table:ident, $key:ident, $synced:ident, $stale:expr) => {{
        let world: &mut World = $world;
        let Facts { $table: table, .. } = &mut world.facts;
        let stale = &mut world.stale;
        match $news {
            Watched::Begin => {}
            Watched::There(fact) => {
                let is_known = table.get(&fact.$key).is_some_and(|known| **known == fact);
                if !is_known {
                    $stale(stale, &fact.$key);
                    table.insert(fact.$key.clone(), Arc::new(fact));
                }
            }
            Watched::Gone(key, _) => {
                if table.remove(&key).is_some() {
                    $stale(stale, &key);
                }
            }
            Watched::All(there) => {
                let gone = table.keys().filter(|key| !there.contains(*key));
                gone.for_each(|key| $stale(stale, key));
                table.retain(|key, _| there.contains(key));
                world.synced.$synced = true;
            }
        }
    }};
}

/// All is stale by what is of any kind but pods.
fn whole<K>(stale: &mut Stale, _: &K) {
    *stale = Stale::Whole;
}

impl Reconciler for World {
    type Event = Event;
    type Action = Action;
    type Answer = Answer;
    type Figures = Figures;

    fn learn(&mut self, now: Millis, event: Event) {
        self.tick(now);
        match event {
            Event::Policy(news) => learn!(self, news, policies, key, policies, whole),
            Event::Pod(news) => learn!(self, news, pods, key, pods, Stale::pod),
            Event::Namespace(news) => learn!(self, news, namespaces, name, namespaces, whole),
            Event::Node(news) => learn!(self, news, nodes, name, nodes, whole),
            Event::Service(news) => learn!(self, news, services, key, services, whole),
            Event::Claim(news) => self.learn_claim(news),
        }
    }

    fn lead(&mut self) {
        self.sequence += 1;
        self.list.start_term(self.sequence);
        self.agenda.start_term();
        self.told.clear();
        self.touch_all();
    }

    fn look_anew(&mut self) {
        self.list.want();
    }

    fn step(&mut self, now: Millis) -> Vec<Action> {
        self.tick(now);
        let actions = super::plan::plan(self);
        let list = actions.iter().filter(|action| **action == Action::List);
        list.for_each(|action| self.begin(action));
        actions
    }

    fn finish(&mut self, now: Millis, action: &Action, outcome: Outcome<Self>, _took: Millis) {
        self.tick(now);
        self.conclude(action, outcome);
    }

    fn next_wake(&self) -> Option<Millis> {
        self.agenda.next_wake()
    }

    fn is_synced(&self) -> bool {
        self.has_read_all()
    }

    fn figures(&mut self) -> Figures {
        let rules = self.groups.ids().filter_map(|id| self.groups.get(id));
        let waiting = self.dress.iter().filter(|(pod, dress)| {
            let port = self.ports.of_pod(pod);
            port.is_some_and(|port| **dress != super::Dress::Groups(port.groups.clone()))
        });
        Figures {
            policies: self.facts.policies.len(),
            groups: self.groups.ids().count(),
            rules: rules.map(|group| group.rules.len()).sum(),
            waiting: waiting.count(),
        }
    }
}

impl World {
    fn tick(&mut self, now: Millis) {
        for held in self.agenda.tick(now) {
            self.touch_held(&held);
        }
    }

    /// A port is new, or changed: another pod has it, or it carries other groups.
    pub fn port_is(&mut self, port: SeenPort) {
        if self.ports.get(&port.id) != Some(&port) {
            self.forget_port(&port.id);
            self.touch_port(&port);
            self.ports.put(port);
        }
    }

    /// A port is gone.
    pub fn port_is_gone(&mut self, id: &Id) {
        self.forget_port(id);
    }

    /// All ports of ours are known: those not in the set are gone.
    pub fn ports_are(&mut self, there: &BTreeSet<Id>) {
        let gone = self.ports.ids().filter(|id| !there.contains(*id));
        let gone: Vec<Id> = gone.cloned().collect();
        gone.iter().for_each(|id| self.port_is_gone(id));
        self.synced.ports = true;
    }

    /// What one of the operator's groups lets pass.
    pub(super) fn operator_is(&mut self, id: &Id, rules: BTreeSet<Rule>) {
        let known = self.facts.operator.get(id);
        if known.is_none_or(|known| **known != rules) {
            self.facts.operator.insert(id.clone(), Arc::new(rules));
            self.stale = Stale::Whole;
        }
    }

    fn forget_port(&mut self, id: &Id) {
        if let Some(old) = self.ports.remove(id) {
            self.touch_port(&old);
        }
    }

    fn touch_port(&mut self, port: &SeenPort) {
        let pod = port.pod.iter().cloned().map(Subject::Pod);
        self.agenda.touch_all(pod);
        let old = port.groups.iter();
        let old = old.filter_map(|id| self.old_groups.get(id)).cloned();
        let old: Vec<Subject> = old.map(Subject::Policy).collect();
        self.agenda.touch_all(old);
        let groups = port.groups.iter();
        let marks = groups.filter_map(|id| self.groups.get(id).map(|g| g.mark));
        let marks: Vec<Subject> = marks.map(Subject::Group).collect();
        self.agenda.touch_all(marks);
    }
}
