//! A small kubelet: enough of one that pods get their network as from a real one.
//!
//! It registers a Node, watches the pods that are bound to it, makes a network namespace for each, calls the CNI
//! plugin as containerd does, and reports the pod Running and Ready; on deletion it calls the plugin again, removes
//! the namespace and then the pod. There are no containers: a pod that has its network runs.
//!
//! - [`cni`] calls plugins: configuration, environment, results, errors.
//! - `sandbox` is a pod's namespace with what the plugin answered, kept in a file so that a restart finds it.
//! - `pod` is the life of one pod, `pods` tells each of its changes.
//! - `node` is the Node and its readiness, [`status`] what is reported.

pub mod cni;
mod node;
mod pod;
mod pods;
mod sandbox;
pub mod status;

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use kube::Client;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

pub use cni::{CniError, Network, Runtime};
pub use pods::KubeletError;

/// What kubelet to run.
#[derive(Clone, Debug)]
pub struct KubeletSpec {
    /// Name of its Node.
    pub node: String,
    /// The Node's InternalIP addresses; the first is that of its hostNetwork pods.
    pub addresses: Vec<IpAddr>,
    /// The node's network namespace, in which plugins run; `None` is this process's own.
    pub netns: Option<PathBuf>,
    /// Prefix of the names of pods' namespaces, such as `lab-`.
    pub netns_prefix: String,
    /// Directory with the CNI configuration: the first `.conflist` or `.conf` by name.
    pub cni_conf_dir: PathBuf,
    /// Directories with CNI plugins.
    pub cni_bin_dirs: Vec<PathBuf>,
    /// Directory for what must survive a restart; its own, made when it is not there.
    pub state_dir: PathBuf,
}

/// A kubelet that runs. It stops when dropped, and leaves its pods' namespaces as a real one does.
#[derive(Debug)]
pub struct Kubelet {
    stop: DropGuard,
    work: TaskTracker,
}

/// What all parts of a kubelet use.
struct Context {
    spec: KubeletSpec,
    client: Client,
    runtime: Runtime,
    /// What is under way in the kernel or a plugin, and can't be broken off.
    work: TaskTracker,
}

impl Kubelet {
    /// Registers the Node and begins to run its pods. Pods of an earlier run are found again by the state directory.
    ///
    /// # Errors
    /// [`KubeletError`] when the state directory can't be used or the Node can't be registered.
    pub async fn start(client: Client, spec: KubeletSpec) -> Result<Self, KubeletError> {
        let runtime = Runtime {
            conf_dir: spec.cni_conf_dir.clone(),
            bin_dirs: spec.cni_bin_dirs.clone(),
            netns: spec.netns.clone(),
        };
        let known = sandbox::load_all(&spec.state_dir)?;
        let work = TaskTracker::new();
        let context = Arc::new(Context {
            spec,
            client,
            runtime,
            work: work.clone(),
        });
        node::register(&context).await?;
        let stop = CancellationToken::new();
        let keep = node::keep(context.clone());
        work.spawn(stop.clone().run_until_cancelled_owned(keep));
        let follow = pods::follow(context, known);
        work.spawn(stop.clone().run_until_cancelled_owned(follow));
        Ok(Self {
            stop: stop.drop_guard(),
            work,
        })
    }

    /// Stops, and waits until what is under way in the kernel or a plugin has ended.
    pub async fn shutdown(self) {
        drop(self.stop);
        self.work.close();
        self.work.wait().await;
    }
}
