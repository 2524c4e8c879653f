//! The reconciler against a model of Neutron and the port reconciler that fails, forgets answers
//! and restarts the controller at any point. At every moment no packet passes that no policies
//! since the last rest allow; in the end what is allowed passes, what is not does not, and
//! nothing else is left.

#![allow(clippy::unwrap_used)]

mod cases;
mod cloud;
mod controller;

use proptest::prelude::*;

use self::cloud::{Cloud, Fate};
use self::controller::Controller;
use super::fixtures::*;
use super::tests::draw;
use super::*;

fn small() -> Settings {
    Settings {
        calls_at_once: 3,
        ..settings()
    }
}

#[derive(Clone, Debug)]
enum Step {
    Policy(Box<Policy>),
    Drop(&'static str, usize),
    Relabel(Box<Pod>),
    Namespace(&'static str),
    Plan,
    Wait,
    Answer(usize, Fate),
    CarryOut(usize, Fate),
    Port(usize, Fate),
    List,
    Lead,
    Restart,
    Drift(usize, usize),
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        8 => Just(Fate::Works),
        1 => Just(Fate::Refused),
        1 => Just(Fate::Quota),
        1 => Just(Fate::DoneButAnswerLost),
        1 => Just(Fate::NeverSent),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => draw::a_policy().prop_map(|p| Step::Policy(Box::new(p))),
        2 => (prop::sample::select(vec!["a", "b"]), 0..4usize).prop_map(|(ns, n)| Step::Drop(ns, n)),
        2 => draw::a_pod().prop_map(|p| Step::Relabel(Box::new(p))),
        1 => prop::sample::select(vec!["team=x", "team=y", "tier=1"]).prop_map(Step::Namespace),
        8 => Just(Step::Plan),
        3 => Just(Step::Wait),
        12 => (0..9usize, fate()).prop_map(|(i, f)| Step::Answer(i, f)),
        3 => (0..9usize, fate()).prop_map(|(i, f)| Step::CarryOut(i, f)),
        12 => (0..20usize, fate()).prop_map(|(i, f)| Step::Port(i, f)),
        1 => Just(Step::List),
        1 => Just(Step::Lead),
        1 => Just(Step::Restart),
    ]
}

fn drift() -> impl Strategy<Value = Step> {
    (0..4usize, 0..50usize).prop_map(|(w, i)| Step::Drift(w, i))
}

fn take(step: &Step, cloud: &mut Cloud, c: &mut Controller) {
    match step {
        Step::Policy(policy) => {
            put(&mut cloud.facts, (**policy).clone());
            cloud.allowed_now();
        }
        Step::Drop(namespace, n) => {
            let key = PolicyKey::new(*namespace, format!("n{n}"));
            cloud.facts.policies.remove(&key);
            cloud.allowed_now();
        }
        Step::Relabel(pod) => cloud.relabel(pod),
        Step::Namespace(text) => {
            put(&mut cloud.facts, namespace("c", text));
            cloud.allowed_now();
        }
        Step::Plan => c.plan(cloud),
        Step::Wait => c.now = c.world.next_wake().unwrap_or(c.now).max(c.now),
        Step::Answer(i, fate) => c.answer(*i, cloud, *fate),
        Step::CarryOut(i, fate) => c.carry_out(*i, cloud, *fate),
        Step::Port(i, fate) => c.port(*i, cloud, *fate),
        Step::List => c.world.want_list(),
        Step::Lead => c.world.lead(),
        // Calls under way may still arrive: each half of them does.
        Step::Restart => {
            let late = std::mem::take(&mut c.under_way);
            for action in late.iter().step_by(2) {
                cloud.carry_out(action, Fate::DoneButAnswerLost);
            }
            *c = Controller::start(cloud, small(), c.now);
        }
        Step::Drift(what, which) => cloud.drift(*what, *which),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn never_opens_what_nobody_asked_for_and_comes_to_rest(
        steps in prop::collection::vec(step(), 0..120),
    ) {
        let mut cloud = Cloud::new();
        let mut c = Controller::start(&mut cloud, small(), 0);
        for step in &steps {
            take(step, &mut cloud, &mut c);
            if let Some(open) = cloud.too_open() {
                prop_assert!(false, "{step:?} opens {open:?}");
            }
        }
        let rest = c.settle(&mut cloud, |cloud| cloud.too_open());
        prop_assert!(rest.is_ok(), "{:?}", rest);
        cloud.check_end();
    }

    /// From rest to rest, one change of everything at once: only old and new count.
    #[test]
    fn between_two_sets_of_policies_only_theirs_is_open(
        from in prop::collection::vec(draw::a_policy(), 0..4),
        to in prop::collection::vec(draw::a_policy(), 0..4),
        order in prop::collection::vec((0..20usize, 0..20usize, fate()), 0..150),
    ) {
        let mut cloud = Cloud::new();
        from.into_iter().for_each(|policy| put(&mut cloud.facts, policy));
        let mut c = Controller::start(&mut cloud, small(), 0);
        prop_assert!(c.settle(&mut cloud, |_| None).is_ok());
        cloud.check_end();
        cloud.rest();
        cloud.facts.policies.clear();
        to.into_iter().for_each(|policy| put(&mut cloud.facts, policy));
        cloud.allowed_now();
        for (call, port, fate) in order {
            c.plan(&mut cloud);
            c.answer(call, &mut cloud, fate);
            c.port(port, &mut cloud, fate);
            if let Some(open) = cloud.too_open() {
                prop_assert!(false, "{open:?} is open");
            }
        }
        let rest = c.settle(&mut cloud, |cloud| cloud.too_open());
        prop_assert!(rest.is_ok(), "{:?}", rest);
        cloud.check_end();
    }

    #[test]
    fn what_was_changed_by_hand_is_put_right(
        steps in prop::collection::vec(prop_oneof![4 => step(), 1 => drift()], 0..100),
    ) {
        let mut cloud = Cloud::new();
        let mut c = Controller::start(&mut cloud, small(), 0);
        steps.iter().for_each(|step| take(step, &mut cloud, &mut c));
        for _ in 0..2 {
            c.world.want_list();
            let rest = c.settle(&mut cloud, |_| None);
            prop_assert!(rest.is_ok(), "{:?}", rest);
        }
        cloud.check_end();
    }

    #[test]
    fn a_restart_at_rest_changes_nothing(steps in prop::collection::vec(step(), 0..60)) {
        let mut cloud = Cloud::new();
        let mut c = Controller::start(&mut cloud, small(), 0);
        steps.iter().for_each(|step| take(step, &mut cloud, &mut c));
        prop_assert!(c.settle(&mut cloud, |_| None).is_ok());
        let mut again = Controller::start(&mut cloud, small(), c.now);
        let calls = again.settle(&mut cloud, |_| None).unwrap();
        // What is wrong is told again, what is well is not.
        let quiet = |call: &&Action| match call {
            Action::List => true,
            Action::Report { complaint, .. } => complaint.reason != Reason::InForce,
            _ => false,
        };
        let changing = calls.iter().filter(|call| !quiet(call));
        prop_assert_eq!(changing.count(), 0, "{:?}", calls);
    }
}
