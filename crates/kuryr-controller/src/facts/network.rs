//! Namespaces, KuryrNetworks, and Neutron's networks.

use std::collections::BTreeMap;

use ipnet::IpNet;
use k8s_openapi::api::core::v1 as core;
use kube::ResourceExt;
use kube::core::DynamicObject;
use kuryr_api::crd::KuryrNetworkStatus;
use kuryr_api::names::{
    KURYRNETWORK_FINALIZER, NETWORK_ANNOTATION, PROJECT_ANNOTATION, SUBNETS_ANNOTATION,
};
use kuryr_core::Id;
use kuryr_core::network::{
    Claim, Leg, Namespace, Network, Own, Status, Subnet, free_subnets, label_of,
};
use kuryr_openstack::{Error, Neutron, OwnershipMark, SubnetQuery, model};
use serde_json::Value;

use crate::reconcile::version;

/// Reduces a namespace.
#[must_use]
pub fn namespace(object: &core::Namespace) -> Namespace {
    let annotation = |name: &str| {
        let text = object.annotations().get(name).map(|text| text.trim());
        text.filter(|text| !text.is_empty())
    };
    let phase = object.status.as_ref().and_then(|s| s.phase.as_deref());
    Namespace {
        name: object.name_any().into(),
        uid: object.uid().unwrap_or_default().into(),
        ending: object.metadata.deletion_timestamp.is_some() || phase == Some("Terminating"),
        project: annotation(PROJECT_ANNOTATION).map(Id::from),
        own: own(
            annotation(NETWORK_ANNOTATION),
            annotation(SUBNETS_ANNOTATION),
        ),
        labels: object.labels().clone(),
    }
}

/// The network that a namespace brings, by its annotations.
fn own(network: Option<&str>, subnets: Option<&str>) -> Result<Option<Own>, String> {
    let id = |text: &str| match text.chars().all(|c| c.is_ascii_hexdigit() || c == '-') {
        true => Ok(Id::from(text)),
        false => Err(format!(
            "{text:?} in an annotation of this namespace is no id of Neutron's"
        )),
    };
    match (network, subnets) {
        (None, None) => Ok(None),
        (Some(network), None) => id(network).map(|network| Some(Own::Network(network))),
        (None, Some(subnets)) => {
            let all = subnets.split(',').map(str::trim).filter(|s| !s.is_empty());
            let all: Vec<Id> = all.map(id).collect::<Result<_, _>>()?;
            Ok(Some(Own::Subnets(all)))
        }
        (Some(_), Some(_)) => Err(format!(
            "this namespace has the annotations {NETWORK_ANNOTATION} and {SUBNETS_ANNOTATION}; one of them can count"
        )),
    }
}

/// Reads a KuryrNetwork as far as it can be read.
#[must_use]
pub fn network_claim(object: &DynamicObject) -> Claim {
    let labels = object.data.pointer("/spec/nsLabels").cloned();
    let labels: BTreeMap<String, String> = labels
        .and_then(|labels| serde_json::from_value(labels).ok())
        .unwrap_or_default();
    let status = object.data.get("status").cloned().unwrap_or(Value::Null);
    let status: KuryrNetworkStatus = serde_json::from_value(status).unwrap_or_default();
    let some = |text: Option<String>| text.filter(|t| !t.is_empty());
    let id = |text: Option<String>| some(text).map(Id::from);
    Claim {
        namespace: object.namespace().unwrap_or_default().into(),
        labels,
        status: Status {
            network: id(status.net_id),
            subnet: id(status.subnet_id),
            cidr: some(status.subnet_cidr),
            router: id(status.router_id),
        },
        deleting: object.metadata.deletion_timestamp.is_some(),
        finalizer: object
            .finalizers()
            .iter()
            .any(|f| f == KURYRNETWORK_FINALIZER),
        version: version(object.metadata.resource_version.as_deref()),
    }
}

