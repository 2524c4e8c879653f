//! The watches that Services need.

use std::collections::BTreeSet;

use futures::FutureExt;
use futures::future::BoxFuture;
use k8s_openapi::api::core::v1 as core;
use kube::api::ApiResource;
use kube::core::DynamicObject;
use kube::{Api, Client, ResourceExt};
use kuryr_api::KuryrLoadBalancer;
use kuryr_core::service::{Claim, Id, Service, ServiceKey, Slice};
use tokio::sync::mpsc;

use super::service::key;
use super::{claim, endpoints, service, slice};
use crate::facts::{Kind, LONGEST_PAUSE, Pauses, Watch, follow, version};

/// News from Kubernetes.
pub(crate) enum Fact {
    /// A Service as it is now.
    Service(Box<Service>),
    /// A Service is gone.
    ServiceGone(ServiceKey),
    /// All Services were listed.
    Services(BTreeSet<ServiceKey>),
    /// A slice as it is now.
    Slice(Slice),
    /// A slice, by namespace and name, is gone.
    SliceGone(Id, Id),
    /// All slices were listed.
    Slices(BTreeSet<(Id, Id)>),
    /// An Endpoints object, by namespace and name, as it is now; empty if it is gone.
    Endpoints((Id, Id), Vec<Slice>),
    /// All Endpoints were listed.
    AllEndpoints(BTreeSet<(Id, Id)>),
    /// A KuryrLoadBalancer as it is now.
    Claim(Box<Claim>),
    /// A KuryrLoadBalancer is gone, at this version.
    ClaimGone(ServiceKey, u64),
    /// A list of KuryrLoadBalancers begins.
    ClaimsBegin,
    /// All KuryrLoadBalancers were listed.
    Claims(BTreeSet<ServiceKey>),
}

type Following = BoxFuture<'static, ()>;

/// The watches, and the facts that they bring.
pub(crate) fn watches(client: &Client) -> (mpsc::Receiver<Fact>, [Watch; 3]) {
    let (tx, rx) = mpsc::channel(1024);
    let watches = [
        ("watch of Services", services(client, tx.clone())),
        ("watch of KuryrLoadBalancers", claims(client, tx.clone())),
        (
            "watch of EndpointSlices",
            backends(client.clone(), tx).boxed(),
        ),
    ];
    (rx, watches)
}

fn services(client: &Client, tx: mpsc::Sender<Fact>) -> Following {
    let kind = Kind {
        id: key::<core::Service>,
        begin: || None,
        apply: |s| Some(Fact::Service(Box::new(service::service(&s)))),
        gone: |s| Fact::ServiceGone(key(s)),
        all: Fact::Services,
    };
    follow(Api::all(client.clone()), kind, tx).boxed()
}

fn claims(client: &Client, tx: mpsc::Sender<Fact>) -> Following {
    let kind = Kind {
        id: key::<DynamicObject>,
        begin: || Some(Fact::ClaimsBegin),
        apply: |o| Some(Fact::Claim(Box::new(claim(&o)))),
        gone: |o| Fact::ClaimGone(key(o), version(o.metadata.resource_version.as_deref())),
        all: Fact::Claims,
    };
    let resource = ApiResource::erase::<KuryrLoadBalancer>(&());
    follow(Api::all_with(client.clone(), &resource), kind, tx).boxed()
}

/// Slices in the newest version that the cluster has, or else Endpoints.
async fn backends(client: Client, tx: mpsc::Sender<Fact>) {
    let versions = slice_versions(&client).await;
    let newest = ["v1", "v1beta1"]
        .into_iter()
        .find(|v| versions.iter().any(|has| has == v));
    let Some(version) = newest else {
        tracing::info!("this cluster has no EndpointSlices: Endpoints are watched");
        return all_endpoints(&client, tx).await;
    };
    let resource = resource(
        "discovery.k8s.io",
        version,
        "EndpointSlice",
        "endpointslices",
    );
    let kind = Kind {
        id: name,
        begin: || None,
        // One that lost its label is of no Service any more.
        apply: |o: DynamicObject| {
            let (namespace, name) = name(&o);
            Some(slice::slice(o).map_or(Fact::SliceGone(namespace, name), Fact::Slice))
        },
        gone: |o| {
            let (namespace, name) = name(o);
            Fact::SliceGone(namespace, name)
        },
        all: Fact::Slices,
    };
    follow(Api::all_with(client, &resource), kind, tx).await;
}

fn all_endpoints(client: &Client, tx: mpsc::Sender<Fact>) -> Following {
    let kind = Kind {
        id: name,
        begin: || None,
        apply: |o: DynamicObject| Some(Fact::Endpoints(name(&o), endpoints::slices(o))),
        gone: |o| Fact::Endpoints(name(o), Vec::new()),
        all: Fact::AllEndpoints,
    };
    let resource = resource("", "v1", "Endpoints", "endpoints");
    follow(Api::all_with(client.clone(), &resource), kind, tx).boxed()
}

/// Versions of slices that the cluster has; asked until it answers.
async fn slice_versions(client: &Client) -> Vec<String> {
    let mut pauses = Pauses::default();
    loop {
        match client.list_api_groups().await {
            Ok(groups) => {
                let slices = groups
                    .groups
                    .into_iter()
                    .find(|g| g.name == "discovery.k8s.io");
                let versions = slices.into_iter().flat_map(|g| g.versions);
                return versions.map(|v| v.version).collect();
            }
            Err(error) => {
                tracing::warn!(%error, "can't ask for the cluster's API groups; trying again");
                tokio::time::sleep(pauses.next().unwrap_or(LONGEST_PAUSE)).await;
            }
        }
    }
}

fn resource(group: &str, version: &str, kind: &str, plural: &str) -> ApiResource {
    ApiResource {
        group: group.to_owned(),
        version: version.to_owned(),
        api_version: match group {
            "" => version.to_owned(),
            group => format!("{group}/{version}"),
        },
        kind: kind.to_owned(),
        plural: plural.to_owned(),
    }
}

/// Namespace and name.
fn name(object: &DynamicObject) -> (Id, Id) {
    let namespace = object.namespace().unwrap_or_default();
    (namespace.into(), object.name_any().into())
}
