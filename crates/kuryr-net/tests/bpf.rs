//! [`Method::Bpf`] for real: pods of two workers on a hypervisor's bridge. Needs root.

#![allow(clippy::unwrap_used)]

mod cloud;

use cloud::{Cloud, Namespace, UPLINK, eventually, root, sent, spec, tcp, unplug_spec, v4, v6};
use kuryr_net::links::{Links, NewLink, Side};
use kuryr_net::{
    Method, NetError, Node, RouteSpec, check, cut, evict, find_uplink, list, plug, probe, unplug,
};

/// Two pods of one worker and one of another reach each other, by IPv4 and IPv6; the same
/// VLAN on two workers is two ports, and the workers reach each other untagged.
#[test]
fn pods_reach_each_other_over_their_trunks() {
    if !root() {
        return;
    }
    let cloud = Cloud::new(2);
    let (a, a_spec) = cloud.pod(0, 101, 1);
    let (b, b_spec) = cloud.pod(0, 102, 2);
    let (c, c_spec) = cloud.pod(1, 101, 3);
    plug(&cloud.workers[0].node(), &a_spec).unwrap();
    plug(&cloud.workers[0].node(), &b_spec).unwrap();
    plug(&cloud.workers[1].node(), &c_spec).unwrap();
    for (from, to) in [
        (&a, &b_spec),
        (&a, &c_spec),
        (&b, &a_spec),
        (&b, &c_spec),
        (&c, &a_spec),
        (&c, &b_spec),
    ] {
        assert!(from.pings(&v4(to)), "{} to {}", from.name, v4(to));
        assert!(from.pings(&v6(to)), "{} to {}", from.name, v6(to));
    }
    assert!(
        cloud.workers[0].ns.pings("192.0.2.2"),
        "untagged frames pass"
    );
    assert!(
        !cloud.workers[0].ns.pings("10.1.0.1"),
        "the node is not in its pods' network"
    );
    for (worker, spec) in [(0, &a_spec), (0, &b_spec), (1, &c_spec)] {
        check(&cloud.workers[worker].node(), spec).unwrap();
    }
}

/// Segments of tens of kilobytes pass whole: far fewer packets than the MTU would make.
#[test]
fn large_segments_pass_whole() {
    if !root() {
        return;
    }
    let cloud = Cloud::new(2);
    let (a, a_spec) = cloud.pod(0, 101, 1);
    let (b, b_spec) = cloud.pod(1, 102, 2);
    plug(&cloud.workers[0].node(), &a_spec).unwrap();
    plug(&cloud.workers[1].node(), &b_spec).unwrap();
    const BYTES: usize = 32 << 20;
    for address in [v4(&b_spec), v6(&b_spec)] {
        let before = sent(&cloud.workers[0].ns, UPLINK);
        assert_eq!(tcp(&a, &b, &address, BYTES), BYTES);
        let after = sent(&cloud.workers[0].ns, UPLINK);
        let (packets, bytes) = (after.0 - before.0, after.1 - before.1);
        assert!(bytes as usize > BYTES, "counted on the trunk: {bytes}");
        let average = bytes / packets;
        assert!(
            average > 8192,
            "{packets} packets of {average} bytes each by {address}"
        );
    }
}

/// A hypervisor's userspace switch reads frames as they are: where the uplink does not
/// compute checksums, the pod's packets have theirs.
#[test]
fn an_uplink_without_checksums_has_pods_compute_them() {
    if !root() {
        return;
    }
    let cloud = Cloud::new(2);
    let (a, a_spec) = cloud.pod(0, 101, 1);
    let (b, b_spec) = cloud.pod(1, 102, 2);
    for worker in 0..2 {
        cloud.workers[worker]
            .ns
            .links()
            .set_tx_checksum(UPLINK, false)
            .unwrap();
    }
    plug(&cloud.workers[0].node(), &a_spec).unwrap();
    plug(&cloud.workers[1].node(), &b_spec).unwrap();
    assert!(!a.links().tx_checksum("eth0").unwrap());
    assert!(
        !cloud.workers[0]
            .ns
            .links()
            .tx_checksum(&a_spec.host_name)
            .unwrap()
    );
    assert_eq!(tcp(&a, &b, &v4(&b_spec), 1 << 20), 1 << 20);
    assert_eq!(tcp(&b, &a, &v6(&a_spec), 1 << 20), 1 << 20);
}