/// A network of Neutron's with its subnets, and routers by the subnets in which they have legs.
#[must_use]
pub fn network(
    network: &model::Network,
    subnets: &[model::Subnet],
    legs: &BTreeMap<String, String>,
    mark: &OwnershipMark,
) -> Network {
    let own = subnets.iter().filter(|s| s.network_id == network.id);
    let own: Vec<&model::Subnet> = own.collect();
    let is_tagged = |tags: &[String]| tags.contains(&mark.tag);
    Network {
        id: network.id.as_str().into(),
        made_for: label_of(&network.name),
        project: network.project_id.clone().unwrap_or_default().into(),
        tagged: is_tagged(&network.tags) && own.iter().all(|s| is_tagged(&s.tags)),
        subnets: own
            .iter()
            .map(|s| subnet(s, legs.get(&s.id).map(String::as_str)))
            .collect(),
    }
}

/// A subnet of Neutron's, and the router that has a leg in it.
#[must_use]
pub fn subnet(subnet: &model::Subnet, router: Option<&str>) -> Subnet {
    Subnet {
        id: subnet.id.as_str().into(),
        cidr: subnet.cidr,
        leg: router.map(|router| Leg {
            router: router.into(),
        }),
    }
}

/// A subnet pool, and how many more subnets of its default size it has room for, where that can be said.
///
/// # Errors
/// What Neutron answered.
pub async fn subnet_pool(
    neutron: &Neutron,
    id: &str,
) -> Result<(model::SubnetPool, Option<u64>), Error> {
    let pool = neutron.get_subnetpool(id).await?;
    let query = SubnetQuery::new().subnetpool_id(id);
    let subnets = neutron.list_subnets(&query).await?;
    let taken: Vec<IpNet> = subnets.iter().map(|s| s.cidr).collect();
    let length = pool.default_prefixlen;
    let free = length.map(|length| free_subnets(&pool.prefixes, length, &taken));
    Ok((pool, free))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    fn reduced(annotations: &Value) -> Namespace {
        let object = json!({"metadata": {"name": "shop", "uid": "u", "annotations": annotations}});
        namespace(&serde_json::from_value(object).unwrap())
    }

    #[test]
    fn a_namespace_may_bring_a_network_or_subnets() {
        assert_eq!(reduced(&json!({})).own, Ok(None));
        let network = reduced(&json!({NETWORK_ANNOTATION: "ab-1"})).own;
        assert_eq!(network, Ok(Some(Own::Network("ab-1".into()))));
        let subnets = reduced(&json!({SUBNETS_ANNOTATION: "ab-1, cd-2"})).own;
        let both = vec!["ab-1".into(), "cd-2".into()];
        assert_eq!(subnets, Ok(Some(Own::Subnets(both))));
    }

    #[test]
    fn what_is_no_id_or_says_two_things_is_wrong() {
        for wrong in [
            json!({NETWORK_ANNOTATION: "my network"}),
            json!({SUBNETS_ANNOTATION: "ab-1,../x"}),
            json!({NETWORK_ANNOTATION: "ab-1", SUBNETS_ANNOTATION: "cd-2"}),
        ] {
            reduced(&wrong).own.unwrap_err();
        }
    }

    #[test]
    fn a_namespace_that_is_deleted_is_ending() {
        let object =
            json!({"metadata": {"name": "a", "deletionTimestamp": "2026-01-01T00:00:00Z"}});
        assert!(namespace(&serde_json::from_value(object).unwrap()).ending);
    }

    #[test]
    fn a_kuryrnetwork_of_upstreams_says_what_there_is() {
        let object = json!({"metadata": {"name": "shop", "namespace": "shop", "resourceVersion": "7",
                "finalizers": [KURYRNETWORK_FINALIZER]},
            "spec": {"nsName": "shop", "projectId": "p", "nsLabels": {"a": "b"}},
            "status": {"netId": "n", "subnetId": "s", "subnetCIDR": "10.0.0.0/24", "routerId": "r", "populated": true}});
        let claim = network_claim(&serde_json::from_value(object).unwrap());
        let text = |id: &str| Some(Id::from(id));
        assert_eq!(claim.status.network, text("n"));
        assert_eq!(claim.status.router, text("r"));
        assert_eq!((claim.version, claim.finalizer), (7, true));
        let odd = json!({"metadata": {"name": "shop"}, "spec": 7, "status": "odd"});
        let claim = network_claim(&serde_json::from_value(odd).unwrap());
        assert_eq!(claim.status, Status::default());
    }
}
