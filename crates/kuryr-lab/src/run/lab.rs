//! The lab itself: started in order, stopped in the opposite one.

use std::path::{Path, PathBuf};
use std::time::Duration;

use kube::Client;
use kuryr_embedded_openstack::CallLog;
use kuryr_embedded_openstack::Tenant;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::cluster::{self, Cluster};
use super::kubeconfig::KubeconfigFile;
use super::nodes::{self, Nodes};
use super::parts::Parts;
use super::reach::{self, Endpoint, Reach};
use super::site::Site;
use super::{
    ControllerSeat, DaemonSeat, LabError, LabOptions, PodRow, Product, Side, Snapshot, Stage, Step,
    Worker, pods, way,
};

/// A running lab. Everything of it is removed when it is dropped, in the order of the fields.
pub struct Lab {
    options: LabOptions,
    nodes: Nodes,
    parts: Parts,
    shown: watch::Receiver<Snapshot>,
    _follow: AbortOnDropHandle<()>,
    client: Client,
    kubeconfig: KubeconfigFile,
    cluster: Cluster,
    site: Site,
}

impl Lab {
    /// Starts everything, and makes the pods without waiting for them. `report` hears of each
    /// stage as it begins. When it fails, or is stopped, what was started is removed.
    ///
    /// # Errors
    /// [`LabError`]: what the machine lacks, what the kernel refused, what did not start;
    /// [`LabError::Stopped`].
    pub async fn start(
        options: LabOptions,
        product: &dyn Product,
        report: &(dyn Fn(Stage) + Send + Sync),
        stop: &CancellationToken,
    ) -> Result<Self, LabError> {
        if let Some(path) = &options.kubeconfig {
            KubeconfigFile::check(path)?;
        }
        Cluster::check(options.kubernetes)?;
        let site = Site::make(&options, report).await?;
        let mut lab = unless_stopped(stop, Self::on(site, options, report)).await?;
        let raised = unless_stopped(stop, lab.raise(product, report)).await;
        match raised {
            Ok(()) => Ok(lab),
            Err(error) => {
                if let Err(also) = lab.shutdown().await {
                    tracing::error!(error = %also, "the lab was not removed whole");
                }
                Err(error)
            }
        }
    }

    /// Adds the Kubernetes API.
    async fn on(
        site: Site,
        options: LabOptions,
        report: &(dyn Fn(Stage) + Send + Sync),
    ) -> Result<Self, LabError> {
        report(Stage::Cluster);
        let cluster = Cluster::start(options.kubernetes, &site.folder).await?;
        let usual = site.folder.join("kubeconfig");
        let path = options.kubeconfig.clone().unwrap_or(usual);
        let kubeconfig = KubeconfigFile::write(&path, cluster.kubeconfig())?;
        let client = cluster.client().await?;
        cluster::install_crds(&client).await?;
        let (show, shown) = watch::channel(Snapshot::default());
        let follow = pods::follow(client.clone(), site.workers.clone(), show);
        Ok(Self {
            options,
            nodes: Nodes::default(),
            parts: Parts::new(),
            shown,
            _follow: AbortOnDropHandle::new(tokio::spawn(follow)),
            client,
            kubeconfig,
            cluster,
            site,
        })
    }

    /// Starts the product and the kubelets, and makes the pods once all nodes are ready.
    async fn raise(
        &mut self,
        product: &dyn Product,
        report: &(dyn Fn(Stage) + Send + Sync),
    ) -> Result<(), LabError> {
        report(Stage::Controller);
        let stop = self.parts.stop_token();
        let controller = product.controller(self.controller_seat(), stop.clone());
        self.parts.run("the controller".to_owned(), controller);
        report(Stage::Nodes);
        let plugins = self.site.folder.make_plugin(&product.plugin())?;
        for worker in &self.site.workers {
            let daemon = product.daemon(self.daemon_seat(worker)?, stop.clone());
            let name = format!("the daemon of {}", worker.name);
            self.parts.run(name, daemon);
        }
        self.nodes.start(&self.site, &self.client, &plugins).await?;
        let patience = self.options.patience;
        let ready = nodes::ready(&self.client, &self.site.workers, patience);
        self.parts.unless_failed(ready).await?;
        pods::create(&self.client, self.options.pods).await
    }

