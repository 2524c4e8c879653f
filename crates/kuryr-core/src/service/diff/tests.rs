//! The plan of one load balancer, carried out on a model of Octavia until there is no next call.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::service::fixtures::octavia::Octavia;
use crate::service::fixtures::{id, ip, many, port, service, settings, tree};
use crate::service::model::{Protocol, Service, Slice};
use crate::service::observed::{SeenListener, State};
use crate::service::settings::Settings;
use crate::service::tree::{Algorithm, Monitor, MonitorKind};

fn amphora() -> Settings {
    Settings {
        provider: Some(id("amphora")),
        ..settings()
    }
}

fn created(tree: &Tree) -> (Octavia, Id) {
    let mut octavia = Octavia::default();
    let lb = octavia.create(tree).unwrap().id;
    octavia.look(&lb).unwrap();
    octavia.accepted = 0;
    (octavia, lb)
}

/// Carries out the plan; the calls that it took.
fn settle(octavia: &mut Octavia, lb: &Id, tree: &Tree) -> Vec<Change> {
    let mut calls = Vec::new();
    loop {
        let is = octavia.look(lb).unwrap();
        assert_eq!(is.balancer.state, State::Active);
        let Some(step) = next(tree, &is) else {
            return calls;
        };
        octavia.change(lb, &step.change).unwrap();
        calls.push(step.change);
        assert!(calls.len() < 200, "never rests: {calls:?}");
    }
}

fn web(n: usize) -> (Service, Vec<Slice>) {
    (service("web"), vec![many("web", n)])
}

#[test]
fn what_was_created_whole_needs_no_further_call() {
    let (s, slices) = web(10);
    let t = tree(&s, &slices, &settings());
    let (mut octavia, lb) = created(&t);
    assert_eq!(settle(&mut octavia, &lb, &t), []);
}

#[test]
fn any_number_of_endpoints_is_one_call_a_port() {
    let mut s = service("web");
    s.ports = vec![port("a", Protocol::Tcp, 80), port("b", Protocol::Tcp, 81)];
    let with = |n| {
        let mut slice = many("web", n);
        slice.ports = ["a", "b"]
            .map(|name| crate::service::fixtures::slice_port(name, Protocol::Tcp, 8080))
            .into();
        tree(&s, &[slice], &settings())
    };
    let (mut octavia, lb) = created(&with(10));
    let calls = settle(&mut octavia, &lb, &with(60));
    assert_eq!(calls.len(), 2);
    assert!(
        calls
            .iter()
            .all(|c| matches!(c, Change::SetMembers { members, .. } if members.len() == 60))
    );
    assert_eq!(settle(&mut octavia, &lb, &with(60)), []);
    assert_eq!(settle(&mut octavia, &lb, &with(0)).len(), 2);
}

#[test]
fn without_the_whole_in_one_call_each_part_comes_after_what_it_needs() {
    let (s, slices) = web(3);
    let mut t = tree(&s, &slices, &settings());
    let monitor = Monitor {
        kind: MonitorKind::Tcp,
        delay: 5,
        timeout: 3,
        retries: 3,
    };
    t.listeners
        .values_mut()
        .for_each(|l| l.pool.monitor = Some(monitor.clone()));
    let (mut octavia, lb) = created(&t.bare());
    let calls = settle(&mut octavia, &lb, &t);
    assert!(
        matches!(
            calls[..],
            [
                Change::CreateListener { .. },
                Change::CreatePool { .. },
                Change::SetMembers { .. },
                Change::CreateMonitor { .. },
            ]
        ),
        "{calls:?}"
    );
}

#[test]
fn members_come_before_anything_else() {
    let (s, slices) = web(3);
    let (mut octavia, lb) = created(&tree(&s, &slices, &settings()));
    let mut more = s.clone();
    more.ports.push(port("x", Protocol::Tcp, 90));
    let t = tree(&more, &[many("web", 4)], &settings());
    let calls = settle(&mut octavia, &lb, &t);
    assert!(matches!(calls[0], Change::SetMembers { .. }), "{calls:?}");
}

#[test]
fn a_port_that_moves_is_taken_away_before_it_comes_back() {
    let (s, slices) = web(1);
    let (mut octavia, lb) = created(&tree(&s, &slices, &settings()));
    let mut moved = s.clone();
    moved.ports[0].port = 81;
    let calls = settle(&mut octavia, &lb, &tree(&moved, &slices, &settings()));
    assert!(
        matches!(
            calls[..],
            [
                Change::DeleteListener { .. },
                Change::DeletePool { .. },
                Change::CreateListener { .. },
                Change::CreatePool { .. },
                Change::SetMembers { .. },
            ]
        ),
        "{calls:?}"
    );
}

#[test]
fn the_same_port_of_another_protocol_is_not_in_the_way() {
    let (s, slices) = web(1);
    let (mut octavia, lb) = created(&tree(&s, &slices, &settings()));
    let mut both = s.clone();
    both.ports.push(port("", Protocol::Udp, 80));
    let calls = settle(&mut octavia, &lb, &tree(&both, &slices, &settings()));
    let two = matches!(
        calls[..],
        [Change::CreateListener { .. }, Change::CreatePool { .. }]
    );
    assert!(two, "{calls:?}");
}

