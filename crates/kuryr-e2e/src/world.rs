//! What a scenario starts from, and how it ends: with nothing left.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Node as KubeNode;
use k8s_openapi::jiff::Timestamp;
use kube::api::{ListParams, Patch, PatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config, ResourceExt};
use serde_json::json;

use crate::cloud::{Group, Tenant};
use crate::node::Node;
use crate::pods::{Pods, Running};
use crate::programs::{Controller, Daemon, Kit};
use crate::progress::{Progress, until};
use crate::reach::{Field, Place};
use crate::stack::{self, Stack, Vm};
use crate::traces::{Places, Traces};
use crate::{Failure, Outcome, fail};

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
    /// The stack.
    pub stack: Stack,
    /// What is said.
    pub progress: Progress,
    /// Neutron.
    pub tenant: Tenant,
    /// The security group of the pods' ports.
    pub group: Group,
    /// The pods.
    pub pods: Pods,
    /// The nodes.
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
        let kube = connect(&stack).await?;
        no_other_controller(&kube).await?;
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
        world.apply_definitions(dir).await?;
        world.pods.open().await?;
        if world.is_used().await? {
            world
                .progress
                .say("tidies up after a run that was cut short");
            world.start().await?;
            world.pods.delete_all().await?;
            until("what it left is gone", PATIENCE, async || {
                match world.is_used().await? {
                    true => fail("there is something"),
                    false => Ok(()),
                }
            })
            .await?;
            world.stop_programs().await?;
        }
        world.before = world.traces().await?;
        Ok(world)
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
        let nodes: Api<KubeNode> = Api::all(self.kube.clone());
        until("the nodes are ready", PATIENCE, async || {
            for node in &self.nodes {
                if !is_ready(&nodes.get(&node.name).await?) {
                    return fail(format!("{} is not", node.name));
                }
            }
            Ok(())
        })
        .await
    }

    /// Starts those of the first controller and the daemons that do not run, and waits for them.
    ///
    /// # Errors
    /// One does not start.
    pub async fn start_programs(&mut self) -> Outcome {
        if self.controllers.is_empty() {
            self.controllers
                .insert(FIRST.to_owned(), self.kit.controller(FIRST)?);
        }
        for node in &self.nodes {
            if !self.daemons.contains_key(&node.name) {
                self.daemons
                    .insert(node.name.clone(), self.kit.daemon(node)?);
            }
        }
        for daemon in self.daemons.values_mut() {
            daemon.until_ready().await?;
        }
        for controller in self.controllers.values_mut() {
            controller.until_ready().await?;
        }
        Ok(())
    }

    /// A controller that runs.
    ///
    /// # Errors
    /// None of this name does.
    pub fn controller(&mut self, name: &str) -> Outcome<&mut Controller> {
        match self.controllers.get_mut(name) {
            Some(controller) => Ok(controller),
            None => fail(format!("{name} does not run")),
        }
    }

    /// Kills a controller.
    ///
    /// # Errors
    /// It does not run.
    pub async fn kill_controller(&mut self, name: &str) -> Outcome {
        match self.controllers.remove(name) {
            Some(controller) => controller.process.kill().await,
            None => fail(format!("{name} does not run")),
        }
    }

    /// Kills all controllers and daemons at once.
    ///
    /// # Errors
    /// One of them had ended.
    pub async fn kill_all(&mut self) -> Outcome {
        let controllers = std::mem::take(&mut self.controllers)
            .into_values()
            .map(|c| c.process);
        let daemons = std::mem::take(&mut self.daemons)
            .into_values()
            .map(|d| d.process);
        let processes: Vec<_> = controllers.chain(daemons).collect();
        for process in &processes {
            process.signal("KILL").await?;
        }
        // Their ends are waited for, and they are killed a second time.
        drop(processes);
        Ok(())
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
        let hypervisor = self
            .stack
            .ids
            .nodes
            .values()
            .next_back()
            .map(|n| n.hypervisor.clone());
        let vm: Vm = self
            .stack
            .vm_up(VM, &hypervisor.unwrap_or_default())
            .await?;
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

    /// Waits until nothing is left of what was not there before the scenario.
    ///
    /// # Errors
    /// It takes too long; lists what is left.
    pub async fn until_nothing_left(&self) -> Outcome {
        until("nothing of ours is left", PATIENCE, async || {
            let left = self.traces().await?.since(&self.before);
            match left.0.is_empty() {
                true => Ok(()),
                false => fail(left.to_string()),
            }
        })
        .await
    }

    /// Deletes everything that the scenario made, whatever state it is in.
    ///
    /// # Errors
    /// Something was left, or could not be taken away; all is tried.
    pub async fn close(mut self) -> Outcome {
        let progress = self.progress.clone();
        let mut failures: Vec<Failure> = Vec::new();
        let mut note = |result: Outcome| failures.extend(result.err());
        let emptied = progress
            .step("all pods deleted, nothing of ours is left", self.empty())
            .await;
        let forced = emptied.is_err();
        note(emptied);
        note(self.stop_programs().await);
        if forced {
            note(self.force().await);
        } else {
            note(
                progress
                    .step("nor after the programs' end", self.until_nothing_left())
                    .await,
            );
        }
        note(self.stack.vm_down(VM).await);
        for node in &self.nodes {
            note(node.uninstall());
        }
        note(self.pods.close().await);
        note(self.tenant.delete_groups().await);
        match failures.is_empty() {
            true => Ok(()),
            false => fail(
                failures
                    .iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join("\n"),
            ),
        }
    }

    async fn empty(&mut self) -> Outcome {
        for controller in self.controllers.values() {
            controller.process.signal("CONT").await?;
        }
        self.start_programs().await?;
        self.pods.delete_all().await?;
        self.pods.until_gone().await?;
        self.until_nothing_left().await
    }

    /// Stops all programs as a supervisor does.
    ///
    /// # Errors
    /// One of them had ended, or ends with an error.
    pub async fn stop_programs(&mut self) -> Outcome {
        let mut result = Ok(());
        let controllers = std::mem::take(&mut self.controllers)
            .into_values()
            .map(|c| c.process);
        let daemons = std::mem::take(&mut self.daemons)
            .into_values()
            .map(|d| d.process);
        for process in controllers.chain(daemons) {
            result = result.and(process.stop().await);
        }
        result
    }

    /// Takes away by force what our programs did not.
    async fn force(&self) -> Outcome {
        let nothing = Patch::Merge(json!({"metadata": {"finalizers": null}}));
        let (all, by) = (ListParams::default(), PatchParams::default());
        for port in self.pods.ports().list(&all).await?.items {
            self.pods
                .ports()
                .patch(&port.name_any(), &by, &nothing)
                .await?;
        }
        for pod in self.pods.api().list(&all).await?.items {
            self.pods
                .api()
                .patch(&pod.name_any(), &by, &nothing)
                .await?;
        }
        self.tenant.clear().await
    }

    /// Whether an earlier run left something.
    async fn is_used(&self) -> Outcome<bool> {
        let all = ListParams::default();
        Ok(!self.pods.api().list(&all).await?.items.is_empty()
            || !self.pods.ports().list(&all).await?.items.is_empty()
            || !self.tenant.ours().await?.is_empty())
    }

    async fn apply_definitions(&self, dir: &Path) -> Outcome {
        let file = dir.join("crds.yaml");
        std::fs::write(&file, stack::output(self.kit.kuryr(&["crds"])).await?)?;
        let mut apply = self.stack.kubectl();
        apply.arg("apply").arg("-f").arg(&file);
        stack::output(apply).await?;
        let mut wait = self.stack.kubectl();
        wait.args(["wait", "--for=condition=established", "--timeout=60s", "-f"])
            .arg(&file);
        stack::output(wait).await.map(drop)
    }
}

