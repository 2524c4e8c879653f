//! Single cases of namespaces with their networks.

use super::*;
use crate::network::label;
use crate::port::Reason;

fn one_pod() -> (Cloud, Controller) {
    let mut cloud = Cloud::new();
    cloud.add_namespace(0);
    cloud.add_pod(0, 0);
    let c = start(&mut cloud, false, false, 0);
    (cloud, c)
}

fn names(calls: &[Action]) -> Vec<&'static str> {
    calls.iter().map(Effect::name).collect()
}

#[test]
fn the_first_pod_of_a_namespace_costs_three_calls_for_its_network() {
    let (mut cloud, mut c) = one_pod();
    let calls = c.settle(&mut cloud).unwrap();
    check_end(&cloud, false, 1);
    let made: Vec<_> = names(&calls);
    let of_network = ["create_network", "create_subnet", "add_router_interface"];
    let seen: Vec<_> = made
        .iter()
        .filter(|n| of_network.contains(n))
        .copied()
        .collect();
    assert_eq!(seen, of_network);
    let claim = made
        .iter()
        .position(|n| *n == "create_kuryrnetwork")
        .unwrap();
    let network = made.iter().position(|n| *n == "create_network").unwrap();
    assert!(
        claim < network,
        "the KuryrNetwork is there before: {made:?}"
    );
    let tag = made.iter().position(|n| *n == "tag_network").unwrap();
    let ports = made.iter().position(|n| *n == "create_ports").unwrap();
    assert!(tag <= ports + 1, "pods don't wait for tags: {made:?}");
}

#[test]
fn a_namespace_without_pods_gets_nothing() {
    let mut cloud = Cloud::new();
    cloud.add_namespace(0);
    let mut c = start(&mut cloud, true, false, 0);
    let calls = c.settle(&mut cloud).unwrap();
    assert_eq!(names(&calls), ["list_networks", "refresh"]);
}

#[test]
fn a_network_stays_when_the_last_pod_goes_and_its_ports_do_not() {
    let mut cloud = Cloud::new();
    cloud.add_namespace(0);
    cloud.add_pod(0, 0);
    let mut c = start(&mut cloud, true, false, 0);
    c.settle(&mut cloud).unwrap();
    assert!(cloud.ports.ports.len() > 1, "a pool");
    cloud.delete_pod(0, 0);
    c.settle(&mut cloud).unwrap();
    assert_eq!((cloud.networks.len(), cloud.ports.ports.len()), (1, 0));
    cloud.add_pod(0, 1);
    let calls = c.settle(&mut cloud).unwrap();
    assert!(!names(&calls).contains(&"create_network"));
}

#[test]
fn the_network_of_an_earlier_namespace_of_the_name_is_undone() {
    let (mut cloud, mut c) = one_pod();
    c.settle(&mut cloud).unwrap();
    let first = cloud.networks.keys().next().unwrap().clone();
    // It went while nobody watched, and was made anew.
    cloud.ports.pods.clear();
    cloud.claims.clear();
    cloud.namespaces.clear();
    cloud.add_namespace(0);
    cloud.add_pod(0, 0);
    let mut c = start(&mut cloud, false, false, c.now);
    c.settle(&mut cloud).unwrap();
    check_end(&cloud, false, 1);
    assert!(!cloud.networks.contains_key(&first));
}

#[test]
fn a_network_that_upstream_made_is_taken_over() {
    let (mut cloud, mut c) = one_pod();
    let namespace = cloud.namespaces[&space(0)].clone();
    let subnet = Subnet {
        id: id("their-subnet"),
        cidr: "10.9.0.0/24".parse().unwrap(),
        leg: Some(Leg { router: id("r") }),
    };
    let network = Network {
        id: id("theirs"),
        made_for: Some((Some(namespace.uid.clone()), namespace.name.clone())),
        project: id("p"),
        tagged: false,
        subnets: vec![subnet],
    };
    assert_eq!(label(&namespace.uid, &namespace.name), "uid1/ns0");
    cloud.networks.insert(network.id.clone(), network);
    cloud.create_claim(&space(0)).unwrap();
    cloud
        .change_claim(&space(0), |c| c.status.network = Some(id("theirs")))
        .unwrap();
    let calls = c.settle(&mut cloud).unwrap();
    assert!(!names(&calls).contains(&"create_network"), "{calls:?}");
    check_end(&cloud, false, 1);
}

