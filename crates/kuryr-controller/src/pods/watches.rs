//! The watches that pods need.

use std::sync::Arc;

use futures::FutureExt;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::ApiResource;
use kube::core::DynamicObject;
use kube::{Api, Client, ResourceExt};
use kuryr_api::{KuryrNetwork, KuryrPort};
use kuryr_core::pods::Event;
use kuryr_core::port::{Id, PodKey, PortKind, Want};
use kuryr_core::{network, port};
use tokio::sync::mpsc;

use super::slim::{SlimNode, SlimPod};
use crate::facts::{addresses, claim, namespace, network_claim, pod};
use crate::reconcile::{Kind, Watch, follow};

/// The watches, and the news that they bring: of pods that want ports of this kind, or of their namespaces' networks.
pub(crate) fn watches(
    client: &Client,
    kind: Option<Arc<PortKind>>,
) -> (mpsc::Receiver<Event>, Vec<Watch>) {
    let (tx, rx) = mpsc::channel(1024);
    let with_namespaces = kind.is_none();
    // The stage of networks says what they want then.
    let want = kind.map_or(Want::Unknown(None), Want::Port);
    let pods = Kind {
        id: key,
        read: move |p: SlimPod| pod(&p.into(), &want),
        news: |news| Event::Port(port::Event::Pod(news)),
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
    if with_namespaces {
        watches.extend(of_namespaces(client, &tx));
    }
    (rx, watches)
}

/// What namespaces' networks are made by.
fn of_namespaces(client: &Client, tx: &mpsc::Sender<Event>) -> [Watch; 2] {
    let namespaces = Kind {
        id: |n: &Namespace| Id::from(n.name_any()),
        read: |n: Namespace| Some(namespace(&n)),
        news: |news| Event::Network(network::Event::Namespace(news)),
    };
    let claims = Kind {
        id: network_key,
        read: |o: DynamicObject| is_a_namespaces(&o).then(|| network_claim(&o)),
        news: |news| Event::Network(network::Event::Claim(news)),
    };
    let resource = ApiResource::erase::<KuryrNetwork>(&());
    let claims = follow(Api::all_with(client.clone(), &resource), claims, tx.clone());
    [
        (
            "watch of namespaces",
            follow(Api::all(client.clone()), namespaces, tx.clone()).boxed(),
        ),
        ("watch of KuryrNetworks", claims.boxed()),
    ]
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
