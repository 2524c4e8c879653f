#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::{MacAddr, RouteSpec};

fn spec() -> InterfaceSpec {
    InterfaceSpec {
        ifname: "eth0".into(),
        pod_netns: "/run/netns/pod".into(),
        uplink: "ens3".into(),
        vlan: 101,
        mac: MacAddr([0xfa, 0x16, 0x3e, 0, 0, 1]),
        mtu: 1442,
        addresses: vec![
            "10.1.0.7/24".parse().unwrap(),
            "fd00:1::7/64".parse().unwrap(),
        ],
        gateways: vec!["10.1.0.1".parse().unwrap(), "fd00:1::1".parse().unwrap()],
        routes: vec![],
        host_name: "tap00000001".into(),
        method: Method::Auto,
        alias: None,
    }
}

/// What is there after a plug, by the method.
fn observed(spec: &InterfaceSpec, method: Method) -> Observed {
    let pod = Link {
        index: 2,
        name: spec.ifname.clone(),
        kind: if method == Method::Vlan {
            "vlan"
        } else {
            "veth"
        }
        .into(),
        mac: Some(spec.mac),
        mtu: spec.mtu,
        up: true,
        alias: spec.alias(),
        link: Some(if method == Method::Vlan { 3 } else { 9 }),
        link_nsid: Some(0),
        vlan: (method == Method::Vlan).then_some(spec.vlan),
        ..Link::default()
    };
    let host = Link {
        index: 9,
        name: spec.host_name.clone(),
        link: Some(2),
        up: true,
        ..Link::default()
    };
    Observed {
        pod: Some(pod),
        loopback_up: true,
        addresses: spec.addresses.clone(),
        routes: wanted_routes(spec),
        host: (method == Method::Bpf).then_some(host),
        uplink: Link {
            index: 3,
            name: spec.uplink.clone(),
            ..Link::default()
        },
        node_nsid: Some(0),
        led: method == Method::Bpf,
    }
}

