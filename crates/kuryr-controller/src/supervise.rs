//! A call whose task dies is answered as lost.

use kuryr_core::Millis;
use tokio::sync::mpsc;

use crate::lease;

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
