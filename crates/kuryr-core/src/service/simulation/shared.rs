//! Load balancers that several Services share.

use super::cases::{lb, told};
use super::*;

/// Service 1 with a floating IP, and 2, which asks to share its load balancer at another port.
fn two(by_id: bool) -> (Cloud, Controller) {
    let mut cloud = Cloud::new();
    cloud.add(new_service(1, 2));
    let mut c = Controller::start(&mut cloud, settings(true), 0);
    c.settle(&mut cloud).unwrap();
    let name = if by_id { lb(&cloud) } else { id("ns/s1") };
    cloud.add(guest(2, name, 81));
    endpoints(&mut cloud, 2);
    c.settle(&mut cloud).unwrap();
    (cloud, c)
}

fn guest(n: usize, of: Id, number: u16) -> Service {
    let mut s = new_service(n, 2);
    s.ports[0].port = number;
    s.annotations.shared = Some(of);
    s
}

fn endpoints(cloud: &mut Cloud, n: usize) {
    let slice = Slice {
        name: id(format!("slice{n}")),
        ..many(&key(n).name, 3)
    };
    cloud.slices.insert((id("ns"), slice.name.clone()), slice);
}

/// Ports of the load balancer at an address, with the members of each.
fn ports(cloud: &Cloud, address: &str) -> Vec<(u16, usize)> {
    let mut all = cloud.octavia.balancers.values().map(|lb| &lb.is);
    let found = all.find(|is| is.balancer.address == ip(address));
    let is = found.expect("a load balancer");
    let pool = |l: &SeenListener| is.pools.iter().find(|p| Some(&p.id) == l.pool.as_ref());
    let members = |l| pool(l).map_or(0, |p| p.members.len());
    let mut ports: Vec<_> = is.listeners.iter().map(|l| (l.port, members(l))).collect();
    ports.sort_unstable();
    ports
}

const HOST: &str = "10.96.0.11";
const GUEST: &str = "10.96.0.12";

#[test]
fn a_guest_is_served_at_the_hosts_address_and_at_its_own() {
    for by_id in [true, false] {
        let (cloud, _) = two(by_id);
        assert_eq!(ports(&cloud, HOST), [(80, 0), (81, 3)]);
        assert_eq!(ports(&cloud, GUEST), [(81, 3)]);
        let ingress = |n| &cloud.services[&key(n)].ingress;
        assert_eq!(ingress(1), ingress(2));
        assert_eq!(ingress(1).len(), 1);
        assert_eq!(
            cloud.floating.len(),
            2,
            "one from the pool, and the user's own"
        );
        assert_eq!(told(&cloud), []);
    }
}

#[test]
fn a_guests_endpoints_and_ports_are_followed() {
    let (mut cloud, mut c) = two(true);
    cloud.slices.clear();
    let s = cloud.services.get_mut(&key(2)).unwrap();
    s.ports[0].port = 82;
    c.settle(&mut cloud).unwrap();
    assert_eq!(ports(&cloud, HOST), [(80, 0), (82, 0)]);
    cloud.services.get_mut(&key(2)).unwrap().annotations.shared = None;
    c.settle(&mut cloud).unwrap();
    assert_eq!(ports(&cloud, HOST), [(80, 0)]);
    check_end(&cloud, &settings(true));
}

#[test]
fn a_port_that_another_has_is_refused_and_told_and_the_others_are_unharmed() {
    let (mut cloud, mut c) = two(true);
    let before = (ports(&cloud, HOST), lb(&cloud));
    cloud.add(guest(3, id("ns/s1"), 81));
    c.settle(&mut cloud).unwrap();
    assert_eq!((ports(&cloud, HOST), lb(&cloud)), before);
    assert_eq!(told(&cloud), [Reason::SharedLoadBalancerRefused]);
    let text = &cloud.told[0].message;
    assert!(
        text.contains("TCP port 81") && text.contains("ns/s2"),
        "{text}"
    );
    assert_eq!(ports(&cloud, "10.96.0.13"), [(81, 0)], "its own is there");
    assert!(cloud.services[&key(3)].ingress.is_empty());
    // The one before it goes: now it has the port.
    cloud.delete(&key(2));
    endpoints(&mut cloud, 3);
    c.settle(&mut cloud).unwrap();
    assert_eq!(ports(&cloud, HOST), [(80, 0), (81, 3)]);
    assert_eq!(
        cloud.services[&key(3)].ingress,
        cloud.services[&key(1)].ingress
    );
}