#[test]
fn a_listener_of_a_protocol_that_services_do_not_have_goes() {
    let (s, slices) = web(1);
    let t = tree(&s, &slices, &settings());
    let (mut octavia, lb) = created(&t);
    octavia.lb(&lb).listeners.push(SeenListener {
        id: id("http"),
        name: id("by hand"),
        protocol: None,
        port: 80,
        pool: None,
        timeout_client: None,
        timeout_member: None,
        allowed: vec![],
        broken: false,
    });
    let calls = settle(&mut octavia, &lb, &t);
    assert_eq!(calls, [Change::DeleteListener { id: id("http") }]);
}

#[test]
fn parts_in_error_are_made_anew_and_that_is_healing() {
    let (s, slices) = web(1);
    let t = tree(&s, &slices, &settings());
    let (mut octavia, lb) = created(&t);
    octavia.lb(&lb).listeners[0].broken = true;
    let step = next(&t, &octavia.look(&lb).unwrap()).unwrap();
    assert!(step.heals && matches!(step.change, Change::DeleteListener { .. }));
    assert_eq!(settle(&mut octavia, &lb, &t).len(), 5);
    octavia.lb(&lb).pools[0].broken = true;
    let step = next(&t, &octavia.look(&lb).unwrap()).unwrap();
    assert!(step.heals && matches!(step.change, Change::DeletePool { .. }));
    assert_eq!(settle(&mut octavia, &lb, &t).len(), 3);
}

#[test]
fn a_lost_tag_or_name_is_put_back() {
    let (s, slices) = web(1);
    let t = tree(&s, &slices, &settings());
    let (mut octavia, lb) = created(&t);
    octavia.lb(&lb).balancer.ours = false;
    let update = Change::Update { name: id("ns/web") };
    let calls = settle(&mut octavia, &lb, &t);
    assert_eq!(calls, std::slice::from_ref(&update));
    octavia.lb(&lb).balancer.name = id("theirs");
    assert_eq!(settle(&mut octavia, &lb, &t), [update]);
}

#[test]
fn timeouts_that_nobody_asked_for_are_left() {
    let (s, slices) = web(1);
    let (mut octavia, lb) = created(&tree(&s, &slices, &amphora()));
    let mut asked = s.clone();
    asked.annotations.timeout_client = Some(7);
    let calls = settle(&mut octavia, &lb, &tree(&asked, &slices, &amphora()));
    assert!(
        matches!(calls[..], [Change::UpdateListener { .. }]),
        "{calls:?}"
    );
    assert_eq!(
        settle(&mut octavia, &lb, &tree(&s, &slices, &amphora())),
        []
    );
}

#[test]
fn a_monitor_is_updated_but_for_its_kind() {
    let mut s = service("web");
    s.annotations.monitor = Some(true);
    let slices = [many("web", 1)];
    let (mut octavia, lb) = created(&tree(&s, &slices, &amphora()));
    s.annotations.monitor_delay = Some(9);
    let t = tree(&s, &slices, &amphora());
    let calls = settle(&mut octavia, &lb, &t);
    assert!(
        matches!(calls[..], [Change::UpdateMonitor { .. }]),
        "{calls:?}"
    );
    octavia.lb(&lb).pools[0].monitor.as_mut().unwrap().monitor = None;
    let calls = settle(&mut octavia, &lb, &t);
    let anew = matches!(
        calls[..],
        [Change::DeleteMonitor { .. }, Change::CreateMonitor { .. }]
    );
    assert!(anew, "of a kind that we don't make: {calls:?}");
    s.annotations.monitor = None;
    let calls = settle(&mut octavia, &lb, &tree(&s, &slices, &amphora()));
    assert!(
        matches!(calls[..], [Change::DeleteMonitor { .. }]),
        "{calls:?}"
    );
}

#[test]
fn vip_and_provider_can_not_be_changed_in_place() {
    let (s, slices) = web(1);
    let t = tree(&s, &slices, &settings());
    let (octavia, lb) = created(&t);
    let is = &octavia.balancers[&lb].is.balancer;
    assert_eq!(must_rebuild(&t, is), None);
    let other = |change: fn(&mut Tree)| {
        let mut t = t.clone();
        change(&mut t);
        must_rebuild(&t, is)
    };
    assert!(other(|t| t.vip.address = ip("10.96.0.11")).is_some());
    assert!(other(|t| t.vip.subnet = id("other")).is_some());
    assert!(other(|t| t.provider = Some(id("amphora"))).is_some());
    assert!(other(|t| t.more_vips.push(t.vip.clone())).is_some());
    assert_eq!(other(|t| t.provider = None), None, "whichever it is");
}

