//! The watches that Services need.

use futures::FutureExt;
use futures::future::BoxFuture;
use k8s_openapi::api::core::v1 as core;
use kube::api::ApiResource;
use kube::core::DynamicObject;
use kube::{Api, Client, ResourceExt};
use kuryr_api::{KuryrLoadBalancer, KuryrNetwork};
use kuryr_core::service::{Event, Id};
use tokio::sync::mpsc;

use super::facts::{self, key};
use crate::reconcile::{Kind, LONGEST_PAUSE, Pauses, Watch, follow};

type Following = BoxFuture<'static, ()>;

/// The watches, and the news that they bring: of networks too, where namespaces have their own.
pub(crate) fn watches(client: &Client, with_networks: bool) -> (mpsc::Receiver<Event>, Vec<Watch>) {
    let (tx, rx) = mpsc::channel(1024);
    let networks = with_networks.then(|| networks(client, tx.clone()));
    let mut watches = vec![
        ("watch of Services", services(client, tx.clone())),
        ("watch of KuryrLoadBalancers", claims(client, tx.clone())),
        (
            "watch of EndpointSlices",
            backends(client.clone(), tx).boxed(),
        ),
    ];
    let named = |watch| ("watch of KuryrNetworks for Services", watch);
    watches.extend(networks.map(named));
    (rx, watches)
}

/// What KuryrNetworks say of their namespaces' subnets.
fn networks(client: &Client, tx: mpsc::Sender<Event>) -> Following {
    let kind = Kind {
        id: |o: &DynamicObject| Id::from(o.namespace().unwrap_or_default()),
        read: |o: DynamicObject| facts::namespace_subnet(&o),
        news: Event::Subnet,
    };
    let resource = ApiResource::erase::<KuryrNetwork>(&());
    follow(Api::all_with(client.clone(), &resource), kind, tx).boxed()
}

fn services(client: &Client, tx: mpsc::Sender<Event>) -> Following {
    let kind = Kind {
        id: key::<core::Service>,
        read: |s| Some(Box::new(facts::service(&s))),
        news: Event::Service,
    };
    follow(Api::all(client.clone()), kind, tx).boxed()
}

fn claims(client: &Client, tx: mpsc::Sender<Event>) -> Following {
    let kind = Kind {
        id: key::<DynamicObject>,
        read: |o| Some(Box::new(facts::claim(&o))),
        news: Event::Claim,
    };
    let resource = ApiResource::erase::<KuryrLoadBalancer>(&());
    follow(Api::all_with(client.clone(), &resource), kind, tx).boxed()
}

/// Slices in the newest version that the cluster has, or else Endpoints.
async fn backends(client: Client, tx: mpsc::Sender<Event>) {
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
        read: facts::slice,
        news: Event::Slice,
    };
    follow(Api::all_with(client, &resource), kind, tx).await;
}

fn all_endpoints(client: &Client, tx: mpsc::Sender<Event>) -> Following {
    let kind = Kind {
        id: name,
        read: |o: DynamicObject| Some((name(&o), facts::slices(o))),
        news: Event::Endpoints,
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
