//! Pods with what their ports depend on: one reconciler of stages, each a function of the one before.
//!
//! ```text
//! namespaces, KuryrNetworks ──> networks ── what pods of a namespace want ──> ports <── pods, nodes, KuryrPorts
//!                                  ^                                            │ ^
//!                                  └── how many pods want, how many ports are ──┤ │
//!                                                                               │ └── what each pod's port is to carry ──┐
//!                                                       what each port carries ─┴──────────────────────────────────> policies
//! ```
//!
//! What one stage changed the next is told by call, in the same step, so that no loop waits for another. Without networks of
//! namespaces all pods want what they were read with; without policies all ports of a kind carry the same. What one watch tells and
//! several stages are about is one event.

mod event;
mod links;
#[cfg(test)]
mod simulation;

use crate::reconcile::{Effect, Lane, Outcome, Reconciler};
use crate::{Millis, network, policy, port};

pub use self::event::{Event, Pod};

/// One call of one of the stages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    Port(port::Action),
    Network(network::Action),
    Policy(policy::Action),
}

/// What a call brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Port(port::Answer),
    Network(network::Answer),
    Policy(policy::Answer),
}

impl Action {
    fn effect(&self) -> &dyn Effect {
        match self {
            Self::Port(action) => action,
            Self::Network(action) => action,
            Self::Policy(action) => action,
        }
    }
}

impl Effect for Action {
    fn name(&self) -> &'static str {
        self.effect().name()
    }

    fn subject(&self) -> String {
        self.effect().subject()
    }

    fn lane(&self) -> Lane {
        self.effect().lane()
    }
}

/// Figures of all stages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    pub ports: port::Figures,
    /// None where namespaces have no networks of their own.
    pub networks: Option<network::Figures>,
    /// None where policies are not in force.
    pub policies: Option<policy::Figures>,
}

/// Policies with what they are about.
#[derive(Clone, Debug)]
struct Policies {
    world: policy::World,
    behind: policy::Behind,
    /// Whether this term's ports were told of.
    knows_ports: bool,
}

/// Settings of the stages that there may be.
#[derive(Clone, Debug, Default)]
pub struct Stages {
    /// Namespaces have networks of their own.
    pub networks: Option<network::Settings>,
    /// Policies are in force; with the provider of load balancers that do not say theirs.
    pub policies: Option<(policy::Settings, policy::Behind)>,
}

/// The facts of all stages.
#[derive(Clone, Debug)]
pub struct World {
    networks: Option<network::World>,
    policies: Option<Box<Policies>>,
    ports: port::World,
}

impl World {
    /// With these stages besides ports.
    #[must_use]
    pub fn new(ports: port::Settings, stages: Stages) -> Self {
        let policies = stages.policies.map(|(settings, behind)| {
            Box::new(Policies {
                world: policy::World::new(settings),
                behind,
                knows_ports: false,
            })
        });
        let ports = port::Settings {
            groups_by_pod: policies.is_some(),
            ..ports
        };
        let mut world = Self {
            networks: stages.networks.map(network::World::new),
            policies,
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

    /// Policies, for reports.
    #[must_use]
    pub fn policies(&self) -> Option<&policy::World> {
        self.policies.as_ref().map(|policies| &policies.world)
    }
}

impl Reconciler for World {
    type Event = Event;
    type Action = Action;
    type Answer = Answer;
    type Figures = Figures;

    fn learn(&mut self, now: Millis, event: Event) {
        match event {
            Event::Pod(news) => self.learn_pod(now, &news),
            Event::Port(event) => self.learn_port(now, event),
            Event::Network(event) => self.learn_network(now, event),
            Event::Policy(event) => {
                if let Some(policies) = &mut self.policies {
                    policies.world.learn(now, event);
                }
            }
            Event::Service(event) => {
                if let Some(policies) = &mut self.policies {
                    let news = policies.behind.learn(*event);
                    news.into_iter()
                        .for_each(|event| policies.world.learn(now, event));
                }
            }
        }
    }

    fn lead(&mut self) {
        self.ports.lead();
        if let Some(networks) = &mut self.networks {
            networks.lead();
        }
        if let Some(policies) = &mut self.policies {
            policies.knows_ports = false;
            policies.world.lead();
        }
        self.link_networks();
    }

    fn look_anew(&mut self) {
        self.ports.look_anew();
        if let Some(networks) = &mut self.networks {
            networks.look_anew();
        }
        if let Some(policies) = &mut self.policies {
            policies.world.look_anew();
        }
    }

    fn step(&mut self, now: Millis) -> Vec<Action> {
        self.link_networks();
        let mut actions = Vec::new();
        if let Some(networks) = &mut self.networks {
            actions.extend(networks.step(now).into_iter().map(Action::Network));
        }
        self.link_networks();
        actions.extend(self.step_policies(now).into_iter().map(Action::Policy));
        actions.extend(self.ports.step(now).into_iter().map(Action::Port));
        actions
    }

    fn finish(&mut self, now: Millis, action: &Action, outcome: Outcome<Self>, took: Millis) {
        match action {
            Action::Port(action) => self.finish_port(now, action, outcome, took),
            Action::Network(action) => {
                let outcome = outcome.map(|answer| match answer {
                    Answer::Network(answer) => answer,
                    _ => network::Answer::Done,
                });
                if let Some(networks) = &mut self.networks {
                    networks.finish(now, action, outcome, took);
                }
            }
            Action::Policy(action) => {
                let outcome = outcome.map(|answer| match answer {
                    Answer::Policy(answer) => answer,
                    _ => policy::Answer::Done,
                });
                if let Some(policies) = &mut self.policies {
                    policies.world.finish(now, action, outcome, took);
                }
            }
        }
    }

    fn next_wake(&self) -> Option<Millis> {
        let networks = self.networks.as_ref().and_then(Reconciler::next_wake);
        let policies = self.policies().and_then(Reconciler::next_wake);
        [self.ports.next_wake(), networks, policies]
            .into_iter()
            .flatten()
            .min()
    }

    fn is_synced(&self) -> bool {
        let others = self.networks.as_ref().is_none_or(Reconciler::is_synced)
            && self.policies().is_none_or(Reconciler::is_synced);
        self.ports.is_synced() && others
    }

    fn figures(&mut self) -> Figures {
        let policies = self.policies.as_mut();
        Figures {
            ports: self.ports.figures(),
            networks: self.networks.as_mut().map(Reconciler::figures),
            policies: policies.map(|policies| policies.world.figures()),
        }
    }
}
