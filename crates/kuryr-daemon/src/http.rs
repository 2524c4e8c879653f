//! What `/alive`, `/ready` and `/metrics` say, on upstream's ports.

use std::sync::Arc;

use kuryr_process::{Answer, Probed};

use crate::attach::Attachments;
use crate::metrics::Metrics;

/// What is asked about.
#[derive(Clone)]
pub struct Shown {
    pub attachments: Arc<Attachments>,
    pub metrics: Arc<Metrics>,
    /// Refusals of the kernel in a row that are not yet a reason to restart.
    pub failures_allowed: u32,
}

impl Probed for Shown {
    fn alive(&self) -> Answer {
        let failures = self.attachments.failures();
        if failures > self.failures_allowed {
            return Err(format!("the kernel refused the last {failures} interfaces"));
        }
        Ok(())
    }

    async fn ready(&self) -> Answer {
        let available = self.attachments.available().await;
        available.map_err(|refusal| refusal.to_string())
    }
}

impl Shown {
    /// Metrics as Prometheus reads them.
    #[must_use]
    pub fn text(&self) -> String {
        self.metrics.text(self.attachments.ledger().len())
    }
}