/// Larger segments than the uplink takes would be cut by the node, one by one.
#[test]
fn the_uplinks_segment_limit_is_inherited() {
    if !root() {
        return;
    }
    let cloud = Cloud::new(1);
    let (pod, spec) = cloud.pod(0, 101, 1);
    cloud.workers[0]
        .ns
        .run("ip link set eth0 gso_max_size 30000");
    plug(&cloud.workers[0].node(), &spec).unwrap();
    let limit = |ns: &Namespace, link: &str| ns.links().require(link).unwrap().gso_max_size;
    assert_eq!(limit(&pod, "eth0"), Some(30000));
    assert_eq!(limit(&cloud.workers[0].ns, &spec.host_name), Some(30000));
}

/// A daemon with the host's network is in the node's namespace already.
#[test]
fn the_node_may_be_where_we_are() {
    if !root() {
        return;
    }
    let cloud = Cloud::new(1);
    let (_pod, spec) = cloud.pod(0, 101, 1);
    let before = cloud.workers[0].ns.inventory();
    kuryr_net::netns::run_in(Some(&cloud.workers[0].ns.path), || {
        let here = Node::default();
        assert!(plug(&here, &spec).unwrap().changed);
        check(&here, &spec).unwrap();
        unplug(&here, &unplug_spec(&spec)).unwrap();
    })
    .unwrap();
    assert_eq!(before, cloud.workers[0].ns.inventory());
}

#[test]
fn the_interface_is_as_specified() {
    if !root() {
        return;
    }
    let cloud = Cloud::new(1);
    let (pod, mut spec) = cloud.pod(0, 4094, 7);
    spec.gateways = vec!["10.9.9.9".parse().unwrap(), "fe80::1".parse().unwrap()];
    spec.routes = vec![
        RouteSpec {
            dst: "172.16.0.0/12".parse().unwrap(),
            via: Some("10.1.0.253".parse().unwrap()),
        },
        RouteSpec {
            dst: "198.51.100.0/24".parse().unwrap(),
            via: None,
        },
        RouteSpec {
            dst: "10.1.0.0/24".parse().unwrap(),
            via: None,
        },
    ];
    let plugged = plug(&cloud.workers[0].node(), &spec).unwrap();
    assert_eq!((plugged.method, plugged.changed), (Method::Bpf, true));
    let link = pod.links().require("eth0").unwrap();
    assert_eq!((link.mac, link.mtu, link.up), (Some(spec.mac), 1442, true));
    assert!(link.alias.starts_with("kuryr:00000007-"), "{}", link.alias);
    assert!(pod.links().require("lo").unwrap().up);
    let routes = pod.run("ip route");
    assert!(
        routes.contains("default via 10.9.9.9 dev eth0 onlink"),
        "{routes}"
    );
    assert!(
        routes.contains("172.16.0.0/12 via 10.1.0.253 dev eth0"),
        "{routes}"
    );
    assert!(
        routes.contains("198.51.100.0/24 dev eth0 scope link"),
        "{routes}"
    );
    assert!(
        pod.run("ip -6 route")
            .contains("default via fe80::1 dev eth0")
    );
    let addresses = pod.run("ip -6 addr show dev eth0");
    assert!(
        addresses.contains("fd00:1::7/64 scope global nodad"),
        "{addresses}"
    );
    check(&cloud.workers[0].node(), &spec).unwrap();
}

