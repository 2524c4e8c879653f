//! What `/alive`, `/ready` and `/metrics` say.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use kuryr_process::{Answer, Probed};
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

use crate::lease;

/// The engine's loop turns at least this often when it lives.
pub(crate) const HEARTBEAT_MILLIS: u64 = 1_000;
/// Without a turn for so long it counts as stuck.
const STUCK_MILLIS: u64 = 60_000;

/// What one loop tells the probes.
#[derive(Debug)]
pub(crate) struct Pulse {
    /// What the loop is for, and what it reads first.
    name: &'static str,
    reads: &'static str,
    /// All watches and lists were read.
    synced: AtomicBool,
    beat: AtomicU64,
}

impl Pulse {
    /// The loop turned; whether it has read all that it decides by.
    pub(crate) fn beat(&self, synced: bool) {
        self.beat.store(lease::now(), Ordering::Relaxed);
        self.synced.store(synced, Ordering::Relaxed);
    }

    fn is_stuck(&self) -> bool {
        let beat = self.beat.load(Ordering::Relaxed);
        beat != 0 && lease::now().saturating_sub(beat) >= STUCK_MILLIS
    }
}

/// What the probes are told: the pulses of all loops.
#[derive(Debug, Default)]
pub(crate) struct Health(Vec<Arc<Pulse>>);

impl Health {
    /// A pulse for a loop.
    pub(crate) fn pulse(&mut self, name: &'static str, reads: &'static str) -> Arc<Pulse> {
        let pulse = Arc::new(Pulse {
            name,
            reads,
            synced: AtomicBool::new(false),
            beat: AtomicU64::new(0),
        });
        self.0.push(Arc::clone(&pulse));
        pulse
    }

    /// What is wrong with the loops; nothing if they turn.
    fn stuck(&self) -> Option<String> {
        let stuck = self.0.iter().find(|pulse| pulse.is_stuck())?;
        Some(format!("the controller's {} is stuck", stuck.name))
    }

    /// What was not read yet; nothing if all was.
    fn unread(&self) -> Option<String> {
        let unread = |pulse: &&Arc<Pulse>| !pulse.synced.load(Ordering::Relaxed);
        let unread = self.0.iter().find(unread)?;
        Some(format!("{} were not read yet", unread.reads))
    }
}

impl Probed for Health {
    fn alive(&self) -> Answer {
        self.stuck().map_or(Ok(()), Err)
    }

    async fn ready(&self) -> Answer {
        self.unread().map_or(Ok(()), Err)
    }
}

/// Metrics as Prometheus reads them.
pub(crate) fn text(registry: &Registry) -> Result<String, String> {
    let mut text = String::new();
    encode(&mut text, registry).map_err(|error| error.to_string())?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_ready_when_each_loop_has_read_what_it_decides_by() {
        let mut health = Health::default();
        let pods = health.pulse("loop of pods", "pods");
        let services = health.pulse("loop of Services", "Services");
        assert_eq!(health.unread().as_deref(), Some("pods were not read yet"));
        pods.beat(true);
        services.beat(false);
        let unread = health.unread();
        assert_eq!(unread.as_deref(), Some("Services were not read yet"));
        services.beat(true);
        assert_eq!(health.unread(), None);
        assert_eq!(health.stuck(), None);
    }

    #[test]
    fn a_loop_that_does_not_turn_is_named() {
        let mut health = Health::default();
        health.pulse("loop of pods", "pods").beat(true);
        let services = health.pulse("loop of Services", "Services");
        let long_ago = lease::now().saturating_sub(STUCK_MILLIS + 1).max(1);
        services.beat.store(long_ago, Ordering::Relaxed);
        if lease::now() > STUCK_MILLIS + 1 {
            let stuck = health.stuck();
            assert_eq!(
                stuck.as_deref(),
                Some("the controller's loop of Services is stuck")
            );
        }
    }
}
