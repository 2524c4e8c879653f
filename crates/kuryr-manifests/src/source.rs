//! The files in `deploy/`, as they are when this is compiled.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::values::Platform;

/// When a document is part of what is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    Always,
    /// The value at this path is true.
    If(&'static str),
    /// The value at this path is empty.
    Unless(&'static str),
    /// It makes the namespace, which Helm is told by `--create-namespace`.
    NotInChart,
}

/// A file, by its place in `deploy/`.
struct File {
    name: &'static str,
    text: &'static str,
    when: When,
}

macro_rules! file {
    ($name:literal, $when:expr) => {
        File {
            name: $name,
            text: include_str!(concat!("../../../deploy/", $name)),
            when: $when,
        }
    };
}

/// In the order in which they are applied.
const FILES: &[File] = &[
    file!("crds/kuryrloadbalancers.yaml", When::If("crds")),
    file!("crds/kuryrnetworkpolicies.yaml", When::If("crds")),
    file!("crds/kuryrnetworks.yaml", When::If("crds")),
    file!("crds/kuryrports.yaml", When::If("crds")),
    file!("rbac/accounts.yaml", When::Always),
    file!("rbac/takeover.yaml", When::If("takeover")),
    file!("admission/custom-resources.yaml", When::If("admission")),
    file!("base/controller.yaml", When::Always),
    file!("base/daemon.yaml", When::Always),
    file!(
        "kubernetes/disruption.yaml",
        When::If("controller.podDisruptionBudget")
    ),
];

const OPENSHIFT: File = file!("openshift/constraints.yaml", When::Always);

/// The patches that make a platform of the base (RFC 6902), each with the kind that it is for.
const OPENSHIFT_PATCHES: &[(&str, &str)] = &[(
    "DaemonSet",
    include_str!("../../../deploy/openshift/daemon.yaml"),
)];

/// One object, and when it is applied.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    pub(crate) object: Value,
    pub(crate) when: When,
}

impl Document {
    pub(crate) fn kind(&self) -> &str {
        self.object["kind"].as_str().unwrap_or_default()
    }

    /// What tells it from others.
    pub(crate) fn key(&self) -> (String, String) {
        let name = self.object["metadata"]["name"].as_str().unwrap_or_default();
        (self.kind().to_owned(), name.to_owned())
    }
}

/// The objects of a platform, none of the values put in.
///
/// # Panics
/// A file is not YAML, or a patch does not fit; a test calls this for each platform.
pub(crate) fn documents(platform: Platform) -> Vec<Document> {
    let mut all: Vec<Document> = FILES.iter().flat_map(read).collect();
    // What has the configuration comes before what mounts it.
    let workloads = all.iter().position(|d| d.kind() == "Deployment");
    let at = workloads.unwrap_or(all.len());
    all.splice(at..at, [config_map(), secret()]);
    if platform == Platform::Openshift {
        all.extend(read(&OPENSHIFT));
        for (kind, patch) in OPENSHIFT_PATCHES {
            let patch: json_patch::Patch =
                serde_yaml_ng::from_str(patch).unwrap_or_else(|e| panic!("patch of {kind}: {e}"));
            for document in all.iter_mut().filter(|d| d.kind() == *kind) {
                json_patch::patch(&mut document.object, &patch)
                    .unwrap_or_else(|e| panic!("patch of {kind}: {e}"));
            }
        }
    }
    all
}

fn read(file: &File) -> Vec<Document> {
    let when = |object: &Value| match object["kind"].as_str() {
        Some("Namespace") => When::NotInChart,
        _ => file.when,
    };
    serde_yaml_ng::Deserializer::from_str(file.text)
        .map(|document| {
            Value::deserialize(document).unwrap_or_else(|e| panic!("{}: {e}", file.name))
        })
        .map(|object| Document {
            when: when(&object),
            object,
        })
        .collect()
}

/// What kustomize generates from kuryr.conf.
fn config_map() -> Document {
    generated(
        "ConfigMap",
        "kuryr-config",
        "data",
        "kuryr.conf",
        When::Always,
    )
}

/// What kustomize generates from clouds.yaml.
fn secret() -> Document {
    let when = When::Unless("existingSecret");
    generated("Secret", "kuryr-cloud", "stringData", "clouds.yaml", when)
}

/// An object with a text that is still to be put in, under a key of a field.
fn generated(kind: &str, name: &str, field: &str, key: &str, when: When) -> Document {
    let object = json!({
        "apiVersion": "v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": "kuryr"},
        field: {key: ""},
    });
    Document { object, when }
}
