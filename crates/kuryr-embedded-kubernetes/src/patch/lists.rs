//! How the lists of Kubernetes objects merge: whole, as sets, or by keys.
//! Source: the `patchMergeKey` and `listType` markers of k8s.io/api.

use serde_json::Value;

use crate::schema::Schema;

/// How a list merges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListKind {
    /// The new list takes the place of the old one.
    Atomic,
    /// Items are added where they are not there yet.
    Set,
    /// Items are objects told apart by these fields.
    Map(Vec<String>),
}

/// Where the merge rules of an object's lists come from.
#[derive(Debug, Clone, Copy)]
pub enum ListRules<'a> {
    /// A kind that is built in; the name of the kind.
    BuiltIn(&'a str),
    /// A custom resource; its schema.
    Custom(&'a Schema),
}

/// End of the path, kind ("" for every kind), key of the items ("" makes it a set).
const BUILT_IN: &[(&[&str], &str, &str)] = &[
    (&["metadata", "finalizers"], "", ""),
    (&["metadata", "ownerReferences"], "", "uid"),
    (&["status", "conditions"], "", "type"),
    (&["status", "addresses"], "Node", "type"),
    (&["status", "podIPs"], "Pod", "ip"),
    (&["spec", "finalizers"], "Namespace", ""),
    (&["spec", "taints"], "Node", "key"),
    (&["spec", "podCIDRs"], "Node", ""),
    (&["spec", "ports"], "Service", "port"),
    (&["containers"], "", "name"),
    (&["initContainers"], "", "name"),
    (&["ephemeralContainers"], "", "name"),
    (&["containers", "ports"], "", "containerPort"),
    (&["containers", "env"], "", "name"),
    (&["containers", "volumeMounts"], "", "mountPath"),
    (&["initContainers", "env"], "", "name"),
    (&["initContainers", "volumeMounts"], "", "mountPath"),
    (&["volumes"], "", "name"),
    (&["hostAliases"], "", "ip"),
    (&["imagePullSecrets"], "", "name"),
    (&["secrets"], "ServiceAccount", "name"),
];

impl ListRules<'_> {
    /// How the list at `path` (field names from the root) merges.
    pub fn kind_of(&self, path: &[&str]) -> ListKind {
        match self {
            Self::BuiltIn(kind) => built_in(kind, path),
            Self::Custom(schema) if path.first() != Some(&"metadata") => custom(schema, path),
            Self::Custom(_) => built_in("", path),
        }
    }
}

fn built_in(kind: &str, path: &[&str]) -> ListKind {
    let fits = |(end, of, _): &&(&[&str], &str, &str)| {
        path.ends_with(end) && (of.is_empty() || *of == kind)
    };
    // The longest end wins: `containers.ports` before `ports`.
    let found = BUILT_IN
        .iter()
        .filter(fits)
        .max_by_key(|(end, _, _)| end.len());
    match found {
        None => ListKind::Atomic,
        Some((_, _, "")) => ListKind::Set,
        Some((_, _, key)) => ListKind::Map(vec![(*key).to_owned()]),
    }
}

fn custom(schema: &Schema, path: &[&str]) -> ListKind {
    match schema.list_type(path) {
        Some(("set", _)) => ListKind::Set,
        Some(("map", keys)) => ListKind::Map(keys.into_iter().map(str::to_owned).collect()),
        _ => ListKind::Atomic,
    }
}

/// The item of `items` that has the same keys as `item`.
pub(crate) fn position(items: &[Value], item: &Value, keys: &[String]) -> Option<usize> {
    items
        .iter()
        .position(|other| keys.iter().all(|key| other.get(key) == item.get(key)))
}
