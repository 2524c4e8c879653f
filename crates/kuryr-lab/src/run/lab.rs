//! The lab itself: started in order, stopped in the opposite one.

use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};

use futures::FutureExt;
use futures::future::BoxFuture;
use kube::Client;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::cluster::{self, Cluster};
use super::folder::{Folder, write_private};
use super::kubeconfig::KubeconfigFile;
use super::nodes::Nodes;
use super::reach::{self, Endpoint, Reach};
use super::{
    ControllerSeat, DaemonSeat, LabError, LabOptions, PodRow, Product, Side, Snapshot, Stage, Step,
    Tenant, Worker, pods, real, tenant, way,
};
use crate::openstack::{
    Activation, Allocation, CallLog, Caller, Fields, Kind, OpenStack, Query, Settings, State,
};
use crate::topology::{LabId, Topology, TopologyError, TopologySpec, VmSpec};

/// The link of a worker that is its trunk port.
const UPLINK: &str = "eth0";
/// Labs that may run at once on a machine.
const MOST_LABS: usize = 100;

/// Why a part of the product ended.
type Ended = Option<(String, String)>;

/// A running lab. Everything of it is removed when it is dropped, in the order of the fields.
pub struct Lab {
    options: LabOptions,
    workers: Vec<Worker>,
    tenant: Tenant,
    client: Client,
    shown: watch::Receiver<Snapshot>,
    ended: watch::Receiver<Ended>,
    stop: CancellationToken,
    parts: JoinSet<()>,
    nodes: Nodes,
    kubeconfig: KubeconfigFile,
    cluster: Cluster,
    topology: Topology,
    openstack: OpenStack,
    folder: Folder,
}

impl Lab {
    /// Starts everything, and makes the pods without waiting for them. `report` hears of each
    /// stage as it begins. What was started is removed if it fails or is not waited for.
    ///
    /// # Errors
    /// [`LabError`]: what the machine lacks, what the kernel refused, what did not start.
    pub async fn start(
        options: LabOptions,
        product: &dyn Product,
        report: &(dyn Fn(Stage) + Send + Sync),
    ) -> Result<Self, LabError> {
        if let Some(path) = &options.kubeconfig {
            KubeconfigFile::check(path)?;
        }
        report(Stage::Cloud);
        let openstack = OpenStack::start(settings())
            .await
            .map_err(LabError::OpenStack)?;
        let tenant = Tenant::make(&openstack, options.workers)?;
        report(Stage::Hardware);
        let topology = start_topology(options.hypervisors, &openstack).await?;
        let lab = topology.lab().as_str().to_owned();
        real::kill_leftovers(&Folder::path_of(&lab).join("kubernetes"));
        let folder = Folder::make(&lab)?;
        let workers = add_workers(&topology, &tenant).await?;
        report(Stage::Cluster);
        let cluster = Cluster::start(options.kubernetes, &folder).await?;
        let path = options
            .kubeconfig
            .clone()
            .unwrap_or_else(|| folder.join("kubeconfig"));
        let kubeconfig = KubeconfigFile::write(&path, cluster.kubeconfig())?;
        write_private(&folder.join("clouds.yaml"), &openstack.clouds_yaml())?;
        let client = cluster.client().await?;
        cluster::install_crds(&client).await?;
        let mut parts = Parts::new();
        report(Stage::Controller);
        let seat = controller_seat(&folder, &client, &tenant);
        parts.run(
            "the controller",
            product.controller(seat, parts.stop.clone()),
        );
        report(Stage::Nodes);
        let plugins = folder.make_plugin(&product.plugin())?;
        for worker in &workers {
            let seat = daemon_seat(&folder, &client, worker)?;
            let name = format!("the daemon of {}", worker.name);
            parts.run(&name, product.daemon(seat, parts.stop.clone()));
        }
        let nodes = Nodes::start(&lab, &folder, &client, &plugins, &workers).await?;
        let (show, shown) = watch::channel(Snapshot::default());
        parts
            .tasks
            .spawn(pods::follow(client.clone(), workers.clone(), show));
        pods::create(&client, options.pods).await?;
        Ok(Self {
            options,
            workers,
            tenant,
            client,
            shown,
            ended: parts.ended.subscribe(),
            stop: parts.stop,
            parts: parts.tasks,
            nodes,
            kubeconfig,
            cluster,
            topology,
            openstack,
            folder,
        })
    }

    /// What was asked for.
    pub fn options(&self) -> &LabOptions {
        &self.options
    }

    /// The workers.
    pub fn workers(&self) -> &[Worker] {
        &self.workers
    }