#[test]
fn a_shared_load_balancer_goes_with_its_last_service() {
    for by_id in [true, false] {
        let (mut cloud, mut c) = two(by_id);
        let outside = cloud.services[&key(2)].ingress.clone();
        cloud.delete(&key(1));
        c.settle(&mut cloud).unwrap();
        assert_eq!(ports(&cloud, HOST), [(81, 3)]);
        assert_eq!(cloud.services[&key(2)].ingress, outside);
        let calls = c.settle(&mut cloud).unwrap();
        assert_eq!(calls, [], "at rest");
        // The next leader knows it too.
        c = Controller::start(&mut cloud, settings(true), c.now);
        let calls = c.settle(&mut cloud).unwrap();
        assert!(!calls.iter().any(Action::changes_octavia), "{calls:?}");
        cloud.delete(&key(2));
        c.settle(&mut cloud).unwrap();
        assert!(cloud.octavia.balancers.is_empty());
        check_end(&cloud, &settings(true));
    }
}

#[test]
fn a_host_that_comes_again_with_another_address_leaves_its_guest_where_it_is() {
    let (mut cloud, mut c) = two(true);
    let old = lb(&cloud);
    cloud.delete(&key(1));
    c.settle(&mut cloud).unwrap();
    let mut again = new_service(1, 1);
    again.cluster_ips = vec![ip("10.96.0.99")];
    cloud.add(again);
    cloud.namesakes = true;
    c.settle(&mut cloud).unwrap();
    assert_eq!(ports(&cloud, HOST), [(81, 3)]);
    assert_eq!(ports(&cloud, "10.96.0.99"), [(80, 0)]);
    assert!(cloud.octavia.balancers.contains_key(&old));
    cloud.delete(&key(2));
    c.settle(&mut cloud).unwrap();
    assert!(!cloud.octavia.balancers.contains_key(&old));
}

#[test]
fn what_is_not_there_or_not_ours_is_told_and_left_alone() {
    let mut cloud = Cloud::new();
    let tree = super::super::fixtures::tree(&new_service(3, 1), &[], &settings(true));
    let theirs = cloud.octavia.create(&tree).unwrap().id;
    cloud.octavia.lb(&theirs).balancer.ours = false;
    cloud.add(guest(1, theirs.clone(), 80));
    cloud.add(guest(2, id("none"), 81));
    let before = cloud.octavia.balancers[&theirs].is.clone();
    let mut c = Controller::start(&mut cloud, settings(true), 0);
    c.settle(&mut cloud).unwrap();
    assert_eq!(told(&cloud), [Reason::SharedLoadBalancerRefused; 2]);
    assert_eq!(
        cloud.octavia.balancers[&theirs].is.listeners,
        before.listeners
    );
    assert_eq!(ports(&cloud, GUEST), [(81, 0)]);
}

#[test]
fn one_that_asks_for_its_own_asks_for_nothing() {
    let mut cloud = Cloud::new();
    cloud.add(guest(1, id("ns/s1"), 80));
    let mut c = Controller::start(&mut cloud, settings(true), 0);
    c.settle(&mut cloud).unwrap();
    assert_eq!(cloud.services[&key(1)].ingress.len(), 1);
    let s = cloud.services.get_mut(&key(1)).unwrap();
    s.annotations.shared = None;
    check_end(&cloud, &settings(true));
}

/// A guest in another namespace.
fn stranger(n: usize, of: Id, number: u16) -> Service {
    let mut s = guest(n, of, number);
    s.key = ServiceKey::new("theirs", s.key.name.clone());
    s
}

#[test]
fn who_is_of_another_namespace_shares_by_the_hosts_consent_only() {
    for by_id in [true, false] {
        let mut cloud = Cloud::new();
        cloud.add(new_service(1, 2));
        let mut c = Controller::start(&mut cloud, settings(true), 0);
        c.settle(&mut cloud).unwrap();
        let name = if by_id { lb(&cloud) } else { id("ns/s1") };
        let theirs = stranger(2, name, 81);
        let theirs_key = theirs.key.clone();
        cloud.add(theirs);
        c.settle(&mut cloud).unwrap();
        assert_eq!(ports(&cloud, HOST), [(80, 0)]);
        assert_eq!(told(&cloud), [Reason::SharedLoadBalancerRefused]);
        let ingress = |cloud: &Cloud| cloud.services[&theirs_key].ingress.clone();
        assert!(ingress(&cloud).is_empty());
        for (with, served) in [
            ("others", false),
            ("theirs", true),
            ("*", true),
            ("", false),
        ] {
            let host = cloud.services.get_mut(&key(1)).unwrap();
            host.annotations.shared_with = vec![id(with)];
            c.settle(&mut cloud).unwrap();
            assert_eq!(ports(&cloud, HOST).len() == 2, served, "{with}");
            assert_eq!(!ingress(&cloud).is_empty(), served, "{with}");
        }
        // What is shared with others does not outlive its own Service.
        let host = cloud.services.get_mut(&key(1)).unwrap();
        host.annotations.shared_with = vec![id("*")];
        c.settle(&mut cloud).unwrap();
        cloud.delete(&key(1));
        c.settle(&mut cloud).unwrap();
        assert!(!cloud.claims.contains_key(&key(1)));
        assert_eq!(cloud.octavia.balancers.len(), 1, "the guest's own");
    }
}

