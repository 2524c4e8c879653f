//! The reconciler against a model of Kubernetes, Octavia and Neutron that fails, forgets
//! answers and restarts the controller at any point. Whatever happened before, it has to come
//! to rest with each Service on the load balancers it is to have, and nothing else left.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::fixtures::{id, ip, many, port, service, settings as basic};
use super::*;
use crate::reconcile::simulation::{self, Cloud as _, Controller as Harness, Fate, fate};
use crate::reconcile::{Failure, FailureKind, Reconciler, Watched};

mod calls;
mod cases;
mod cloud;
mod kept;
mod shared;
mod tenants;

use self::cloud::{Cloud, OWN};

type Controller = Harness<Cloud>;

impl Controller {
    /// As after a start: the watches are read, Octavia is not yet.
    fn start(cloud: &mut Cloud, settings: Settings, now: u64) -> Self {
        Self::of(World::new(settings), cloud, now)
    }
}

fn settings(ovn: bool) -> Settings {
    Settings {
        provider: Some(id(if ovn { "ovn" } else { "amphora" })),
        changes_at_once: 3,
        looks_at_once: 2,
        orphan_grace: 500,
        ..basic()
    }
}

fn key(n: usize) -> ServiceKey {
    ServiceKey::new("ns", format!("s{n}"))
}

fn new_service(n: usize, variant: usize) -> Service {
    let mut s = service(&format!("s{n}"));
    s.cluster_ips = vec![ip(&format!("10.96.0.{}", n + 10))];
    if variant.is_multiple_of(3) {
        s.cluster_ips.push(ip(&format!("fd00:96::{n}")));
    }
    if variant.is_multiple_of(2) {
        s.kind = Kind::LoadBalancer;
    }
    s.finalizer = variant.is_multiple_of(5);
    s
}

/// A Service changes.
fn change(s: &mut Service, n: usize, what: usize) {
    match what {
        0 => s.kind = Kind::LoadBalancer,
        1 => s.kind = Kind::ClusterIp,
        2 => s.kind = Kind::ExternalName,
        3 => s.ports.push(port("u", Protocol::Udp, 80)),
        4 => s.ports.truncate(1),
        5 => s.ports[0].port = if s.ports[0].port == 80 { 81 } else { 80 },
        6 => {
            let now = s.annotations.provider.take();
            s.annotations.provider = now.is_none().then(|| id("amphora"));
        }
        7 => s.cluster_ips[0] = ip(&format!("10.96.1.{}", n + 10)),
        8 => s.load_balancer_ip = s.load_balancer_ip.is_none().then(|| id(OWN)),
        9 => s.annotations.monitor = Some(s.annotations.monitor.is_none()),
        // Of another Service, or of what is not there.
        _ => {
            let now = s.annotations.shared.take();
            let other = id(format!("ns/s{}", (n + what) % 5));
            s.annotations.shared = now.is_none().then_some(other);
        }
    }
}

/// What other hands do to the cloud.
fn drift(cloud: &mut Cloud, what: usize, which: usize) {
    let lbs: Vec<Id> = cloud.octavia.balancers.keys().cloned().collect();
    let claims: Vec<ServiceKey> = cloud.claims.keys().cloned().collect();
    let lb = lbs.get(which % lbs.len().max(1));
    let claim = claims.get(which % claims.len().max(1));
    match (what % 7, lb, claim) {
        (0, Some(lb), _) => {
            let port = cloud.octavia.lb(lb).balancer.vip_port.clone();
            cloud.octavia.balancers.remove(lb);
            cloud.port_is_gone(port.as_ref());
        }
        (1, Some(lb), _) => {
            let state = cloud.octavia.balancers.get_mut(lb).unwrap();
            if state.then != Some(State::Active) {
                return;
            }
            state.then = Some(State::Error);
            state.is.balancer.state = State::Pending;
            by_hand(cloud, lb);
        }
        (2, Some(lb), _) => {
            let is = cloud.octavia.lb(lb);
            is.pools.iter_mut().for_each(|p| p.members.clear());
            by_hand(cloud, lb);
        }
        (3, Some(lb), _) => {
            cloud.octavia.lb(lb).listeners.pop();
            by_hand(cloud, lb);
        }
        (4, _, Some(key)) => {
            let version = cloud.next();
            let claim = cloud.claims.get_mut(key).unwrap();
            (claim.deleting, claim.version) = (true, version);
        }
        (5, _, Some(key)) => cloud.tear_claim(key),
        (6, ..) => {
            cloud
                .floating
                .retain(|id, f| &**id == "own" || f.made_for.is_none());
        }
        _ => {}
    }
}