    /// Names of the hypervisors.
    pub fn hypervisors(&self) -> &[String] {
        self.topology.hypervisors()
    }

    /// The lab's folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where the kubeconfig is.
    pub fn kubeconfig(&self) -> &Path {
        self.kubeconfig.path()
    }

    /// What the Kubernetes API is, for people.
    pub fn kubernetes(&self) -> String {
        self.cluster.name()
    }

    /// A client of the Kubernetes API.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// What was made in the cloud for the cluster.
    pub fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// The calls that Keystone and Neutron got, all of them the product's.
    pub fn calls(&self) -> &CallLog {
        self.openstack.calls()
    }

    /// All pods, as they are and as they change.
    pub fn watch(&self) -> watch::Receiver<Snapshot> {
        self.shown.clone()
    }

    /// The network namespace of a pod that runs.
    pub fn pod_netns(&self, pod: &PodRow) -> Option<PathBuf> {
        self.nodes.pod_netns(pod)
    }

    /// Waits until as many pods are ready as were asked for; `report` hears how many are.
    ///
    /// # Errors
    /// They are not in time, or a part of the product ended.
    pub async fn ready(&self, report: &(dyn Fn(Stage) + Send + Sync)) -> Result<(), LabError> {
        let of = self.options.pods;
        let enough = |now: &Snapshot| {
            let ready = now.ready().count();
            report(Stage::Pods { ready, of });
            ready >= of
        };
        let ready = pods::wait(
            &self.shown,
            self.options.patience,
            "pods are not ready",
            enough,
        );
        self.unless_ended(ready).await
    }

    /// Has the pods that are ready reach each other, as far as `known` does not have it yet.
    pub async fn reach(&self, snapshot: &Snapshot, known: &Reach) -> Reach {
        let end = |pod: &PodRow| {
            let netns = self.pod_netns(pod)?;
            Some(Endpoint {
                pod: pod.key(),
                netns,
                addresses: pod.addresses.clone(),
            })
        };
        let ends: Vec<Endpoint> = snapshot.ready().filter_map(end).collect();
        let pairs = reach::missing(&ends, known);
        reach::reach(&ends, &pairs, self.options.patience).await
    }

    /// The steps of one packet between two pods that are ready; none if one of them is not
    /// wired any more.
    pub fn way(&self, from: &PodRow, to: &PodRow) -> Option<Vec<Step>> {
        let wired = self.topology.wired();
        let side = |pod| Side::of(pod, &self.workers, &wired, self.topology.hypervisors());
        Some(way::way(&side(from)?, &side(to)?))
    }

    /// Deletes all pods and waits until they and their KuryrPorts are gone, and with `ports`
    /// until their ports are gone from Neutron.
    ///
    /// # Errors
    /// Something of them is left after the time that pods may take to be ready.
    pub async fn release(&self, ports: bool) -> Result<(), LabError> {
        let before = self.shown.borrow().clone();
        pods::delete_all(&self.client, &before).await?;
        let gone = |now: &Snapshot| now.pods.is_empty() && now.unclaimed.is_empty();
        let patience = self.options.patience;
        let gone = pods::wait(&self.shown, patience, "pods are still there", gone);
        self.unless_ended(gone).await?;
        if !ports {
            return Ok(());
        }
        let left = || self.subports_left();
        let mut changes = self.openstack.handle().changes();
        let empty = async { while left() > 0 && changes.changed().await.is_ok() {} };
        let empty = tokio::time::timeout(patience, empty).await;
        empty.map_err(|_| LabError::Late {
            what: format!("{} ports are still in Neutron", left()),
            seconds: patience.as_secs(),
            state: String::new(),
        })
    }

    /// Ports in the pods' network besides the router's.
    fn subports_left(&self) -> usize {
        let query = Query::parse(&format!("network_id={}", self.tenant.pod_network));
        let admin = Caller {
            project_id: String::new(),
            admin: true,
        };
        let ports = |state: &mut State| state.cloud.list(&admin, Kind::Port, &query);
        let listed = self.openstack.handle().with(ports);
        let routers = |port: &&Fields| port["device_owner"] == "network:router_interface";
        listed.map_or(0, |page| {
            page.items.iter().filter(|port| !routers(port)).count()
        })
    }

    /// Waits until a part of the product ends by itself, which it should not.
    pub async fn failed(&self) -> LabError {
        let mut ended = self.ended.clone();
        let found = ended.wait_for(Option::is_some).await;
        match found.as_deref() {
            Ok(Some((part, why))) => LabError::Ended {
                part: part.clone(),
                why: why.clone(),
            },
            _ => std::future::pending().await,
        }
    }

