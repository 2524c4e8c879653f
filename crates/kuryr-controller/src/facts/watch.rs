//! One watch a kind, each a stream of facts to the engine.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::net::IpAddr;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::ApiResource;
use kube::core::DynamicObject;
use kube::runtime::utils::Backoff;
use kube::runtime::watcher::DefaultBackoff;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, Resource, ResourceExt};
use kuryr_api::KuryrPort;
use kuryr_core::port::{Claim, Id, PodKey};
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

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

/// How a kind becomes facts.
struct Kind<K, I> {
    /// What tells its objects apart.
    id: fn(&K) -> I,
    begin: fn() -> Option<Fact>,
    apply: fn(K) -> Fact,
    gone: fn(&K) -> Fact,
    all: fn(BTreeSet<I>) -> Fact,
}

/// Longest pause before a watch that failed begins again: three calls in so long harm no API
/// server, and pods are waiting.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The usual pauses, up to the longest.
#[derive(Default)]
struct Pauses(DefaultBackoff);

impl Iterator for Pauses {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        self.0.next().map(|pause| pause.min(LONGEST_PAUSE))
    }
}

impl Backoff for Pauses {
    fn reset(&mut self) {
        self.0.reset();
    }
}

/// Starts the watches; they go on, with backoff, until `stop`.
pub(crate) fn spawn(
    client: &Client,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) -> mpsc::Receiver<Fact> {
    let (tx, rx) = mpsc::channel(1024);
    let start = |watch: BoxFuture<'static, ()>| {
        tasks.spawn(stop.clone().run_until_cancelled_owned(watch));
    };
    let pods = Kind {
        id: key,
        begin: || None,
        apply: |p: Slim<Pod>| Fact::Pod(Box::new(p.0)),
        gone: |p| Fact::PodGone(key(p)),
        all: Fact::Pods,
    };
    start(follow(Api::all(client.clone()), pods, tx.clone()).boxed());
    let nodes = Kind {
        id: |n: &Slim<Node>| Id::from(n.name_any()),
        begin: || None,
        apply: |n: Slim<Node>| Fact::Node(n.name_any().into(), node::addresses(&n.0)),
        gone: |n| Fact::NodeGone(n.name_any().into()),
        all: Fact::Nodes,
    };
    start(follow(Api::all(client.clone()), nodes, tx.clone()).boxed());
    let claims = Kind {
        id: key,
        begin: || Some(Fact::ClaimsBegin),
        apply: |o: DynamicObject| Fact::Claim(claim(&o)),
        gone: |o| Fact::ClaimGone(key(o), version(o.metadata.resource_version.as_deref())),
        all: Fact::Claims,
    };
    let resource = ApiResource::erase::<KuryrPort>(&());
    start(follow(Api::all_with(client.clone(), &resource), claims, tx).boxed());
    rx
}

fn key<K: ResourceExt>(object: &K) -> PodKey {
    PodKey::new(object.namespace().unwrap_or_default(), object.name_any())
}

async fn follow<K, I>(api: Api<K>, kind: Kind<K, I>, tx: mpsc::Sender<Fact>)
where
    K: Resource + Clone + Debug + DeserializeOwned + Send + 'static,
    I: Ord,
{
    let mut stream = watcher(api, watcher::Config::default())
        .backoff(Pauses::default())
        .boxed();
    let mut listed = BTreeSet::new();
    while let Some(event) = stream.next().await {
        let fact = match event {
            Ok(watcher::Event::Init) => {
                listed.clear();
                (kind.begin)()
            }
            Ok(watcher::Event::InitApply(o)) => {
                listed.insert((kind.id)(&o));
                Some((kind.apply)(o))
            }
            Ok(watcher::Event::InitDone) => Some((kind.all)(std::mem::take(&mut listed))),
            Ok(watcher::Event::Apply(o)) => Some((kind.apply)(o)),
            Ok(watcher::Event::Delete(o)) => Some((kind.gone)(&o)),
            Err(error) => {
                tracing::warn!(%error, "watch failed; it starts again after a pause");
                None
            }
        };
        if let Some(fact) = fact
            && tx.send(fact).await.is_err()
        {
            return;
        }
    }
}
