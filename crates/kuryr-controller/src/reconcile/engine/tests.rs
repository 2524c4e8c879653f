//! The loop with a reconciler that wants one call until it worked.

use std::sync::atomic::{AtomicUsize, Ordering};

use kuryr_process::Tasks;

use super::*;
use crate::health::Health;

#[derive(Default)]
struct Once {
    under_way: bool,
    outcomes: Vec<Result<(), Failure>>,
}

#[derive(Clone, Copy)]
struct Call(Lane);

impl Effect for Call {
    fn name(&self) -> &'static str {
        "call"
    }

    fn subject(&self) -> String {
        "nothing".to_owned()
    }

    fn lane(&self) -> Lane {
        self.0
    }
}

impl Reconciler for Once {
    type Event = &'static str;
    type Action = Call;
    type Answer = ();
    type Figures = ();

    fn learn(&mut self, _: Millis, event: &'static str) {
        assert_ne!(event, "unthinkable");
    }

    fn lead(&mut self) {}

    fn look_anew(&mut self) {}

    fn step(&mut self, _: Millis) -> Vec<Call> {
        let done = self.outcomes.iter().any(Result::is_ok);
        let start = !self.under_way && !done;
        self.under_way |= start;
        start.then_some(Call(Lane::Urgent)).into_iter().collect()
    }

    fn finish(&mut self, _: Millis, _: &Call, outcome: Result<(), Failure>, _: Millis) {
        self.under_way = false;
        self.outcomes.push(outcome);
    }

    fn next_wake(&self) -> Option<Millis> {
        None
    }

    fn is_synced(&self) -> bool {
        true
    }

    fn figures(&mut self) {}
}

/// The first call panics; the others work.
#[derive(Default)]
struct Clumsy(AtomicUsize);

impl Hands<Once> for Arc<Clumsy> {
    async fn carry_out(&self, _: &Call) -> Result<(), Failure> {
        let before = self.0.fetch_add(1, Ordering::Relaxed);
        assert!(before > 0, "the first call");
        Ok(())
    }
}

#[derive(Default)]
struct Plain(Family<ActionLabel, Counter>);

impl Meters<Once> for Plain {
    fn actions(&self) -> &Family<ActionLabel, Counter> {
        &self.0
    }

    fn show(&mut self, (): ()) {}
}

fn duty() -> Duty {
    Duty {
        name: "loop",
        fence: Fence::default(),
        pulse: Health::default().pulse("loop", "nothing"),
        leader: Gauge::default(),
        resync: Duration::from_secs(600),
        to_finish: Duration::from_secs(1),
    }
}

/// One turn of a leader, and the answers to what it began.
async fn turn(engine: &mut Engine<Once, Arc<Clumsy>, Plain>) {
    for action in engine.mind.step(lease::now()) {
        engine.start(action);
    }
    if let Some(done) = engine.answered.recv().await {
        engine.answer(done);
    }
}

#[tokio::test]
async fn a_call_that_panics_is_of_unknown_outcome_and_is_made_again() {
    let hands = Arc::new(Clumsy::default());
    let duty = duty();
    duty.fence.set(Some(lease::now() + 60_000));
    let mut engine = Engine::new(Once::default(), hands.clone(), Plain::default(), duty);
    turn(&mut engine).await;
    let first = engine.mind.outcomes.first();
    let unknown = first.and_then(|o| o.as_ref().err());
    assert!(unknown.is_some_and(Failure::is_unknown), "{first:?}");
    turn(&mut engine).await;
    assert_eq!(engine.mind.outcomes.last(), Some(&Ok(())));
    assert_eq!(hands.0.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn nothing_is_changed_by_who_does_not_lead() {
    let hands = Arc::new(Clumsy::default());
    let mut engine = Engine::new(Once::default(), hands.clone(), Plain::default(), duty());
    turn(&mut engine).await;
    assert_eq!(
        engine.mind.outcomes.last(),
        Some(&Err(Failure::not_leader()))
    );
    assert_eq!(hands.0.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_loop_that_panics_is_named() {
    let (tx, news) = mpsc::channel(1);
    let hands = Arc::new(Clumsy::default());
    let engine = Engine::new(Once::default(), hands, Plain::default(), duty());
    let mut tasks = Tasks::default();
    tasks.spawn("loop of pods", engine.run(news, CancellationToken::new()));
    let sent = tx.send("unthinkable").await;
    assert!(sent.is_ok());
    let ended = tasks.first_end().await;
    assert_eq!(ended.task, "loop of pods");
    assert!(ended.why.starts_with("panic: "), "{}", ended.why);
}
