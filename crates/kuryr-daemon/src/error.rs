//! Why the daemon could not start, and why it refused a call.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use kuryr_cni::{CniError, Code};
use kuryr_net::NetError;

use crate::attach::{CheckpointError, Waiting};
use crate::install::InstallError;
use crate::ports::PodKey;

/// Why the daemon could not start, or had to stop.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// A task ended that was to go on.
    #[error(transparent)]
    TaskEnded(#[from] kuryr_process::TaskEnded),
    /// The node's name is not configured and the host has none.
    #[error(
        "the node's name is not known: set [kuryr] node_name or KUBERNETES_NODE_NAME ({source})"
    )]
    NodeName {
        /// Why the host's name could not be read.
        source: io::Error,
    },
    /// Where plugin and configuration are put is wrong.
    #[error("{what}")]
    Places {
        /// What is.
        what: String,
    },
    /// The plugin can't be put in place.
    #[error(transparent)]
    Install(#[from] InstallError),
    /// The trunk's link could not be found.
    #[error("the trunk's link cannot be found: {0}")]
    Uplink(#[source] NetError),
    /// There is no default route to find it by.
    #[error(
        "the trunk's link cannot be found: the node has no default route; name it in [binding] link_iface"
    )]
    NoDefaultRoute,
    /// The kernel can't plug.
    #[error("no pod can be plugged into {uplink}: {reason}")]
    NoMethod {
        /// The trunk's link.
        uplink: String,
        /// Why neither a vlan link nor tc-bpf works.
        reason: String,
    },
    /// The interfaces that are there could not be read, or what a crash left not be removed.
    #[error("what is plugged on this node cannot be read: {0}")]
    Inventory(#[source] NetError),
    /// The record of what is plugged could not be read.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// Another daemon serves the socket.
    #[error("another kuryr-daemon already listens at {}", .path.display())]
    SocketInUse {
        /// The socket.
        path: PathBuf,
    },
    /// The socket could not be made.
    #[error("cannot listen at {}: {source}", .path.display())]
    Socket {
        /// The socket.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// A port for health or metrics could not be bound.
    #[error("cannot serve {what} at {address}: {source}")]
    Http {
        /// `health` or `metrics`.
        what: &'static str,
        address: SocketAddr,
        /// What the kernel said.
        source: io::Error,
    },
}

/// Why a call of the plugin failed.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// What was waited for did not come in time.
    #[error("pod {pod} got no interface within {limit_s} s: {cause}")]
    Timeout {
        pod: PodKey,
        /// How long was waited, in seconds.
        limit_s: u64,
        /// What was missing at the end.
        cause: Waiting,
    },
    /// The pod's VIF can't be plugged, now or later.
    #[error("the KuryrPort of pod {pod} cannot be plugged: {reason}")]
    InvalidVif {
        pod: PodKey,
        /// What is wrong with it.
        reason: String,
    },
    /// The pod has ports, but none for this interface.
    #[error(
        "pod {pod} has no port for interface {ifname}: its KuryrPort has {}; a further interface needs a further port",
        found.join(", ")
    )]
    NoInterface {
        pod: PodKey,
        /// The interface asked for (`CNI_IFNAME`).
        ifname: String,
        /// Those that it has ports for.
        found: Vec<String>,
    },
    /// The pod went away meanwhile.
    #[error("pod {pod} is gone: {why}")]
    PodGone {
        pod: PodKey,
        /// How that was seen.
        why: String,
    },
    /// The call is not wanted any more.
    #[error("ADD for pod {pod} was given up: {why}")]
    Stopped {
        pod: PodKey,
        /// Who gave it up.
        why: String,
    },
    /// Another pod has the VLAN, and rightly so.
    #[error(
        "VLAN {vlan} of pod {pod} is in use by pod {holder}, whose KuryrPort still has it; the runtime will try again"
    )]
    VlanHeld {
        pod: PodKey,
        /// The VLAN id.
        vlan: u16,
        /// Who has it.
        holder: PodKey,
    },
    /// The kernel refused.
    #[error("{attempted} for pod {pod} (port {port_id}, VLAN {vlan}) failed: {source}")]
    Kernel {
        /// `plugging` or `unplugging`.
        attempted: &'static str,
        pod: PodKey,
        /// The Neutron port.
        port_id: String,
        /// The VLAN id.
        vlan: u16,
        /// What the kernel said.
        source: Box<NetError>,
    },
    /// The work itself died.
    #[error("{attempted} for pod {pod} died: {reason}; this is a bug")]
    Died {
        /// `plugging` or `unplugging`.
        attempted: &'static str,
        pod: PodKey,
        /// What it said.
        reason: String,
    },
    /// The record of what is plugged could not be written.
    #[error("the interface of pod {pod} cannot be recorded: {source}")]
    Record {
        pod: PodKey,
        /// Why.
        source: CheckpointError,
    },
    /// CHECK: there is no such attachment.
    #[error("container {container} has no interface {ifname} of Kuryr on this node")]
    NotAttached {
        container: String,
        /// The interface.
        ifname: String,
    },
    /// CHECK: it is not as it was plugged.
    #[error("pod {pod}: {source}")]
    Changed {
        pod: PodKey,
        /// What differs.
        source: Box<NetError>,
    },
    /// The call lacks what its command needs.
    #[error("{command} needs {what}")]
    Incomplete {
        command: &'static str,
        /// What it lacks.
        what: &'static str,
    },
    /// STATUS: no ADD can be served.
    #[error("no pod can be given an interface on this node: {0}")]
    Unavailable(String),
    /// STATUS: no ADD can be served, and pods may be cut off.
    #[error("no pod can be given an interface on this node, and those there may be cut off: {0}")]
    Limited(String),
    /// GC: some could not be removed.
    #[error("{failed} of {all} stale interfaces could not be removed: {reasons}")]
    Garbage {
        /// How many stayed.
        failed: usize,
        /// How many were stale.
        all: usize,
        /// Why, one for each.
        reasons: String,
    },
}

impl Refusal {
    /// The CNI error code for it.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Timeout { .. } | Self::Stopped { .. } | Self::VlanHeld { .. } => {
                Code::TryAgainLater
            }
            Self::InvalidVif { .. } | Self::NoInterface { .. } => Code::InvalidVif,
            Self::PodGone { .. } | Self::NotAttached { .. } => Code::UnknownContainer,
            Self::Kernel { .. } | Self::Died { .. } | Self::Garbage { .. } => Code::Plug,
            Self::Record { .. } => Code::Record,
            Self::Changed { .. } => Code::Changed,
            Self::Incomplete { .. } => Code::InvalidEnvironment,
            Self::Unavailable(_) => Code::Unavailable,
            Self::Limited(_) => Code::Limited,
        }
    }

    /// As the plugin prints it.
    #[must_use]
    pub fn to_cni(&self) -> CniError {
        CniError::new(self.code(), self.to_string())
    }
}
