//! What can go wrong while namespaces are made and wired.

use std::io;
use std::path::PathBuf;

use kuryr_net::NetError;

use super::preflight::Missing;

/// A failure of the topology; each says what was attempted, on what, and what came back.
#[derive(Debug, thiserror::Error)]
pub enum TopologyError {
    /// The machine lacks something.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// A lab of that name runs already.
    #[error("a lab named {name} runs already (it holds {lock}); stop it, or give this one another name", lock = lock.display())]
    Running {
        /// The lab's name.
        name: String,
        /// The file by whose lock it is known.
        lock: PathBuf,
    },
    /// A name that can't be part of a namespace's name.
    #[error("the lab's name {0:?} must be 1 to 12 of a-z, 0-9")]
    BadName(String),
    /// The kernel or kuryr-net refused something.
    #[error("{what}: {source}")]
    Net {
        /// What was attempted.
        what: String,
        /// What came back.
        source: Box<NetError>,
    },
    /// A file or process could not be used.
    #[error("{what}: {source}")]
    Io {
        /// What was attempted.
        what: String,
        /// What came back.
        source: io::Error,
    },
    /// nft refused a ruleset.
    #[error("nft refused the filters of hypervisor {host}: {said}")]
    Nft {
        /// The hypervisor.
        host: String,
        /// What nft said.
        said: String,
    },
    /// Something was asked about what is not there.
    #[error("{0}")]
    Unknown(String),
}

impl TopologyError {
    /// Wraps a failure of kuryr-net with what was attempted.
    pub(super) fn net(what: impl Into<String>) -> impl FnOnce(NetError) -> Self {
        let what = what.into();
        move |source| Self::Net {
            what,
            source: Box::new(source),
        }
    }

    /// Wraps a failure of the operating system with what was attempted.
    pub(super) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}