/// Octavia notes each change.
fn by_hand(cloud: &mut Cloud, lb: &Id) {
    cloud.made += 1;
    let at = id(format!("hand{}", cloud.made));
    cloud.octavia.lb(lb).balancer.updated = Some(at);
}

#[derive(Clone, Debug)]
enum Step {
    Add(usize, usize),
    Change(usize, usize),
    Delete(usize),
    Endpoints(usize, usize),
    Plan,
    Wait,
    Answer(usize, Fate),
    CarryOut(usize, Fate),
    Arrive(usize),
    Relist,
    List,
    Lead,
    Restart,
    Drift(usize, usize),
}

/// A step; Services change in one of so many ways.
fn step(ways: usize) -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..4usize, 0..30usize).prop_map(|(n, v)| Step::Add(n, v)),
        3 => (0..4usize, 0..ways).prop_map(|(n, w)| Step::Change(n, w)),
        2 => (0..4usize).prop_map(Step::Delete),
        3 => (0..4usize, 0..4usize).prop_map(|(n, e)| Step::Endpoints(n, e)),
        8 => Just(Step::Plan),
        4 => Just(Step::Wait),
        10 => (0..9usize, fate()).prop_map(|(i, f)| Step::Answer(i, f)),
        3 => (0..9usize, fate()).prop_map(|(i, f)| Step::CarryOut(i, f)),
        3 => (0..9usize).prop_map(Step::Arrive),
        1 => Just(Step::Relist),
        1 => Just(Step::List),
        1 => Just(Step::Lead),
        1 => Just(Step::Restart),
        2 => (0..7usize, 0..9usize).prop_map(|(w, i)| Step::Drift(w, i)),
    ]
}

fn run(steps: &[Step], ovn: bool, slowness: usize) -> (Cloud, Controller) {
    let mut cloud = Cloud::new();
    cloud.octavia.piecewise = slowness == 2;
    cloud.octavia.slowness = slowness;
    let mut c = Controller::start(&mut cloud, settings(ovn), 0);
    for step in steps {
        take(step, &mut cloud, &mut c, ovn);
    }
    (cloud, c)
}

fn take(step: &Step, cloud: &mut Cloud, c: &mut Controller, ovn: bool) {
    match step {
        Step::Add(n, variant) => {
            if !cloud.services.contains_key(&key(*n)) {
                cloud.add(new_service(*n, *variant));
            }
        }
        Step::Change(n, what) => {
            if let Some(s) = cloud.services.get_mut(&key(*n)) {
                change(s, *n, *what);
            }
        }
        Step::Delete(n) => cloud.delete(&key(*n)),
        Step::Endpoints(n, count) => {
            if cloud.services.contains_key(&key(*n)) {
                let slice = many(&key(*n).name, *count);
                let name = id(format!("slice{n}"));
                let slice = Slice {
                    name: name.clone(),
                    ..slice
                };
                cloud.slices.insert((id("ns"), name), slice);
            }
        }
        Step::Plan => {
            c.watch(cloud);
            c.plan();
        }
        Step::Wait => c.now = c.world.next_wake().unwrap_or(c.now).max(c.now),
        Step::Answer(i, fate) => c.answer(*i, cloud, *fate),
        Step::CarryOut(i, fate) => c.carry_out(*i, cloud, *fate),
        Step::Arrive(i) => c.arrive(*i),
        Step::Relist => c.relist(cloud),
        Step::List => c.world.look_anew(),
        Step::Lead => c.world.lead(),
        Step::Restart => {
            let now = c.die(cloud);
            *c = Controller::start(cloud, settings(ovn), now);
        }
        Step::Drift(what, which) => drift(cloud, *what, *which),
    }
}

/// What the end must look like.
fn check_end(cloud: &Cloud, settings: &Settings) {
    let mut trees = 0;
    let mut pools = 0;
    for service in cloud.services.values() {
        let provider = provider_of(service, settings).unwrap();
        let slices = cloud.slices.values();
        let slices = slices.filter(|s| s.service_key() == service.key);
        let Want::Balancers(w) = desired(service, slices, settings, &Traits::of(&provider)) else {
            assert!(!cloud.claims.contains_key(&service.key), "{service:?}");
            assert!(service.ingress.is_empty() && !service.deleting);
            continue;
        };
        trees += w.trees.len();
        pools += usize::from(check_service(cloud, service, &w));
    }
    assert_eq!(cloud.octavia.balancers.len(), trees, "nothing else is left");
    let made = cloud.floating.values().filter(|f| f.made_for.is_some());
    assert_eq!(made.count(), pools, "{:?}", cloud.floating);
    for key in cloud.claims.keys() {
        assert!(cloud.services.contains_key(key), "{key} has a claim");
    }
}