/// Another plugin was there before, or the runtime: its routes are not ours to change, and no reason to fail.
#[test]
fn routes_that_are_there_already_stay_and_come_first() {
    if !root() {
        return;
    }
    let cloud = Cloud::new(1);
    let (pod, mut spec) = cloud.pod(0, 101, 1);
    spec.routes = vec![RouteSpec {
        dst: "172.16.0.0/12".parse().unwrap(),
        via: Some("10.1.0.253".parse().unwrap()),
    }];
    pod.links()
        .add_veth(&NewLink::up("old"), &NewLink::up("peer"))
        .unwrap();
    for command in [
        "ip addr add 10.244.0.2/24 dev old",
        "ip route add default via 10.244.0.1",
        "ip route add 172.16.0.0/12 via 10.244.0.1",
        "ip addr add fd00:f4::2/64 dev old nodad",
        "ip -6 route add default via fd00:f4::1",
    ] {
        pod.run(command);
    }
    let node = cloud.workers[0].node();
    assert!(plug(&node, &spec).unwrap().changed);
    for (target, dev) in [
        ("198.51.100.1", "old"),
        ("172.16.0.1", "old"),
        ("10.1.0.9", "eth0"),
    ] {
        let way = pod.run(&format!("ip route get {target}"));
        assert!(way.contains(&format!("dev {dev}")), "{way}");
    }
    check(&node, &spec).unwrap();
    // A repeated ADD finds all of it right.
    assert!(!plug(&node, &spec).unwrap().changed);
    unplug(&node, &unplug_spec(&spec)).unwrap();
    let left = pod.run("ip route");
    assert!(
        left.contains("default via 10.244.0.1 dev old") && !left.contains("eth0"),
        "{left}"
    );
}

/// The trunk's NIC is a port of a bridge, and the bridge has the node's address, as some install nodes.
#[test]
fn the_trunk_may_be_behind_the_nodes_bridge() {
    if !root() {
        return;
    }
    let cloud = Cloud::new(2);
    let ns = &cloud.workers[0].ns;
    for command in [
        "ip link add br-node type bridge",
        "ip link set br-node up",
        "ip addr del 192.0.2.1/24 dev eth0",
        "ip link set eth0 master br-node",
        "ip addr add 192.0.2.1/24 dev br-node",
    ] {
        ns.run(command);
    }
    let node = cloud.workers[0].node();
    let found = find_uplink(&node, "192.0.2.1".parse().unwrap()).unwrap();
    assert_eq!(found.name, "br-node");
    let (a, mut a_spec) = cloud.pod(0, 101, 1);
    a_spec.uplink = found.name;
    let (b, b_spec) = cloud.pod(1, 102, 2);
    plug(&node, &a_spec).unwrap();
    plug(&cloud.workers[1].node(), &b_spec).unwrap();
    for (from, to) in [
        (&a, v4(&b_spec)),
        (&a, v6(&b_spec)),
        (&b, v4(&a_spec)),
        (&b, v6(&a_spec)),
    ] {
        assert!(from.pings(&to), "{} to {to}", from.name);
    }
    assert!(ns.pings("192.0.2.2"), "the node's own packets pass");
}

/// Runtimes make namespaces in which IPv6 is off.
#[test]
fn ipv6_is_switched_on_where_an_address_needs_it() {
    if !root() {
        return;
    }
    let cloud = Cloud::new(1);
    let (pod, spec) = cloud.pod(0, 101, 1);
    kuryr_net::netns::run_in(Some(&pod.path), || {
        for which in ["all", "default"] {
            std::fs::write(format!("/proc/sys/net/ipv6/conf/{which}/disable_ipv6"), "1").unwrap();
        }
    })
    .unwrap();
    plug(&cloud.workers[0].node(), &spec).unwrap();
    assert!(pod.run("ip -6 addr show dev eth0").contains("fd00:1::1/64"));
}

#[test]
fn a_repeated_plug_changes_nothing() {
    if !root() {
        return;
    }
    let cloud = Cloud::new(1);
    let (pod, spec) = cloud.pod(0, 101, 1);
    let node = cloud.workers[0].node();
    let first = plug(&node, &spec).unwrap();
    let before = (pod.inventory(), cloud.workers[0].ns.inventory());
    let second = plug(&node, &spec).unwrap();
    assert!(first.changed && !second.changed);
    assert_eq!(first.ifindex, second.ifindex);
    assert_eq!(before, (pod.inventory(), cloud.workers[0].ns.inventory()));
}

