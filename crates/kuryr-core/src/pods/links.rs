//! What one stage tells another.

use super::{Answer, Pod, Policies, World};
use crate::policy::{Dress, SeenPort};
use crate::port::{PodKey, Want};
use crate::reconcile::{FailureKind, Outcome, Reconciler, Watched};
use crate::{Id, Millis, network, policy, port};

/// What pods of a namespace want.
fn want(networks: &network::World, namespace: &Id) -> Want {
    match networks.standing(namespace) {
        network::Standing::Ready(kind) => Want::Port(kind),
        network::Standing::Waits(why) => Want::Unknown(why),
    }
}

impl World {
    pub(super) fn learn_pod(&mut self, now: Millis, news: &Watched<PodKey, Pod>) {
        if let Some(policies) = &mut self.policies {
            let news = news.part(|pod| pod.key.clone(), |pod| pod.for_policies.clone());
            policies.world.learn(now, policy::Event::Pod(news));
        }
        let news = news.part(|pod| pod.key.clone(), |pod| pod.for_ports.clone());
        self.learn_port(now, port::Event::Pod(news));
    }

    pub(super) fn learn_port(&mut self, now: Millis, event: port::Event) {
        let event = self.resolve(event);
        let node = match &event {
            port::Event::Node(news) => Some(news.clone()),
            _ => None,
        };
        self.ports.learn(now, event);
        if let Some(node) = node {
            self.tell_node(now, node);
        }
    }

    pub(super) fn learn_network(&mut self, now: Millis, event: network::Event) {
        if let (Some(policies), network::Event::Namespace(news)) = (&mut self.policies, &event) {
            let news = news.part(|n| n.name.clone(), |n| Some(seen_namespace(n)));
            policies.world.learn(now, policy::Event::Namespace(news));
        }
        if let Some(networks) = &mut self.networks {
            networks.learn(now, event);
        }
    }

    /// A pod as the stage before has it.
    fn resolve(&self, event: port::Event) -> port::Event {
        use crate::reconcile::Watched::There;
        match (event, &self.networks) {
            (port::Event::Pod(There(mut pod)), Some(networks)) if pod.want != Want::Nothing => {
                pod.want = want(networks, &pod.key.namespace);
                port::Event::Pod(There(pod))
            }
            (event, _) => event,
        }
    }

    /// Policies learn of a node what its pods are reached from.
    fn tell_node(&mut self, now: Millis, news: Watched<Id, (Id, Vec<std::net::IpAddr>)>) {
        let Some(policies) = &mut self.policies else {
            return;
        };
        let ports = &self.ports;
        let news = news.part(
            |(name, _)| name.clone(),
            |(name, _)| Some(seen_node(ports, name)),
        );
        policies.world.learn(now, policy::Event::Node(news));
    }

    /// The same of all nodes, when trunks were read.
    fn tell_nodes(&mut self, now: Millis) {
        let Some(policies) = &mut self.policies else {
            return;
        };
        for (name, _) in self.ports.node_addresses() {
            let node = Watched::There(seen_node(&self.ports, &name));
            policies.world.learn(now, policy::Event::Node(node));
        }
    }

    pub(super) fn finish_port(
        &mut self,
        now: Millis,
        action: &port::Action,
        outcome: Outcome<Self>,
        took: Millis,
    ) {
        let outcome = outcome.map(|answer| match answer {
            Answer::Port(answer) => answer,
            _ => port::Answer::Done,
        });
        self.miss(action, &outcome);
        let reads_trunks = matches!(
            action,
            port::Action::FindTrunks { .. } | port::Action::Refresh
        );
        self.ports.finish(now, action, outcome, took);
        if reads_trunks {
            self.tell_nodes(now);
        }
    }

    /// A port can't be made, or can't have security groups, because something of theirs is gone: it may be a network, or a group,
    /// that somebody deleted.
    fn miss(&mut self, action: &port::Action, outcome: &port::Outcome) {
        if !matches!(outcome, Err(failure) if failure.kind == FailureKind::Gone) {
            return;
        }
        match action {
            port::Action::CreatePorts { .. } => {
                self.networks.iter_mut().for_each(Reconciler::look_anew);
            }
            port::Action::SetSecurityGroups { .. } => {
                let policies = self.policies.iter_mut();
                policies.for_each(|policies| policies.world.look_anew());
            }
            _ => {}
        }
    }

    /// Networks of namespaces and ports tell each other what changed, until nothing does.
    pub(super) fn link_networks(&mut self) {
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
            let want = want(networks, &namespace);
            self.ports.want(&namespace, &want);
        }
        self.ports.retire(networks.retiring());
        self.ports.wants_are_known(networks.is_synced());
    }

    /// The calls for policies' groups, by what ports carry, of which they say what that is to be.
    pub(super) fn step_policies(&mut self, now: Millis) -> Vec<policy::Action> {
        let Some(policies) = &mut self.policies else {
            return Vec::new();
        };
        policies.see_ports(&mut self.ports);
        let actions = policies.world.step(now);
        for pod in policies.world.take_changed() {
            let groups = match policies.world.dress(&pod) {
                Dress::Groups(groups) => Some(groups),
                Dress::Wait => None,
            };
            self.ports.dress(&pod, groups);
        }
        actions
    }
}

impl Policies {
    /// Takes over what ports carry, and whose they are.
    fn see_ports(&mut self, ports: &mut port::World) {
        for worn in ports.take_worn() {
            match worn.groups {
                Some(groups) => self.world.port_is(SeenPort {
                    id: worn.port,
                    pod: worn.pod,
                    groups,
                }),
                None => self.world.port_is_gone(&worn.port),
            }
        }
        if !self.knows_ports && ports.are_ports_known() {
            self.knows_ports = true;
            self.world.ports_are(&ports.port_ids());
        }
    }
}

/// A node as policies see it: with the addresses of its trunk's parent port, from which it reaches its pods.
fn seen_node(ports: &port::World, name: &Id) -> policy::Node {
    policy::Node {
        name: name.clone(),
        addresses: ports.reached_from(name),
    }
}

fn seen_namespace(namespace: &network::Namespace) -> policy::Namespace {
    let labels = namespace.labels.iter();
    policy::Namespace {
        name: namespace.name.clone(),
        labels: labels
            .map(|(key, value)| (key.as_str().into(), value.as_str().into()))
            .collect(),
    }
}
