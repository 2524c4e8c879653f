//! What can go wrong, each with the object it happened to.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::Method;

/// Why a pod interface could not be plugged, unplugged or found right.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// A value that no link can have; nothing was tried.
    #[error("{field} {value} cannot be used: {reason}")]
    Invalid {
        /// The specification's field.
        field: &'static str,
        value: String,
        /// What is allowed.
        reason: &'static str,
    },
    /// The namespace is not there, or is no network namespace.
    #[error("network namespace {path}: {source}")]
    Netns {
        /// Where it was looked for.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// The node has no such link.
    #[error("the node has no link {uplink:?} to plug into: is link_iface right?")]
    UplinkMissing {
        /// The link's name.
        uplink: String,
    },
    /// No link of the node has this address.
    #[error("no link of the node has the address {address}: name the trunk's link in link_iface")]
    NoLinkWithAddress {
        /// The node's address.
        address: std::net::IpAddr,
    },
    /// The network's packets would not fit through the trunk.
    #[error(
        "the network's MTU {wanted} exceeds the {mtu} of the node's uplink {uplink}: lower the network's or raise the trunk port's"
    )]
    UplinkMtu {
        /// The uplink's name.
        uplink: String,
        /// Its MTU in bytes.
        mtu: u32,
        /// The MTU asked for, in bytes.
        wanted: u32,
    },
    /// Another interface has the VLAN; [`crate::evict`] removes it if it is stale.
    #[error("VLAN {vlan} of {uplink} is taken by {holder}")]
    VlanInUse {
        /// The uplink's name.
        uplink: String,
        /// The VLAN id.
        vlan: u16,
        /// Who has it.
        holder: Holder,
    },
    /// A link that is not ours has the name.
    #[error("the link {name} in {place} is not ours and was left alone")]
    NameInUse {
        /// The link's name.
        name: String,
        /// In which namespace.
        place: String,
    },
    /// The kernel cannot plug that way.
    #[error("method {method} does not work here: {reason}")]
    MethodUnavailable {
        /// The method asked for.
        method: Method,
        /// What the kernel said.
        reason: String,
    },
    /// The kernel refused a request.
    #[error("{attempted}: {source}")]
    Kernel {
        /// What was attempted, on which object.
        attempted: String,
        /// What the kernel said.
        source: Refusal,
    },
    /// A bpf program or map did not do.
    #[error("{attempted}: {reason}")]
    Bpf {
        /// What was attempted, on which object.
        attempted: String,
        /// What the kernel or the loader said.
        reason: String,
    },
    /// [`crate::check`] found the interface otherwise than it should be.
    #[error("interface {ifname} is not as it was plugged: {}", join(.differences))]
    Differs {
        /// The interface's name in the pod.
        ifname: String,
        /// What differs.
        differences: Vec<Difference>,
    },
    /// Several things failed; everything else was done.
    #[error("{}", join(.0))]
    Several(Vec<NetError>),
    /// A plug failed, and what it had made could not all be removed again.
    #[error("{cause}; and the rollback left something: {leftover}")]
    RollbackFailed {
        /// Why the plug failed.
        cause: Box<NetError>,
        /// Why the rollback failed.
        leftover: Box<NetError>,
    },
}

impl NetError {
    pub(crate) fn invalid(
        field: &'static str,
        value: impl fmt::Display,
        reason: &'static str,
    ) -> Self {
        Self::Invalid {
            field,
            value: value.to_string(),
            reason,
        }
    }

    pub(crate) fn kernel(attempted: impl Into<String>, source: impl Into<Refusal>) -> Self {
        Self::Kernel {
            attempted: attempted.into(),
            source: source.into(),
        }
    }

    pub(crate) fn bpf(attempted: impl Into<String>, reason: impl fmt::Display) -> Self {
        Self::Bpf {
            attempted: attempted.into(),
            reason: reason.to_string(),
        }
    }

    /// Nothing, the one error, or all of them.
    pub(crate) fn collect(mut errors: Vec<Self>) -> Result<(), Self> {
        match errors.len() {
            0 => Ok(()),
            1 => Err(errors.remove(0)),
            _ => Err(Self::Several(errors)),
        }
    }

    /// The kernel's error number, if the kernel refused.
    #[must_use]
    pub fn errno(&self) -> Option<i32> {
        match self {
            Self::Kernel { source, .. } => source.error.raw_os_error(),
            Self::Netns { source, .. } => source.raw_os_error(),
            _ => None,
        }
    }
}

/// Who has a VLAN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The link's name, in the node (veth) or in the pod (vlan link).
    pub link_name: String,
    /// Its alias; one of ours starts with `kuryr:`.
    pub alias: String,
    /// The namespace in which a vlan link was found; `None`: the node's.
    pub netns: Option<PathBuf>,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "link {}", self.link_name)?;
        if !self.alias.is_empty() {
            write!(f, " ({})", self.alias)?;
        }
        match &self.netns {
            Some(path) => write!(f, " in namespace {}", path.display()),
            None => Ok(()),
        }
    }
}

/// One way in which an interface is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What it is about, such as `mtu of eth0`.
    pub what: String,
    /// What it should be.
    pub wanted: String,
    /// What it is.
    pub found: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {} wanted, {} found",
            self.what, self.wanted, self.found
        )
    }
}

fn join<T: fmt::Display>(items: &[T]) -> String {
    items
        .iter()
        .map(T::to_string)
        .collect::<Vec<_>>()
        .join("; ")
}

/// What the kernel answered: the error, and its words if it had any.
#[derive(Debug, thiserror::Error)]
#[error("{error}{}{detail}", if detail.is_empty() { "" } else { ": " })]
pub struct Refusal {
    #[source]
    pub error: io::Error,
    /// The words of an extended acknowledgement; empty if there were none.
    pub detail: String,
}

impl Refusal {
    pub(crate) fn errno(errno: i32, detail: String) -> Self {
        Self {
            error: io::Error::from_raw_os_error(errno),
            detail,
        }
    }

    pub(crate) fn other(message: impl Into<String>) -> Self {
        io::Error::other(message.into()).into()
    }

    pub(crate) fn is(&self, errno: i32) -> bool {
        self.error.raw_os_error() == Some(errno)
    }
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self {
            error,
            detail: String::new(),
        }
    }
}
