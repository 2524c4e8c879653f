//! The same cases against the real services, where they are: `KURYR_CONTRACT_REAL=1` and the stack's environment.
//! `KURYR_CONTRACT_RECORD=1` writes the golden transcripts instead of comparing.
#![allow(clippy::unwrap_used)]

use kuryr_contract::suite::{self, Against};
use kuryr_contract::target::Flavour;

fn is_set(variable: &str) -> bool {
    std::env::var(variable).is_ok_and(|value| value == "1")
}

async fn real(flavour: Flavour) {
    if !is_set("KURYR_CONTRACT_REAL") {
        println!("skipped: KURYR_CONTRACT_REAL is not 1");
        return;
    }
    let against = if is_set("KURYR_CONTRACT_RECORD") {
        Against::Recording
    } else {
        Against::Real
    };
    let report = suite::run(flavour, against).await.unwrap();
    let failures = report.failures.join("\n");
    assert!(
        report.failures.is_empty(),
        "real {}:\n{failures}",
        flavour.folder()
    );
    println!("real {}: {} cases", flavour.folder(), report.cases);
}

/// The backend that the stack runs.
fn neutron() -> Flavour {
    match std::env::var("KURYR_STACK_BACKEND").as_deref() {
        Ok("ovs") => Flavour::NeutronOvs,
        _ => Flavour::NeutronOvn,
    }
}

#[tokio::test]
async fn real_neutron() {
    real(neutron()).await;
}

#[tokio::test]
async fn real_octavia() {
    real(Flavour::Octavia).await;
}

#[tokio::test]
async fn real_keystone() {
    real(Flavour::Keystone).await;
}

#[tokio::test]
async fn real_kubernetes() {
    real(Flavour::Kubernetes).await;
}
