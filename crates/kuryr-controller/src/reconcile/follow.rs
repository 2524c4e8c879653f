//! A watch of one kind as a stream of news: listed, changed, gone.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::time::Duration;

use futures::StreamExt;
use futures::future::BoxFuture;
use kube::runtime::utils::Backoff;
use kube::runtime::watcher::DefaultBackoff;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Resource};
use kuryr_core::reconcile::Watched;
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;

/// A watch by its name; it goes on, with backoff, until nobody takes its news.
pub(crate) type Watch = (&'static str, BoxFuture<'static, ()>);

/// How objects of a kind become news.
pub(crate) struct Kind<K, I, R, V, E> {
    /// What tells its objects apart.
    pub(crate) id: fn(&K) -> I,
    /// An object, reduced to what decisions need; none if it is none of ours.
    pub(crate) read: R,
    /// The news as the reconciler takes it.
    pub(crate) news: fn(Watched<I, V>) -> E,
}

/// Longest pause before a watch that failed begins again: three calls in so long harm no API
/// server, and pods are waiting.
pub(crate) const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The usual pauses, up to the longest.
#[derive(Default)]
pub(crate) struct Pauses(DefaultBackoff);

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

/// Sends news until nobody takes them; what fails begins again after a pause.
pub(crate) async fn follow<K, I, R, V, E>(
    api: Api<K>,
    kind: Kind<K, I, R, V, E>,
    tx: mpsc::Sender<E>,
) where
    K: Resource + Clone + Debug + DeserializeOwned + Send + 'static,
    I: Ord,
    R: Fn(K) -> Option<V>,
{
    let mut stream = watcher(api, watcher::Config::default())
        .backoff(Pauses::default())
        .boxed();
    let mut listed = BTreeSet::new();
    while let Some(event) = stream.next().await {
        let news = match event {
            Ok(watcher::Event::Init) => {
                listed.clear();
                Watched::Begin
            }
            Ok(watcher::Event::InitApply(object)) => {
                listed.insert((kind.id)(&object));
                kind.there(object)
            }
            Ok(watcher::Event::InitDone) => Watched::All(std::mem::take(&mut listed)),
            Ok(watcher::Event::Apply(object)) => kind.there(object),
            Ok(watcher::Event::Delete(object)) => kind.gone(&object),
            Err(error) => {
                tracing::warn!(%error, "watch failed; it starts again after a pause");
                continue;
            }
        };
        if tx.send((kind.news)(news)).await.is_err() {
            return;
        }
    }
}

impl<K: Resource, I, R: Fn(K) -> Option<V>, V, E> Kind<K, I, R, V, E> {
    fn there(&self, object: K) -> Watched<I, V> {
        let gone = self.gone(&object);
        (self.read)(object).map_or(gone, Watched::There)
    }

    fn gone(&self, object: &K) -> Watched<I, V> {
        let at = version(object.meta().resource_version.as_deref());
        Watched::Gone((self.id)(object), at)
    }
}

/// The version of an object as a number.
///
/// Opaque by Kubernetes' word until 1.35, which promises what etcd always gave: a number
/// that grows. One that is no number counts as oldest, and costs a call at most.
pub(crate) fn version(text: Option<&str>) -> u64 {
    text.and_then(|v| v.parse().ok()).unwrap_or(0)
}
