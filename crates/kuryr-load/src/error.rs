//! Why a load was not carried out.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use thiserror::Error;

/// Why a load was not carried out, or is not believed.
#[derive(Debug, Error)]
pub enum LoadError {
    /// What was asked for can't be.
    #[error("{what} {value}: {why}")]
    Invalid {
        /// Which value.
        what: &'static str,
        value: String,
        /// What it should be.
        why: String,
    },
    /// A socket can't be made or used.
    #[error("can't {what} {address}: {source}")]
    Socket {
        /// What was attempted.
        what: &'static str,
        /// At which address.
        address: SocketAddr,
        source: io::Error,
    },
    /// Nothing came back at all.
    #[error(
        "no answer from {address} ({what}) within {seconds} s: nothing listens there, or the path drops what is sent"
    )]
    NoAnswer {
        /// What was waited for.
        what: &'static str,
        address: SocketAddr,
        seconds: f64,
    },
    /// What arrived is not what was sent.
    #[error(
        "{address} got other bytes than were sent, first at byte {at} of a message or stream; \
         these figures are of no use"
    )]
    Corrupt {
        address: SocketAddr,
        /// Offset of the first wrong byte.
        at: u64,
    },
    /// The other end speaks, but not this protocol, or refuses.
    #[error("the generator at {address} says: {said}")]
    Refused { address: SocketAddr, said: String },
    /// A profile that can't be read, or asks for what this generator does not do.
    #[error("profile{}: {why}", line.map(|l| format!(", line {l}")).unwrap_or_default())]
    Profile {
        /// Line of the profile, from 1.
        line: Option<u32>,
        why: String,
    },
    /// A file can't be read.
    #[error("can't read {}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    /// Another generator failed.
    #[error("{program}: {said}")]
    Foreign {
        /// The program.
        program: &'static str,
        /// What it said.
        said: String,
    },
}

impl LoadError {
    /// Wraps a socket's error; one that means silence becomes [`LoadError::NoAnswer`].
    pub(crate) fn socket(what: &'static str, address: SocketAddr, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Self::NoAnswer {
                what,
                address,
                seconds: crate::load::PATIENCE.as_secs_f64(),
            },
            _ => Self::Socket {
                what,
                address,
                source,
            },
        }
    }
}
