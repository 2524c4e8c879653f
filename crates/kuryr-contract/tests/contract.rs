//! The contract suite. `docs/contract.md` says how to run it against the real services, and how to record.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use kuryr_contract::accepted::ACCEPTED;
use kuryr_contract::suite::{self, Against, Report};
use kuryr_contract::target::Flavour;

/// Prints what nobody reads, fails on the rest.
fn judge(report: &Report, what: &str) {
    for note in &report.notes {
        println!("note: {note}");
    }
    println!(
        "{what}: {} cases, {} notes",
        report.cases,
        report.notes.len()
    );
    let failures = report.failures.join("\n");
    assert!(report.failures.is_empty(), "{what}:\n{failures}");
}

async fn embedded(flavour: Flavour) {
    let report = suite::run(flavour, Against::Embedded).await.unwrap();
    judge(&report, &format!("embedded {}", flavour.folder()));
    if std::env::var_os("KURYR_CONTRACT_CASE").is_some() {
        return;
    }
    let met: BTreeSet<_> = report.met.iter().map(|a| (a.case, a.at)).collect();
    for accepted in ACCEPTED.iter().filter(|a| a.service == flavour.service()) {
        let needed = met.contains(&(accepted.case, accepted.at));
        assert!(
            needed || flavour == Flavour::NeutronOvs,
            "no difference needs {accepted:?}"
        );
    }
}

#[tokio::test]
async fn neutron_with_ovn() {
    embedded(Flavour::NeutronOvn).await;
}

#[tokio::test]
async fn neutron_with_ovs() {
    embedded(Flavour::NeutronOvs).await;
}

#[tokio::test]
async fn octavia() {
    embedded(Flavour::Octavia).await;
}

#[tokio::test]
async fn keystone() {
    embedded(Flavour::Keystone).await;
}

#[tokio::test]
async fn kubernetes() {
    embedded(Flavour::Kubernetes).await;
}
