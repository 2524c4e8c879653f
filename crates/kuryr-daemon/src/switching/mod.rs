//! Switching on the node, where the leader's word has it (`[kuryr] local_switching`).
//!
//! ```text
//! statement   what the leader said last, and for how long that holds
//! ports       the word and what is plugged ──> whose frames are switched here   (pure)
//! ```
//!
//! The whole is applied each time something of it changed; the kernel's side finds what is to be done.

mod ports;
mod statement;

use std::sync::Arc;
use std::time::Duration;

use kuryr_net::LocalPort;
use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::attach::Attachments;
use crate::plug::Plugger;
use crate::ports::PortStore;

pub use statement::Place;
use statement::Statement;

/// After a refusal of the kernel.
const AGAIN: Duration = Duration::from_secs(1);
/// Longer than any statement holds.
const FAR: Duration = Duration::from_secs(3600);

/// What is needed to follow the leader's word.
pub struct Switching {
    /// The Lease in which it stands.
    pub place: Place,
    /// The KuryrPorts of this node.
    pub store: Arc<PortStore>,
    /// What is plugged.
    pub attachments: Arc<Attachments>,
    /// The kernel.
    pub plugger: Arc<dyn Plugger>,
    /// How many ports are switched here.
    pub gauge: Gauge,
}

impl Switching {
    /// Follows it until the future is dropped.
    pub async fn run(self, client: kube::Client) {
        let (say, heard) = watch::channel(Statement::Unknown);
        let listening = statement::listen(client, self.place.clone(), say);
        tokio::join!(listening, self.follow(heard));
    }

    async fn follow(&self, mut heard: watch::Receiver<Statement>) {
        let started = Instant::now();
        let mut changes = self.store.subscribe();
        let mut plugged = self.attachments.ledger().subscribe();
        let mut before = None;
        loop {
            let statement = heard.borrow_and_update().clone();
            changes.mark_unchanged();
            plugged.mark_unchanged();
            let now = Instant::now();
            let mut next = statement.ends(started).filter(|end| *end > now);
            // What an earlier life of this daemon had switched goes on until there is a word, so that no connection breaks.
            // To end it takes no KuryrPorts, which may not be known for as long as the API server is away.
            if let Some(open) = statement.open(started, now)
                && (open.is_empty() || self.store.freshness().synced)
            {
                let (all, kuryrports) = (self.attachments.ledger().all(), &self.store);
                let ports = ports::switched(open, &all, |id| kuryrports.find_port(id));
                match self.apply(ports).await {
                    Some(switched) => {
                        if before != Some(switched) {
                            tracing::info!(pods = switched, "switched on this node");
                        }
                        before = Some(switched);
                        self.gauge.set(i64::try_from(switched).unwrap_or(i64::MAX));
                    }
                    None => next = Some(now + AGAIN),
                }
            }
            tokio::select! {
                changed = heard.changed() => if changed.is_err() { return },
                _ = changes.changed() => {}
                _ = plugged.changed() => {}
                () = sleep_until(next.unwrap_or(now + FAR)) => {}
            }
        }
    }

    /// How many ports are switched then; `None` if the kernel refused.
    async fn apply(&self, ports: Vec<LocalPort>) -> Option<usize> {
        let plugger = Arc::clone(&self.plugger);
        let wanted = ports.len();
        let applied = tokio::task::spawn_blocking(move || plugger.switch_locally(&ports)).await;
        match applied {
            Ok(Ok(Some(switched))) => Some(switched),
            Ok(Ok(None)) => {
                if wanted > 0 {
                    tracing::warn!(
                        "pods were plugged by a version that can't switch on the node; it begins when the node was drained"
                    );
                }
                Some(0)
            }
            Ok(Err(error)) => {
                tracing::warn!(%error, "can't change what is switched on this node; trying again");
                None
            }
            Err(panic) => {
                tracing::error!(error = %panic, "the change of what is switched on this node died; trying again");
                None
            }
        }
    }
}

/// Ends what an earlier life had switched, where it is not wanted any more.
pub(crate) async fn end(plugger: Arc<dyn Plugger>) {
    let ended = tokio::task::spawn_blocking(move || plugger.switch_locally(&[])).await;
    let error = match ended {
        Ok(Ok(_)) => return,
        Ok(Err(error)) => error.to_string(),
        Err(panic) => panic.to_string(),
    };
    tracing::error!(error, "pods of this node may still be switched on it");
}
