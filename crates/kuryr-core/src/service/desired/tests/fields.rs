//! Fields and annotations that a provider may have or not.

use super::*;

#[test]
fn session_affinity_is_kept_where_the_provider_really_does() {
    let mut s = service("web");
    s.ports = vec![port("t", Tcp, 80), port("u", Udp, 80)];
    s.affinity = Some(10_800);
    let w = wanted(&s, &[], &amphora());
    let timeouts = w.trees[0].1.listeners.values();
    let timeouts: Vec<_> = timeouts
        .map(|l| l.pool.persistence.unwrap().timeout)
        .collect();
    assert_eq!(
        timeouts,
        [None, Some(10_800)],
        "Octavia takes one for UDP only"
    );
    assert!(w.complaints.is_empty());

    s.affinity = Some(60);
    let w = wanted(&s, &[], &amphora());
    assert_eq!(reasons(&w), [Reason::SessionAffinityNotKept]);

    let w = wanted(&s, &[], &settings());
    assert_eq!(reasons(&w), [Reason::SessionAffinityNotKept]);
    let tree = &w.trees[0].1;
    assert!(
        tree.listeners
            .values()
            .all(|l| l.pool.persistence.is_none())
    );
}

#[test]
fn source_ranges_are_access_lists_that_let_the_cluster_in() {
    let mut s = load_balancer("web");
    s.source_ranges = vec![id("192.0.2.0/24"), id("2001:db8::/32"), id("bad")];
    let w = wanted(&s, &[], &amphora());
    let allowed = &only(&w.trees[0].1).allowed;
    let shown: Vec<_> = allowed.iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["10.0.0.0/8", "192.0.2.0/24"], "of the VIP's family");
    assert_eq!(reasons(&w), [Reason::InvalidValue]);

    s.source_ranges = vec![id("192.0.2.0/24")];
    let w = wanted(&s, &[], &settings());
    assert!(
        only(&w.trees[0].1).allowed.is_empty(),
        "ovn would refuse all"
    );
    assert_eq!(reasons(&w), [Reason::SourceRangesNotEnforced]);
    assert_eq!(w.external, External::Vips, "all the world would come in");
}

#[test]
fn source_ranges_that_admit_nobody_do_not_admit_everybody() {
    let mut s = load_balancer("web");
    s.source_ranges = vec![id("2001:db8::/32")];
    let mut settings = amphora();
    settings.cluster.clear();
    let t = tree(&s, &[], &settings);
    assert_eq!(only(&t).allowed.len(), 1);
}

#[test]
fn source_ranges_are_for_load_balancers_only() {
    let mut s = service("web");
    s.source_ranges = vec![id("192.0.2.0/24")];
    let w = wanted(&s, &[], &amphora());
    assert!(only(&w.trees[0].1).allowed.is_empty() && w.complaints.is_empty());
}

#[test]
fn traffic_policies_are_told_where_they_are_not_kept() {
    let mut s = load_balancer("web");
    (s.external_local, s.internal_local) = (true, true);
    let told = |settings: &Settings| {
        let w = wanted(&s, &[], settings);
        let about = w.complaints.into_iter().map(|c| c.about);
        about.collect::<Vec<_>>()
    };
    assert_eq!(told(&settings()), ["internalTrafficPolicy"]);
    let both = ["externalTrafficPolicy", "internalTrafficPolicy"];
    assert_eq!(told(&amphora()), both, "amphorae hide the client");
}

#[test]
fn how_a_service_is_reached_from_outside() {
    let pool = External::Pool(id("public"), None);
    let with = |change: &dyn Fn(&mut Service)| {
        let mut s = load_balancer("web");
        change(&mut s);
        let w = wanted(&s, &[], &settings());
        (w.external.clone(), reasons(&w))
    };
    let own = || External::Address(ip("203.0.113.5"));
    let none = Vec::new();
    assert_eq!(with(&|_| {}), (pool.clone(), none.clone()));
    let cluster = with(&|s| s.kind = Kind::ClusterIp);
    assert_eq!(cluster, (External::None, none.clone()));
    let internal = with(&|s| s.annotations.internal = true);
    assert_eq!(internal, (External::Vips, none.clone()));
    let field = with(&|s| s.load_balancer_ip = Some(id("203.0.113.5")));
    assert_eq!(field, (own(), none.clone()));
    let annotation = with(&|s| {
        s.load_balancer_ip = Some(id("203.0.113.6"));
        s.annotations.address = Some(id("203.0.113.5"));
    });
    assert_eq!(
        annotation,
        (own(), none.clone()),
        "the successor comes first"
    );
    for bad in ["soon", "2001:db8::1"] {
        let told = with(&|s| s.load_balancer_ip = Some(id(bad)));
        assert_eq!(told, (pool.clone(), vec![Reason::InvalidValue]));
    }
    let foreign = with(&|s| s.class = Some(id("example.com/other")));
    assert_eq!(
        foreign,
        (External::Others, none.clone()),
        "yet served inside"
    );
    let elsewhere = with(&|s| {
        s.annotations.floating_network = Some(id("dmz"));
        s.annotations.floating_subnet = Some(id("dmz4"));
    });
    assert_eq!(elsewhere.0, External::Pool(id("dmz"), Some(id("dmz4"))));
    let shared = with(&|s| s.annotations.shared = Some(id("lb")));
    assert_eq!(shared, (External::Shared, vec![]));
}

