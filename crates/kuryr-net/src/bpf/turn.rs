//! Whose turn it is to change a namespace's trunks.
//!
//! The first pod's plug loads the programs and the last pod's unplug removes them; two at once,
//! of one daemon or of two processes, must not meet half-way. The lock is the namespace's own
//! file: every process that opens it opens the same one, it needs no directory, and it is free
//! when its holder dies.

use std::fs::File;
use std::path::Path;

use nix::fcntl::{Flock, FlockArg};

use crate::{NetError, netns};

/// Held by who changes trunks in a namespace; given back when dropped.
pub(crate) struct Turn {
    _lock: Flock<File>,
}

impl Turn {
    /// Waits for its turn in the namespace (`None`: the caller's own). The lock belongs to the
    /// opened file, so each turn opens one.
    pub(crate) fn wait(netns: Option<&Path>) -> Result<Self, NetError> {
        match Flock::lock(netns::open(netns)?, FlockArg::LockExclusive) {
            Ok(lock) => Ok(Self { _lock: lock }),
            Err((_, error)) => Err(NetError::kernel(
                "lock the node's network namespace",
                std::io::Error::from(error),
            )),
        }
    }
}
