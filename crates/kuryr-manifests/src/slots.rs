//! Where each value goes: one table for manifests and chart.

use serde_json::Value;

/// What is put somewhere.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Filling {
    /// The value at a path.
    Value(&'static str),
    /// The value at a path, or this where it is empty.
    Or(&'static str, &'static str),
    /// The SHA-256 of the text at a path, as hexadecimal digits: pods are replaced when it changes.
    Digest(&'static str),
}

/// A place in the objects of a kind.
#[derive(Debug)]
struct Slot {
    kind: &'static str,
    /// JSON pointer (RFC 6901) of what is replaced, or added.
    pointer: &'static str,
    filling: Filling,
}

const fn slot(kind: &'static str, pointer: &'static str, filling: Filling) -> Slot {
    Slot {
        kind,
        pointer,
        filling,
    }
}

use Filling::{Digest, Or, Value as Put};

const CONTROLLER: &str = "Deployment";
const DAEMON: &str = "DaemonSet";

const SLOTS: &[Slot] = &[
    slot("ConfigMap", "/data/kuryr.conf", Put("config")),
    slot("Secret", "/stringData/clouds.yaml", Put("clouds")),
    slot(CONTROLLER, "/spec/replicas", Put("controller.replicas")),
    slot(
        CONTROLLER,
        "/spec/template/metadata/annotations/checksum~1config",
        Digest("config"),
    ),
    slot(
        CONTROLLER,
        "/spec/template/metadata/annotations/checksum~1clouds",
        Digest("clouds"),
    ),
    slot(
        CONTROLLER,
        "/spec/template/spec/imagePullSecrets",
        Put("images.pullSecrets"),
    ),
    slot(
        CONTROLLER,
        "/spec/template/spec/priorityClassName",
        Put("controller.priorityClassName"),
    ),
    slot(
        CONTROLLER,
        "/spec/template/spec/nodeSelector",
        Put("controller.nodeSelector"),
    ),
    slot(
        CONTROLLER,
        "/spec/template/spec/tolerations",
        Put("controller.tolerations"),
    ),
    slot(
        CONTROLLER,
        "/spec/template/spec/containers/0/image",
        Put("images.controller"),
    ),
    slot(
        CONTROLLER,
        "/spec/template/spec/containers/0/imagePullPolicy",
        Put("images.pullPolicy"),
    ),
    slot(
        CONTROLLER,
        "/spec/template/spec/containers/0/resources",
        Put("controller.resources"),
    ),
    slot(
        CONTROLLER,
        "/spec/template/spec/volumes/1/secret/secretName",
        Or("existingSecret", "kuryr-cloud"),
    ),
    slot(
        DAEMON,
        "/spec/updateStrategy/rollingUpdate/maxUnavailable",
        Put("daemon.maxUnavailable"),
    ),
    slot(
        DAEMON,
        "/spec/template/metadata/annotations/checksum~1config",
        Digest("config"),
    ),
    slot(
        DAEMON,
        "/spec/template/spec/imagePullSecrets",
        Put("images.pullSecrets"),
    ),
    slot(
        DAEMON,
        "/spec/template/spec/priorityClassName",
        Put("daemon.priorityClassName"),
    ),
    slot(
        DAEMON,
        "/spec/template/spec/nodeSelector",
        Put("daemon.nodeSelector"),
    ),
    slot(
        DAEMON,
        "/spec/template/spec/tolerations",
        Put("daemon.tolerations"),
    ),
    slot(
        DAEMON,
        "/spec/template/spec/containers/0/image",
        Put("images.daemon"),
    ),
    slot(
        DAEMON,
        "/spec/template/spec/containers/0/imagePullPolicy",
        Put("images.pullPolicy"),
    ),
    slot(
        DAEMON,
        "/spec/template/spec/containers/0/resources",
        Put("daemon.resources"),
    ),
];

/// Puts what `with` makes of each filling into an object, and `namespace` where the base has its own.
pub(crate) fn fill(object: &mut Value, namespace: &Value, with: impl Fn(Filling) -> Value) {
    move_to(object, namespace);
    let kind = object["kind"].as_str().unwrap_or_default().to_owned();
    for slot in SLOTS.iter().filter(|s| s.kind == kind) {
        put(object, slot.pointer, with(slot.filling));
    }
}

/// The namespace of the base.
const NAMESPACE: &str = "kuryr";

/// Namespaces of objects and subjects; the name of the namespace itself; users of security context constraints.
fn move_to(object: &mut Value, namespace: &Value) {
    if object["kind"] == "Namespace" {
        object["metadata"]["name"] = namespace.clone();
        return;
    }
    let to = namespace.as_str().unwrap_or_default();
    rename(object, to);
}

fn rename(value: &mut Value, to: &str) {
    let prefix = format!("system:serviceaccount:{NAMESPACE}:");
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                if name == "namespace" && field == NAMESPACE {
                    *field = to.into();
                } else {
                    rename(field, to);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rename(item, to)),
        Value::String(text) => {
            if let Some(account) = text.strip_prefix(&prefix) {
                *text = format!("system:serviceaccount:{to}:{account}");
            }
        }
        _ => {}
    }
}

/// Sets what a pointer names, and makes the objects on the way that are missing.
fn put(object: &mut Value, pointer: &str, value: Value) {
    let mut at = object;
    for token in pointer.split('/').skip(1) {
        let token = token.replace("~1", "/").replace("~0", "~");
        at = match token.parse::<usize>() {
            Ok(index) => &mut at[index],
            Err(_) => &mut at[token],
        };
    }
    *at = value;
}

/// What is at a path of names with dots between, null where nothing is.
pub(crate) fn at<'a>(values: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(values, |value, name| &value[name])
}

/// Whether Helm takes a value for false: null, false, 0, and what is empty.
pub(crate) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(is) => !is,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
    }
}
