//! Every task of a program in a set: one that ends before it is told to is noticed, and its reason is said.
//!
//! A task that panics would otherwise be gone without a word, its watch, its loop or its server with it, while the probes go
//! on to answer that all is well.

use std::collections::HashMap;
use std::future::Future;

use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

/// A task that ended before it was told to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the task {task} ended before it was told to ({why}): the program ends, to be started again"
)]
pub struct TaskEnded {
    /// What the task was for.
    pub task: String,
    /// How it ended: its panic's message, or that it came to its end.
    pub why: String,
}

/// Tasks with the names of what they are for.
#[derive(Debug, Default)]
pub struct Tasks {
    set: JoinSet<()>,
    names: HashMap<Id, String>,
}

impl Tasks {
    /// Starts a task that is to go on until the controller stops.
    pub fn spawn(
        &mut self,
        name: impl Into<String>,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        let id = self.set.spawn(task).id();
        self.names.insert(id, name.into());
    }

    /// Waits for the first task that ends; for ever if there is none.
    pub async fn first_end(&mut self) -> TaskEnded {
        let Some(ended) = self.set.join_next_with_id().await else {
            return std::future::pending().await;
        };
        let (id, why) = match ended {
            Ok((id, ())) => (id, "it came to its end".to_owned()),
            Err(error) => (error.id(), reason(error)),
        };
        let task = self.names.remove(&id).unwrap_or_default();
        TaskEnded { task, why }
    }

    /// The same for tasks that are told to end by `stop`: that they end then is no death, and is waited for without end.
    pub async fn first_death(&mut self, stop: &CancellationToken) -> TaskEnded {
        let ended = self.first_end().await;
        if stop.is_cancelled() {
            return std::future::pending().await;
        }
        ended
    }

    /// Waits until all have ended, having been told to.
    pub async fn all_ended(mut self) {
        while self.set.join_next().await.is_some() {}
    }
}

/// Why a task did not come to its end.
fn reason(error: JoinError) -> String {
    match error.try_into_panic() {
        Ok(panic) => {
            let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
            format!("panic: {}", text.unwrap_or_default())
        }
        Err(error) => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_task_that_ends_is_named_with_its_panic() {
        for name in [
            "election",
            "watch of pods",
            "loop of Services",
            "health server",
        ] {
            let mut tasks = Tasks::default();
            tasks.spawn("another", std::future::pending());
            tasks.spawn(name, async { panic!("no {}", 7) });
            let said = tasks.first_end().await.to_string();
            let want = format!("the task {name} ended before it was told to (panic: no 7)");
            assert!(said.starts_with(&want), "{said}");
        }
    }

    #[tokio::test]
    async fn a_task_that_just_ends_is_named_too() {
        let mut tasks = Tasks::default();
        tasks.spawn("watch of nodes", async {});
        let ended = tasks.first_end().await;
        assert_eq!(
            (ended.task.as_str(), ended.why.as_str()),
            ("watch of nodes", "it came to its end")
        );
    }

    #[tokio::test]
    async fn a_task_that_ends_because_it_was_told_to_is_no_death() {
        let stop = CancellationToken::new();
        let mut tasks = Tasks::default();
        tasks.spawn("server", stop.clone().cancelled_owned());
        stop.cancel();
        tokio::task::yield_now().await;
        let brief = std::time::Duration::from_millis(20);
        let death = tokio::time::timeout(brief, tasks.first_death(&stop)).await;
        assert!(death.is_err(), "{death:?}");

        let stop = CancellationToken::new();
        tasks.spawn("watch", async {});
        assert_eq!(tasks.first_death(&stop).await.task, "watch");
    }
}
