//! Logs, as text or JSON, to standard error.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Starts logging. `RUST_LOG` overrides what is shown.
pub(crate) fn start(json: bool, debug: bool) {
    // The SDK logs each login at info; the watches' client logs each request at debug.
    let ours = if debug { "debug" } else { "info" };
    let usual = format!(
        "{ours},openstack_sdk=warn,openstack_sdk_core=warn,kube=info,hyper=info,tower=info,h2=info,reqwest=info,rustls=info"
    );
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(usual));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    if json {
        builder.json().init();
    } else {
        builder.init();
    }
}