async fn connect(stack: &Stack) -> Outcome<Client> {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let file = Kubeconfig::read_from(&stack.kubeconfig)?;
    let config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await?;
    Ok(Client::try_from(config)?)
}

/// Two controllers with different names in OpenStack would take each other's KuryrPorts for
/// their own: one that is not the tests' must have ended.
async fn no_other_controller(kube: &Client) -> Outcome {
    let api: Api<Lease> = Api::namespaced(kube.clone(), "kube-system");
    until(
        "no other controller has the lease",
        PATIENCE / 4,
        async || {
            let Some(spec) = api
                .get_opt("kuryr-controller")
                .await?
                .and_then(|lease| lease.spec)
            else {
                return Ok(());
            };
            let holder = spec.holder_identity.unwrap_or_default();
            let seconds = spec.lease_duration_seconds.unwrap_or(15);
            let renewed = spec.renew_time.map(|at| at.0.as_second()).unwrap_or(0);
            match holder.is_empty() || renewed + i64::from(seconds) < Timestamp::now().as_second() {
                true => Ok(()),
                false => fail(format!("{holder} has it: stop that controller")),
            }
        },
    )
    .await
}

fn is_ready(node: &KubeNode) -> bool {
    let conditions = node
        .status
        .iter()
        .flat_map(|s| s.conditions.iter().flatten());
    conditions
        .into_iter()
        .any(|c| c.type_ == "Ready" && c.status == "True")
}
