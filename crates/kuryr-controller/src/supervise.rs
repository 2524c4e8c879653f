//! Every task of the controller in one set: one that ends before it is told to is noticed, and its reason is said.
//!
//! A task that panics would otherwise be gone without a word: its watch, its loop or the election with it, while the
//! probes go on to answer that all is well.

use std::collections::HashMap;
use std::future::Future;

use kuryr_core::Millis;
use tokio::sync::mpsc;
use tokio::task::{Id, JoinError, JoinSet};

use crate::lease;

/// A task that ended before it was told to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the task {task} ended before it was told to ({why}): the controller ends, to be started again"
)]
pub struct TaskEnded {
    /// What the task was for.
    pub task: String,
    /// How it ended: its panic's message, or that it came to its end.
    pub why: String,
}

/// Tasks with the names of what they are for.
#[derive(Debug, Default)]
pub(crate) struct Tasks {
    set: JoinSet<()>,
    names: HashMap<Id, String>,
}

impl Tasks {
    /// Starts a task that is to go on until the controller stops.
    pub(crate) fn spawn(
        &mut self,
        name: impl Into<String>,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        let id = self.set.spawn(task).id();
        self.names.insert(id, name.into());
    }

    /// Waits for the first task that ends; for ever if there is none.
    pub(crate) async fn first_end(&mut self) -> TaskEnded {
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

    /// Waits until all have ended, having been told to.
    pub(crate) async fn all_ended(mut self) {
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

/// An action that was carried out.
pub(crate) struct Answered<A, O> {
    pub(crate) action: A,
    pub(crate) outcome: O,
    /// Milliseconds that it took.
    pub(crate) took: Millis,
}

/// An action under way. If the task that carries it out dies, it is answered as lost, as if its answer was lost on the
/// wire: what it keeps busy is free again, and what it may have done is looked for.
pub(crate) struct UnderWay<A, O> {
    action: Option<A>,
    lost: fn(String) -> O,
    answers: mpsc::UnboundedSender<Answered<A, O>>,
    sent: Millis,
}

impl<A, O> UnderWay<A, O> {
    /// The action begins; `lost` makes the outcome of one that nothing is known of.
    pub(crate) fn new(
        action: A,
        lost: fn(String) -> O,
        answers: mpsc::UnboundedSender<Answered<A, O>>,
    ) -> Self {
        Self {
            action: Some(action),
            lost,
            answers,
            sent: lease::now(),
        }
    }

    /// The action, until it is answered.
    pub(crate) fn action(&self) -> Option<&A> {
        self.action.as_ref()
    }

    /// Milliseconds since it began.
    pub(crate) fn took(&self) -> Millis {
        lease::now().saturating_sub(self.sent)
    }

    /// It came to this.
    pub(crate) fn answer(mut self, outcome: O) {
        self.send(outcome);
    }

    fn send(&mut self, outcome: O) {
        if let Some(action) = self.action.take() {
            let took = self.took();
            // Nobody listens when the controller stops: the next leader looks.
            let _ = self.answers.send(Answered {
                action,
                outcome,
                took,
            });
        }
    }
}

impl<A, O> Drop for UnderWay<A, O> {
    fn drop(&mut self) {
        if self.action.is_some() {
            let message =
                "the task that carried it out died; whether it was done is looked for".to_owned();
            let outcome = (self.lost)(message);
            self.send(outcome);
        }
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
    async fn a_call_whose_task_dies_is_answered_as_lost() {
        let (answers, mut answered) = mpsc::unbounded_channel();
        let call = UnderWay::new("create", |message| message, answers.clone());
        let task = tokio::spawn(async move {
            let action = call.action().copied();
            assert_eq!(action, None, "a panic in the middle of a call");
            call.answer("done".to_owned());
        });
        assert!(task.await.is_err());
        let lost = answered.recv().await.map(|a| (a.action, a.outcome));
        assert!(
            matches!(&lost, Some(("create", said)) if said.contains("died")),
            "{lost:?}"
        );
        UnderWay::new("delete", |message| message, answers).answer("done".to_owned());
        let done = answered.recv().await.map(|a| (a.action, a.outcome));
        assert_eq!(done, Some(("delete", "done".to_owned())));
    }
}