fn texts(spec: &InterfaceSpec, observed: &Observed) -> Vec<String> {
    differences(spec, observed)
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn what_was_plugged_is_right_by_either_method() {
    for method in [Method::Vlan, Method::Bpf] {
        let observed = observed(&spec(), method);
        assert_eq!(texts(&spec(), &observed), Vec::<String>::new());
        assert_eq!(method_of(&observed), Some(method));
    }
}

#[test]
fn a_pod_may_give_itself_more() {
    let mut observed = observed(&spec(), Method::Vlan);
    observed.addresses.push("192.0.2.1/32".parse().unwrap());
    observed.routes.push(Route {
        dst: "192.0.2.0/24".parse().unwrap(),
        via: None,
        onlink: false,
    });
    assert_eq!(texts(&spec(), &observed), Vec::<String>::new());
}

#[test]
fn each_difference_is_named() {
    type Change = fn(&mut Observed);
    let cases: [(Method, Change, &str); 11] = [
        (
            Method::Vlan,
            |o| o.pod = None,
            "eth0: a link wanted, none found",
        ),
        (
            Method::Vlan,
            |o| o.pod.as_mut().unwrap().vlan = Some(7),
            "VLAN of eth0: 101 wanted, 7 found",
        ),
        (
            Method::Vlan,
            |o| o.node_nsid = Some(1),
            "link below eth0: ens3 wanted, another found",
        ),
        (
            Method::Vlan,
            |o| o.uplink.index = 4,
            "link below eth0: ens3 wanted, another found",
        ),
        (
            Method::Bpf,
            |o| o.host = None,
            "tap00000001: the other end of eth0 wanted, none found",
        ),
        (
            Method::Bpf,
            |o| o.led = false,
            "bpf of tap00000001: VLAN 101 of ens3 leads to it and back wanted, it does not found",
        ),
        (
            Method::Bpf,
            |o| o.host.as_mut().unwrap().up = false,
            "state of tap00000001: up wanted, down found",
        ),
        (
            Method::Bpf,
            |o| o.pod.as_mut().unwrap().mac = None,
            "MAC address of eth0: fa:16:3e:00:00:01 wanted, none found",
        ),
        (
            Method::Bpf,
            |o| o.pod.as_mut().unwrap().mtu = 1500,
            "MTU of eth0: 1442 wanted, 1500 found",
        ),
        (
            Method::Bpf,
            |o| o.loopback_up = false,
            "state of lo: up wanted, down found",
        ),
        (
            Method::Bpf,
            |o| o.routes.truncate(1),
            "routes of eth0: ::/0 via fd00:1::1 wanted, 0.0.0.0/0 via 10.1.0.1 found",
        ),
    ];
    for (method, change, text) in cases {
        let mut observed = observed(&spec(), method);
        change(&mut observed);
        assert_eq!(texts(&spec(), &observed), [text]);
    }
}

#[test]
fn another_method_than_asked_for_differs() {
    let mut spec = spec();
    spec.method = Method::Vlan;
    assert_eq!(
        texts(&spec, &observed(&spec, Method::Bpf)),
        ["method of eth0: vlan wanted, bpf found"]
    );
}

#[test]
fn a_link_of_someone_else_is_none_of_ours() {
    let mut observed = observed(&spec(), Method::Bpf);
    observed.pod.as_mut().unwrap().alias = "cni0".into();
    assert_eq!(method_of(&observed), None);
    assert_eq!(
        texts(&spec(), &observed)[0],
        "eth0: a link that Kuryr made wanted, veth that it did not found"
    );
}

#[test]
fn a_gateway_outside_of_the_subnets_is_on_the_link() {
    let mut spec = spec();
    spec.gateways = vec!["10.9.9.9".parse().unwrap(), "fe80::1".parse().unwrap()];
    let onlink: Vec<_> = wanted_routes(&spec).iter().map(|r| r.onlink).collect();
    assert_eq!(
        onlink,
        [true, false],
        "link-local addresses are on every link"
    );
}

#[test]
fn a_host_route_to_everywhere_comes_before_the_gateway() {
    let mut spec = spec();
    spec.routes = vec![RouteSpec {
        dst: "0.0.0.0/0".parse().unwrap(),
        via: Some("10.1.0.99".parse().unwrap()),
    }];
    let routes: Vec<_> = wanted_routes(&spec)
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(routes, ["0.0.0.0/0 via 10.1.0.99", "::/0 via fd00:1::1"]);
}

fn any_v4() -> impl Strategy<Value = IpNet> {
    (any::<u32>(), 0_u8..=32).prop_map(|(bits, length)| {
        IpNet::new(std::net::Ipv4Addr::from(bits).into(), length).unwrap()
    })
}

proptest! {
    /// The kernel takes each route once, and a next hop only when it is reached by then.
    #[test]
    fn routes_are_unique_and_in_order(
        routes in proptest::collection::vec((any_v4(), proptest::option::of(any::<u32>())), 0..8),
        gateway in proptest::option::of(any::<u32>()),
    ) {
        let mut spec = spec();
        spec.routes = routes.into_iter().map(|(dst, via)| RouteSpec { dst, via: via.map(|v| std::net::Ipv4Addr::from(v).into()) }).collect();
        spec.gateways = gateway.into_iter().map(|g| std::net::Ipv4Addr::from(g).into()).collect();
        let wanted = wanted_routes(&spec);
        for (i, route) in wanted.iter().enumerate() {
            prop_assert_eq!(route.dst, route.dst.trunc());
            prop_assert!(wanted[..i].iter().all(|earlier| earlier.dst != route.dst));
            prop_assert!(route.via.is_some() || wanted[..i].iter().all(|earlier| earlier.via.is_none()));
        }
        let reaches_everywhere = wanted.iter().any(|r| r.dst.prefix_len() == 0);
        prop_assert!(gateway.is_none() || reaches_everywhere);
    }
}
