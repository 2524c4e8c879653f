//! What can go wrong with a real Kubernetes API.

use std::io;
use std::path::PathBuf;

/// Why etcd and kube-apiserver could not be started.
#[derive(Debug, thiserror::Error)]
pub enum RealError {
    /// A program is not on this machine.
    #[error(
        "--kubernetes real needs {program}, which is in none of: {looked}\n\
         put its folder into KUBEBUILDER_ASSETS or PATH, or leave the option out"
    )]
    Missing {
        program: &'static str,
        /// Folders, separated by spaces.
        looked: String,
    },
    /// No port can be had.
    #[error("cannot find a free port on loopback for Kubernetes: {0}")]
    NoPort(io::Error),
    /// A key or certificate could not be made.
    #[error("cannot make {what} for Kubernetes: {why}")]
    Keys {
        /// Which.
        what: &'static str,
        /// What was said.
        why: String,
    },
    /// A program could not be started.
    #[error("cannot start {program}: {source}")]
    Start {
        /// Its file.
        program: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A program ended or did not come to serve.
    #[error("{program} {what}; it said last:\n{last}")]
    Program {
        /// Its name.
        program: String,
        /// What happened.
        what: String,
        /// The end of its log.
        last: String,
    },
    /// No client can be made for it.
    #[error("cannot make a client of kube-apiserver: {0}")]
    Client(String),
}
