//! The parts of the product that run: watched, stopped, waited for.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::LabError;

/// How long parts may take to stop before they are aborted.
const TO_STOP: Duration = Duration::from_secs(10);

/// Running parts; they are aborted when dropped.
#[derive(Debug)]
pub(super) struct Parts {
    stop: CancellationToken,
    tasks: JoinSet<()>,
    /// The first that ended by itself, and why.
    ended: watch::Sender<Option<(String, String)>>,
}

impl Parts {
    pub(super) fn new() -> Self {
        Self {
            stop: CancellationToken::new(),
            tasks: JoinSet::new(),
            ended: watch::Sender::new(None),
        }
    }

    /// What a part is told to stop by.
    pub(super) fn stop_token(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Runs one.
    pub(super) fn run(&mut self, name: String, part: BoxFuture<'static, Result<(), String>>) {
        let (stop, ended) = (self.stop.clone(), self.ended.clone());
        self.tasks.spawn(async move {
            let why = match AssertUnwindSafe(part).catch_unwind().await {
                Ok(Ok(())) if stop.is_cancelled() => return,
                Ok(Ok(())) => "it gave no reason".to_owned(),
                Ok(Err(why)) => why,
                Err(_) => "it panicked".to_owned(),
            };
            tracing::info!(part = name, why, "ended");
            ended.send_if_modified(|first| first.is_none() && first.replace((name, why)).is_none());
        });
    }

    /// Waits until one ends by itself, which none should.
    pub(super) async fn failed(&self) -> LabError {
        let mut ended = self.ended.subscribe();
        let found = ended.wait_for(Option::is_some).await;
        match found.as_deref() {
            Ok(Some((part, why))) => LabError::Ended {
                part: part.clone(),
                why: why.clone(),
            },
            _ => std::future::pending().await,
        }
    }

    /// Does work that is in vain once a part has ended.
    pub(super) async fn unless_failed<T>(
        &self,
        work: impl Future<Output = Result<T, LabError>>,
    ) -> Result<T, LabError> {
        tokio::select! {
            done = work => done,
            failed = self.failed() => Err(failed),
        }
    }

    /// Stops all and waits for them.
    pub(super) async fn shutdown(&mut self) {
        self.stop.cancel();
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(TO_STOP, ended).await.is_err() {
            tracing::error!("a part does not stop and is aborted");
            self.tasks.shutdown().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_part_that_ends_or_panics_is_told() {
        let mut parts = Parts::new();
        parts.run(
            "the controller".to_owned(),
            async { panic!("on purpose") }.boxed(),
        );
        let told = parts.failed().await.to_string();
        assert_eq!(told, "the controller ended: it panicked");
        let work = parts
            .unless_failed(std::future::pending::<Result<(), _>>())
            .await;
        assert!(work.is_err());
        let mut parts = Parts::new();
        parts.run(
            "a daemon".to_owned(),
            async { Err("no link".to_owned()) }.boxed(),
        );
        assert_eq!(parts.failed().await.to_string(), "a daemon ended: no link");
    }

    #[tokio::test]
    async fn a_part_that_is_stopped_has_not_failed() {
        let mut parts = Parts::new();
        let stop = parts.stop_token();
        let part = async move {
            stop.cancelled().await;
            Ok(())
        };
        parts.run("the controller".to_owned(), part.boxed());
        parts.shutdown().await;
        assert!(parts.ended.borrow().is_none());
    }
}