#[test]
fn check_says_what_differs_and_plug_mends_it() {
    if !root() {
        return;
    }
    let cloud = Cloud::new(1);
    let (pod, spec) = cloud.pod(0, 101, 1);
    let node = cloud.workers[0].node();
    assert!(
        check(&node, &spec)
            .unwrap_err()
            .to_string()
            .contains("eth0: a link wanted, none found")
    );
    plug(&node, &spec).unwrap();
    pod.run("ip addr del 10.1.0.1/24 dev eth0");
    pod.run("ip link set eth0 mtu 1400");
    cloud.workers[0]
        .ns
        .run(&format!("tc qdisc del dev {} clsact", spec.host_name));
    let error = check(&node, &spec).unwrap_err().to_string();
    for part in [
        "MTU of eth0: 1442 wanted, 1400 found",
        "addresses of eth0: 10.1.0.1/24 wanted",
        "default",
        "bpf of tap0000",
    ] {
        let default = part == "default" && error.contains("0.0.0.0/0 via 10.1.0.254 wanted");
        assert!(default || error.contains(part), "{part} in: {error}");
    }
    assert!(plug(&node, &spec).unwrap().changed);
    check(&node, &spec).unwrap();
}

#[test]
fn a_failed_plug_leaves_nothing() {
    if !root() {
        return;
    }
    let cloud = Cloud::new(1);
    let (pod, mut spec) = cloud.pod(0, 101, 1);
    let before = (pod.inventory(), cloud.workers[0].ns.inventory());
    // The same address twice: the kernel refuses the second, late in the plug.
    spec.addresses.push(spec.addresses[0]);
    let error = plug(&cloud.workers[0].node(), &spec).unwrap_err();
    assert_eq!(error.errno(), Some(libc::EEXIST), "{error}");
    assert!(
        error.to_string().contains("add the address 10.1.0.1/24"),
        "{error}"
    );
    pod.run("ip link set lo down");
    assert_eq!(before, (pod.inventory(), cloud.workers[0].ns.inventory()));
}

#[test]
fn a_leftover_of_ours_is_replaced() {
    if !root() {
        return;
    }
    let cloud = Cloud::new(1);
    let (a, old) = cloud.pod(0, 101, 1);
    let (b, other) = cloud.pod(0, 103, 3);
    cloud.leg(0, Some(102), "br-pods");
    let node = cloud.workers[0].node();
    plug(&node, &old).unwrap();
    plug(&node, &other).unwrap();
    // The pod's port is another one now: other VLAN, MAC, host name.
    let new = spec(&a, 102, 2);
    assert!(plug(&node, &new).unwrap().changed);
    assert!(b.pings("10.1.0.2") && !b.pings("10.1.0.1"));
    let vlans: Vec<_> = list(&node, UPLINK)
        .unwrap()
        .iter()
        .map(|i| i.vlan)
        .collect();
    assert_eq!(vlans.len(), 2, "{vlans:?}");
    assert!(
        vlans.contains(&Some(102)) && vlans.contains(&Some(103)),
        "{vlans:?}"
    );
}

#[test]
fn a_link_of_someone_else_is_left_alone() {
    if !root() {
        return;
    }
    let cloud = Cloud::new(1);
    let (pod, spec) = cloud.pod(0, 101, 1);
    let node = cloud.workers[0].node();
    pod.run("ip link add eth0 type bridge");
    assert!(matches!(plug(&node, &spec), Err(NetError::NameInUse { name, .. }) if name == "eth0"));
    unplug(&node, &unplug_spec(&spec)).unwrap();
    assert_eq!(pod.links().require("eth0").unwrap().kind, "bridge");
}

