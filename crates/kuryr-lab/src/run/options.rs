//! What lab is asked for.

use kuryr_embedded_openstack::{Backend, Latency};

use std::path::PathBuf;
use std::time::Duration;

/// What lab to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabOptions {
    /// Hypervisors, at least 1.
    pub hypervisors: usize,
    /// Workers, at least 1, spread over the hypervisors in turn.
    pub workers: usize,
    /// Pods that are made at the start, spread over the workers by the scheduler.
    pub pods: usize,
    /// Which Kubernetes API.
    pub kubernetes: KubernetesKind,
    /// Which backend's habits Neutron has.
    pub backend: Backend,
    /// How long calls to Neutron take.
    pub latency: Latency,
    /// Where to write the kubeconfig besides the lab's own folder.
    pub kubeconfig: Option<PathBuf>,
    /// How long the pods of the start may take to be ready, and pairs to reach each other.
    pub patience: Duration,
}

/// A Kubernetes API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KubernetesKind {
    /// The one in this crate.
    #[default]
    Embedded,
    /// This machine's etcd and kube-apiserver.
    Real,
}

/// What a start is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// Keystone, Neutron and the tenant's networks.
    Cloud,
    /// Hypervisors and workers.
    Hardware,
    /// The Kubernetes API and the custom resources.
    Cluster,
    Controller,
    /// Daemons and kubelets.
    Nodes,
    /// The pods are made and waited for: how many are ready.
    Pods {
        /// Ready ones.
        ready: usize,
        /// Those asked for.
        of: usize,
    },
}
