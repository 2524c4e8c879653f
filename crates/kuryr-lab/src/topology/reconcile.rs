//! The topology as a whole: made, kept as Neutron's state wants it, removed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kuryr_embedded_openstack::{Activation, Handle};
use kuryr_net::netns;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::apply::Hypervisors;
use super::lock::Lock;
use super::plan::{Wired, desired, plan};
use super::{LabId, TopologyError, Vm, VmSpec, preflight, vm};

/// First pause after a step failed; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What to build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopologySpec {
    /// The lab's name: prefix of all its namespaces.
    pub lab: LabId,
    /// How many hypervisors: `hv1`, `hv2`, …
    pub hypervisors: usize,
}

/// The work's state: what is wired, and what of it failed last.
#[derive(Debug, Default)]
struct Work {
    wired: Wired,
    vms: BTreeMap<String, Vm>,
    failed: Option<String>,
}

/// A running topology. It removes everything when it is dropped.
#[derive(Debug)]
pub struct Topology {
    hypervisors: Hypervisors,
    cloud: Handle,
    work: Arc<Mutex<Work>>,
    applied: watch::Receiver<u64>,
    stop: Option<DropGuard>,
    /// Held as long as anything of the lab is there: dropped last.
    _lock: Lock,
}

impl Topology {
    /// Checks the machine, removes what a killed lab of the same name left, builds the hypervisors and begins to
    /// follow the cloud's state.
    ///
    /// # Errors
    /// [`TopologyError::Missing`], [`TopologyError::Running`], or what the kernel refused; nothing is left then.
    pub async fn start(spec: TopologySpec, cloud: Handle) -> Result<Self, TopologyError> {
        let names = (1..=spec.hypervisors.max(1))
            .map(|number| format!("hv{number}"))
            .collect();
        let hypervisors = Hypervisors {
            lab: spec.lab.clone(),
            names,
        };
        let build = hypervisors.clone();
        let lock = blocking(move || {
            preflight()?;
            let lock = Lock::take(&build.lab)?;
            remove_namespaces(&build.lab)?;
            build
                .build()
                .inspect_err(|_| drop(remove_namespaces(&build.lab)))?;
            Ok(lock)
        })
        .await?;
        let work = Arc::new(Mutex::new(Work::default()));
        let (report, applied) = watch::channel(0);
        let stop = CancellationToken::new();
        let follow = follow(hypervisors.clone(), cloud.clone(), work.clone(), report);
        tokio::spawn(stop.clone().run_until_cancelled_owned(follow));
        Ok(Self {
            hypervisors,
            cloud,
            work,
            applied,
            stop: Some(stop.drop_guard()),
            _lock: lock,
        })
    }

    /// The lab's name.
    pub fn lab(&self) -> &LabId {
        &self.hypervisors.lab
    }

    /// Names of the hypervisors.
    pub fn hypervisors(&self) -> &[String] {
        &self.hypervisors.names
    }

    /// The namespace of a hypervisor.
    pub fn hypervisor_netns(&self, name: &str) -> PathBuf {
        self.hypervisors.netns(name)
    }

    /// Starts a VM and plugs its port, so that Neutron shows it, and with a trunk's parent its subports, ACTIVE.
    /// Returns when it is wired.
    ///
    /// # Errors
    /// No such port or hypervisor, or what the kernel refused.
    pub async fn add_vm(&self, spec: VmSpec) -> Result<Vm, TopologyError> {
        let (hypervisors, cloud) = (self.hypervisors.clone(), self.cloud.clone());
        let vm = blocking(move || vm::make(&hypervisors, &cloud, &spec)).await?;
        lock_work(&self.work)
            .vms
            .insert(vm.name.clone(), vm.clone());
        self.cloud
            .with(|state| state.cloud.plug(&vm.port, &vm.hypervisor));
        self.settled().await?;
        Ok(vm)
    }

    /// Stops a VM: its port goes DOWN.
    ///
    /// # Errors
    /// No such VM, or what the kernel refused.
    pub async fn remove_vm(&self, name: &str) -> Result<(), TopologyError> {
        let unknown = || TopologyError::Unknown(format!("there is no VM {name}"));
        let vm = lock_work(&self.work).vms.remove(name).ok_or_else(unknown)?;
        self.cloud.with(|state| state.cloud.unplug(&vm.port));
        self.settled().await?;
        let hypervisors = self.hypervisors.clone();
        blocking(move || vm::remove(&hypervisors, &vm)).await
    }

    /// The VMs that run.
    pub fn vms(&self) -> Vec<Vm> {
        lock_work(&self.work).vms.values().cloned().collect()
    }

    /// What is wired now.
    pub fn wired(&self) -> Wired {
        lock_work(&self.work).wired.clone()
    }

