//! What policies mean, and that the groups which they come to mean the same.

pub(super) mod draw;
mod groups;
mod meaning;
mod property;
mod services;
mod size;

use super::fixtures::*;
use super::*;

/// The cluster of the fixtures with these policies.
fn with(policies: Vec<Policy>) -> Facts {
    let mut facts = cluster();
    for policy in policies {
        put(&mut facts, policy);
    }
    facts
}

/// Whether a TCP packet from one to the other is allowed: pods as `a0`, others by address. The
/// compiled groups must say the same as the oracle, for this and for everything else.
#[track_caller]
fn tcp_passes(facts: &Facts, from: &str, to: &str, port: u16) -> bool {
    passes(facts, from, to, Protocol::Tcp, port)
}

#[track_caller]
fn passes(facts: &Facts, from: &str, to: &str, protocol: Protocol, port: u16) -> bool {
    let at = |text: &str| {
        let pod = text.split_at_checked(1).and_then(|(namespace, number)| {
            let key = PodKey::new(namespace, format!("p{number}"));
            facts.pods.get(&key).map(|p| p.addresses[0])
        });
        pod.unwrap_or_else(|| ip(text))
    };
    let flow = Flow {
        from: at(from),
        to: at(to),
        protocol,
        port,
    };
    agrees(facts, &[port]);
    let answer = super::meaning::allows(facts, &flow);
    assert_eq!(Compiles::new(facts, &settings()).passes(&[flow]), [answer]);
    answer
}

/// Oracle and groups say the same for every pair of addresses.
#[track_caller]
fn agrees(facts: &Facts, ports: &[u16]) -> usize {
    let flows = flows(&everywhere(facts), ports);
    let passes = Compiles::new(facts, &settings()).passes(&flows);
    for (flow, passes) in flows.iter().zip(passes) {
        assert_eq!(
            passes,
            super::meaning::allows(facts, flow),
            "{flow:?} with {facts:#?}"
        );
    }
    flows.len()
}
