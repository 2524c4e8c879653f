//! Logs, as text or JSON, to standard error.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt};

/// Warnings and errors that are kept.
const RECENT: usize = 20;
/// Which those are: a client's failed calls are told by whoever made them.
const OF_PARTS: &str = "warn,kube_client=off";

/// Starts logging. `RUST_LOG` overrides what is shown.
pub fn start(json: bool, debug: bool) {
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter(debug))
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    if json {
        builder.json().init();
    } else {
        builder.init();
    }
}

/// Starts logging as text into a file, if any; the last warnings and errors are kept.
pub fn to_file(file: Option<File>) -> Recent {
    let recent = Recent::default();
    let whole = file.map(|file| {
        fmt::layer()
            .with_writer(file)
            .with_ansi(false)
            .with_filter(filter(true))
    });
    let kept = recent.clone();
    let warnings = fmt::layer()
        .with_writer(move || kept.clone())
        .with_ansi(false)
        .without_time()
        .with_filter(EnvFilter::new(OF_PARTS));
    tracing_subscriber::registry()
        .with(whole)
        .with(warnings)
        .init();
    recent
}

/// The last warnings and errors; clones share them.
#[derive(Debug, Clone, Default)]
pub struct Recent(Arc<Mutex<VecDeque<String>>>);

impl Recent {
    /// As lines, oldest first.
    pub fn lines(&self) -> Vec<String> {
        self.lock().iter().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Recent {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut lines = self.lock();
        if lines.len() == RECENT {
            lines.pop_front();
        }
        lines.push_back(String::from_utf8_lossy(line).trim_end().to_owned());
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn filter(debug: bool) -> EnvFilter {
    // The watches' client logs each request at debug.
    let ours = if debug { "debug" } else { "info" };
    let usual = format!("{ours},kube=info,hyper=info,tower=info,h2=info,reqwest=info,rustls=info");
    EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(usual))
}
