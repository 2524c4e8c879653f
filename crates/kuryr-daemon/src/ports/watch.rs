//! Keeps the [`PortStore`] at what the API server has: one watch, of this node's KuryrPorts.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::future::BoxFuture;
use kube::api::{Api, ListParams};
use kube::core::{ApiResource, DynamicObject};
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event, watcher};
use kuryr_api::KuryrPort;
use kuryr_api::names::{NODE_LABEL, node_label};
use tokio::sync::Notify;

use super::PortStore;
use super::view::{Known, view};

/// How long a question whether the API server answers may take.
const PROBE_LIMIT: Duration = Duration::from_secs(3);

/// Asks whether the API server answers.
pub type Probe = Arc<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// Watches until the future is dropped. `swept` is notified when objects went away, so that
/// what they left behind can be looked for.
pub async fn run(client: kube::Client, node: String, store: Arc<PortStore>, swept: Arc<Notify>) {
    let config = watcher::Config::default().labels(&selector(&node));
    let events = watcher(ports(client), config).default_backoff();
    let mut events = std::pin::pin!(events);
    while let Some(event) = events.next().await {
        match event {
            Ok(event) => accept(&store, &swept, event),
            Err(error) => {
                let error = kuryr_process::chain(&error);
                tracing::warn!(%error, "KuryrPorts cannot be watched; trying again");
                store.failed(error);
            }
        }
    }
}

fn accept(store: &PortStore, swept: &Notify, event: Event<DynamicObject>) {
    match event {
        Event::Init => store.list_begins(),
        Event::InitApply(object) => {
            let (pod, known) = seen(&object);
            store.list_brings(pod, known);
        }
        Event::InitDone => {
            store.list_ends();
            swept.notify_one();
        }
        Event::Apply(object) => {
            let (pod, known) = seen(&object);
            store.apply(pod, known);
        }
        Event::Delete(object) => {
            store.delete(&view(&object).0);
            swept.notify_one();
        }
    }
}

fn seen(object: &DynamicObject) -> (super::PodKey, Known) {
    let (pod, known) = view(object);
    if let Known::Unreadable(error) = &known {
        tracing::warn!(%pod, %error, "KuryrPort cannot be read; its pod gets no interface");
    }
    (pod, known)
}

/// The probe for a node: one object of those that the daemon may list.
#[must_use]
pub fn probe(client: kube::Client, node: &str) -> Probe {
    let api = ports(client);
    let params = ListParams::default().labels(&selector(node)).limit(1);
    Arc::new(move || {
        let (api, params) = (api.clone(), params.clone());
        Box::pin(async move {
            match tokio::time::timeout(PROBE_LIMIT, api.list(&params)).await {
                Ok(Ok(_)) => Ok(()),
                Ok(Err(error)) => Err(kuryr_process::chain(&error)),
                Err(_) => Err(format!("no answer within {} s", PROBE_LIMIT.as_secs())),
            }
        })
    })
}

fn ports(client: kube::Client) -> Api<DynamicObject> {
    Api::all_with(client, &ApiResource::erase::<KuryrPort>(&()))
}

fn selector(node: &str) -> String {
    format!("{NODE_LABEL}={}", node_label(node))
}
