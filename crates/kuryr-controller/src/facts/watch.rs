//! One watch a kind, each a stream of facts to the engine.

use std::collections::BTreeSet;
use std::net::IpAddr;

use futures::FutureExt;
use futures::future::BoxFuture;
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::ApiResource;
use kube::core::DynamicObject;
use kube::{Api, Client, ResourceExt};
use kuryr_api::KuryrPort;
use kuryr_core::port::{Claim, Id, PodKey};
use tokio::sync::mpsc;

use super::follow::{Kind, follow};
use super::slim::Slim;
use super::{claim, node, version};

/// News from Kubernetes.
pub(crate) enum Fact {
    /// A pod as it is now.
    Pod(Box<Pod>),
    /// A pod is gone.
    PodGone(PodKey),
    /// All pods were listed.
    Pods(BTreeSet<PodKey>),
    /// A KuryrPort as it is now.
    Claim(Claim),
    /// A KuryrPort is gone, at this version.
    ClaimGone(PodKey, u64),
    /// A list of KuryrPorts begins.
    ClaimsBegin,
    /// All KuryrPorts were listed.
    Claims(BTreeSet<PodKey>),
    /// A node's addresses.
    Node(Id, Vec<IpAddr>),
    /// A node is gone.
    NodeGone(Id),
    /// All nodes were listed.
    Nodes(BTreeSet<Id>),
}

/// A watch by its name; it goes on, with backoff, until nobody takes its facts.
pub(crate) type Watch = (&'static str, BoxFuture<'static, ()>);

/// The watches, and the facts that they bring.
pub(crate) fn watches(client: &Client) -> (mpsc::Receiver<Fact>, [Watch; 3]) {
    let (tx, rx) = mpsc::channel(1024);
    let pods = Kind {
        id: key,
        begin: || None,
        apply: |p: Slim<Pod>| Some(Fact::Pod(Box::new(p.0))),
        gone: |p| Fact::PodGone(key(p)),
        all: Fact::Pods,
    };
    let pods = follow(Api::all(client.clone()), pods, tx.clone()).boxed();
    let nodes = Kind {
        id: |n: &Slim<Node>| Id::from(n.name_any()),
        begin: || None,
        apply: |n: Slim<Node>| Some(Fact::Node(n.name_any().into(), node::addresses(&n.0))),
        gone: |n| Fact::NodeGone(n.name_any().into()),
        all: Fact::Nodes,
    };
    let nodes = follow(Api::all(client.clone()), nodes, tx.clone()).boxed();
    let claims = Kind {
        id: key,
        begin: || Some(Fact::ClaimsBegin),
        apply: |o: DynamicObject| Some(Fact::Claim(claim(&o))),
        gone: |o| Fact::ClaimGone(key(o), version(o.metadata.resource_version.as_deref())),
        all: Fact::Claims,
    };
    let resource = ApiResource::erase::<KuryrPort>(&());
    let claims = follow(Api::all_with(client.clone(), &resource), claims, tx).boxed();
    let watches = [
        ("watch of pods", pods),
        ("watch of nodes", nodes),
        ("watch of KuryrPorts", claims),
    ];
    (rx, watches)
}

fn key<K: ResourceExt>(object: &K) -> PodKey {
    PodKey::new(object.namespace().unwrap_or_default(), object.name_any())
}