    fn controller_seat(&self) -> ControllerSeat {
        let (folder, tenant) = (&self.site.folder, &self.site.tenant);
        ControllerSeat {
            folder: folder.path().to_owned(),
            client: self.client.clone(),
            clouds_file: folder.join("clouds.yaml"),
            cloud: tenant.account.clone(),
            pod_subnet: tenant.pod_subnet.clone(),
            pod_security_groups: vec![tenant.pod_security_group.clone()],
            node_subnet: tenant.node_subnet.clone(),
        }
    }

    fn daemon_seat(&self, worker: &Worker) -> Result<DaemonSeat, LabError> {
        let own = self.site.folder.make_dir(&worker.name)?;
        Ok(DaemonSeat {
            client: self.client.clone(),
            node: worker.name.clone(),
            address: worker.address,
            netns: worker.netns.clone(),
            uplink: worker.uplink.clone(),
            socket: own.join(nodes::SOCKET),
            state_dir: own,
        })
    }

    /// What was asked for.
    pub fn options(&self) -> &LabOptions {
        &self.options
    }

    /// The workers.
    pub fn workers(&self) -> &[Worker] {
        &self.site.workers
    }

    /// Names of the hypervisors.
    pub fn hypervisors(&self) -> &[String] {
        self.site.topology.hypervisors()
    }

    /// The lab's folder.
    pub fn folder(&self) -> &Path {
        self.site.folder.path()
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
        &self.site.tenant
    }

    /// The calls that Keystone and Neutron got, all of them the product's.
    pub fn calls(&self) -> &CallLog {
        self.site.openstack.calls()
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
        let patience = self.options.patience;
        let ready = pods::wait(&self.shown, patience, "pods are not ready", enough);
        self.parts.unless_failed(ready).await
    }

    /// Has the pods that are ready reach each other. Each has `patience` for its pairs.
    pub async fn reach(&self, snapshot: &Snapshot, patience: Duration) -> Reach {
        let end = |pod: &PodRow| {
            let netns = self.pod_netns(pod)?;
            Some(Endpoint {
                pod: pod.key(),
                netns,
                addresses: pod.addresses.clone(),
            })
        };
        let ends: Vec<Endpoint> = snapshot.ready().filter_map(end).collect();
        reach::reach(&ends, patience).await
    }

    /// The steps of one packet between two pods that are ready; none if one of them is not
    /// wired any more.
    pub fn way(&self, from: &PodRow, to: &PodRow) -> Option<Vec<Step>> {
        let wired = self.site.topology.wired();
        let side = |pod| {
            let side = Side::of(pod, self.workers(), &wired, self.hypervisors())?;
            Some(Side {
                tap: nodes::tap_of(&side.worker, &side.subport),
                ..side
            })
        };
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
        let gone = pods::wait(&self.shown, patience, "pods are not gone", gone);
        self.parts.unless_failed(gone).await?;
        if !ports {
            return Ok(());
        }
        let mut changes = self.site.openstack.handle().changes();
        let empty = async { while self.site.pod_ports() > 0 && changes.changed().await.is_ok() {} };
        let empty = tokio::time::timeout(patience, empty).await;
        empty.map_err(|_| LabError::Late {
            what: format!("{} ports are still in Neutron", self.site.pod_ports()),
            seconds: patience.as_secs(),
            state: String::new(),
        })
    }

    /// Waits until a part of the product ends by itself, which it should not.
    pub async fn failed(&self) -> LabError {
        self.parts.failed().await
    }

    /// Stops and removes everything, and says what could not be removed.
    ///
    /// # Errors
    /// What the kernel refused.
    pub async fn shutdown(mut self) -> Result<(), LabError> {
        self.nodes.shutdown().await;
        self.parts.shutdown().await;
        self.cluster.shutdown().await;
        self.site.shutdown().await
    }
}

async fn unless_stopped<T>(
    stop: &CancellationToken,
    work: impl Future<Output = Result<T, LabError>>,
) -> Result<T, LabError> {
    tokio::select! {
        done = work => done,
        () = stop.cancelled() => Err(LabError::Stopped),
    }
}
