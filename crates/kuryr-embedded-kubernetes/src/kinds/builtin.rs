//! The table of built-in kinds.

use k8s_openapi::{
    Metadata, NamespaceResourceScope, Resource,
    api::{
        apps::v1::{DaemonSet, Deployment, ReplicaSet},
        coordination::v1::Lease,
        core::v1::{
            ConfigMap, Endpoints, Event as CoreEvent, Namespace, Node, Pod, Secret, Service,
            ServiceAccount,
        },
        discovery::v1::EndpointSlice,
        events::v1::Event,
        networking::v1::NetworkPolicy,
        rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding},
    },
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{Behaviour, Form, Kind, crd, event, namespace, node, pod, service, small};
use crate::{
    model::{error::qualified, names::NameRule, object},
    store::TableName,
};

/// A type of `k8s_openapi` that the API can serve.
trait Served: Resource + Metadata<Ty = ObjectMeta> + Serialize + DeserializeOwned {}
impl<T: Resource + Metadata<Ty = ObjectMeta> + Serialize + DeserializeOwned> Served for T {}

/// Reads an object as `T` and writes it again: what `T` does not know is gone.
fn decode<T: Served>(value: &Value) -> Result<Value, String> {
    let typed = T::deserialize(value).map_err(|error| error.to_string())?;
    let mut object = serde_json::to_value(typed).map_err(|error| error.to_string())?;
    drop_empty_metadata(&mut object);
    tidy(&mut object);
    Ok(object)
}

/// Maps (as opposed to objects with known fields) that are not kept when empty.
const MAPS: [&str; 9] = [
    "binaryData",
    "capacity",
    "allocatable",
    "data",
    "limits",
    "matchLabels",
    "nodeSelector",
    "requests",
    "stringData",
];

/// Lists that stand even when empty.
const STANDING_LISTS: [&str; 3] = ["rules", "containers", "default"];

/// Leaves out empty lists and maps, as Go's `omitempty` does, and writes whole numbers
/// as such.
fn tidy(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            // What a schema gives by default is not ours to change.
            let inner = fields.iter_mut().filter(|(key, _)| *key != "default");
            inner.for_each(|(_, value)| tidy(value));
            fields.retain(|key, value| match value {
                Value::Array(items) => !items.is_empty() || STANDING_LISTS.contains(&key.as_str()),
                Value::Object(inner) => !inner.is_empty() || !MAPS.contains(&key.as_str()),
                _ => true,
            });
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        Value::Number(number) => {
            let whole = number
                .as_f64()
                .filter(|float| number.is_f64() && float.fract() == 0.0);
            if let Some(whole) = whole.and_then(|float| format!("{float:.0}").parse::<i64>().ok()) {
                *value = Value::from(whole);
            }
        }
        _ => {}
    }
}

/// Empty maps and lists of metadata are not kept, as with Go's `omitempty`.
pub(crate) fn drop_empty_metadata(object: &mut Value) {
    object::meta_mut(object).retain(|_, value| match value {
        Value::Object(fields) => !fields.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::String(text) => !text.is_empty(),
        other => !other.is_null(),
    });
}

/// Reads `metadata` as Kubernetes does, for custom resources.
pub(crate) fn decode_metadata(metadata: &Value) -> Result<Value, String> {
    use serde::Deserialize as _;
    let typed = ObjectMeta::deserialize(metadata).map_err(|error| error.to_string())?;
    serde_json::to_value(typed).map_err(|error| error.to_string())
}

fn kind<T: Served>(behaviour: Behaviour, short_names: &[&str]) -> Kind {
    let plural = T::URL_PATH_SEGMENT;
    Kind {
        group: T::GROUP.to_owned(),
        version: T::VERSION.to_owned(),
        plural: plural.to_owned(),
        singular: T::KIND.to_lowercase(),
        kind: T::KIND.to_owned(),
        list_kind: format!("{}List", T::KIND),
        short_names: short_names.iter().map(|name| (*name).to_owned()).collect(),
        categories: Vec::new(),
        namespaced: is_namespaced::<T>(),
        status: false,
        strict_version: false,
        generation: false,
        names: NameRule::Subdomain,
        table: TableName::from(qualified(plural, T::GROUP).as_str()),
        form: Form::BuiltIn(decode::<T>),
        behaviour,
    }
}

