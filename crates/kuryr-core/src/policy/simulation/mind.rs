//! The stage with a port for each pod, as the stage of ports will have it.

use std::collections::{BTreeMap, BTreeSet};

use crate::Millis;
use crate::policy::{Action, Answer, Dress, Event, Figures, Id, PodKey, SeenPort, World};
use crate::reconcile::{Effect, Lane, Outcome, Reconciler};

/// A call: the stage's, or one that gives a pod's port its groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Policy(Action),
    Put { pod: PodKey, groups: BTreeSet<Id> },
}

impl Call {
    /// Whether it only tells something.
    pub(crate) fn tells(&self) -> bool {
        use Action::{CreateClaim, ReleaseClaim, Report, WriteClaim};
        let Self::Policy(action) = self else {
            return false;
        };
        matches!(
            action,
            Report { .. } | CreateClaim { .. } | WriteClaim { .. } | ReleaseClaim { .. }
        )
    }
}

impl Effect for Call {
    fn name(&self) -> &'static str {
        match self {
            Self::Policy(action) => action.name(),
            Self::Put { .. } => "set_security_groups",
        }
    }

    fn subject(&self) -> String {
        match self {
            Self::Policy(action) => action.subject(),
            Self::Put { pod, .. } => format!("pod {pod}"),
        }
    }

    fn lane(&self) -> Lane {
        Lane::Cloud
    }
}

/// News: of Kubernetes, or all ports as they are.
#[derive(Clone, Debug)]
pub(crate) enum News {
    Policy(Event),
    Ports(BTreeMap<PodKey, BTreeSet<Id>>),
}

pub(crate) struct Mind {
    pub(crate) world: World,
    /// What pods' ports carry, as far as it is known.
    known: BTreeMap<PodKey, BTreeSet<Id>>,
    under_way: BTreeSet<PodKey>,
    pods: BTreeSet<PodKey>,
}

impl Mind {
    pub(crate) fn new(world: World) -> Self {
        Self {
            world,
            known: BTreeMap::new(),
            under_way: BTreeSet::new(),
            pods: BTreeSet::new(),
        }
    }

    fn seen(&mut self, pod: &PodKey, groups: &BTreeSet<Id>) {
        self.known.insert(pod.clone(), groups.clone());
        self.world.port_is(SeenPort {
            id: id_of(pod),
            pod: Some(pod.clone()),
            groups: groups.clone(),
        });
    }
}

fn id_of(pod: &PodKey) -> Id {
    format!("port of {pod}").into()
}

impl Reconciler for Mind {
    type Event = News;
    type Action = Call;
    type Answer = Answer;
    type Figures = Figures;

    fn learn(&mut self, now: Millis, event: News) {
        match event {
            News::Policy(event) => {
                use crate::reconcile::Watched;
                if let Event::Pod(Watched::All(there)) = &event {
                    self.pods = there.clone();
                }
                self.world.learn(now, event);
            }
            News::Ports(ports) => {
                // What a call under way changes is known when it is answered.
                let known = ports
                    .iter()
                    .filter(|(pod, _)| !self.under_way.contains(*pod));
                for (pod, groups) in known
                    .map(|(p, g)| (p.clone(), g.clone()))
                    .collect::<Vec<_>>()
                {
                    self.seen(&pod, &groups);
                }
                self.known.retain(|pod, _| ports.contains_key(pod));
                self.world.ports_are(&ports.keys().map(id_of).collect());
            }
        }
    }

    fn lead(&mut self) {
        self.world.lead();
    }

    fn look_anew(&mut self) {
        self.world.look_anew();
    }

    fn step(&mut self, now: Millis) -> Vec<Call> {
        let mut calls: Vec<Call> = self.world.step(now).into_iter().map(Call::Policy).collect();
        if !self.world.is_synced() {
            return calls;
        }
        for pod in &self.pods {
            let Dress::Groups(groups) = self.world.dress(pod) else {
                continue;
            };
            let is_counted = self.world.compiled().of_pod.contains_key(pod);
            let is_right = self.known.get(pod) == Some(&groups);
            if is_counted && !is_right && self.under_way.insert(pod.clone()) {
                let pod = pod.clone();
                calls.push(Call::Put { pod, groups });
            }
        }
        calls
    }

    fn finish(&mut self, now: Millis, call: &Call, outcome: Outcome<Self>, took: Millis) {
        match call {
            Call::Policy(action) => self.world.finish(now, action, outcome, took),
            Call::Put { pod, groups } => {
                self.under_way.remove(pod);
                if outcome.is_ok() && self.pods.contains(pod) {
                    self.seen(pod, groups);
                }
            }
        }
    }

    fn next_wake(&self) -> Option<Millis> {
        self.world.next_wake()
    }

    fn is_synced(&self) -> bool {
        self.world.is_synced()
    }

    fn figures(&mut self) -> Figures {
        self.world.figures()
    }
}
