//! The Lease, held by a tool.

use std::time::Duration;

use kube::Client;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::lease::{Fence, LeaseSettings, campaign, now};

/// How often it is looked whether the lease was won.
const LOOK: Duration = Duration::from_millis(50);

/// The Lease, held as a leader holds it: no controller writes meanwhile.
#[derive(Debug)]
pub struct Tenure {
    fence: Fence,
    stop: CancellationToken,
    campaign: Option<JoinHandle<()>>,
}

impl Tenure {
    /// Takes part in the election for so long at most. None if another leads all the time.
    pub async fn win(client: Client, settings: LeaseSettings, patience: Duration) -> Option<Self> {
        let (fence, stop) = (Fence::default(), CancellationToken::new());
        let campaign = tokio::spawn(campaign(client, settings, fence.clone(), stop.clone()));
        let held = Self {
            fence,
            stop,
            campaign: Some(campaign),
        };
        let until = now() + u64::try_from(patience.as_millis()).unwrap_or(u64::MAX / 2);
        while !held.fence.open() {
            if now() >= until {
                held.end().await;
                return None;
            }
            tokio::time::sleep(LOOK).await;
        }
        Some(held)
    }

    /// To be asked before each write.
    #[must_use]
    pub fn fence(&self) -> &Fence {
        &self.fence
    }

    /// Gives the lease up: a controller can take it at once.
    pub async fn end(mut self) {
        self.stop.cancel();
        if let Some(campaign) = self.campaign.take() {
            let _ = campaign.await;
        }
    }
}

impl Drop for Tenure {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
