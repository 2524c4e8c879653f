//! What Services come to, kind by kind.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::service::annotations::Annotations;
use crate::service::fixtures::{
    endpoint, id, ip, many, port, service, settings, slice, slice_port, tcp, tree, wanted,
};
use crate::service::model::{Endpoint, Protocol::*, ServiceKey};
use crate::service::settings::{MemberMode, Subnet};
use crate::service::tree::{Algorithm, Listener, MonitorKind};

mod fields;
mod ports;

fn amphora() -> Settings {
    Settings {
        provider: Some(id("amphora")),
        ..settings()
    }
}

fn only(tree: &Tree) -> &Listener {
    assert_eq!(tree.listeners.len(), 1, "{:?}", tree.listeners);
    tree.listeners.values().next().unwrap()
}

fn members(listener: &Listener) -> Vec<String> {
    let all = listener.pool.members.iter();
    all.map(|m| format!("{}:{}", m.address, m.port)).collect()
}

fn reasons(wanted: &Wanted) -> Vec<Reason> {
    wanted.complaints.iter().map(|c| c.reason).collect()
}

fn nothing(service: &Service, settings: &Settings) -> (Nothing, Vec<Reason>) {
    match desired(service, [], settings, &Traits::of("ovn")) {
        Want::Nothing { why, complaints } => (why, complaints.iter().map(|c| c.reason).collect()),
        Want::Balancers(w) => panic!("{w:?}"),
    }
}

fn load_balancer(name: &str) -> Service {
    Service {
        kind: Kind::LoadBalancer,
        ..service(name)
    }
}

#[test]
fn a_plain_service_is_named_and_built_as_upstream_does() {
    let t = tree(&service("web"), &[many("web", 2)], &settings());
    assert_eq!(&*t.name, "ns/web");
    assert_eq!(t.vip.address, ip("10.96.0.10"));
    assert_eq!(&*t.vip.subnet, "services4");
    let l = only(&t);
    assert_eq!(&*l.name, "ns/web:TCP:80");
    assert_eq!(l.name, l.pool.name);
    assert_eq!(
        l.pool.algorithm,
        Algorithm::SourceIpPort,
        "all that ovn has"
    );
    let m = &l.pool.members[0];
    assert_eq!(&*m.name, "ns/pod-10.10.0.1:8080");
    assert_eq!(m.subnet, Some(id("services4")), "member_mode L3");
    assert!(
        wanted(&service("web"), &[], &settings())
            .complaints
            .is_empty()
    );
}

#[test]
fn some_services_have_no_load_balancer() {
    let s = settings();
    let with = |change: fn(&mut Service)| {
        let mut it = service("web");
        change(&mut it);
        it
    };
    for (service, why) in [
        (with(|s| s.deleting = true), Nothing::Gone),
        (with(|s| s.headless = true), Nothing::NoAddress),
        (with(|s| s.left_to_others = true), Nothing::Others),
        (with(|s| s.cluster_ips.clear()), Nothing::NoAddress),
        (with(|s| s.kind = Kind::ExternalName), Nothing::ExternalName),
        (
            with(|s| s.key = ServiceKey::new("default", "kubernetes")),
            Nothing::Operators,
        ),
    ] {
        assert_eq!(nothing(&service, &s), (why, vec![]), "{service:?}");
    }
    let elsewhere = with(|s| s.cluster_ips = vec![ip("192.0.2.1")]);
    assert_eq!(
        nothing(&elsewhere, &s),
        (Nothing::NoSubnet, vec![Reason::NoServiceSubnet])
    );
}

#[test]
fn the_operator_may_have_kubernetes_itself_served() {
    let mut s = service("web");
    s.key = ServiceKey::new("default", "kubernetes");
    let serve = Settings {
        serve_kubernetes: true,
        ..settings()
    };
    assert_eq!(&*tree(&s, &[], &serve).name, "default/kubernetes");
}

#[test]
fn a_nodeport_service_is_served_at_its_cluster_address_or_refused_and_either_is_told() {
    let s = Service {
        kind: Kind::NodePort,
        ..service("web")
    };
    assert_eq!(
        reasons(&wanted(&s, &[], &settings())),
        [Reason::NodePortNotServed]
    );
    let refuse = Settings {
        serve_node_port: false,
        ..settings()
    };
    assert_eq!(
        nothing(&s, &refuse),
        (Nothing::NodePort, vec![Reason::KuryrServiceSkipped])
    );
}

#[test]
fn dual_stack_is_a_load_balancer_for_each_family() {
    let mut s = service("web");
    s.cluster_ips = vec![ip("fd00:96::10"), ip("10.96.0.10")];
    let mut six = slice("web", "six", &["fd00:10::1"]);
    six.family = Some(Family::V6);
    let four = slice("web", "four", &["10.10.0.1"]);
    let w = wanted(&s, &[six.clone(), four.clone()], &settings());
    let [(Slot::First, first), (Slot::Second, second)] = &w.trees[..] else {
        panic!("{:?}", w.trees);
    };
    assert_eq!(
        (&*first.name, &*second.name),
        ("ns/web", "ns/web/secondary")
    );
    assert_eq!(members(only(first)), ["fd00:10::1:8080"]);
    assert_eq!(members(only(second)), ["10.10.0.1:8080"]);
    assert_eq!(only(first).pool.members[0].subnet, Some(id("services6")));

    let traits = Traits {
        more_vips: true,
        ..Traits::of("ovn")
    };
    let Want::Balancers(w) = desired(&s, [&six, &four], &settings(), &traits) else {
        panic!();
    };
    let [(Slot::First, one)] = &w.trees[..] else {
        panic!("{:?}", w.trees);
    };
    assert_eq!(
        one.more_vips.len(),
        1,
        "where the provider has further VIPs"
    );
    assert_eq!(members(only(one)).len(), 2);
}

#[test]
fn a_family_without_a_subnet_is_told_and_the_other_served() {
    let mut s = service("web");
    s.cluster_ips.push(ip("2001:db8::1"));
    let w = wanted(&s, &[], &settings());
    assert_eq!(w.trees.len(), 1);
    assert_eq!(reasons(&w), [Reason::NoServiceSubnet]);
}

#[test]
fn a_name_of_63_characters_fits_and_longer_member_names_are_cut() {
    let name = "n".repeat(63);
    let mut s = service(&name);
    s.key = ServiceKey::new("m".repeat(63), name.clone());
    let mut slice = slice(&name, "a", &["10.10.0.1"]);
    slice.endpoints[0].pod = Some((id("m".repeat(63)), id("p".repeat(253))));
    let t = tree(&s, &[slice], &settings());
    assert!(t.name.len() <= 255 && only(&t).name.len() <= 255);
    assert_eq!(only(&t).pool.members[0].name.len(), 255);
}
