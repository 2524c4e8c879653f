//! Tells each pod of a node what happens to it.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use futures::StreamExt;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::runtime::{WatchStreamExt, watcher};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::Context;
use super::pod::{Known, PodLife};
use super::sandbox::Sandbox;

/// Why a kubelet could not start.
#[derive(Debug, thiserror::Error)]
pub enum KubeletError {
    /// Its state directory can't be used.
    #[error("the kubelet's state directory {}: {source}", dir.display())]
    State {
        /// The directory.
        dir: PathBuf,
        /// What came back.
        source: std::io::Error,
    },
    /// The API refused its Node.
    #[error("register Node {node}: {source}")]
    Register {
        node: String,
        /// What came back.
        source: Box<kube::Error>,
    },
}

/// The pods of a node, each with its task.
struct Pods {
    context: Arc<Context>,
    /// By uid.
    tasks: HashMap<String, watch::Sender<Known>>,
    running: JoinSet<()>,
    /// Sandboxes of an earlier run whose pods have not been seen yet, by uid.
    earlier: HashMap<String, Sandbox>,
    /// Uids of a list that is under way.
    listed: Option<BTreeSet<String>>,
}

/// Follows the pods that are bound to the node.
pub(super) async fn follow(context: Arc<Context>, earlier: Vec<Sandbox>) {
    let config = watcher::Config::default().fields(&format!("spec.nodeName={}", context.spec.node));
    let api: Api<Pod> = Api::all(context.client.clone());
    let mut events = watcher(api, config).default_backoff().boxed();
    let earlier = earlier
        .into_iter()
        .map(|sandbox| (sandbox.uid.clone(), sandbox))
        .collect();
    let mut pods = Pods {
        context,
        tasks: HashMap::new(),
        running: JoinSet::new(),
        earlier,
        listed: None,
    };
    loop {
        tokio::select! {
            event = events.next() => match event {
                Some(Ok(event)) => pods.handle(event),
                Some(Err(error)) => tracing::debug!(%error, "the kubelet's watch failed; it starts again"),
                None => return,
            },
            Some(ended) = pods.running.join_next() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "a pod's task ended early");
                }
            }
        }
    }
}

impl Pods {
    fn handle(&mut self, event: watcher::Event<Pod>) {
        match event {
            watcher::Event::Init => self.listed = Some(BTreeSet::new()),
            watcher::Event::InitApply(pod) | watcher::Event::Apply(pod) => self.there(pod),
            watcher::Event::Delete(pod) => self.gone(&pod.metadata.uid.unwrap_or_default()),
            watcher::Event::InitDone => self.list_ended(),
        }
    }

    fn there(&mut self, pod: Pod) {
        let uid = pod.metadata.uid.clone().unwrap_or_default();
        if let Some(listed) = &mut self.listed {
            listed.insert(uid.clone());
        }
        self.tell(&uid, Known::There(Arc::new(pod)));
    }

    fn gone(&mut self, uid: &str) {
        self.tell(uid, Known::Gone);
        self.tasks.remove(uid);
    }

    /// What a list did not show is gone, pods of an earlier run too.
    fn list_ended(&mut self) {
        let Some(listed) = self.listed.take() else {
            return;
        };
        let known = self.tasks.keys().chain(self.earlier.keys());
        let gone: Vec<String> = known
            .filter(|uid| !listed.contains(*uid))
            .cloned()
            .collect();
        gone.iter().for_each(|uid| self.gone(uid));
    }

    fn tell(&mut self, uid: &str, known: Known) {
        if let Some(task) = self.tasks.get(uid) {
            task.send_replace(known);
            return;
        }
        let sandbox = self.earlier.remove(uid);
        if sandbox.is_none() && matches!(known, Known::Gone) {
            return;
        }
        let (sender, receiver) = watch::channel(known);
        let life = PodLife::new(self.context.clone(), sandbox).run(receiver);
        self.running.spawn(self.context.work.track_future(life));
        self.tasks.insert(uid.to_owned(), sender);
    }
}
