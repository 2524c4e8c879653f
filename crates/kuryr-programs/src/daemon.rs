//! The node daemon as a program.

use std::process::ExitCode;

use kuryr_config::{Config, Role};

use crate::options::Start;
use crate::wiring::{self, Stop};

/// Runs the daemon until it ends or a signal comes; what is wrong is said on stderr or in the log.
pub fn run(start: &Start) -> ExitCode {
    wiring::run("kuryr daemon", start, Role::Daemon, serve)
}

async fn serve(config: Config, start: wiring::Started) -> Result<(), Stop> {
    let client = wiring::kubernetes(&config.kubernetes, start.kubeconfig.as_deref()).await?;
    let settings = kuryr_daemon::DaemonConfig::new(&config).map_err(Stop::from_error)?;
    kuryr_daemon::run(settings, client, start.stop)
        .await
        .map_err(Stop::from_error)
}