#[test]
fn what_the_operator_does_not_allow_is_told_and_not_had() {
    let mut s = load_balancer("web");
    s.annotations.provider = Some(id("gold"));
    s.annotations.flavor = Some(id("huge"));
    s.annotations.floating_network = Some(id("office"));
    s.annotations.floating_subnet = Some(id("office4"));
    let w = wanted(&s, &[], &settings());
    let tree = &w.trees[0].1;
    assert_eq!((&tree.provider, &tree.flavor), (&Some(id("ovn")), &None));
    assert_eq!(w.external, External::Pool(id("public"), None));
    let told: Vec<_> = w.complaints.iter().map(|c| (c.reason, &*c.about)).collect();
    let of = |annotation| (Reason::NotAllowed, annotation);
    use crate::service::annotations::{FLAVOR, FLOATING_NETWORK, PROVIDER};
    assert_eq!(told, [of(FLAVOR), of(FLOATING_NETWORK), of(PROVIDER)]);

    let mut settings = settings();
    settings.allowed.flavors = vec![id("*")];
    settings.external = None;
    let w = wanted(&s, &[], &settings);
    assert_eq!(w.trees[0].1.flavor, Some(id("huge")));
    assert_eq!(w.external, External::Vips, "no network but what is allowed");
}

#[test]
fn members_are_where_the_operator_lets_them_be() {
    let mut settings = settings();
    settings.allowed.members = Some(vec!["10.10.0.0/16".parse().unwrap()]);
    let slices = [slice(
        "web",
        "a",
        &["10.10.0.1", "10.0.0.5", "169.254.169.254"],
    )];
    let w = wanted(&service("web"), &slices, &settings);
    assert_eq!(only(&w.trees[0].1).pool.members.len(), 1);
    assert_eq!(reasons(&w), [Reason::KuryrSkipMember]);
    let message = &w.complaints[0].message;
    assert!(
        message.contains("2 endpoints") && message.contains("lb_members"),
        "{message}"
    );
}

#[test]
fn without_an_external_network_the_status_has_the_vip() {
    let mut settings = settings();
    settings.external = None;
    let w = wanted(&load_balancer("web"), &[], &settings);
    assert_eq!(w.external, External::Vips);
    assert_eq!(reasons(&w), [Reason::NoExternalNetwork]);
}

#[test]
fn our_own_class_is_ours() {
    let mut s = load_balancer("web");
    s.class = Some(id("openstack.org/kuryr"));
    let mut settings = settings();
    settings.class = s.class.clone();
    let w = wanted(&s, &[], &settings);
    assert!(matches!(w.external, External::Pool(..)));
}

#[test]
fn monitors_are_made_on_request_where_the_provider_has_them() {
    let mut s = service("web");
    s.ports = vec![port("t", Tcp, 1), port("u", Udp, 1), port("s", Sctp, 1)];
    assert!(
        wanted(&s, &[], &settings()).trees[0]
            .1
            .listeners
            .values()
            .all(|l| l.pool.monitor.is_none())
    );
    s.annotations = Annotations {
        monitor: Some(true),
        monitor_delay: Some(4),
        monitor_timeout: Some(9),
        monitor_retries: Some(2),
        ..Annotations::default()
    };
    let w = wanted(&s, &[], &settings());
    let kinds = w.trees[0].1.listeners.values();
    let kinds: Vec<_> = kinds
        .into_iter()
        .map(|l| {
            l.pool
                .monitor
                .as_ref()
                .map(|m| (m.kind, m.delay, m.timeout))
        })
        .collect();
    let expected = [
        Some((MonitorKind::Tcp, 4, 3)),
        Some((MonitorKind::UdpConnect, 4, 3)),
        None,
    ];
    assert_eq!(kinds, expected, "a check is over before the next");
    assert_eq!(
        reasons(&w),
        [Reason::InvalidValue, Reason::HealthMonitorNotSupported]
    );
}

#[test]
fn annotations_come_before_settings() {
    let mut settings = amphora();
    (settings.timeout_client, settings.timeout_member) = (Some(1), Some(2));
    let mut s = service("web");
    s.annotations.timeout_client = Some(7);
    s.annotations.provider = Some(id("ovn"));
    let w = wanted(&s, &[], &settings);
    let t = &w.trees[0].1;
    let l = only(t);
    assert_eq!((l.timeout_client, l.timeout_member), (Some(7), Some(2)));
    assert_eq!(t.provider, Some(id("ovn")));
    assert_eq!(
        (w.spec.timeout_client, w.spec.provider),
        (Some(7), Some(id("ovn")))
    );
}

#[test]
fn what_could_not_be_read_of_a_service_is_told_too() {
    let mut s = service("web");
    s.complaints = vec![Complaint::new(Reason::InvalidValue, "x", "bad")];
    assert_eq!(
        reasons(&wanted(&s, &[], &settings())),
        [Reason::InvalidValue]
    );
}
