//! Every call of the product has a case.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use kuryr_contract::case::Case;
use kuryr_contract::suite;

fn calls(service: &str) -> BTreeSet<String> {
    let cases = Case::read_all(&suite::root().join("cases").join(service)).unwrap();
    let steps = cases.into_iter().flat_map(|case| case.steps);
    steps.filter_map(|step| step.call).collect()
}

/// The public calls of `kuryr-openstack` to a service, read off its source.
fn operations(service: &str) -> BTreeSet<String> {
    let folder = suite::root().join("../kuryr-openstack/src").join(service);
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let source = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let names = source.split("pub async fn ").skip(1);
        found.extend(names.filter_map(|rest| rest.split('(').next().map(str::to_owned)));
    }
    found
}

#[test]
fn each_call_to_neutron_has_a_case() {
    covered("neutron", 30);
}

#[test]
fn each_call_to_octavia_has_a_case() {
    covered("octavia", 30);
}

/// The calls to a service, more than `least`, and those that its cases name are the same.
fn covered(service: &str, least: usize) {
    let operations = operations(service);
    assert!(
        operations.len() > least,
        "the calls are not where they were: {operations:?}"
    );
    let covered = calls(service);
    let missing: Vec<_> = operations.difference(&covered).collect();
    assert!(missing.is_empty(), "no case for {missing:?}");
    // A call that is no more would be tested for nobody.
    let gone: Vec<_> = covered.difference(&operations).collect();
    assert!(gone.is_empty(), "no such call: {gone:?}");
}

#[test]
fn logins_have_cases() {
    assert!(calls("keystone").contains("login"));
}

/// What controller, daemon, kubelet and kubectl call. Requests are made by `kube`, generically, so the list is kept
/// by hand: resource and verb.
#[test]
fn each_call_to_kubernetes_has_a_case() {
    let wanted = [
        // controller and daemon: watches and lists
        "pod.list",
        "pod.watch",
        "node.list",
        "kuryrport.list",
        "kuryrport.watch",
        // controller: KuryrPorts, finalizers, lease, events
        "kuryrport.create",
        "kuryrport.get",
        "kuryrport.patch",
        "kuryrport.delete",
        "pod.get-metadata",
        "pod.patch-metadata",
        "lease.get",
        "lease.create",
        "lease.replace",
        "event.create",
        "event.patch",
        // kubelet and scheduler
        "node.create",
        "node.get",
        "node.patch-status",
        "pod.patch-status",
        "pod.delete",
        "pod.bind",
        "lease.patch",
        // kubectl and installation
        "crd.create",
        "crd.get",
        "discovery",
        "version",
        "table",
        "metadata",
        "apply",
        "pod.create",
        "pod.get",
        "namespace.create",
        "namespace.get",
        "namespace.delete",
        "delete-collection",
        "patch.merge",
        "patch.strategic",
        "patch.json",
        "patch.apply",
    ];
    let covered = calls("kubernetes");
    let missing: Vec<_> = wanted
        .iter()
        .filter(|call| !covered.contains(**call))
        .collect();
    assert!(missing.is_empty(), "no case for {missing:?}");
}