/// Whether the user's own floating IP leads to a Service's load balancer.
fn has_own(cloud: &Cloud, key: &ServiceKey) -> bool {
    let name = Id::from(key.to_string());
    let mut all = cloud.octavia.balancers.values().map(|lb| &lb.is.balancer);
    let leads = &cloud.floating["own"].port;
    all.any(|lb| lb.name == name && leads.is_some() && lb.vip_port == *leads)
}

/// True if it has a floating IP from the pool.
fn check_service(cloud: &Cloud, service: &Service, w: &Wanted) -> bool {
    let claim = cloud.claims.get(&service.key).expect("a claim");
    assert!(!claim.deleting && claim.finalizer);
    assert_eq!(claim.owner.as_ref(), Some(&service.uid));
    assert_eq!(claim.spec, w.spec);
    let mut vip_port = None;
    for (slot, tree) in &w.trees {
        let all = cloud.octavia.balancers.values().map(|lb| &lb.is);
        let found: Vec<_> = all.filter(|o| o.balancer.name == tree.name).collect();
        let [is] = found[..] else {
            panic!("{} of {}", found.len(), tree.name);
        };
        assert_eq!(is.balancer.state, State::Active);
        assert_eq!(diff::must_rebuild(tree, &is.balancer), None);
        assert_eq!(diff::next(tree, is), None, "{is:?}");
        if *slot == Slot::First {
            let record = claim.record.as_ref().expect("recorded");
            assert_eq!(record.balancer, is.balancer.id);
            assert_eq!(record.children, is.children());
            vip_port.clone_from(&is.balancer.vip_port);
        }
    }
    let floating = claim.floating.as_ref().map(|f| &cloud.floating[&f.id]);
    let leads = floating.and_then(|f| f.port.clone());
    let own = cloud.floating["own"].port == vip_port;
    match &w.external {
        External::None => assert!(floating.is_none() && !own && service.ingress.is_empty()),
        External::Pool(..) => {
            assert_eq!(leads, vip_port);
            assert_eq!(service.ingress[0], floating.unwrap().address);
            return floating.unwrap().made_for.is_some();
        }
        External::Address(_) => {
            let asks = |s: &&Service| {
                s.load_balancer_ip == service.load_balancer_ip
                    && s.kind == Kind::LoadBalancer
                    && !s.deleting
            };
            let all = cloud.services.values().filter(asks);
            let holders = all.filter(|s| has_own(cloud, &s.key)).count();
            assert_eq!(holders, 1, "{:?}", cloud.floating);
            assert_eq!(service.ingress.is_empty(), !own);
        }
        External::Vips | External::Others | External::Shared => panic!("none in these tests"),
    }
    false
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn comes_to_rest_from_anywhere(
        steps in proptest::collection::vec(step(10), 0..150),
        ovn: bool,
        slowness in 0..3usize,
    ) {
        let (mut cloud, mut c) = run(&steps, ovn, slowness);
        for _ in 0..2 {
            c.world.look_anew();
            prop_assert!(c.settle(&mut cloud).is_some(), "never rests");
        }
        check_end(&cloud, &settings(ovn));
    }

    #[test]
    fn a_restart_at_rest_changes_nothing(
        steps in proptest::collection::vec(step(10), 0..80),
        ovn: bool,
    ) {
        let (mut cloud, mut c) = run(&steps, ovn, 1);
        for _ in 0..2 {
            c.world.look_anew();
            prop_assert!(c.settle(&mut cloud).is_some(), "never rests");
        }
        let mut again = Controller::start(&mut cloud, settings(ovn), c.now);
        let calls = again.settle(&mut cloud).unwrap();
        let reads = |a: &Action| matches!(
            a,
            Action::List | Action::Look { .. } | Action::Report { .. }
        );
        prop_assert!(calls.iter().all(reads), "{:?}", calls);
        let lists = calls.iter().filter(|a| **a == Action::List).count();
        prop_assert_eq!(lists, 1);
    }

    #[test]
    fn what_was_shared_is_not_any_more_when_nobody_asks_for_it(
        steps in proptest::collection::vec(step(14), 0..150),
        ovn: bool,
    ) {
        let (mut cloud, mut c) = run(&steps, ovn, 1);
        for shared in [true, false] {
            if !shared {
                let all = cloud.services.values_mut();
                all.for_each(|s| s.annotations.shared = None);
            }
            for _ in 0..2 {
                c.world.look_anew();
                prop_assert!(c.settle(&mut cloud).is_some(), "never rests");
            }
        }
        check_end(&cloud, &settings(ovn));
    }
}
