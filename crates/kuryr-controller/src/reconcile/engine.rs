//! The loop of one reconciler: news in, step, actions out, outcomes in.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use kuryr_core::Millis;
use kuryr_core::reconcile::{Effect, Failure, Lane, Outcome, Reconciler};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use super::turns::Turns;
use crate::health::{HEARTBEAT_MILLIS, Pulse};
use crate::lease::{self, Fence};
use crate::metrics::ActionLabel;
use crate::supervise::{self, UnderWay};

/// Carries actions out: calls go out, an outcome comes back. Nothing is decided there.
pub(crate) trait Hands<R: Reconciler>: Send + Sync + 'static {
    /// Carries out one action. Its turn has come, and this process leads.
    fn carry_out(&self, action: &R::Action) -> impl Future<Output = Outcome<R>> + Send;
}

/// Figures for Prometheus.
pub(crate) trait Meters<R: Reconciler>: Send + 'static {
    /// Actions that were carried out.
    fn actions(&self) -> &Family<ActionLabel, Counter>;

    /// Shows figures: at most once a second.
    fn show(&mut self, figures: R::Figures);
}

/// What every loop has to do besides, whatever its reconciler is for.
pub(crate) struct Duty {
    /// What the loop is for, in logs.
    pub(crate) name: &'static str,
    pub(crate) fence: Fence,
    pub(crate) pulse: Arc<Pulse>,
    /// 1 while this process leads.
    pub(crate) leader: Gauge,
    /// Between two looks at all that OpenStack has.
    pub(crate) resync: Duration,
    /// How long calls under way are waited for at the end.
    pub(crate) to_finish: Duration,
}

type Answered<R> = supervise::Answered<<R as Reconciler>::Action, Outcome<R>>;

/// The loop, before it runs.
pub(crate) struct Engine<R: Reconciler, H, M> {
    mind: R,
    hands: Arc<H>,
    meters: M,
    duty: Duty,
    turns: Arc<Turns>,
    outcomes: mpsc::UnboundedSender<Answered<R>>,
    answered: mpsc::UnboundedReceiver<Answered<R>>,
    /// Actions under way.
    calls: TaskTracker,
    leading: bool,
    /// When figures are shown next.
    show_at: Millis,
}

impl<R, H, M> Engine<R, H, M>
where
    R: Reconciler + Send + 'static,
    R::Action: Send + Sync + 'static,
    R::Answer: Send + 'static,
    H: Hands<R>,
    M: Meters<R>,
{
    /// The loop of a reconciler that has learned nothing yet.
    pub(crate) fn new(mind: R, hands: H, meters: M, duty: Duty) -> Self {
        let (outcomes, answered) = mpsc::unbounded_channel();
        Self {
            mind,
            hands: Arc::new(hands),
            meters,
            duty,
            turns: Arc::default(),
            outcomes,
            answered,
            calls: TaskTracker::new(),
            leading: false,
            show_at: 0,
        }
    }

    /// Runs until `stop`, then waits for calls under way.
    pub(crate) async fn run(mut self, news: mpsc::Receiver<R::Event>, stop: CancellationToken) {
        self.turn_until(news, stop).await;
        self.calls.close();
        let finished = tokio::time::timeout(self.duty.to_finish, self.calls.wait());
        if finished.await.is_err() {
            tracing::warn!(
                "{}: calls that are still under way are left to the next leader to find",
                self.duty.name
            );
        }
    }

    async fn turn_until(&mut self, mut news: mpsc::Receiver<R::Event>, stop: CancellationToken) {
        let mut resync = tokio::time::interval(self.duty.resync);
        loop {
            let wake = Duration::from_millis(self.pause());
            tokio::select! {
                () = stop.cancelled() => return,
                event = news.recv() => match event {
                    Some(event) => self.mind.learn(lease::now(), event),
                    None => return,
                },
                Some(done) = self.answered.recv() => self.answer(done),
                () = tokio::time::sleep(wake) => {}
                _ = resync.tick() => self.mind.look_anew(),
            }
            // What is there already is taken in before the next step: a burst is one plan.
            while let Ok(event) = news.try_recv() {
                self.mind.learn(lease::now(), event);
            }
            while let Ok(done) = self.answered.try_recv() {
                self.answer(done);
            }
            self.turn();
        }
    }

    /// Milliseconds until the reconciler or the lease is to be looked at again.
    fn pause(&self) -> Millis {
        let wake = self.mind.next_wake().map_or(HEARTBEAT_MILLIS, |at| {
            at.saturating_sub(lease::now()).max(1)
        });
        // A standby sees within a moment that it leads.
        wake.min(if self.leading { HEARTBEAT_MILLIS } else { 100 })
    }

    fn turn(&mut self) {
        let leads = self.duty.fence.open();
        if leads && !self.leading {
            tracing::info!("{}: this replica leads", self.duty.name);
            self.mind.lead();
        } else if !leads && self.leading {
            tracing::warn!("{}: this replica does not lead any more", self.duty.name);
        }
        self.leading = leads;
        self.duty.leader.set(i64::from(leads));
        if leads {
            for action in self.mind.step(lease::now()) {
                self.start(action);
            }
        }
        self.duty.pulse.beat(self.mind.is_synced() || !leads);
        self.show();
    }

    /// Sends an action on its way.
    fn start(&self, action: R::Action) {
        let span = tracing::info_span!("action", name = action.name(), of = %action.subject());
        let (hands, turns, fence) = (
            self.hands.clone(),
            self.turns.clone(),
            self.duty.fence.clone(),
        );
        let call = UnderWay::new(action, lost::<R>, self.outcomes.clone());
        let work = async move {
            let Some(action) = call.action() else { return };
            let lane = action.lane();
            let _turn = turns.wait(lane).await;
            let outcome = if lane == Lane::Read || fence.open() {
                hands.carry_out(action).await
            } else {
                Err(Failure::not_leader())
            };
            tracing::debug!(took_ms = call.took(), ok = outcome.is_ok(), "done");
            call.answer(outcome);
        };
        self.calls.spawn(work.instrument(span));
    }

    fn answer(&mut self, done: Answered<R>) {
        let outcome = if done.outcome.is_ok() { "ok" } else { "failed" };
        let action = done.action.name();
        let label = ActionLabel { action, outcome };
        self.meters.actions().get_or_create(&label).inc();
        self.mind
            .finish(lease::now(), &done.action, done.outcome, done.took);
    }

    fn show(&mut self) {
        let now = lease::now();
        if now >= self.show_at {
            self.show_at = now + HEARTBEAT_MILLIS;
            self.meters.show(self.mind.figures());
        }
    }
}

/// The outcome of a call that nothing is known of.
fn lost<R: Reconciler>(message: String) -> Outcome<R> {
    Err(Failure::unknown(message))
}

#[cfg(test)]
mod tests;
