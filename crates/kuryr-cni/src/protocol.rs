//! What plugin and daemon say to each other: one JSON line there, one back.
//!
//! Both come from one release, but a node is upgraded in steps: a running daemon may meet
//! the next release's plugin. So each line carries [`PROTOCOL`], read before anything else,
//! and unknown fields are passed over.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{CniError, Code};

/// Version of this protocol; it changes when an old reader would misunderstand a new line.
pub const PROTOCOL: u32 = 1;
/// Where the daemon listens unless configured otherwise.
pub const DEFAULT_SOCKET: &str = "/run/kuryr/cni.sock";
/// Longest line either side accepts, in bytes (GC lists every attachment of a node).
pub const MAX_LINE: usize = 1 << 20;
/// By how much the daemon gives up before the plugin does, so that its reason arrives.
const HEAD_START: Duration = Duration::from_secs(2);

/// A call to the daemon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// [`PROTOCOL`] of the plugin.
    pub protocol: u32,
    /// Milliseconds after which an answer comes too late.
    pub timeout_ms: u64,
    /// What is asked.
    #[serde(flatten)]
    pub command: Command,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "UPPERCASE")]
pub enum Command {
    /// Plug the pod's interface; answered with [`Outcome::Attached`].
    Add(Target),
    /// Unplug it; answered with [`Outcome::Done`].
    Del(Target),
    /// Find it as it was plugged; answered with [`Outcome::Attached`].
    Check(Target),
    /// Say whether ADD can be served; answered with [`Outcome::Done`].
    Status,
    /// Unplug what is not listed; answered with [`Outcome::Done`].
    Gc {
        /// Only attachments of this network are meant.
        network: String,
        /// What the runtime still has.
        valid: Vec<AttachmentId>,
    },
}

/// One interface of one container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Name of the network configuration.
    pub network: String,
    /// The container, in practice a pod's sandbox.
    pub container_id: String,
    /// The interface's name in the pod.
    pub ifname: String,
    /// Path of the pod's network namespace; a DEL may come without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub netns: Option<String>,
    /// The pod; a DEL may come without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod: Option<Pod>,
}

/// A pod, as the runtime names it in `CNI_ARGS`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pod {
    pub namespace: String,
    pub name: String,
    /// Its uid; old runtimes do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
}

/// The key of an attachment within its network.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AttachmentId {
    #[serde(rename = "containerID")]
    pub container_id: String,
    /// The interface's name in the pod.
    pub ifname: String,
}

/// The daemon's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// [`PROTOCOL`] of the daemon.
    pub protocol: u32,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The interface is plugged like this.
    Attached(Attached),
    /// Done; there is nothing to say.
    Done,
    /// It failed.
    Error(CniError),
}

/// A plugged interface, in no CNI version's form yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attached {
    /// The pod's interface first, then the node's end if there is one.
    pub interfaces: Vec<Interface>,
    /// The pod's addresses.
    pub ips: Vec<Ip>,
    /// The pod's routes, the default ones included.
    pub routes: Vec<Route>,
    /// Name servers of the subnets.
    pub nameservers: Vec<String>,
}

/// A link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interface {
    pub name: String,
    /// Its MAC address, where it says something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mac: Option<String>,
    /// Its MTU in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u32>,
    /// Its network namespace; `None`: the node's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<String>,
}

/// An address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ip {
    /// With prefix length.
    pub address: String,
    /// The subnet's gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<String>,
    /// Index in [`Attached::interfaces`].
    pub interface: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// Destination prefix.
    pub dst: String,
    /// Next hop; `None`: on the link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gw: Option<String>,
}

impl Command {
    /// As the spec writes it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Add(_) => "ADD",
            Self::Del(_) => "DEL",
            Self::Check(_) => "CHECK",
            Self::Status => "STATUS",
            Self::Gc { .. } => "GC",
        }
    }
}

impl Call {
    /// A call that the plugin gives up after `timeout`.
    #[must_use]
    pub fn new(command: Command, timeout: Duration) -> Self {
        let daemon = timeout.saturating_sub(HEAD_START).max(timeout / 2);
        Self {
            protocol: PROTOCOL,
            timeout_ms: u64::try_from(daemon.as_millis()).unwrap_or(u64::MAX),
            command,
        }
    }
}

impl Reply {
    /// An answer of this release's daemon.
    #[must_use]
    pub fn new(outcome: Outcome) -> Self {
        Self {
            protocol: PROTOCOL,
            outcome,
        }
    }
}

/// Only what every version of the protocol has.
#[derive(Deserialize)]
struct Preamble {
    protocol: u32,
}

/// Reads a line of the other side.
///
/// # Errors
/// [`Code::Protocol`] if it speaks another protocol, or none.
pub fn decode<T: for<'a> Deserialize<'a>>(line: &[u8], from: &str) -> Result<T, CniError> {
    let garbled = |e: serde_json::Error| {
        CniError::new(
            Code::Protocol,
            format!("what the {from} sent cannot be read: {e}"),
        )
    };
    let preamble: Preamble = serde_json::from_slice(line).map_err(garbled)?;
    if preamble.protocol != PROTOCOL {
        return Err(CniError::new(
            Code::Protocol,
            format!(
                "the {from} speaks version {} of the protocol between plugin and daemon, not {PROTOCOL}: \
                 install plugin and daemon of the same release",
                preamble.protocol
            ),
        ));
    }
    serde_json::from_slice(line).map_err(garbled)
}
