//! What a lab stands on: the cloud, hypervisors and workers, a folder.

use std::net::IpAddr;

use kuryr_embedded_openstack::{
    Activation, Allocation, Caller, Fields, Kind, OpenStack, Query, Settings, State, Tenant,
    worker_name,
};

use super::folder::{Folder, write_private};
use super::{LabError, LabOptions, Stage, Worker, real};
use crate::topology::lock::Lock;
use crate::topology::{
    LabId, Topology, TopologyError, TopologySpec, VmSpec, preflight, remove_namespaces,
};

/// The link of a worker that is its trunk port.
const UPLINK: &str = "eth0";
/// Labs that may run at once on a machine.
const MOST_LABS: usize = 100;

/// A running cloud with workers. Removed when dropped, in the order of the fields.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) folder: Folder,
    pub(super) workers: Vec<Worker>,
    pub(super) topology: Topology,
    pub(super) tenant: Tenant,
    pub(super) openstack: OpenStack,
}

impl Site {
    pub(super) async fn make(
        options: &LabOptions,
        report: &(dyn Fn(Stage) + Send + Sync),
    ) -> Result<Self, LabError> {
        blocking(|| Ok(preflight().map_err(TopologyError::from)?)).await?;
        report(Stage::Cloud);
        let openstack = OpenStack::start(settings(options))
            .await
            .map_err(LabError::OpenStack)?;
        let tenant = Tenant::make(&openstack, options.workers)?;
        report(Stage::Hardware);
        blocking(remove_killed).await?;
        let topology = start_topology(options.hypervisors, &openstack).await?;
        let lab = topology.lab().as_str().to_owned();
        let folder = Folder::make(&lab)?;
        write_private(&folder.join("clouds.yaml"), &openstack.clouds_yaml())?;
        let workers = add_workers(&topology, &tenant).await?;
        Ok(Self {
            folder,
            workers,
            topology,
            tenant,
            openstack,
        })
    }

    /// The lab's name: prefix of all its namespaces.
    pub(super) fn name(&self) -> &str {
        self.topology.lab().as_str()
    }

    /// Ports in the pods' network besides the router's.
    pub(super) fn pod_ports(&self) -> usize {
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

    pub(super) async fn shutdown(self) -> Result<(), LabError> {
        drop(self.folder);
        Ok(self.topology.shutdown().await?)
    }
}

async fn blocking(
    work: impl FnOnce() -> Result<(), LabError> + Send + 'static,
) -> Result<(), LabError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(failed) => std::panic::resume_unwind(failed.into_panic()),
    }
}

/// Removes what killed labs left: processes, namespaces, folders.
fn remove_killed() -> Result<(), LabError> {
    for (lab, _lock) in Lock::of_killed() {
        tracing::info!(lab = lab.as_str(), "removing what a killed lab left");
        let folder = Folder::path_of(lab.as_str());
        real::kill_leftovers(&folder.join("kubernetes"));
        remove_namespaces(&lab)?;
        drop(Folder::make(lab.as_str())?);
    }
    Ok(())
}

/// A cloud in which a port is ACTIVE when it is wired.
fn settings(options: &LabOptions) -> Settings {
    Settings {
        backend: options.backend,
        latency: options.latency,
        activation: Activation::WhenWired,
        allocation: Allocation::Sequential,
        ..Settings::default()
    }
}

/// Under the first name that no other lab has.
async fn start_topology(hypervisors: usize, openstack: &OpenStack) -> Result<Topology, LabError> {
    let mut number = 1;
    loop {
        let name = match number {
            1 => "lab".to_owned(),
            number => format!("lab{number}"),
        };
        let spec = TopologySpec {
            lab: LabId::new(&name)?,
            hypervisors,
        };
        match Topology::start(spec, openstack.handle().clone()).await {
            Err(TopologyError::Running { .. }) if number < MOST_LABS => number += 1,
            started => return Ok(started?),
        }
    }
}

/// A worker for each trunk, on the hypervisors in turn.
async fn add_workers(topology: &Topology, tenant: &Tenant) -> Result<Vec<Worker>, LabError> {
    let mut workers = Vec::new();
    for (at, parent) in tenant.parents.iter().enumerate() {
        let hypervisors = topology.hypervisors();
        let spec = VmSpec {
            name: worker_name(at + 1),
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
