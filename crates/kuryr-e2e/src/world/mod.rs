//! What a scenario starts from, and how it ends: with nothing left.

mod cluster;
mod end;
mod running;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use kube::Client;

use crate::cloud::{Group, Tenant};
use crate::node::Node;
use crate::pods::{Pods, Running};
use crate::programs::{Controller, Daemon, Kit};
use crate::progress::Progress;
use crate::reach::{Field, Place};
use crate::stack::{Stack, Vm};
use crate::traces::{Places, Traces};
use crate::{Outcome, fail};

/// The namespace of all pods of the tests.
const NAMESPACE: &str = "kuryr-e2e";
/// The controller that each scenario starts with.
pub const FIRST: &str = "controller";
/// The virtual machine.
const VM: &str = "e2e";
/// How long nodes may take to see the plugin, and things to go away.
const PATIENCE: Duration = Duration::from_secs(240);

/// The stack with our programs on it.
pub struct World {
    pub stack: Stack,
    /// What is said.
    pub progress: Progress,
    /// Neutron.
    pub tenant: Tenant,
    /// The security group of the pods' ports.
    pub group: Group,
    pub pods: Pods,
    pub nodes: Vec<Node>,
    /// The programs.
    pub kit: Kit,
    /// Controllers that run, by name.
    pub controllers: BTreeMap<String, Controller>,
    /// Daemons that run, by node.
    pub daemons: BTreeMap<String, Daemon>,
    kube: Client,
    before: Traces,
}

impl World {
    /// Looks at the stack and tidies up after a run that was cut short; starts nothing that stays.
    ///
    /// # Errors
    /// The stack can't be used, or another controller works on it.
    pub async fn open(stack: Stack, dir: &Path) -> Outcome<Self> {
        let progress = Progress::default();
        let kube = cluster::connect(&stack).await?;
        cluster::no_other_controller(&kube).await?;
        let tenant = Tenant::connect(&stack).await?;
        let group = tenant.make_group().await?;
        let mut world = Self {
            kit: Kit::new(&stack, dir, &group)?,
            pods: Pods::new(kube.clone(), NAMESPACE),
            nodes: Node::all(&stack),
            controllers: BTreeMap::new(),
            daemons: BTreeMap::new(),
            before: Traces::default(),
            stack,
            progress,
            tenant,
            group,
            kube,
        };
        cluster::apply_definitions(&world.stack, &world.kit, dir).await?;
        cluster::log_in(&world.stack, &world.kube, dir).await?;
        world.pods.open().await?;
        world.tidy_up().await?;
        world.before = world.traces().await?;
        Ok(world)
    }

    /// Kubernetes.
    #[must_use]
    pub fn kube(&self) -> &Client {
        &self.kube
    }

    /// Starts a controller and all daemons, and waits until the nodes are ready for pods.
    ///
    /// # Errors
    /// Something does not start.
    pub async fn start(&mut self) -> Outcome {
        self.start_programs().await?;
        for node in &self.nodes {
            node.install(&self.kit.plugin)?;
        }
        cluster::nodes_ready(&self.kube, &self.nodes).await
    }

    /// Waits until all nodes are ready for pods.
    ///
    /// # Errors
    /// They are not in time.
    pub async fn nodes_ready(&self) -> Outcome {
        cluster::nodes_ready(&self.kube, &self.nodes).await
    }

    /// Puts our definitions and accounts into Kubernetes again, after an installation was taken away with its own.
    ///
    /// # Errors
    /// Kubernetes'.
    pub async fn define_again(&self) -> Outcome {
        let dir = self.kit.dir();
        cluster::apply_definitions(&self.stack, &self.kit, dir).await?;
        cluster::log_in(&self.stack, &self.kube, dir).await
    }

    /// Makes `count` pods that sleep, in turn on each node; the first is called `p` and `from`.
    ///
    /// # Errors
    /// Kubernetes'.
    pub async fn sleepers(&self, from: usize, count: usize) -> Outcome {
        let pod = |number: usize| {
            let node = &self.nodes[number % self.nodes.len()];
            crate::pods::sleeper(&format!("p{number}"), &node.name)
        };
        self.pods.create((from..from + count).map(pod)).await
    }

    /// Starts a virtual machine on the hypervisor of the last node.
    ///
    /// # Errors
    /// The stack's.
    pub async fn vm(&self) -> Outcome<Place> {
        let Some(last) = self.stack.ids.nodes.values().next_back() else {
            return fail("the stack has no nodes");
        };
        let vm: Vm = self.stack.vm_up(VM, &last.hypervisor).await?;
        Ok(Place {
            name: "vm".to_owned(),
            netns: kuryr_net::netns::path(&vm.netns),
            address: vm.address,
        })
    }

    /// Where a pod is.
    ///
    /// # Errors
    /// Its address is in no namespace of its node.
    pub fn place(&self, pod: &Running) -> Outcome<Place> {
        let Some(node) = self.nodes.iter().find(|node| node.name == pod.node) else {
            return fail(format!(
                "pod {} runs on {}, which is no node",
                pod.name, pod.node
            ));
        };
        Ok(Place {
            name: format!("pod {}", pod.name),
            netns: node.network_of(pod.address)?,
            address: pod.address,
        })
    }

    /// The nodes themselves as places.
    #[must_use]
    pub fn node_places(&self) -> Vec<Place> {
        let of = |node: &Node| {
            let ids = self.stack.ids.nodes.get(&node.name)?;
            Some(Place {
                name: node.name.clone(),
                netns: node.netns.clone(),
                address: ids.address,
            })
        };
        self.nodes.iter().filter_map(of).collect()
    }

    /// A field of pods and more.
    ///
    /// # Errors
    /// A place is not there.
    pub fn field(&self, pods: &[Running], more: impl IntoIterator<Item = Place>) -> Outcome<Field> {
        let mut places = pods
            .iter()
            .map(|pod| self.place(pod))
            .collect::<Outcome<Vec<_>>>()?;
        places.extend(more);
        Field::open(places)
    }

    /// Everything of ours that is there now.
    ///
    /// # Errors
    /// A place can't be looked at.
    pub async fn traces(&self) -> Outcome<Traces> {
        Traces::list(Places {
            kube: &self.kube,
            tenant: &self.tenant,
            group: Some(&self.group),
            nodes: &self.nodes,
        })
        .await
    }
}
