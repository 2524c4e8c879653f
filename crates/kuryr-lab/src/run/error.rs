//! What can go wrong with a lab.

use std::io;
use std::path::PathBuf;

use kuryr_embedded_kubernetes::StartError;
use kuryr_embedded_openstack::TenantError;

use super::real::RealError;
use crate::kubelet::KubeletError;
use crate::topology::TopologyError;

/// Why a lab could not be started or ended early.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// Namespaces could not be made or wired.
    #[error(transparent)]
    Topology(#[from] TopologyError),
    /// The embedded Kubernetes API could not be started.
    #[error(transparent)]
    Kubernetes(#[from] StartError),
    /// The real Kubernetes API could not be started.
    #[error(transparent)]
    Real(#[from] RealError),
    /// Keystone and Neutron could not be started.
    #[error("cannot listen for Keystone and Neutron: {0}")]
    OpenStack(io::Error),
    /// The embedded Neutron refused what the lab is made of.
    #[error(transparent)]
    Tenant(#[from] TenantError),
    /// A file could not be made, written or removed.
    #[error("cannot {what}: {source}")]
    File {
        /// What was attempted.
        what: String,
        /// What the system said.
        source: io::Error,
    },
    /// The user's own kubeconfig would be overwritten.
    #[error("{} is the kubeconfig of another cluster and is left alone; give --kubeconfig another file", .0.display())]
    KubeconfigTaken(PathBuf),
    /// A call to the Kubernetes API failed.
    #[error("cannot {what}: {source}")]
    Call {
        /// What was attempted.
        what: String,
        /// What came back.
        source: Box<kube::Error>,
    },
    /// A worker's kubelet could not be started.
    #[error(transparent)]
    Kubelet(#[from] KubeletError),
    /// A part ended although nobody stopped it.
    #[error("{part} ended: {why}")]
    Ended {
        /// The controller, or a worker's daemon.
        part: String,
        /// What it said.
        why: String,
    },
    /// Whoever ran it stopped it.
    #[error("stopped before it was done; all of it is removed")]
    Stopped,
    /// Something did not come in time.
    #[error("{what} after {seconds} s{state}")]
    Late {
        /// What was waited for.
        what: String,
        /// How long.
        seconds: u64,
        /// How it stands, a line each.
        state: String,
    },
}

impl LabError {
    /// Wraps a failed call with what was attempted.
    pub(super) fn call(what: impl Into<String>) -> impl FnOnce(kube::Error) -> Self {
        let what = what.into();
        move |source| Self::Call {
            what,
            source: Box::new(source),
        }
    }
}
