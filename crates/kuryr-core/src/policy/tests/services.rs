//! Egress to Services that are served on the hypervisor.

use super::*;

fn service(backends: &[(&str, u16)]) -> Service {
    let backends = backends.iter().map(|(address, port)| Backend {
        address: ip(address),
        port: *port,
    });
    Service {
        key: crate::service::ServiceKey::new("b", "s"),
        vips: [ip("10.96.0.1")].into(),
        ports: vec![ServicePort {
            protocol: Protocol::Tcp,
            port: 443,
            backends: backends.collect(),
        }],
    }
}

/// Pod `a0` may reach pod `b1` on port 8443.
fn limited(backends: &[(&str, u16)]) -> Facts {
    let peer = allow(vec![pods_in("tier=back", "p=1")], vec![tcp(8443, 8443)]);
    let policy = of_types(policy("p", "p=0", vec![], vec![peer]), &[Direction::Egress]);
    let mut facts = with(vec![policy]);
    put(&mut facts, service(backends));
    facts
}

const B1: &str = "10.0.98.1";
const B2: &str = "10.0.98.2";

#[test]
fn is_allowed_if_all_that_is_behind_it_is() {
    let facts = limited(&[(B1, 8443)]);
    assert!(tcp_passes(&facts, "a0", "10.96.0.1", 443));
    assert!(
        !tcp_passes(&facts, "a0", "10.96.0.1", 8443),
        "that port only"
    );
    assert!(
        tcp_passes(&facts, "a1", "10.96.0.1", 443),
        "others are not limited"
    );
}

#[test]
fn is_not_if_one_is_not_and_that_is_told() {
    let facts = limited(&[(B1, 8443), (B2, 8443)]);
    assert!(!tcp_passes(&facts, "a0", "10.96.0.1", 443));
    let compiled = compile(&facts, &settings());
    let complaints = &compiled.of_policy[&PolicyKey::new("a", "p")].complaints;
    assert_eq!(
        complaints.first().unwrap().reason,
        Reason::ServiceNotReachable
    );
    for backends in [&[(B1, 8080)][..], &[]] {
        let facts = limited(backends);
        assert!(!tcp_passes(&facts, "a0", "10.96.0.1", 443));
        let compiled = compile(&facts, &settings());
        let needs = &compiled.of_policy[&PolicyKey::new("a", "p")];
        assert!(needs.complaints.is_empty(), "none of it was asked for");
    }
}