#[test]
fn a_vlan_in_use_is_named_and_can_be_evicted() {
    if !root() {
        return;
    }
    let cloud = Cloud::new(1);
    let (_a, a_spec) = cloud.pod(0, 101, 1);
    let b = Namespace::new("pod");
    let b_spec = spec(&b, 101, 2);
    let node = cloud.workers[0].node();
    plug(&node, &a_spec).unwrap();
    let before = cloud.workers[0].ns.inventory();
    match plug(&node, &b_spec) {
        Err(NetError::VlanInUse {
            vlan: 101, holder, ..
        }) => {
            assert_eq!(holder.link_name, a_spec.host_name);
            assert_eq!(holder.alias, a_spec.alias());
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(
        before,
        cloud.workers[0].ns.inventory(),
        "the pod that has the VLAN keeps it"
    );
    check(&node, &a_spec).unwrap();
    assert_eq!(
        evict(&node, UPLINK, 101).unwrap().unwrap().link_name,
        a_spec.host_name
    );
    assert_eq!(evict(&node, UPLINK, 101).unwrap(), None);
    plug(&node, &b_spec).unwrap();
}

/// A late DEL for a pod whose VLAN another one has by now must not cut that one off.
#[test]
fn a_late_unplug_spares_the_vlans_next_pod() {
    if !root() {
        return;
    }
    let cloud = Cloud::new(1);
    let (a, a_spec) = cloud.pod(0, 101, 1);
    let node = cloud.workers[0].node();
    plug(&node, &a_spec).unwrap();
    drop(a);
    eventually("the pod's links are gone", || {
        list(&node, UPLINK).unwrap().is_empty()
    });
    let b = Namespace::new("pod");
    let b_spec = spec(&b, 101, 2);
    plug(&node, &b_spec).unwrap();
    unplug(&node, &unplug_spec(&a_spec)).unwrap();
    check(&node, &b_spec).unwrap();
}

/// With the last pod goes everything: links, filters, qdiscs, programs, the uplink's filter
/// entries. A namespace that is gone already is no error, and neither is a second time.
#[test]
fn unplug_leaves_nothing() {
    if !root() {
        return;
    }
    let cloud = Cloud::new(1);
    let worker = &cloud.workers[0].ns;
    let (a, a_spec) = cloud.pod(0, 101, 1);
    let (b, b_spec) = cloud.pod(0, 102, 2);
    let before = (a.inventory(), worker.inventory());
    let node = cloud.workers[0].node();
    plug(&node, &a_spec).unwrap();
    plug(&node, &b_spec).unwrap();
    let programs = programs_of(&worker.links());
    assert_eq!(programs.len(), 2, "one pair of programs for all pods");
    drop(b);
    unplug(&node, &unplug_spec(&b_spec)).unwrap();
    check(&node, &a_spec).unwrap();
    for _ in 0..2 {
        unplug(&node, &unplug_spec(&a_spec)).unwrap();
        a.run("ip link set lo down");
        assert_eq!(before, (a.inventory(), worker.inventory()));
    }
    eventually("the programs are unloaded", || {
        aya::programs::loaded_programs()
            .flatten()
            .all(|program| !programs.contains(&program.id()))
    });
}

/// Nothing passes from one moment to the next; what is left is unplugged as ever.
#[test]
fn a_pod_is_cut_off_before_its_link_is_gone() {
    if !root() {
        return;
    }
    let cloud = Cloud::new(1);
    let before = cloud.workers[0].ns.inventory();
    let (a, a_spec) = cloud.pod(0, 101, 1);
    let (b, b_spec) = cloud.pod(0, 102, 2);
    let node = cloud.workers[0].node();
    plug(&node, &a_spec).unwrap();
    plug(&node, &b_spec).unwrap();
    assert!(a.pings(&v4(&b_spec)));
    let other = kuryr_net::UnplugSpec {
        alias: Some("kuryr:another:demo/web-0".into()),
        ..unplug_spec(&a_spec)
    };
    cut(&node, &other).unwrap();
    assert!(a.pings(&v4(&b_spec)), "another's is left alone");
    for _ in 0..2 {
        cut(&node, &unplug_spec(&a_spec)).unwrap();
        assert!(!a.pings(&v4(&b_spec)) && !b.pings(&v4(&a_spec)));
        assert!(a.links().get("eth0").unwrap().is_some());
    }
    // The VLAN is free.
    let (again, again_spec) = (Namespace::new("pod"), 3);
    let again_spec = spec(&again, 101, again_spec);
    plug(&node, &again_spec).unwrap();
    for spec in [&a_spec, &b_spec] {
        unplug(&node, &unplug_spec(spec)).unwrap();
    }
    check(&node, &again_spec).unwrap();
    unplug(&node, &unplug_spec(&again_spec)).unwrap();
    assert_eq!(cloud.workers[0].ns.inventory(), before);
    cut(&node, &unplug_spec(&a_spec)).unwrap();
}

#[test]
fn unplug_of_what_never_was_is_no_error() {
    if !root() {
        return;
    }
    let cloud = Cloud::new(1);
    let pod = Namespace::new("pod");
    let mut gone = unplug_spec(&spec(&pod, 101, 1));
    let node = cloud.workers[0].node();
    unplug(&node, &gone).unwrap();
    gone.pod_netns = Some("/run/netns/kn-test-none".into());
    gone.uplink = "none".into();
    unplug(&node, &gone).unwrap();
    gone.pod_netns = None;
    gone.vlan = None;
    unplug(&node, &gone).unwrap();
    unplug(&Node::in_netns("/run/netns/kn-test-none"), &gone).unwrap();
}

/// A pod that comes when only dead ones are in the map gets programs of its own.
#[test]
fn a_vlan_of_a_pod_that_vanished_is_free() {
    if !root() {
        return;
    }
    let cloud = Cloud::new(1);
    let (a, a_spec) = cloud.pod(0, 101, 1);
    let (_b, b_spec) = cloud.pod(0, 102, 2);
    let node = cloud.workers[0].node();
    plug(&node, &a_spec).unwrap();
    plug(&node, &b_spec).unwrap();
    drop(a);
    eventually("the pod's link is gone", || {
        list(&node, UPLINK).unwrap().len() == 1
    });
    let c = Namespace::new("pod");
    let c_spec = spec(&c, 101, 3);
    plug(&node, &c_spec).unwrap();
    assert!(c.pings(&v4(&b_spec)));
}

/// Nothing is remembered in memory: what a daemon made, its successor lists.
#[test]
fn interfaces_are_found_again() {
    if !root() {
        return;
    }
    let cloud = Cloud::new(1);
    let (_a, a_spec) = cloud.pod(0, 101, 1);
    let node = cloud.workers[0].node();
    plug(&node, &a_spec).unwrap();
    let found = list(&node, UPLINK).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].method, found[0].vlan), (Method::Bpf, Some(101)));
    assert_eq!(
        (&found[0].link_name, &found[0].alias),
        (&a_spec.host_name, &a_spec.alias())
    );
}

