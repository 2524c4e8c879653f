//! The one place where parts are put together.

mod connection;
mod kubernetes;
pub mod logging;
mod openstack;

use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use kuryr_config::{Config, Role, Sources};
use thiserror::Error;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::options::Start;

pub use kubernetes::connect as kubernetes;
pub use openstack::connect as openstack;

/// Why a part ended, as a sentence.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct Stop(String);

impl Stop {
    /// A sentence.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// An error with all of its causes, each once.
    pub fn from_error(error: impl std::error::Error) -> Self {
        Self(kuryr_process::chain(&error))
    }
}

/// What a part is started with, besides its configuration.
pub struct Started {
    /// The kubeconfig that the command line or the environment names.
    pub kubeconfig: Option<PathBuf>,
    /// Cancelled when a signal comes.
    pub stop: CancellationToken,
}

/// Loads the configuration and runs a part of Kuryr until it ends or a signal comes.
pub fn run<F>(
    name: &str,
    start: &Start,
    role: Role,
    part: impl FnOnce(Config, Started) -> F,
) -> ExitCode
where
    F: Future<Output = Result<(), Stop>>,
{
    let files = &start.files;
    let sources = Sources::new(files.config_file.clone(), files.config_dir.clone(), role);
    let loaded = match Config::load(&sources) {
        Ok(loaded) => loaded,
        Err(errors) => {
            eprint!("{name}: {}", kuryr_config::report(&Err(errors)).text);
            return ExitCode::FAILURE;
        }
    };
    logging::start(loaded.config.logs_json(), loaded.config.logging.debug);
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("{name}: can't start threads: {error}");
            return ExitCode::FAILURE;
        }
    };
    let started = Started {
        kubeconfig: start.cluster.kubeconfig().map(Path::to_owned),
        stop: CancellationToken::new(),
    };
    let result = runtime.block_on(async {
        tokio::spawn(stop_on_signal(started.stop.clone()));
        part(loaded.config, started).await
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(stop) => {
            tracing::error!("{name} ends: {stop}");
            ExitCode::FAILURE
        }
    }
}

/// Runs a tool that ends by itself, without logs.
pub fn tool<T>(work: impl Future<Output = Result<T, Stop>>) -> Result<T, Stop> {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    tokio::runtime::Runtime::new()
        .map_err(Stop::from_error)?
        .block_on(work)
}

/// Cancels on SIGTERM or SIGINT.
pub async fn stop_on_signal(stop: CancellationToken) {
    let (Ok(mut term), Ok(mut int)) = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    ) else {
        return;
    };
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
    stop.cancel();
}