/// Whether the scope of `T` is a namespace's.
fn is_namespaced<T: Resource>() -> bool {
    std::any::type_name::<T::Scope>() == std::any::type_name::<NamespaceResourceScope>()
}

impl Kind {
    fn with_status(self) -> Self {
        Self {
            status: true,
            ..self
        }
    }

    fn with_generation(self) -> Self {
        Self {
            generation: true,
            ..self
        }
    }

    fn named(self, names: NameRule) -> Self {
        Self { names, ..self }
    }

    fn strict(self) -> Self {
        Self {
            strict_version: true,
            ..self
        }
    }

    fn in_category(self, name: &str) -> Self {
        Self {
            categories: vec![name.to_owned()],
            ..self
        }
    }
}

/// Every built-in kind.
pub(crate) fn kinds() -> Vec<Kind> {
    let plain = Behaviour::PLAIN;
    let mut kinds = vec![
        kind::<Namespace>(namespace::BEHAVIOUR, &["ns"])
            .with_status()
            .named(NameRule::Label),
        kind::<Node>(node::BEHAVIOUR, &["no"]).with_status(),
        kind::<Pod>(pod::BEHAVIOUR, &["po"])
            .with_status()
            .in_category("all"),
        kind::<Service>(service::BEHAVIOUR, &["svc"])
            .with_status()
            .named(NameRule::LetterLabel)
            .in_category("all"),
        kind::<Endpoints>(small::ENDPOINTS, &["ep"]),
        kind::<ConfigMap>(small::CONFIG_MAPS, &["cm"]),
        kind::<Secret>(small::SECRETS, &[]),
        kind::<ServiceAccount>(
            Behaviour {
                delete_returns_object: true,
                ..plain
            },
            &["sa"],
        ),
        kind::<CoreEvent>(event::CORE, &["ev"]),
        kind::<Lease>(small::LEASES, &[]).strict(),
        kind::<NetworkPolicy>(small::NETWORK_POLICIES, &["netpol"]).with_generation(),
        kind::<EndpointSlice>(plain, &[]).with_generation(),
        kind::<Deployment>(plain, &["deploy"])
            .with_status()
            .with_generation()
            .in_category("all"),
        kind::<DaemonSet>(plain, &["ds"])
            .with_status()
            .with_generation()
            .in_category("all"),
        kind::<ReplicaSet>(plain, &["rs"])
            .with_status()
            .with_generation()
            .in_category("all"),
        kind::<Role>(plain, &[]).named(NameRule::PathSegment),
        kind::<RoleBinding>(plain, &[]).named(NameRule::PathSegment),
        kind::<ClusterRole>(plain, &[]).named(NameRule::PathSegment),
        kind::<ClusterRoleBinding>(plain, &[]).named(NameRule::PathSegment),
        kind::<CustomResourceDefinition>(crd::BEHAVIOUR, &["crd", "crds"])
            .in_category("api-extensions")
            .with_status()
            .with_generation()
            .strict(),
    ];
    let mut events = kind::<Event>(event::EVENTS, &["ev"]);
    // Both versions show the same objects.
    events.table = TableName::from("events");
    kinds.push(events);
    kinds
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_table_knows_scopes_and_names() {
        let kinds = kinds();
        let find = |plural: &str, group: &str| {
            kinds
                .iter()
                .find(|kind| kind.plural == plural && kind.group == group)
                .unwrap()
        };
        assert!(find("pods", "").namespaced);
        assert!(!find("nodes", "").namespaced);
        assert_eq!(
            find("networkpolicies", "networking.k8s.io").singular,
            "networkpolicy"
        );
        assert_eq!(
            find("events", "events.k8s.io").table,
            find("events", "").table
        );
    }

    #[test]
    fn decoding_drops_unknown_fields_and_nulls_and_refuses_wrong_types() {
        let object = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "odd": 1, "data": {"a": "b"},
            "metadata": {"name": "a", "creationTimestamp": null, "labels": {}},
        });
        assert_eq!(
            decode::<ConfigMap>(&object).unwrap(),
            json!({
                "apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "b"},
                "metadata": {"name": "a"},
            })
        );
        let wrong = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": 3});
        assert!(decode::<ConfigMap>(&wrong).is_err());
    }
}
