//! How many calls it takes.

use super::*;

fn start(n: usize, endpoints: usize) -> (Cloud, Controller) {
    let mut cloud = Cloud::new();
    for n in 0..n {
        cloud.add(new_service(n, 1));
        set(&mut cloud, n, endpoints);
    }
    let c = Controller::start(&mut cloud, settings(true), 0);
    (cloud, c)
}

fn set(cloud: &mut Cloud, n: usize, endpoints: usize) {
    let slice = many(&key(n).name, endpoints);
    let name = id(format!("slice{n}"));
    let slice = Slice {
        name: name.clone(),
        ..slice
    };
    cloud.slices.insert((id("ns"), name), slice);
}

fn changing(calls: &[Action]) -> Vec<&Action> {
    calls.iter().filter(|a| a.changes_octavia()).collect()
}

#[test]
fn a_new_service_is_one_call() {
    let (mut cloud, mut c) = start(1, 10);
    let calls = c.settle(&mut cloud).unwrap();
    assert!(
        matches!(changing(&calls)[..], [Action::CreateBalancer { tree, .. }]
        if tree.listeners.values().all(|l| l.pool.members.len() == 10))
    );
    let created = calls.iter().position(Action::changes_octavia).unwrap();
    let claimed = |a: &Action| matches!(a, Action::CreateClaim { .. });
    assert!(
        calls[..created].iter().any(claimed),
        "the claim comes first"
    );
    check_end(&cloud, &settings(true));
}

#[test]
fn a_new_service_waits_a_moment_for_its_endpoints() {
    let (mut cloud, mut c) = start(1, 0);
    cloud.slices.clear();
    while c.now < 100 {
        c.watch(&mut cloud);
        c.plan();
        while !c.under_way.is_empty() {
            c.answer(0, &mut cloud, Fate::Works);
        }
    }
    assert_eq!(changing(&c.made), [] as [&Action; 0]);
    set(&mut cloud, 0, 10);
    let calls = c.settle(&mut cloud).unwrap();
    assert_eq!(changing(&calls).len(), 1, "with its members");

    let (mut cloud, mut c) = start(1, 0);
    cloud.slices.clear();
    let calls = c.settle(&mut cloud).unwrap();
    assert_eq!(changing(&calls).len(), 1, "but not for ever");
}

#[test]
fn scaling_is_one_call_and_nothing_changed_is_none() {
    let (mut cloud, mut c) = start(1, 10);
    c.settle(&mut cloud).unwrap();
    set(&mut cloud, 0, 60);
    let calls = c.settle(&mut cloud).unwrap();
    assert_eq!(changing(&calls).len(), 1);
    assert_eq!(c.settle(&mut cloud).unwrap(), []);
    c.world.look_anew();
    assert_eq!(c.settle(&mut cloud).unwrap(), [Action::List], "a resync");
}

#[test]
fn what_changes_while_a_call_is_under_way_is_gathered() {
    let (mut cloud, mut c) = start(1, 1);
    c.settle(&mut cloud).unwrap();
    let before = cloud.octavia.accepted;
    set(&mut cloud, 0, 2);
    c.watch(&mut cloud);
    c.plan();
    for n in 3..100 {
        set(&mut cloud, 0, n);
        c.watch(&mut cloud);
        c.plan();
        assert_eq!(changing(&c.under_way).len(), 1, "{:?}", c.under_way);
    }
    c.settle(&mut cloud).unwrap();
    assert_eq!(
        cloud.octavia.accepted - before,
        2,
        "the first, and all others"
    );
}

#[test]
fn those_that_wait_are_served_in_the_order_in_which_they_came() {
    let (mut cloud, mut c) = start(9, 1);
    c.settle(&mut cloud).unwrap();
    c.made.clear();
    // The last Service changes first.
    for n in (0..9).rev() {
        set(&mut cloud, n, 2);
        c.watch(&mut cloud);
        c.plan();
    }
    assert_eq!(changing(&c.under_way).len(), 3, "no more at once");
    c.settle(&mut cloud).unwrap();
    let served: Vec<_> = cloud
        .octavia
        .balancers
        .values()
        .map(|lb| (lb.is.balancer.updated.clone(), lb.is.balancer.name.clone()))
        .collect();
    assert_eq!(served.len(), 9);
    let mut by_time = served;
    by_time.sort_by_key(|(at, _)| at.as_ref().unwrap()[1..].parse::<u32>().unwrap());
    let names: Vec<_> = by_time.iter().map(|(_, name)| &**name).collect();
    assert_eq!(names[..3], ["ns/s8", "ns/s7", "ns/s6"]);
    assert_eq!(names[8], "ns/s0", "{names:?}");
}

#[test]
fn many_services_restart_with_reads_only() {
    let mut cloud = Cloud::new();
    for n in 0..120 {
        let mut s = new_service(0, 1);
        s.key = key(n);
        s.cluster_ips = vec![ip(&format!("10.96.{}.{}", n / 250, n % 250 + 1))];
        cloud.add(s);
        set(&mut cloud, n, 10);
    }
    let mut c = Controller::start(&mut cloud, settings(true), 0);
    let calls = c.settle(&mut cloud).unwrap();
    assert_eq!(changing(&calls).len(), 120);
    let mut again = Controller::start(&mut cloud, settings(true), c.now);
    let calls = again.settle(&mut cloud).unwrap();
    assert_eq!(changing(&calls).len(), 0);
    assert_eq!(calls.len(), 121, "one list, and a look each");
}