#[test]
fn a_network_that_a_kuryrnetwork_names_and_that_is_not_there_is_made() {
    let (mut cloud, mut c) = one_pod();
    cloud.create_claim(&space(0)).unwrap();
    cloud
        .change_claim(&space(0), |c| c.status.network = Some(id("lost")))
        .unwrap();
    c.settle(&mut cloud).unwrap();
    check_end(&cloud, false, 1);
}

#[test]
fn pods_are_told_when_a_pool_of_prefixes_is_used_up_and_go_on_when_it_is_not() {
    let (mut cloud, mut c) = one_pod();
    cloud.pools.insert(id("pool4"), 0);
    for _ in 0..30 {
        c.round(&mut cloud);
    }
    let told = c.world.networks().unwrap().standing(&space(0));
    let network::Standing::Waits(Some((reason, message))) = told else {
        panic!("{told:?}");
    };
    assert_eq!(
        (reason, message.as_str()),
        (Reason::SubnetFull, "no prefix left")
    );
    cloud.pools.insert(id("pool4"), 1);
    c.settle(&mut cloud).unwrap();
    check_end(&cloud, false, 1);
}

#[test]
fn that_few_subnets_are_left_is_told_once_before_there_is_none() {
    let mut cloud = Cloud::new();
    cloud.pools.insert(id("pool4"), 12);
    (0..12).for_each(|n| cloud.add_namespace(n));
    let mut c = start(&mut cloud, false, false, 0);
    let mut told = Vec::new();
    for n in 0..12 {
        cloud.add_pod(n, 0);
        let calls = c.settle(&mut cloud).unwrap();
        let reports = calls.into_iter().filter(|a| a.name() == "report_namespace");
        told.extend(reports.map(|a| (n, a)));
    }
    assert_eq!(told.len(), 1, "{told:?}");
    let (n, action) = &told[0];
    let Action::Network(network::Action::Report {
        reason, message, ..
    }) = action
    else {
        panic!("{action:?}");
    };
    assert_eq!((*n, *reason), (2, Reason::SubnetPoolLow));
    assert!(message.starts_with("9 IPv4 subnets are left"), "{message}");
}

#[test]
fn the_next_pool_is_used_when_the_first_has_no_prefix_left() {
    let mut cloud = Cloud::new();
    cloud.pools = [(id("pool4"), 1), (id("spare"), 5)].into();
    (0..3).for_each(|n| cloud.add_namespace(n));
    (0..3).for_each(|n| cloud.add_pod(n, 0));
    let mut c = start(&mut cloud, false, false, 0);
    let mut settings = network_settings(false);
    settings.pools.push(PrefixPool {
        id: id("spare"),
        version: 4,
    });
    c.world.networks = Some(network::World::new(settings));
    c.relist(&mut cloud);
    c.settle(&mut cloud).unwrap();
    check_end(&cloud, false, 1);
    assert_eq!(cloud.pools.values().copied().collect::<Vec<_>>(), [0, 3]);
}

/// A pod of a namespace that brings its network, and that network.
fn one_that_brings() -> (Cloud, Controller, Network) {
    let (mut cloud, mut c) = one_pod();
    let own = Own::Network(id("own"));
    cloud.namespaces.get_mut(&space(0)).unwrap().own = Ok(Some(own));
    let brought = Network {
        id: id("own"),
        made_for: None,
        project: id("other"),
        tagged: false,
        subnets: vec![Subnet {
            id: id("own-subnet"),
            cidr: "10.8.0.0/24".parse().unwrap(),
            leg: None,
        }],
    };
    cloud.networks.insert(id("own"), brought.clone());
    c.settle(&mut cloud).unwrap();
    (cloud, c, brought)
}

#[test]
fn a_namespaces_own_network_is_used_and_never_changed() {
    let (mut cloud, mut c, brought) = one_that_brings();
    let port = cloud.ports.ports.values().next().expect("a port");
    assert_eq!(&*port.kind.network, "own");
    assert_eq!(cloud.networks[&id("own")], brought);
    assert_eq!(cloud.claims[&space(0)].status.network, Some(id("own")));
    cloud.namespaces.get_mut(&space(0)).unwrap().ending = true;
    c.settle(&mut cloud).unwrap();
    assert!(cloud.namespaces.is_empty() && cloud.networks.contains_key(&id("own")));
}

