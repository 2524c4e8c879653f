//! The watches that policies need.

use std::collections::BTreeSet;

use futures::FutureExt;
use futures::future::BoxFuture;
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::{Api, Client, ResourceExt};
use kuryr_core::policy::{Id, Namespace, Node, Pod, PodKey, Policy, PolicyKey};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{cluster, policy};
use crate::facts::{Kind, Slim, follow};

/// News from Kubernetes.
pub(in crate::policy) enum Fact {
    /// A policy as it is now.
    Policy(Box<Policy>),
    /// A policy is gone.
    PolicyGone(PolicyKey),
    /// All policies were listed.
    Policies(BTreeSet<PolicyKey>),
    /// A pod as it is now.
    Pod(Box<Pod>),
    /// A pod is gone.
    PodGone(PodKey),
    /// All pods were listed.
    Pods(BTreeSet<PodKey>),
    /// A namespace as it is now.
    Namespace(Namespace),
    /// A namespace is gone.
    NamespaceGone(Id),
    /// All namespaces were listed.
    Namespaces(BTreeSet<Id>),
    /// A node as it is now.
    Node(Node),
    /// A node is gone.
    NodeGone(Id),
    /// All nodes were listed.
    Nodes(BTreeSet<Id>),
}

type Watch = BoxFuture<'static, ()>;

/// Starts the watches; they go on, with backoff, until `stop`.
pub(in crate::policy) fn spawn(
    client: &Client,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) -> mpsc::Receiver<Fact> {
    let (tx, rx) = mpsc::channel(1024);
    let watches = [
        policies(client, tx.clone()),
        pods(client, tx.clone()),
        namespaces(client, tx.clone()),
        nodes(client, tx),
    ];
    for watch in watches {
        tasks.spawn(stop.clone().run_until_cancelled_owned(watch));
    }
    rx
}

fn policies(client: &Client, tx: mpsc::Sender<Fact>) -> Watch {
    let kind = Kind {
        id: policy::key,
        begin: || None,
        apply: |p| Some(Fact::Policy(Box::new(policy::policy(&p)))),
        gone: |p: &NetworkPolicy| Fact::PolicyGone(policy::key(p)),
        all: Fact::Policies,
    };
    follow(Api::all(client.clone()), kind, tx).boxed()
}

fn pods(client: &Client, tx: mpsc::Sender<Fact>) -> Watch {
    let key = |p: &core::Pod| PodKey::new(p.namespace().unwrap_or_default(), p.name_any());
    let kind = Kind {
        id: key,
        begin: || None,
        apply: |p: core::Pod| Some(Fact::Pod(Box::new(cluster::pod(&p)))),
        gone: |p: &core::Pod| {
            let (namespace, name) = (p.namespace().unwrap_or_default(), p.name_any());
            Fact::PodGone(PodKey::new(namespace, name))
        },
        all: Fact::Pods,
    };
    follow(Api::all(client.clone()), kind, tx).boxed()
}

fn namespaces(client: &Client, tx: mpsc::Sender<Fact>) -> Watch {
    let kind = Kind {
        id: |n: &core::Namespace| Id::from(n.name_any()),
        begin: || None,
        apply: |n: core::Namespace| Some(Fact::Namespace(cluster::namespace(&n))),
        gone: |n| Fact::NamespaceGone(n.name_any().into()),
        all: Fact::Namespaces,
    };
    follow(Api::all(client.clone()), kind, tx).boxed()
}

fn nodes(client: &Client, tx: mpsc::Sender<Fact>) -> Watch {
    let kind = Kind {
        id: |n: &Slim<core::Node>| Id::from(n.name_any()),
        begin: || None,
        apply: |n: Slim<core::Node>| Some(Fact::Node(cluster::node(&n.0))),
        gone: |n| Fact::NodeGone(n.name_any().into()),
        all: Fact::Nodes,
    };
    follow(Api::all(client.clone()), kind, tx).boxed()
}
