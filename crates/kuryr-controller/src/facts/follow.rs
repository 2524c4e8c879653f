//! A watch of one kind as a stream of facts: listed, changed, gone.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::time::Duration;

use futures::StreamExt;
use kube::runtime::utils::Backoff;
use kube::runtime::watcher::DefaultBackoff;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Resource};
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;

/// How a kind becomes facts.
pub(crate) struct Kind<K, I, F> {
    /// What tells its objects apart.
    pub(crate) id: fn(&K) -> I,
    /// A list begins.
    pub(crate) begin: fn() -> Option<F>,
    /// An object is there, or changed; none if it says nothing.
    pub(crate) apply: fn(K) -> Option<F>,
    /// An object is gone.
    pub(crate) gone: fn(&K) -> F,
    /// All were listed.
    pub(crate) all: fn(BTreeSet<I>) -> F,
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

/// Sends facts until nobody takes them; what fails begins again after a pause.
pub(crate) async fn follow<K, I, F>(api: Api<K>, kind: Kind<K, I, F>, tx: mpsc::Sender<F>)
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
                (kind.apply)(o)
            }
            Ok(watcher::Event::InitDone) => Some((kind.all)(std::mem::take(&mut listed))),
            Ok(watcher::Event::Apply(o)) => (kind.apply)(o),
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
