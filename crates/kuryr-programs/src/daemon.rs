//! The node daemon as a program.

use std::process::ExitCode;

use kuryr_config::{Config, Role};

use crate::options::Start;
use crate::wiring::{self, Stop};

/// Runs the daemon until it ends or a signal comes; what is wrong is said on stderr or in the log.
pub fn run(start: &Start) -> ExitCode {
    wiring::run("kuryr daemon", start, Role::Daemon, serve)
}

/// Takes plugin and configuration off the node, as far as the daemon put them there; with `wait` it stays until a signal comes.
pub fn uninstall(start: &Start, wait: bool) -> ExitCode {
    wiring::run(
        "kuryr daemon",
        start,
        Role::Daemon,
        |config, started| async move {
            let places = kuryr_daemon::config::places(&config).map_err(Stop::from_error)?;
            let nowhere = || {
                Stop::new(
                    "nothing is installed: [kuryr] cni_bin_dir and cni_conf_dir are not set"
                        .to_owned(),
                )
            };
            let gone = places
                .ok_or_else(nowhere)?
                .uninstall()
                .map_err(Stop::from_error)?;
            for path in &gone {
                tracing::info!(path = %path.display(), "removed");
            }
            tracing::info!(files = gone.len(), "uninstalled");
            if wait {
                started.stop.cancelled().await;
            }
            Ok(())
        },
    )
}

async fn serve(config: Config, start: wiring::Started) -> Result<(), Stop> {
    let client = wiring::kubernetes(&config.kubernetes, start.kubeconfig.as_deref()).await?;
    let settings = kuryr_daemon::DaemonConfig::new(&config).map_err(Stop::from_error)?;
    kuryr_daemon::run(settings, client, start.stop)
        .await
        .map_err(Stop::from_error)
}
