//! Why the matrix was not run, or not to its end.

use std::io;
use std::path::PathBuf;

use kuryr_lab::topology::{Missing, TopologyError};
use kuryr_load::LoadError;
use kuryr_net::NetError;
use thiserror::Error;

use crate::path::WrongPath;

/// Why the matrix was not run, or not to its end.
#[derive(Debug, Error)]
pub enum MatrixError {
    /// Options that can't be, or don't go together.
    #[error("{0}")]
    Options(String),
    /// The machine lacks something.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// The lock or the namespaces of a site.
    #[error(transparent)]
    Topology(#[from] TopologyError),
    /// The kernel refused a part of a site.
    #[error("can't {what}: {source}")]
    Net {
        /// What was attempted.
        what: String,
        source: Box<NetError>,
    },
    /// A program or a file that a site needs.
    #[error("can't {what}: {source}")]
    Io {
        /// What was attempted.
        what: String,
        source: io::Error,
    },
    /// A load failed.
    #[error("{place}: {source}")]
    Load {
        /// Cell and system.
        place: String,
        source: Box<LoadError>,
    },
    /// Packets went another way than the cell's.
    #[error("{place}: {wrong}; the figures of such a run are of no use, so none was kept")]
    Path {
        /// Cell and system.
        place: String,
        wrong: WrongPath,
    },
    /// A file of results can't be read or written.
    #[error("{}: {why}", path.display())]
    File { path: PathBuf, why: String },
}

impl MatrixError {
    pub(crate) fn net(what: impl Into<String>) -> impl FnOnce(NetError) -> Self {
        let what = what.into();
        move |source| Self::Net {
            what,
            source: Box::new(source),
        }
    }

    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }

    pub(crate) fn file(path: &std::path::Path, why: impl ToString) -> Self {
        Self::File {
            path: path.to_owned(),
            why: why.to_string(),
        }
    }
}
