//! The watches that pods need.

use std::sync::Arc;

use futures::FutureExt;
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::api::ApiResource;
use kube::core::DynamicObject;
use kube::{Api, Client, ResourceExt};
use kuryr_api::{KuryrNetwork, KuryrNetworkPolicy, KuryrPort};
use kuryr_core::pods::{Event, Pod};
use kuryr_core::port::{Id, PodKey, PortKind, Want};
use kuryr_core::{network, policy, port};
use tokio::sync::mpsc;

use super::slim::{SlimNode, SlimPod};
use crate::facts::{self, addresses, claim, namespace, network_claim, pod};
use crate::reconcile::{Kind, Watch, follow};
use crate::service;

/// The watches, and the news that they bring: of pods that want ports of this kind, or of their namespaces' networks; of what
/// policies are about too, where they are in force.
pub(crate) fn watches(
    client: &Client,
    kind: Option<Arc<PortKind>>,
    with_policies: bool,
) -> (mpsc::Receiver<Event>, Vec<Watch>) {
    let (tx, rx) = mpsc::channel(1024);
    let with_networks = kind.is_none();
    // The stage of networks says what they want then.
    let want = kind.map_or(Want::Unknown(None), Want::Port);
    let pods = Kind {
        id: key,
        read: move |p: SlimPod| seen_pod(&p.into(), &want, with_policies),
        news: Event::Pod,
    };
    let nodes = Kind {
        id: |n: &SlimNode| Id::from(n.name_any()),
        read: |n: SlimNode| Some((n.name_any().into(), addresses(&n.into()))),
        news: |news| Event::Port(port::Event::Node(news)),
    };
    let claims = Kind {
        id: key,
        read: |o: DynamicObject| Some(claim(&o)),
        news: |news| Event::Port(port::Event::Claim(news)),
    };
    let resource = ApiResource::erase::<KuryrPort>(&());
    let claims = follow(Api::all_with(client.clone(), &resource), claims, tx.clone());
    let mut watches: Vec<Watch> = vec![
        (
            "watch of pods",
            follow(Api::all(client.clone()), pods, tx.clone()).boxed(),
        ),
        (
            "watch of nodes",
            follow(Api::all(client.clone()), nodes, tx.clone()).boxed(),
        ),
        ("watch of KuryrPorts", claims.boxed()),
    ];
    if with_networks || with_policies {
        watches.push(namespaces(client, &tx));
    }
    if with_networks {
        watches.push(networks(client, &tx));
    }
    if with_policies {
        watches.push(policies(client, &tx));
        watches.push(policy_claims(client, &tx));
        watches.extend(services(client, tx));
    }
    (rx, watches)
}

/// A pod as each stage sees it; none if none does.
fn seen_pod(object: &core::Pod, want: &Want, with_policies: bool) -> Option<Pod> {
    let seen = Pod {
        key: key(object),
        for_ports: pod(object, want),
        for_policies: with_policies.then(|| facts::policies::pod(object)),
    };
    let is_seen = seen.for_ports.is_some() || seen.for_policies.is_some();
    is_seen.then_some(seen)
}

fn namespaces(client: &Client, tx: &mpsc::Sender<Event>) -> Watch {
    let kind = Kind {
        id: |n: &core::Namespace| Id::from(n.name_any()),
        read: |n: core::Namespace| Some(namespace(&n)),
        news: |news| Event::Network(network::Event::Namespace(news)),
    };
    let watch = follow(Api::all(client.clone()), kind, tx.clone());
    ("watch of namespaces", watch.boxed())
}

fn policies(client: &Client, tx: &mpsc::Sender<Event>) -> Watch {
    let kind = Kind {
        id: facts::policies::policy_key,
        read: |p: NetworkPolicy| Some(facts::policies::policy(&p)),
        news: |news| Event::Policy(policy::Event::Policy(news)),
    };
    let watch = follow(Api::all(client.clone()), kind, tx.clone());
    ("watch of NetworkPolicies", watch.boxed())
}

fn policy_claims(client: &Client, tx: &mpsc::Sender<Event>) -> Watch {
    let kind = Kind {
        id: facts::policies::claim_key,
        read: |o: DynamicObject| Some(facts::policies::claim(&o)),
        news: |news| Event::Policy(policy::Event::Claim(news)),
    };
    let resource = ApiResource::erase::<KuryrNetworkPolicy>(&());
    let watch = follow(Api::all_with(client.clone(), &resource), kind, tx.clone());
    ("watch of KuryrNetworkPolicies", watch.boxed())
}

/// What the reconciler of Services watches, for policies: a client's packets name a VIP first.
fn services(client: &Client, tx: mpsc::Sender<Event>) -> Vec<Watch> {
    let (mut news, watches) = service::watches(client, false);
    let relay = async move {
        while let Some(event) = news.recv().await {
            if tx.send(Event::Service(Box::new(event))).await.is_err() {
                return;
            }
        }
    };
    let relay = ("news of Services for policies", relay.boxed());
    watches.into_iter().chain([relay]).collect()
}

/// The KuryrNetworks of namespaces.
fn networks(client: &Client, tx: &mpsc::Sender<Event>) -> Watch {
    let claims = Kind {
        id: network_key,
        read: |o: DynamicObject| is_a_namespaces(&o).then(|| network_claim(&o)),
        news: |news| Event::Network(network::Event::Claim(news)),
    };
    let resource = ApiResource::erase::<KuryrNetwork>(&());
    let claims = follow(Api::all_with(client.clone(), &resource), claims, tx.clone());
    ("watch of KuryrNetworks", claims.boxed())
}

/// The KuryrNetwork of a namespace has its name; others are nobody's.
fn is_a_namespaces(object: &DynamicObject) -> bool {
    object.namespace().as_deref() == Some(&object.name_any())
}

/// The namespace; of others a name that no namespace has.
fn network_key(object: &DynamicObject) -> Id {
    if is_a_namespaces(object) {
        return object.name_any().into();
    }
    let namespace = object.namespace().unwrap_or_default();
    format!("{namespace}/{}", object.name_any()).into()
}

fn key<K: ResourceExt>(object: &K) -> PodKey {
    PodKey::new(object.namespace().unwrap_or_default(), object.name_any())
}