/// Twenty pods on each of two workers at once, plugged and unplugged: the interface indices
/// and VLANs of both are the same, and programs come and go under the plugs.
#[test]
fn many_at_once() {
    if !root() {
        return;
    }
    let cloud = Cloud::new(2);
    let pods: Vec<_> = (0..40_u8)
        .map(|n| {
            (
                usize::from(n % 2),
                cloud.pod(usize::from(n % 2), 200 + u16::from(n / 2), n + 1),
            )
        })
        .collect();
    let before: Vec<_> = cloud.workers.iter().map(|w| w.ns.inventory()).collect();
    for _ in 0..2 {
        std::thread::scope(|scope| {
            for (worker, (_, spec)) in &pods {
                let node = cloud.workers[*worker].node();
                scope.spawn(move || plug(&node, spec).unwrap());
            }
        });
        let (_, (first, _)) = &pods[0];
        for (worker, (_, spec)) in &pods {
            check(&cloud.workers[*worker].node(), spec).unwrap();
        }
        for (_, (_, spec)) in &pods[1..6] {
            assert!(first.pings(&v4(spec)), "{}", v4(spec));
        }
        std::thread::scope(|scope| {
            for (worker, (_, spec)) in &pods {
                let node = cloud.workers[*worker].node();
                scope.spawn(move || unplug(&node, &unplug_spec(spec)).unwrap());
            }
        });
        let after: Vec<_> = cloud.workers.iter().map(|w| w.ns.inventory()).collect();
        assert_eq!(before, after);
    }
}