fn any_service() -> impl Strategy<Value = (Service, Vec<Slice>)> {
    let protocol = prop_oneof![
        Just(Protocol::Tcp),
        Just(Protocol::Udp),
        Just(Protocol::Sctp)
    ];
    let ports = proptest::collection::vec((protocol, 80..84u16), 0..5);
    let affinity = proptest::option::of(1..5u32);
    (ports, 0..6usize, affinity, any::<bool>(), 0..4u16).prop_map(
        |(ports, n, affinity, monitor, delay)| {
            let mut s = service("web");
            s.ports = ports.into_iter().map(|(p, n)| port("", p, n)).collect();
            s.affinity = affinity;
            s.annotations.monitor = Some(monitor);
            s.annotations.monitor_delay = Some(delay);
            s.annotations.timeout_client = (delay > 1).then_some(u32::from(delay));
            let mut slice = many("web", n);
            slice.ports = [Protocol::Tcp, Protocol::Udp]
                .map(|p| crate::service::fixtures::slice_port("", p, 8080))
                .into();
            (s, vec![slice])
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// From any load balancer to any other, whatever was done to it by hand.
    #[test]
    fn the_plan_leads_to_what_is_wanted(
        before in any_service(),
        after in any_service(),
        ovn: bool,
        hand in proptest::collection::vec((0..6u8, 0..6usize), 0..4),
    ) {
        let s = if ovn { settings() } else { amphora() };
        let (mut octavia, lb) = created(&tree(&before.0, &before.1, &s));
        hand.iter().for_each(|(what, which)| by_hand(&mut octavia, &lb, *what, *which));
        let t = tree(&after.0, &after.1, &s);
        settle(&mut octavia, &lb, &t);
        let is = octavia.look(&lb).unwrap();
        check(&t, &is)?;
    }
}

fn by_hand(octavia: &mut Octavia, lb: &Id, what: u8, which: usize) {
    let is = octavia.lb(lb);
    let at = |len: usize| which.checked_rem(len);
    if let Some(at) = at(is.pools.len()) {
        let pool = is.pools[at].id.clone();
        match what {
            0 => {
                is.pools.remove(at);
                let lost = is
                    .listeners
                    .iter_mut()
                    .filter(|l| l.pool == Some(pool.clone()));
                lost.for_each(|l| l.pool = None);
            }
            1 => is.pools[at].members.truncate(1),
            2 => is.pools[at].algorithm = Some(Algorithm::LeastConnections),
            3 => is.pools[at].broken = true,
            4 => is
                .listeners
                .iter_mut()
                .for_each(|l| l.pool = Some(pool.clone())),
            _ => drop(is.listeners.pop()),
        }
    }
}

/// By what the fields say, not by the diff itself.
fn check(tree: &Tree, is: &Observed) -> Result<(), TestCaseError> {
    prop_assert_eq!(is.listeners.len(), tree.listeners.len());
    prop_assert_eq!(
        is.pools.len(),
        tree.listeners.len(),
        "a pool each, and no other"
    );
    for (key, wanted) in &tree.listeners {
        let found = is
            .listeners
            .iter()
            .find(|l| (l.protocol, l.port) == (Some(key.0), key.1));
        let l = found.unwrap();
        prop_assert_eq!(&l.name, &wanted.name);
        prop_assert_eq!(&l.allowed, &wanted.allowed);
        let pool = is
            .pools
            .iter()
            .find(|p| Some(&p.id) == l.pool.as_ref())
            .unwrap();
        prop_assert!(!l.broken && !pool.broken);
        prop_assert_eq!(pool.protocol, Some(key.0));
        prop_assert_eq!(pool.algorithm, Some(wanted.pool.algorithm));
        prop_assert_eq!(pool.persistence, wanted.pool.persistence);
        let monitor = pool.monitor.as_ref().and_then(|m| m.monitor.clone());
        prop_assert_eq!(monitor, wanted.pool.monitor.clone());
        let mut members: Vec<_> = pool.members.iter().map(|m| m.member.clone()).collect();
        members.sort();
        prop_assert_eq!(members, wanted.pool.members.clone());
    }
    Ok(())
}

#[test]
fn without_monitors_in_the_tree_each_is_a_call_of_its_own() {
    let mut s = service("web");
    s.annotations.monitor = Some(true);
    let slices = [many("web", 2)];
    let t = tree(&s, &slices, &settings());
    let (mut octavia, lb) = created(&t.unmonitored());
    let calls = settle(&mut octavia, &lb, &t);
    assert!(
        matches!(calls[..], [Change::CreateMonitor { .. }]),
        "{calls:?}"
    );
}

#[test]
fn one_member_among_many_costs_as_little_as_it_is() {
    let (s, slices) = web(60);
    let (mut octavia, lb) = created(&tree(&s, &slices, &settings()));
    let calls = settle(
        &mut octavia,
        &lb,
        &tree(&s, &[many("web", 61)], &settings()),
    );
    assert!(
        matches!(calls[..], [Change::CreateMember { .. }]),
        "{calls:?}"
    );
    let calls = settle(&mut octavia, &lb, &tree(&s, &slices, &settings()));
    assert!(
        matches!(calls[..], [Change::DeleteMember { .. }]),
        "{calls:?}"
    );
    let calls = settle(
        &mut octavia,
        &lb,
        &tree(&s, &[many("web", 30)], &settings()),
    );
    assert!(
        matches!(calls[..], [Change::SetMembers { .. }]),
        "many at once are one batch: {calls:?}"
    );
}