#[test]
fn what_the_kuryrnetwork_says_of_a_brought_network_outlives_a_restart_with_and_without_pods() {
    let (mut cloud, mut c, _) = one_that_brings();
    let told = cloud.claims[&space(0)].status.clone();
    for _ in 0..2 {
        let mut again = start(&mut cloud, false, false, c.now);
        let calls = again.settle(&mut cloud).unwrap();
        assert!(!names(&calls).contains(&"write_kuryrnetwork"), "{calls:?}");
        assert_eq!(cloud.claims[&space(0)].status, told);
        cloud.delete_pod(0, 0);
        again.settle(&mut cloud).unwrap();
        c = again;
    }
}

#[test]
fn networks_and_ports_are_of_the_project_that_the_namespace_names() {
    let mut cloud = Cloud::new();
    (0..2).for_each(|n| cloud.add_namespace(n));
    (0..2).for_each(|n| cloud.add_pod(n, 0));
    cloud.namespaces.get_mut(&space(0)).unwrap().project = Some(id("theirs"));
    let mut c = start(&mut cloud, false, false, 0);
    let settings = network::Settings {
        networks_by_annotation: true,
        ports_by_annotation: true,
        ..network_settings(false)
    };
    c.world.networks = Some(network::World::new(settings));
    c.relist(&mut cloud);
    c.settle(&mut cloud).unwrap();
    check_end(&cloud, false, 1);
    let of = |n: usize| {
        let claim = &cloud.ports.claims[&PodKey::new(space(n), "pod0")];
        let port = &cloud.ports.ports[&claim.vif.as_ref().unwrap().port];
        let network = &cloud.networks[&port.kind.network];
        (network.project.to_string(), port.kind.project.to_string())
    };
    assert_eq!(of(0), ("theirs".to_owned(), "theirs".to_owned()));
    assert_eq!(of(1), ("p".to_owned(), "p".to_owned()));
}

#[test]
fn what_keeps_the_network_of_a_namespace_that_ends_is_told_on_it() {
    let (mut cloud, mut c) = one_pod();
    c.settle(&mut cloud).unwrap();
    // Somebody's VM is on it.
    let mut foreign = cloud.ports.ports.values().next().unwrap().clone();
    foreign.id = id("vm");
    let network = foreign.kind.network.clone();
    cloud.namespaces.get_mut(&space(0)).unwrap().ending = true;
    let mut told = Vec::new();
    for _ in 0..12 {
        cloud.ports.ports.insert(id("vm"), foreign.clone());
        c.watch(&mut cloud);
        let actions = c.plan();
        told.extend(
            actions
                .into_iter()
                .filter(|a| a.name() == "report_namespace"),
        );
        // Our list never shows it.
        while !c.under_way.is_empty() {
            c.answer(0, &mut cloud, Fate::Works);
        }
        c.now = c.world.next_wake().unwrap_or(c.now).max(c.now);
    }
    assert_eq!(told.len(), 1, "once: {told:?}");
    assert!(cloud.networks.contains_key(&network));
    cloud.ports.ports.remove("vm");
    c.settle(&mut cloud).unwrap();
    assert!(cloud.namespaces.is_empty() && cloud.networks.is_empty());
}

#[test]
fn ports_are_left_alone_until_it_is_known_whose_networks_there_are() {
    let mut cloud = Cloud::new();
    cloud.add_namespace(0);
    cloud.add_pod(0, 0);
    let mut c = start(&mut cloud, true, false, 0);
    c.settle(&mut cloud).unwrap();
    let mut again = start(&mut cloud, true, false, c.now);
    again.plan();
    let refresh = again.under_way.iter().position(|a| a.name() == "refresh");
    again.answer(refresh.unwrap(), &mut cloud, Fate::Works);
    again.now += 100_000;
    assert_eq!(again.plan(), [], "the list of networks is still under way");
}

#[test]
fn a_thousand_namespaces_cost_three_calls_each() {
    let mut cloud = Cloud::new();
    for n in 0..1_000 {
        cloud.add_namespace(n);
    }
    for n in 0..40 {
        cloud.add_pod(n, 0);
    }
    let mut c = start(&mut cloud, false, false, 0);
    let calls = c.settle(&mut cloud).unwrap();
    check_end(&cloud, false, 1);
    let count = |name: &str| names(&calls).iter().filter(|n| **n == name).count();
    let of_network = [
        "create_network",
        "create_subnet",
        "add_router_interface",
        "tag_network",
    ];
    assert_eq!(of_network.map(count), [40; 4]);
    assert_eq!(count("list_networks"), 1);
}
