//! The harness of all simulations: a reconciler against a cloud that fails, forgets answers, tells late, and restarts the
//! controller at any point.

use proptest::prelude::*;

use super::{Effect, Outcome, Reconciler};
use crate::Millis;

/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fate {
    Works,
    Refused,
    /// 409, of a change of something that is being changed.
    Immutable,
    DoneButAnswerLost,
    NeverSent,
}

/// Most calls work; each way to fail is as likely as another.
pub(crate) fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        6 => Just(Fate::Works),
        1 => Just(Fate::Refused),
        1 => Just(Fate::Immutable),
        1 => Just(Fate::DoneButAnswerLost),
        1 => Just(Fate::NeverSent),
    ]
}

/// What would be there if the controller were not: Kubernetes and OpenStack, as far as one reconciler sees them.
pub(crate) trait Cloud {
    type Mind: Reconciler;

    /// A call reaches it, or does not.
    fn carry_out(
        &mut self,
        action: &<Self::Mind as Reconciler>::Action,
        fate: Fate,
    ) -> Outcome<Self::Mind>;

    /// What the watches tell of what is there now.
    fn news(&mut self) -> Vec<<Self::Mind as Reconciler>::Event>;

    /// The same if all watches begin anew.
    fn lists(&mut self) -> Vec<<Self::Mind as Reconciler>::Event>;

    /// What holds at each moment.
    fn check_always(&self) {}

    /// What holds of the calls that are under way together.
    fn check_calls(_mind: &Self::Mind, _calls: &[&<Self::Mind as Reconciler>::Action]) {}
}

type Call<C> = <<C as Cloud>::Mind as Reconciler>::Action;

/// A controller: its reconciler and the calls that it has under way.
pub(crate) struct Controller<C: Cloud> {
    pub(crate) world: C::Mind,
    pub(crate) under_way: Vec<Call<C>>,
    /// Calls that were carried out; their answers are on their way.
    pub(crate) answers: Vec<(Call<C>, Outcome<C::Mind>)>,
    pub(crate) now: Millis,
    /// Calls that were carried out since the last [`Self::settle`].
    pub(crate) made: Vec<Call<C>>,
}

impl<C: Cloud> Controller<C>
where
    Call<C>: Clone + std::fmt::Debug,
{
    /// As after a start: the watches are read, OpenStack is not yet.
    pub(crate) fn of(world: C::Mind, cloud: &mut C, now: Millis) -> Self {
        let mut controller = Self {
            world,
            under_way: vec![],
            answers: vec![],
            now,
            made: vec![],
        };
        controller.relist(cloud);
        controller
    }

    /// All watch events since the last time.
    pub(crate) fn watch(&mut self, cloud: &mut C) {
        for event in cloud.news() {
            self.world.learn(self.now, event);
        }
    }

    /// The watches broke, and everything is listed anew.
    pub(crate) fn relist(&mut self, cloud: &mut C) {
        for event in cloud.lists() {
            self.world.learn(self.now, event);
        }
    }

    /// A moment later: what is to be done is under way.
    pub(crate) fn plan(&mut self) -> Vec<Call<C>> {
        self.now += 1;
        let actions = self.world.step(self.now);
        self.under_way.extend(actions.iter().cloned());
        let answered = self.answers.iter().map(|(action, _)| action);
        let all: Vec<_> = self.under_way.iter().chain(answered).collect();
        for action in &all {
            assert!(!action.name().is_empty());
        }
        C::check_calls(&self.world, &all);
        actions
    }

    /// An action came to this.
    pub(crate) fn finish(&mut self, action: &Call<C>, outcome: Outcome<C::Mind>) {
        self.world.finish(self.now, action, outcome, 100);
    }

    /// A call is carried out, and its answer arrives.
    pub(crate) fn answer(&mut self, which: usize, cloud: &mut C, fate: Fate) {
        self.carry_out(which, cloud, fate);
        if let Some((action, outcome)) = self.answers.pop() {
            self.finish(&action, outcome);
        }
    }

    /// A call is carried out.
    pub(crate) fn carry_out(&mut self, which: usize, cloud: &mut C, fate: Fate) {
        if self.under_way.is_empty() {
            return;
        }
        let action = self.under_way.remove(which % self.under_way.len());
        let outcome = cloud.carry_out(&action, fate);
        self.made.push(action.clone());
        self.answers.push((action, outcome));
        cloud.check_always();
    }

    /// The answer to a call that was carried out some time ago arrives.
    pub(crate) fn arrive(&mut self, which: usize) {
        if !self.answers.is_empty() {
            let (action, outcome) = self.answers.remove(which % self.answers.len());
            self.finish(&action, outcome);
        }
    }

    /// The controller dies: half of its calls arrive all the same, and nobody hears of them.
    pub(crate) fn die(&mut self, cloud: &mut C) -> Millis {
        for action in self.under_way.drain(..).step_by(2) {
            let _ = cloud.carry_out(&action, Fate::DoneButAnswerLost);
        }
        self.now
    }

    /// Watches, plans and carries out once; all calls work. Then the clock goes on to what is waited for.
    pub(crate) fn round(&mut self, cloud: &mut C) {
        self.watch(cloud);
        self.plan();
        while !self.under_way.is_empty() {
            self.answer(0, cloud, Fate::Works);
        }
        self.now = self.world.next_wake().unwrap_or(self.now).max(self.now);
    }

    /// Runs until nothing is to be done; the calls that it took, or none if it never rests.
    pub(crate) fn settle(&mut self, cloud: &mut C) -> Option<Vec<Call<C>>> {
        self.settle_within(cloud, Millis::MAX)
    }

    /// The same, but what is to be done so much later is not waited for.
    pub(crate) fn settle_within(&mut self, cloud: &mut C, longest: Millis) -> Option<Vec<Call<C>>> {
        self.made.clear();
        for _ in 0..3_000 {
            self.watch(cloud);
            while !self.answers.is_empty() {
                self.arrive(0);
            }
            self.plan();
            if self.under_way.is_empty() {
                match self.world.next_wake() {
                    Some(at) if at.saturating_sub(self.now) < longest => {
                        self.now = self.now.max(at);
                    }
                    _ => return Some(std::mem::take(&mut self.made)),
                }
            }
            while !self.under_way.is_empty() {
                self.answer(0, cloud, Fate::Works);
            }
        }
        None
    }
}
