//! Policies, pods and namespaces that change, against a Neutron that fails, forgets answers, and a controller that restarts at any
//! point. While one change is carried out no packet passes that neither the policies before nor those after it allow, and what
//! both allow passes; in the end what is allowed passes, what is not does not, and nothing else is left.

#![allow(clippy::unwrap_used)]

mod cases;
mod claims;
pub(crate) mod cloud;
mod kept;
pub(crate) mod mind;
mod told;

use proptest::prelude::*;

use self::cloud::Cloud;
use self::mind::{Call, Mind};
use super::tests::draw::{self, drawn};
use super::tests::fixtures::*;
use super::*;
use crate::Millis;
use crate::reconcile::Effect;
use crate::reconcile::simulation::{Controller as Harness, Fate, fate};

/// So long that who waits for it is found out.
const PATIENCE: Millis = 1_000_000_000;

type Controller = Harness<Cloud>;

/// As after a start: the watches are read, Neutron is not yet.
fn start(cloud: &mut Cloud, now: Millis) -> Controller {
    let settings = Settings {
        patience: PATIENCE,
        failures: u32::MAX,
        ..settings()
    };
    Controller::of(Mind::new(World::new(settings)), cloud, now)
}

/// A change that somebody makes.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    /// A policy is made, or replaced by another that selects others and allows something else.
    Policy(Box<Policy>),
    /// The rules of the nth policy of one direction become those of another.
    Edit(usize, Direction, Box<Policy>),
    /// Its rules of both directions do.
    EditBoth(usize, Box<Policy>),
    /// The nth policy goes.
    Drop(usize),
    /// A pod comes, or has other labels and ports.
    Pod(Box<Pod>),
    /// The nth pod goes.
    End(usize),
    Namespace(&'static str),
    Service(Box<Service>),
}

pub(crate) fn change() -> impl Strategy<Value = Change> {
    let policy = || draw::a_policy().prop_map(Box::new);
    let direction = prop::sample::select(Direction::BOTH.to_vec());
    prop_oneof![
        4 => policy().prop_map(Change::Policy),
        4 => (0..5usize, direction, policy()).prop_map(|(n, d, p)| Change::Edit(n, d, p)),
        3 => (0..5usize, policy()).prop_map(|(n, p)| Change::EditBoth(n, p)),
        2 => (0..5usize).prop_map(Change::Drop),
        3 => draw::a_pod().prop_map(|pod| Change::Pod(Box::new(pod))),
        1 => (0..12usize).prop_map(Change::End),
        2 => prop::sample::select(vec!["team=x", "team=y", "tier=1"]).prop_map(Change::Namespace),
        2 => draw::a_service().prop_map(|s| Change::Service(Box::new(s))),
    ]
}

/// What happens to the controller meanwhile.
#[derive(Clone, Debug)]
enum Step {
    Plan,
    Answer(usize, Fate),
    CarryOut(usize, Fate),
    Arrive(usize),
    Relist,
    Look,
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => Just(Step::Plan),
        12 => (0..9usize, fate()).prop_map(|(i, f)| Step::Answer(i, f)),
        3 => (0..9usize, fate()).prop_map(|(i, f)| Step::CarryOut(i, f)),
        3 => (0..9usize).prop_map(Step::Arrive),
        1 => Just(Step::Relist),
        1 => Just(Step::Look),
        1 => Just(Step::Restart),
    ]
}

fn take(step: &Step, cloud: &mut Cloud, c: &mut Controller) {
    match step {
        Step::Plan => {
            c.watch(cloud);
            c.plan();
        }
        Step::Answer(i, fate) => c.answer(*i, cloud, *fate),
        Step::CarryOut(i, fate) => c.carry_out(*i, cloud, *fate),
        Step::Arrive(i) => c.arrive(*i),
        Step::Relist => c.relist(cloud),
        Step::Look => c.world.look_anew(),
        Step::Restart => {
            let now = c.die(cloud);
            *c = start(cloud, now);
        }
    }
}

use crate::reconcile::Reconciler;

/// Runs until nothing is to be done but wait for the end of patience, which nothing is to need; returns the calls.
fn rest(cloud: &mut Cloud, c: &mut Controller) -> Vec<Call> {
    let calls = c.settle_within(cloud, PATIENCE / 2);
    calls.expect("never rests")
}

fn settle(cloud: &mut Cloud, c: &mut Controller) {
    for _ in 0..2 {
        c.world.look_anew();
        rest(cloud, c);
    }
    cloud.check_end();
}

proptest! {
    #![proptest_config(drawn(100, 1))]

    #[test]
    fn a_change_opens_nothing_that_neither_allows_and_cuts_nothing_that_both_allow(
        facts in draw::facts(),
        changes in prop::collection::vec((change(), prop::collection::vec(step(), 0..60)), 1..4),
    ) {
        let mut cloud = Cloud::new(facts);
        let mut c = start(&mut cloud, 0);
        settle(&mut cloud, &mut c);
        for (change, steps) in changes {
            cloud.begin(&change);
            for step in &steps {
                take(step, &mut cloud, &mut c);
            }
            settle(&mut cloud, &mut c);
        }
    }

    #[test]
    fn comes_to_rest_from_anywhere(
        facts in draw::facts(),
        changes in prop::collection::vec((change(), prop::collection::vec(step(), 0..12)), 0..12),
    ) {
        let mut cloud = Cloud::new(facts);
        let mut c = start(&mut cloud, 0);
        for (change, steps) in changes {
            cloud.change(&change);
            for step in &steps {
                take(step, &mut cloud, &mut c);
            }
        }
        settle(&mut cloud, &mut c);
        let before = format!("{cloud:?}");
        let mut again = start(&mut cloud, c.now);
        let mut calls = rest(&mut cloud, &mut again);
        calls.retain(|call| call.name() != "report_network_policy");
        prop_assert_eq!(calls, [Call::Policy(Action::List)], "a restart changes nothing");
        prop_assert_eq!(before, format!("{cloud:?}"));
    }
}
