//! Pods with what their ports depend on: one reconciler of stages, each a function of the one before.
//!
//! ```text
//! namespaces, KuryrNetworks ──> networks ── what pods of a namespace want ──> ports <── pods, nodes, KuryrPorts
//!                                  ^                                            │
//!                                  └── how many pods want, how many ports are ──┘
//! ```
//!
//! What one stage changed the next is told by call, in the same step, so that no loop waits for another. Without networks of
//! namespaces all pods want what they were read with.

#[cfg(test)]
mod simulation;

use crate::port::{self, Want};
use crate::reconcile::{Effect, FailureKind, Lane, Outcome, Reconciler};
use crate::{Id, Millis, network};

/// News from a watch.
#[derive(Clone, Debug)]
pub enum Event {
    Port(port::Event),
    Network(network::Event),
}

/// One call of one of the stages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    Port(port::Action),
    Network(network::Action),
}

/// What a call brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Port(port::Answer),
    Network(network::Answer),
}

impl Effect for Action {
    fn name(&self) -> &'static str {
        match self {
            Self::Port(action) => action.name(),
            Self::Network(action) => action.name(),
        }
    }

    fn subject(&self) -> String {
        match self {
            Self::Port(action) => action.subject(),
            Self::Network(action) => action.subject(),
        }
    }

    fn lane(&self) -> Lane {
        match self {
            Self::Port(action) => action.lane(),
            Self::Network(action) => action.lane(),
        }
    }
}

/// Figures of all stages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    pub ports: port::Figures,
    /// None where namespaces have no networks of their own.
    pub networks: Option<network::Figures>,
}

/// The facts of all stages.
#[derive(Clone, Debug)]
pub struct World {
    networks: Option<network::World>,
    ports: port::World,
}

impl World {
    /// With networks of namespaces, or without.
    #[must_use]
    pub fn new(ports: port::Settings, networks: Option<network::Settings>) -> Self {
        let mut world = Self {
            networks: networks.map(network::World::new),
            ports: port::World::new(ports),
        };
        world.ports.wants_are_known(world.networks.is_none());
        world
    }

    /// Ports, for reports.
    #[must_use]
    pub fn ports(&self) -> &port::World {
        &self.ports
    }

    /// Networks of namespaces, for reports.
    #[must_use]
    pub fn networks(&self) -> Option<&network::World> {
        self.networks.as_ref()
    }

    /// What pods of a namespace want.
    fn want(networks: &network::World, namespace: &Id) -> Want {
        match networks.standing(namespace) {
            network::Standing::Ready(kind) => Want::Port(kind),
            network::Standing::Waits(why) => Want::Unknown(why),
        }
    }

    /// A pod as the stage before has it.
    fn resolve(&self, event: port::Event) -> port::Event {
        use crate::reconcile::Watched::There;
        match (event, &self.networks) {
            (port::Event::Pod(There(mut pod)), Some(networks)) if pod.want != Want::Nothing => {
                pod.want = Self::want(networks, &pod.key.namespace);
                port::Event::Pod(There(pod))
            }
            (event, _) => event,
        }
    }

    /// Ports that can't be made because something of theirs is gone: it may be a network that somebody deleted.
    fn miss_network(&mut self, action: &port::Action, outcome: &port::Outcome) {
        let is_gone = matches!(outcome, Err(failure) if failure.kind == FailureKind::Gone);
        let is_create = matches!(action, port::Action::CreatePorts { .. });
        if is_gone
            && is_create
            && let Some(networks) = &mut self.networks
        {
            networks.look_anew();
        }
    }

    /// Hands on what changed, until nothing does.
    fn hand_on(&mut self) {
        let Some(networks) = &mut self.networks else {
            return;
        };
        for (namespace, pods) in self.ports.take_namespaces() {
            networks.pods_want(&namespace, pods);
        }
        for (network, ports) in self.ports.take_networks() {
            networks.network_has(&network, ports);
        }
        for namespace in networks.take_changed() {
            let want = Self::want(networks, &namespace);
            self.ports.want(&namespace, &want);
        }
        self.ports.retire(networks.retiring());
        self.ports.wants_are_known(networks.is_synced());
    }
}

impl Reconciler for World {
    type Event = Event;
    type Action = Action;
    type Answer = Answer;
    type Figures = Figures;

    fn learn(&mut self, now: Millis, event: Event) {
        match event {
            Event::Port(event) => {
                let event = self.resolve(event);
                self.ports.learn(now, event);
            }
            Event::Network(event) => {
                if let Some(networks) = &mut self.networks {
                    networks.learn(now, event);
                }
            }
        }
    }

    fn lead(&mut self) {
        self.ports.lead();
        if let Some(networks) = &mut self.networks {
            networks.lead();
        }
        self.hand_on();
    }

    fn look_anew(&mut self) {
        self.ports.look_anew();
        if let Some(networks) = &mut self.networks {
            networks.look_anew();
        }
    }

    fn step(&mut self, now: Millis) -> Vec<Action> {
        self.hand_on();
        let mut actions = Vec::new();
        if let Some(networks) = &mut self.networks {
            actions.extend(networks.step(now).into_iter().map(Action::Network));
        }
        self.hand_on();
        actions.extend(self.ports.step(now).into_iter().map(Action::Port));
        actions
    }

    fn finish(&mut self, now: Millis, action: &Action, outcome: Outcome<Self>, took: Millis) {
        match action {
            Action::Port(action) => {
                let outcome = outcome.map(|answer| match answer {
                    Answer::Port(answer) => answer,
                    Answer::Network(_) => port::Answer::Done,
                });
                self.miss_network(action, &outcome);
                self.ports.finish(now, action, outcome, took);
            }
            Action::Network(action) => {
                let outcome = outcome.map(|answer| match answer {
                    Answer::Network(answer) => answer,
                    Answer::Port(_) => network::Answer::Done,
                });
                if let Some(networks) = &mut self.networks {
                    networks.finish(now, action, outcome, took);
                }
            }
        }
    }

    fn next_wake(&self) -> Option<Millis> {
        let networks = self.networks.as_ref().and_then(Reconciler::next_wake);
        [self.ports.next_wake(), networks]
            .into_iter()
            .flatten()
            .min()
    }

    fn is_synced(&self) -> bool {
        self.ports.is_synced() && self.networks.as_ref().is_none_or(Reconciler::is_synced)
    }

    fn figures(&mut self) -> Figures {
        Figures {
            ports: self.ports.figures(),
            networks: self.networks.as_mut().map(Reconciler::figures),
        }
    }
}
