//! Why a benchmark ended without figures.

use thiserror::Error;

/// Why a benchmark ended without figures.
#[derive(Debug, Error)]
pub enum BenchError {
    /// A call to Kubernetes failed.
    #[error("{what}: {source}")]
    Kubernetes {
        /// What was attempted.
        what: String,
        /// What came back.
        source: Box<kube::Error>,
    },
    /// A call to OpenStack failed.
    #[error("Neutron's floor can't be measured: {0}")]
    OpenStack(#[from] kuryr_openstack::Error),
    /// The daemon can't be asked, or refused.
    #[error("the daemon at {socket}: {message}")]
    Daemon {
        socket: String,
        /// What it said.
        message: String,
    },
    /// A network namespace for the bench can't be made.
    #[error("can't make a network namespace for the bench: {0}")]
    Netns(#[from] kuryr_net::NetError),
    /// Metrics can't be read.
    #[error("can't read the metrics at {url}: {message}")]
    Metrics {
        /// Where they should be.
        url: String,
        /// What came instead.
        message: String,
    },
    /// Pods did not become Ready in time.
    #[error(
        "{ready} of {all} pods were Ready after {seconds} s; `kubectl describe pod -n {namespace}` says why"
    )]
    NotReady {
        /// Pods that were.
        ready: usize,
        /// Pods that should have been.
        all: usize,
        /// How long was waited.
        seconds: u64,
        /// Where they are.
        namespace: String,
    },
    /// The embedded cloud refused something, or can't be had.
    #[error("the embedded cloud can't {what}: {message}")]
    Cloud {
        /// What was attempted.
        what: String,
        /// What came back.
        message: String,
    },
    /// The measured controller is not as it should be.
    #[error("the controller {what}; the end of its log:\n{log}")]
    Controller {
        /// What happened to it.
        what: String,
        /// Its last lines.
        log: String,
    },
    /// Something did not happen in time.
    #[error("waited {seconds} s in vain until {what}: {state}")]
    Late {
        /// What was waited for.
        what: String,
        /// How long.
        seconds: u64,
        /// How things stood then.
        state: String,
    },
    /// A file can't be written.
    #[error("can't write {}: {source}", path.display())]
    Write {
        /// The file.
        path: std::path::PathBuf,
        /// The system's word.
        source: std::io::Error,
    },
    /// Options that don't go together.
    #[error("{0}")]
    Options(String),
}

/// Names what a Kubernetes call was for.
pub(crate) trait For<T> {
    /// Adds what was attempted.
    fn while_(self, what: &str) -> Result<T, BenchError>;
}

impl<T> For<T> for Result<T, kube::Error> {
    fn while_(self, what: &str) -> Result<T, BenchError> {
        self.map_err(|source| BenchError::Kubernetes {
            what: what.to_owned(),
            source: Box::new(source),
        })
    }
}