    async fn unless_ended<T>(
        &self,
        work: impl Future<Output = Result<T, LabError>>,
    ) -> Result<T, LabError> {
        tokio::select! {
            done = work => done,
            failed = self.failed() => Err(failed),
        }
    }

    /// Stops and removes everything, and says what could not be removed.
    ///
    /// # Errors
    /// What the kernel refused.
    pub async fn shutdown(mut self) -> Result<(), LabError> {
        self.stop.cancel();
        self.nodes.shutdown();
        // The watch on pods ends with its task only.
        self.parts.shutdown().await;
        self.cluster.shutdown().await;
        self.topology.shutdown().await?;
        Ok(())
    }
}

/// The parts of the product that run.
struct Parts {
    stop: CancellationToken,
    tasks: JoinSet<()>,
    ended: watch::Sender<Ended>,
}

impl Parts {
    fn new() -> Self {
        Self {
            stop: CancellationToken::new(),
            tasks: JoinSet::new(),
            ended: watch::Sender::new(None),
        }
    }

    fn run(&mut self, name: &str, part: BoxFuture<'static, Result<(), String>>) {
        let (name, stop, ended) = (name.to_owned(), self.stop.clone(), self.ended.clone());
        self.tasks.spawn(async move {
            let why = match AssertUnwindSafe(part).catch_unwind().await {
                Ok(Ok(())) if stop.is_cancelled() => return,
                Ok(Ok(())) => "without a reason".to_owned(),
                Ok(Err(why)) => why,
                Err(_) => "it panicked; the log says where".to_owned(),
            };
            tracing::error!(part = name, why, "ended");
            ended.send_if_modified(|first| first.is_none() && first.replace((name, why)).is_none());
        });
    }
}

/// A cloud in which a port is ACTIVE when it is wired.
fn settings() -> Settings {
    Settings {
        activation: Activation::WhenWired,
        allocation: Allocation::Sequential,
        ..Settings::default()
    }
}

/// Under the first name that no other lab has.
async fn start_topology(hypervisors: usize, openstack: &OpenStack) -> Result<Topology, LabError> {
    for number in 1.. {
        let name = if number == 1 {
            "lab".to_owned()
        } else {
            format!("lab{number}")
        };
        let spec = TopologySpec {
            lab: LabId::new(&name)?,
            hypervisors,
        };
        match Topology::start(spec, openstack.handle().clone()).await {
            Err(TopologyError::Running { .. }) if number < MOST_LABS => {}
            started => return Ok(started?),
        }
    }
    Err(LabError::Topology(TopologyError::Unknown(
        "no name is free".to_owned(),
    )))
}

async fn add_workers(topology: &Topology, tenant: &Tenant) -> Result<Vec<Worker>, LabError> {
    let mut workers = Vec::new();
    for (at, parent) in tenant.parents.iter().enumerate() {
        let hypervisors = topology.hypervisors();
        let spec = VmSpec {
            name: tenant::worker_name(at + 1),
            hypervisor: hypervisors[at % hypervisors.len()].clone(),
            port: parent.clone(),
        };
        let vm = topology.add_vm(spec).await?;
        let address = vm.addresses.first().map(|address| address.addr());
        workers.push(Worker {
            address: address.unwrap_or(IpAddr::from([0, 0, 0, 0])),
            name: vm.name,
            netns: vm.netns,
            uplink: UPLINK.to_owned(),
            parent: vm.port,
            hypervisor: vm.hypervisor,
        });
    }
    Ok(workers)
}

fn controller_seat(folder: &Folder, client: &Client, tenant: &Tenant) -> ControllerSeat {
    ControllerSeat {
        folder: folder.path().to_owned(),
        client: client.clone(),
        clouds_file: folder.join("clouds.yaml"),
        cloud: tenant.account.clone(),
        pod_subnet: tenant.pod_subnet.clone(),
        pod_security_groups: vec![tenant.pod_security_group.clone()],
        node_subnet: tenant.node_subnet.clone(),
    }
}

fn daemon_seat(folder: &Folder, client: &Client, worker: &Worker) -> Result<DaemonSeat, LabError> {
    let own = folder.make_dir(&worker.name)?;
    Ok(DaemonSeat {
        client: client.clone(),
        node: worker.name.clone(),
        address: worker.address,
        netns: worker.netns.clone(),
        uplink: worker.uplink.clone(),
        socket: own.join("cni.sock"),
        state_dir: own,
    })
}
