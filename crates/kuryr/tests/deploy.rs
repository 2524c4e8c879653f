//! The manifests in `deploy/`: whole, and in step with the programs.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use serde_json::Value;

fn deploy(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../deploy")
        .join(path)
}

/// What is applied, with the kustomization's images still to be put in.
fn applied(folder: &Path) -> Vec<Value> {
    let text = fs::read_to_string(folder.join("kustomization.yaml")).unwrap();
    let kustomization: Value = serde_yaml_ng::from_str(&text).unwrap();
    let mut all = Vec::new();
    for resource in kustomization["resources"].as_array().unwrap() {
        let path = folder.join(resource.as_str().unwrap());
        if path.is_dir() {
            all.extend(applied(&path));
            continue;
        }
        let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        for document in serde_yaml_ng::Deserializer::from_str(&text) {
            all.push(Value::deserialize(document).unwrap());
        }
    }
    all
}

/// It would move the Role of the Lease, which is in kube-system, where it is of no use.
#[test]
fn no_kustomization_moves_objects_to_a_namespace() {
    for folder in [
        "base",
        "kubernetes",
        "openshift",
        "single-node",
        "uninstall",
    ] {
        let text = fs::read_to_string(deploy(folder).join("kustomization.yaml")).unwrap();
        let kustomization: Value = serde_yaml_ng::from_str(&text).unwrap();
        assert!(kustomization["namespace"].is_null(), "{folder}");
    }
}

/// YAML 1.1 and 1.2 read them as different things.
#[test]
fn modes_are_numbers_for_every_reader() {
    let text = serde_json::to_string(&applied(&deploy("kubernetes"))).unwrap();
    assert!(text.contains(r#""defaultMode":288"#), "{text}");
}

fn containers(objects: &[Value]) -> Vec<&Value> {
    let pods = objects.iter().map(|o| &o["spec"]["template"]["spec"]);
    let lists = pods.filter_map(|pod| pod["containers"].as_array());
    lists.flatten().collect()
}

#[test]
fn everything_that_is_applied_has_a_kind_and_a_name_once() {
    for folder in ["kubernetes", "uninstall"] {
        let all = applied(&deploy(folder));
        let mut seen = BTreeSet::new();
        for object in &all {
            let key = format!(
                "{} {}/{}",
                object["kind"], object["metadata"]["namespace"], object["metadata"]["name"]
            );
            assert!(
                object["apiVersion"].is_string() && object["metadata"]["name"].is_string(),
                "{object}"
            );
            assert!(seen.insert(key.clone()), "{key} twice");
        }
    }
    let kinds: Vec<_> = applied(&deploy("kubernetes"))
        .iter()
        .map(|o| o["kind"].as_str().unwrap().to_owned())
        .collect();
    for kind in [
        "CustomResourceDefinition",
        "ClusterRole",
        "Deployment",
        "DaemonSet",
        "PodDisruptionBudget",
    ] {
        assert!(kinds.iter().any(|k| k == kind), "{kind} is missing");
    }
}

#[test]
fn no_container_has_more_rights_than_it_needs() {
    let all = [
        applied(&deploy("kubernetes")),
        applied(&deploy("uninstall")),
    ]
    .concat();
    let containers = containers(&all);
    assert_eq!(containers.len(), 3);
    for container in containers {
        let context = &container["securityContext"];
        let name = &container["name"];
        assert_eq!(context["readOnlyRootFilesystem"], true, "{name}");
        assert_eq!(context["allowPrivilegeEscalation"], false, "{name}");
        assert_eq!(context["capabilities"]["drop"][0], "ALL", "{name}");
        let added = context["capabilities"]["add"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let wanted: &[&str] = if name == "daemon" {
            &["NET_ADMIN", "SYS_ADMIN"]
        } else {
            &[]
        };
        assert_eq!(added, wanted, "{name}");
    }
}

/// An option in the environment that nobody reads would be passed over.
#[test]
fn the_options_in_the_environment_are_options() {
    let documented = fs::read_to_string(deploy("../docs/configuration.md")).unwrap();
    let all = [
        applied(&deploy("kubernetes")),
        applied(&deploy("uninstall")),
    ]
    .concat();
    let mut seen = 0;
    for variable in containers(&all)
        .into_iter()
        .filter_map(|c| c["env"].as_array())
        .flatten()
    {
        let name = variable["name"].as_str().unwrap();
        if name.starts_with("OS_") {
            assert!(documented.contains(&format!("`{name}`")), "{name}");
            seen += 1;
        }
    }
    assert!(seen >= 4);
}

#[test]
fn the_configuration_to_edit_is_right_but_for_what_only_the_operator_knows() {
    let folder = tempfile::tempdir().unwrap();
    let clouds = folder.path().join("clouds.yaml");
    let text = fs::read_to_string(deploy("kubernetes/clouds.yaml")).unwrap();
    fs::write(&clouds, text.replace("\"\"", "filled-in")).unwrap();
    let conf = folder.path().join("kuryr.conf");
    let text = fs::read_to_string(deploy("kubernetes/kuryr.conf")).unwrap();
    let in_the_pod = "/etc/kuryr-cloud/clouds.yaml";
    assert!(text.contains(in_the_pod));
    fs::write(
        &conf,
        text.replace(in_the_pod, &clouds.display().to_string()),
    )
    .unwrap();
    let check = Command::new(env!("CARGO_BIN_EXE_kuryr"))
        .args(["config", "check", "--config-file"])
        .arg(&conf)
        .env_clear()
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&check.stdout).into_owned()
        + &String::from_utf8_lossy(&check.stderr);
    assert!(check.status.success(), "{said}");
}