#[test]
fn what_cannot_be_is_refused_by_name() {
    if !root() {
        return;
    }
    let cloud = Cloud::new(1);
    let (_pod, spec) = cloud.pod(0, 101, 1);
    let node = cloud.workers[0].node();
    let mut large = spec.clone();
    large.mtu = 1501;
    assert!(matches!(
        plug(&node, &large),
        Err(NetError::UplinkMtu {
            mtu: 1500,
            wanted: 1501,
            ..
        })
    ));
    let mut elsewhere = spec.clone();
    elsewhere.uplink = "ens3".into();
    assert!(
        matches!(plug(&node, &elsewhere), Err(NetError::UplinkMissing { uplink }) if uplink == "ens3")
    );
    let mut gone = spec.clone();
    gone.pod_netns = "/run/netns/kn-test-none".into();
    assert!(
        matches!(plug(&node, &gone), Err(NetError::Netns { path, .. }) if path == gone.pod_netns)
    );
    gone.pod_netns = "/etc/hostname".into();
    assert!(
        matches!(plug(&node, &gone), Err(NetError::Netns { path, .. }) if path == gone.pod_netns)
    );
    let mut tagless = spec;
    tagless.vlan = 4095;
    assert!(matches!(
        plug(&node, &tagless),
        Err(NetError::Invalid { field: "vlan", .. })
    ));
}

#[test]
fn the_node_is_probed() {
    if !root() {
        return;
    }
    let cloud = Cloud::new(1);
    let node = cloud.workers[0].node();
    let before = cloud.workers[0].ns.inventory();
    let capabilities = probe(&node, UPLINK).unwrap();
    assert_eq!(capabilities.bpf, Ok(()));
    assert!(capabilities.chosen.is_some());
    assert_eq!(before, cloud.workers[0].ns.inventory());
    let (_pod, mut spec) = cloud.pod(0, 101, 1);
    spec.method = Method::Auto;
    assert_eq!(
        Some(plug(&node, &spec).unwrap().method),
        capabilities.chosen
    );
    let uplink = find_uplink(&node, "192.0.2.1".parse().unwrap()).unwrap();
    assert_eq!((&uplink.name[..], uplink.mtu), (UPLINK, 1500));
    assert!(matches!(
        find_uplink(&node, "192.0.2.99".parse().unwrap()),
        Err(NetError::NoLinkWithAddress { .. })
    ));
}

/// The ids of the bpf programs on all links of a namespace.
fn programs_of(links: &Links) -> Vec<u32> {
    let mut programs: Vec<u32> = links
        .all()
        .unwrap()
        .iter()
        .flat_map(|l| links.filters(l.index, Side::Ingress).unwrap())
        .map(|f| f.program)
        .collect();
    programs.sort_unstable();
    programs.dedup();
    programs
}

/// Names of links are cut from ports' ids, and two ids may begin alike.
#[test]
fn a_link_of_another_port_is_neither_replaced_nor_removed() {
    if !root() {
        return;
    }
    let cloud = Cloud::new(1);
    let (_a, a_spec) = cloud.pod(0, 101, 1);
    let node = cloud.workers[0].node();
    plug(&node, &a_spec).unwrap();
    let (_b, mut b_spec) = cloud.pod(0, 102, 2);
    b_spec.host_name.clone_from(&a_spec.host_name);
    match plug(&node, &b_spec) {
        Err(NetError::NameInUse { name, .. }) => assert_eq!(name, a_spec.host_name),
        other => panic!("{other:?}"),
    }
    unplug(&node, &unplug_spec(&b_spec)).unwrap();
    check(&node, &a_spec).unwrap();
}