#[test]
fn a_cluster_address_goes_to_the_next_service_that_kubernetes_gives_it() {
    let (mut cloud, mut c) = two(true);
    cloud.delete(&key(1));
    c.settle(&mut cloud).unwrap();
    assert_eq!(ports(&cloud, HOST), [(81, 3)], "kept for its guest");
    let mut next = new_service(5, 1);
    next.cluster_ips = vec![ip(HOST)];
    next.ports[0].port = 8080;
    cloud.add(next);
    c.settle(&mut cloud).unwrap();
    assert_eq!(ports(&cloud, HOST), [(8080, 0)]);
    assert!(cloud.services[&key(2)].ingress.is_empty());
    assert_eq!(told(&cloud), [Reason::SharedLoadBalancerRefused]);
    assert_eq!(ports(&cloud, GUEST), [(81, 3)], "its own stays");
}

#[test]
fn a_guest_of_whom_octavia_refuses_something_holds_up_nobody_else() {
    let (mut cloud, mut c) = two(true);
    cloud.add(guest(3, id("ns/s1"), 83));
    let end = c.now + 60_000;
    let mut refused = 0;
    while c.now < end {
        if c.now > end - 30_000 {
            // The host's and the other guest's members change.
            endpoints(&mut cloud, 1);
            cloud.slices.retain(|(_, name), _| **name != *"slice2");
        }
        c.watch(&mut cloud);
        if c.plan().is_empty() {
            c.now = c.world.next_wake().unwrap_or(end).clamp(c.now, end);
        }
        while let Some(action) = c.under_way.pop() {
            let bad = matches!(&action, Action::Change { key: k, change: Change::CreateListener { listener }, .. }
                if k.service == key(1) && listener.name.starts_with("ns/s3:"));
            let outcome = match bad {
                true => {
                    refused += 1;
                    Err(Failure::new(FailureKind::Invalid, "Validation failure"))
                }
                false => cloud.carry_out(&action, Fate::Works),
            };
            c.finish(&action, outcome);
        }
    }
    assert_eq!(ports(&cloud, HOST), [(80, 3), (81, 0)]);
    assert_eq!(told(&cloud), [Reason::OctaviaFailed], "the guest is told");
    assert!((2..20).contains(&refused), "{refused} tries in a minute");
    c.settle(&mut cloud).unwrap();
    assert_eq!(ports(&cloud, HOST), [(80, 3), (81, 0), (83, 0)]);
    assert_eq!(c.world.troubles().next(), None, "and it is over");
}

#[test]
fn a_port_that_the_host_took_from_a_guest_that_waits_is_made_once() {
    let (mut cloud, mut c) = two(true);
    cloud.add(guest(3, id("ns/s1"), 83));
    let of = |who: &'static str| {
        move |a: &Action| match a {
            Action::Change {
                key: k,
                change: Change::CreateListener { listener },
                ..
            } => k.service == key(1) && *listener.name == *who,
            _ => false,
        }
    };
    let (theirs, own) = (of("ns/s3:TCP:83"), of("ns/s1:TCP:83"));
    let mut made = 0;
    let end = c.now + 5_000;
    while c.now < end {
        c.watch(&mut cloud);
        if c.plan().is_empty() {
            c.now = c.world.next_wake().unwrap_or(end).clamp(c.now, end);
        }
        while let Some(action) = c.under_way.pop() {
            made += usize::from(own(&action));
            let outcome = match theirs(&action) {
                true => {
                    let host = cloud.services.get_mut(&key(1)).unwrap();
                    host.ports.push(port("late", Protocol::Tcp, 83));
                    Err(Failure::new(FailureKind::Invalid, "Validation failure"))
                }
                false => cloud.carry_out(&action, Fate::Works),
            };
            c.finish(&action, outcome);
        }
    }
    assert_eq!(made, 1);
    assert_eq!(ports(&cloud, HOST), [(80, 0), (81, 3), (83, 0)]);
}
