//! `kuryr manifests`, and that Helm makes the same of the chart.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde::Deserialize;
use serde_json::Value;
use tempfile::TempDir;

/// What an operator writes.
struct Folder(TempDir);

const IMAGES: &str = "images: {controller: 'r.test/c:1', daemon: 'r.test/d:1'}\n";

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        let id = "6f3f7d0a-5d0b-4d61-9a3f-0d2f0a6a1c11";
        let conf = fs::read_to_string(deploy("kubernetes/kuryr.conf")).unwrap();
        let conf = conf.replace("00000000-0000-0000-0000-000000000000", id);
        let clouds = fs::read_to_string(deploy("kubernetes/clouds.yaml")).unwrap();
        folder.write("kuryr.conf", &conf);
        folder.write("clouds.yaml", &clouds.replace("\"\"", "filled-in"));
        folder.write("values.yaml", IMAGES);
        folder
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.0.path().join(name), text).unwrap();
    }

    fn kuryr(&self, args: &[&str]) -> Output {
        let kuryr = Command::new(env!("CARGO_BIN_EXE_kuryr"))
            .arg("manifests")
            .args(args)
            .current_dir(self.0.path())
            .env_clear()
            .output();
        kuryr.unwrap()
    }

    fn manifests(&self) -> Output {
        let all = "--values values.yaml --config-file kuryr.conf --clouds clouds.yaml";
        self.kuryr(&all.split(' ').collect::<Vec<_>>())
    }
}

fn deploy(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../deploy")
        .join(path)
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Objects by kind, namespace and name.
fn objects(yaml: &[u8]) -> BTreeMap<String, Value> {
    let documents = serde_yaml_ng::Deserializer::from_slice(yaml);
    let all = documents.map(|d| Value::deserialize(d).unwrap());
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    all.filter(|o| !o.is_null())
        .map(|o| {
            let meta = &o["metadata"];
            let (namespace, name) = (text(&meta["namespace"]), text(&meta["name"]));
            (format!("{} {namespace}/{name}", text(&o["kind"])), o)
        })
        .collect()
}

#[test]
fn what_kubectl_applies_is_printed() {
    let folder = Folder::new();
    let done = folder.manifests();
    assert!(done.status.success(), "{}", said(&done));
    let all = objects(&done.stdout);
    let conf = &all["ConfigMap kuryr/kuryr-config"]["data"]["kuryr.conf"];
    assert!(conf.as_str().unwrap().contains("6f3f7d0a-5d0b"));
    assert!(all.contains_key("DaemonSet kuryr/kuryr-daemon"));
}

#[test]
fn the_values_that_are_printed_can_be_given_back() {
    let folder = Folder::new();
    let printed = folder.kuryr(&["--print-values"]);
    folder.write("values.yaml", &(String::from_utf8(printed.stdout).unwrap()));
    let done = folder.manifests();
    assert_eq!(done.status.code(), Some(1));
    let said = said(&done);
    assert_eq!(
        said.lines().count(),
        2,
        "the images are all that is missing: {said}"
    );
    assert!(done.stdout.is_empty());
}

#[test]
fn each_thing_that_is_wrong_is_said_in_a_line() {
    let folder = Folder::new();
    let nothing = folder.kuryr(&[]);
    assert_eq!(
        (nothing.status.code(), said(&nothing).lines().count()),
        (Some(1), 4)
    );
    let gone = folder.kuryr(&["--values", "gone.yaml"]);
    assert_eq!(gone.status.code(), Some(2));
    assert!(said(&gone).contains("can't read gone.yaml"));
    // What the pods would say of their kuryr.conf is said before they are there.
    folder.write("kuryr.conf", "[kubernetes]\napi_root = nonsense\n");
    let wrong = folder.manifests();
    assert_eq!(wrong.status.code(), Some(1));
    assert!(
        said(&wrong).contains("api_root") && said(&wrong).contains("pod_subnet"),
        "{}",
        said(&wrong)
    );
    assert!(!said(&wrong).contains("filled-in"), "a secret is printed");
}

/// Needs `helm` on the search path, and `KURYR_HELM=1`; `cargo xtask test --only unit` has both.
#[test]
fn helm_makes_the_same_objects_of_the_chart() {
    if std::env::var_os("KURYR_HELM").is_none() {
        eprintln!("skipped: KURYR_HELM is not set");
        return;
    }
    for more in [
        "",
        "platform: openshift\n",
        "controller: {replicas: 1, nodeSelector: {a: b}, tolerations: [], podDisruptionBudget: false}\n",
        "existingSecret: mine\nadmission: true\ntakeover: true\nimages: {pullSecrets: [{name: r}]}\n",
        "daemon: {maxUnavailable: 3, resources: {requests: {cpu: 1}}}\ncrds: false\nnamespace: net\n",
    ] {
        let folder = Folder::new();
        let namespace = if more.contains("namespace: net") {
            "net"
        } else {
            "kuryr"
        };
        folder.write("more.yaml", more);
        let common = ["--values", "values.yaml", "--values", "more.yaml"];
        let helm = Command::new("helm")
            .args(["template", "kuryr"])
            .arg(deploy("chart").canonicalize().unwrap())
            .args(["--namespace", namespace])
            .args(common)
            .args([
                "--set-file",
                "config=kuryr.conf",
                "--set-file",
                "clouds=clouds.yaml",
            ])
            .current_dir(folder.0.path())
            .output()
            .unwrap();
        assert!(helm.status.success(), "{more}: {}", said(&helm));
        let args = [
            &common[..],
            &["--config-file", "kuryr.conf", "--clouds", "clouds.yaml"],
        ]
        .concat();
        let ours = folder.kuryr(&args);
        assert!(ours.status.success(), "{more}: {}", said(&ours));
        let mut ours = objects(&ours.stdout);
        // Helm makes the namespace on request, and keeps definitions.
        ours.retain(|_, o| o["kind"] != "Namespace");
        for definition in ours
            .values_mut()
            .filter(|o| o["kind"] == "CustomResourceDefinition")
        {
            definition["metadata"]["annotations"] =
                serde_json::json!({"helm.sh/resource-policy": "keep"});
        }
        let helms = objects(&helm.stdout);
        assert!(
            ours.keys().eq(helms.keys()),
            "{more}: {:?} {:?}",
            ours.keys(),
            helms.keys()
        );
        for (name, ours) in &ours {
            assert_eq!(ours, &helms[name], "{more}: {name}");
        }
    }
}

#[test]
fn helm_says_what_is_missing() {
    if std::env::var_os("KURYR_HELM").is_none() {
        eprintln!("skipped: KURYR_HELM is not set");
        return;
    }
    for (more, told) in [
        (&[][..], "images.controller and images.daemon are not set"),
        (
            &["images.controller=c,images.daemon=d"][..],
            "config is not set",
        ),
        (
            &["images.controller=c,images.daemon=d,config=x"][..],
            "clouds is not set",
        ),
        (&["controler.replicas=2"][..], "controler"),
    ] {
        let mut helm = Command::new("helm");
        helm.args(["template", "kuryr"]).arg(deploy("chart"));
        for set in more {
            helm.args(["--set", set]);
        }
        let done = helm.output().unwrap();
        assert!(
            !done.status.success() && said(&done).contains(told),
            "{told}: {}",
            said(&done)
        );
    }
}