    /// Waits until everything that Neutron's state asks for now is wired.
    ///
    /// # Errors
    /// The failure of the last attempt, when it failed; it is repeated until it works.
    pub async fn settled(&self) -> Result<(), TopologyError> {
        let asked = self.cloud.with(|state| state.cloud.revision());
        let mut applied = self.applied.clone();
        let reached = applied
            .wait_for(|revision| *revision >= asked)
            .await
            .is_ok();
        match lock_work(&self.work).failed.clone() {
            Some(failed) => Err(TopologyError::Unknown(failed)),
            None if reached => Ok(()),
            None => Err(TopologyError::Unknown(
                "the topology has stopped".to_owned(),
            )),
        }
    }

    /// Removes everything now rather than when dropped, and says what could not be removed.
    ///
    /// # Errors
    /// What the kernel refused.
    pub async fn shutdown(mut self) -> Result<(), TopologyError> {
        self.stop.take();
        let lab = self.hypervisors.lab.clone();
        blocking(move || remove_namespaces(&lab)).await
    }
}

impl Drop for Topology {
    fn drop(&mut self) {
        self.stop.take();
        if let Err(error) = remove_namespaces(&self.hypervisors.lab) {
            tracing::error!(%error, "the lab could not remove all of its namespaces");
        }
    }
}

/// Follows the cloud: each change is planned against what is wired, and done.
async fn follow(
    hypervisors: Hypervisors,
    cloud: Handle,
    work: Arc<Mutex<Work>>,
    report: watch::Sender<u64>,
) {
    let mut changes = cloud.changes();
    let mut pause = FIRST_PAUSE;
    loop {
        changes.mark_unchanged();
        let (revision, done) = round(&hypervisors, &cloud, &work).await;
        report.send_replace(revision);
        let wait = pause;
        let again = async move {
            match done {
                true => std::future::pending().await,
                false => tokio::time::sleep(wait).await,
            }
        };
        pause = if done {
            FIRST_PAUSE
        } else {
            (pause * 2).min(LONGEST_PAUSE)
        };
        tokio::select! {
            () = again => {}
            seen = changes.changed() => if seen.is_err() { return },
        }
    }
}

/// One round: the revision that it saw, and whether all was done.
async fn round(hypervisors: &Hypervisors, cloud: &Handle, work: &Arc<Mutex<Work>>) -> (u64, bool) {
    let (revision, wiring) = cloud.with(|state| (state.cloud.revision(), state.cloud.wiring()));
    let (hypervisors, shared) = (hypervisors.clone(), work.clone());
    let applied = blocking(move || {
        let mut work = lock_work(&shared);
        let plugged: BTreeSet<String> = work.vms.values().map(|vm| vm.port.clone()).collect();
        let wanted = desired(&wiring, &hypervisors.names, &plugged);
        for action in plan(&work.wired, &wanted) {
            tracing::debug!(?action, "wiring");
            hypervisors.apply(&action)?;
            work.wired.note(&action);
        }
        Ok(work.wired.ports.keys().cloned().collect::<Vec<_>>())
    })
    .await;
    let failed = applied.as_ref().err().map(ToString::to_string);
    if let Some(error) = &failed {
        tracing::error!(
            error,
            "the topology could not follow Neutron; it tries again"
        );
    }
    lock_work(work).failed = failed;
    match applied {
        Ok(ports) => {
            report_wired(cloud, &ports);
            (revision, true)
        }
        Err(_) => (revision, false),
    }
}

/// With [`Activation::WhenWired`], ports become ACTIVE by what was just wired.
fn report_wired(cloud: &Handle, ports: &[String]) {
    cloud.with(|state| {
        if state.cloud.settings().activation == Activation::WhenWired {
            ports.iter().for_each(|port| state.cloud.wired(port));
        }
    });
}

fn lock_work(work: &Mutex<Work>) -> MutexGuard<'_, Work> {
    work.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, TopologyError> + Send + 'static,
) -> Result<T, TopologyError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(failed) => match failed.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(failed) => Err(TopologyError::Unknown(format!(
                "the topology's work ended early: {failed}"
            ))),
        },
    }
}

/// Removes all namespaces of a lab, whichever made them; their links go with them. Goes on after a failure and
/// returns the first.
///
/// # Errors
/// [`TopologyError::Net`] names the first that can't be removed.
pub fn remove_namespaces(lab: &LabId) -> Result<(), TopologyError> {
    let Ok(entries) = fs::read_dir(netns::NAMED_DIR) else {
        return Ok(());
    };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut first = Ok(());
    for name in names.filter(|name| lab.owns(name)) {
        let removed =
            netns::delete(&name).map_err(TopologyError::net(format!("remove namespace {name}")));
        first = first.and(removed);
    }
    first
}
