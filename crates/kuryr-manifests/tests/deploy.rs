//! Manifests and chart against the files in `deploy/`.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use kuryr_manifests::{Platform, Values, chart, render};
use serde_json::Value;

const MINE: &str = "
images: {controller: 'r.test/c:1', daemon: 'r.test/d:1'}
config: '[kubernetes]'
clouds: 'clouds: {}'
";

fn deploy(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../deploy")
        .join(path)
}

/// What is applied with MINE and more.
fn applied(more: &str) -> Vec<Value> {
    let values = Values::read([("mine.yaml", MINE), ("more.yaml", more)]).unwrap();
    render(&values).unwrap().0
}

fn one<'a>(all: &'a [Value], kind: &str, name: &str) -> &'a Value {
    let mut found = all
        .iter()
        .filter(|o| o["kind"] == kind && o["metadata"]["name"] == name);
    let object = found.next().unwrap_or_else(|| panic!("no {kind} {name}"));
    assert!(found.next().is_none(), "{kind} {name} twice");
    object
}

fn kinds(all: &[Value]) -> BTreeSet<&str> {
    all.iter().map(|o| o["kind"].as_str().unwrap()).collect()
}

/// `UPDATE_DOCS=1 cargo test -p kuryr-manifests --test deploy` writes it anew.
#[test]
fn the_chart_is_as_checked_in() {
    let folder = deploy("chart");
    let files = chart(env!("CARGO_PKG_VERSION")).unwrap();
    let names: BTreeSet<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names.len(), files.len(), "two files have one name");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join("templates")).unwrap();
        for (name, text) in &files {
            fs::write(folder.join(name), text).unwrap();
        }
    }
    for (name, text) in &files {
        let there = fs::read_to_string(folder.join(name)).unwrap_or_default();
        assert!(
            there == *text,
            "deploy/chart/{name} is not what deploy/ gives: cargo xtask generate"
        );
    }
    let templates = fs::read_dir(folder.join("templates")).unwrap().count();
    let wanted = names.iter().filter(|n| n.starts_with("templates/")).count();
    assert_eq!(templates, wanted, "a template that nothing gives any more");
}

/// The base says the same as the default values, so that kustomize's users get what Helm's get.
#[test]
fn the_default_values_are_those_of_the_base() {
    let all = applied("");
    for (file, kind, name) in [
        ("base/controller.yaml", "Deployment", "kuryr-controller"),
        ("base/daemon.yaml", "DaemonSet", "kuryr-daemon"),
    ] {
        let base: Value =
            serde_yaml_ng::from_str(&fs::read_to_string(deploy(file)).unwrap()).unwrap();
        let mut ours = one(&all, kind, name).clone();
        let pod = &mut ours["spec"]["template"];
        let sums = pod["metadata"]
            .as_object_mut()
            .unwrap()
            .remove("annotations");
        assert_eq!(sums.unwrap()["checksum/config"].as_str().unwrap().len(), 64);
        for empty in ["imagePullSecrets", "nodeSelector"] {
            pod["spec"].as_object_mut().unwrap().remove(empty).unwrap();
        }
        let image = &base["spec"]["template"]["spec"]["containers"][0]["image"];
        pod["spec"]["containers"][0]["image"] = image.clone();
        assert_eq!(ours, base, "{file}");
    }
}

#[test]
fn what_is_asked_for_is_there_and_nothing_else() {
    let all = applied("");
    assert!(!kinds(&all).contains("ValidatingAdmissionPolicy"));
    assert_eq!(
        one(&all, "Secret", "kuryr-cloud")["stringData"]["clouds.yaml"],
        "clouds: {}"
    );
    assert_eq!(
        one(&all, "ConfigMap", "kuryr-config")["data"]["kuryr.conf"],
        "[kubernetes]"
    );
    let bare = applied(
        "crds: false\nexistingSecret: mine\ncontroller: {podDisruptionBudget: false, replicas: 1}",
    );
    for gone in ["Secret", "PodDisruptionBudget", "CustomResourceDefinition"] {
        assert!(
            kinds(&all).contains(gone) && !kinds(&bare).contains(gone),
            "{gone}"
        );
    }
    let controller = one(&bare, "Deployment", "kuryr-controller");
    assert_eq!(controller["spec"]["replicas"], 1);
    let volumes = &controller["spec"]["template"]["spec"]["volumes"];
    assert_eq!(volumes[1]["secret"]["secretName"], "mine");
    let more = applied("takeover: true\nadmission: true");
    assert!(kinds(&more).contains("ValidatingAdmissionPolicy"));
    assert!(more.len() > all.len() + 1);
}

#[test]
fn pods_are_replaced_when_the_configuration_changes() {
    let sum = |config: &str| {
        let all = applied(&format!("config: '{config}'"));
        let daemon = one(&all, "DaemonSet", "kuryr-daemon");
        daemon["spec"]["template"]["metadata"]["annotations"]["checksum/config"].clone()
    };
    assert_ne!(sum("a"), sum("b"));
}

#[test]
fn another_namespace_is_everywhere_but_in_the_leases() {
    let all = applied("namespace: net\nplatform: openshift");
    one(&all, "Namespace", "net");
    let text = serde_json::to_string(&all).unwrap();
    assert!(!text.contains(r#""namespace":"kuryr""#) && !text.contains("serviceaccount:kuryr:"));
    assert!(text.contains("system:serviceaccount:net:kuryr-daemon"));
    let lease = one(&all, "Role", "kuryr-controller-lease");
    assert_eq!(lease["metadata"]["namespace"], "kube-system");
}

/// What the constraints allow is what the pods ask for: more would be a right too much, less would keep them from starting.
#[test]
fn openshifts_constraints_fit_the_pods() {
    let all = applied("platform: openshift");
    assert!(!kinds(&applied("")).contains("SecurityContextConstraints"));
    for (kind, name) in [
        ("Deployment", "kuryr-controller"),
        ("DaemonSet", "kuryr-daemon"),
    ] {
        let constraints = one(&all, "SecurityContextConstraints", name);
        let pod = &one(&all, kind, name)["spec"]["template"]["spec"];
        let context = &pod["containers"][0]["securityContext"];
        let added = &context["capabilities"]["add"];
        let added = if added.is_null() {
            &serde_json::json!([])
        } else {
            added
        };
        assert_eq!(&constraints["allowedCapabilities"], added, "{name}");
        assert_eq!(
            constraints["allowHostNetwork"], pod["hostNetwork"],
            "{name}"
        );
        let allowed = constraints["volumes"].as_array().unwrap();
        for volume in pod["volumes"].as_array().unwrap() {
            let kind = volume.as_object().unwrap().keys().find(|k| *k != "name");
            assert!(
                allowed.iter().any(|v| v == kind.unwrap()),
                "{name}: {volume}"
            );
        }
    }
    let daemon = &one(&all, "DaemonSet", "kuryr-daemon")["spec"]["template"]["spec"];
    let paths: Vec<&str> = daemon["volumes"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|v| v["hostPath"]["path"].as_str())
        .collect();
    assert!(paths.contains(&"/var/lib/cni/bin") && paths.contains(&"/etc/kubernetes/cni/net.d"));
    assert!(!paths.contains(&"/opt/cni/bin") && !paths.contains(&"/etc/cni/net.d"));
}

#[test]
fn values_that_lack_something_give_nothing_but_what_is_missing() {
    let values = Values::read([("mine.yaml", "controller: {replicas: 0}")]).unwrap();
    assert_eq!(values.platform, Platform::Kubernetes);
    let told = render(&values).unwrap_err();
    assert_eq!(told.len(), 5, "{told:?}");
}
