//! Pods for a benchmark: made, watched until Ready, removed.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures::StreamExt;
use k8s_openapi::api::core::v1::{Namespace, Pod, ServiceAccount};
use kube::api::{Api, DeleteParams, ListParams, PostParams};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Client, ResourceExt};
use kuryr_api::KuryrPort;
use serde_json::json;

use crate::BenchError;
use crate::error::For;

/// A namespace of the benchmark's own, and how its pods look.
#[derive(Clone)]
pub struct Playground {
    client: Client,
    pub namespace: String,
    image: String,
    limit: Duration,
    until: Until,
}

/// What pods are waited for to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Until {
    /// Ready, as their kubelets say.
    #[default]
    Ready,
    /// Their KuryrPorts have ACTIVE ports: the controller's part alone.
    Active,
}

impl Playground {
    /// Makes the namespace.
    ///
    /// # Errors
    /// If the API server refuses.
    pub async fn make(client: Client, image: &str, limit: Duration) -> Result<Self, BenchError> {
        let suffix = uuid::Uuid::new_v4().simple().to_string();
        let namespace = format!("kuryr-bench-{}", &suffix[..8]);
        let object = json!({ "metadata": { "name": namespace } });
        let object: Namespace = serde_json::from_value(object)
            .map_err(kube::Error::SerdeError)
            .while_("a namespace")?;
        Api::all(client.clone())
            .create(&PostParams::default(), &object)
            .await
            .while_("making the benchmark's namespace")?;
        let playground = Self {
            client,
            namespace,
            image: image.to_owned(),
            limit,
            until: Until::Ready,
        };
        playground.service_account().await?;
        Ok(playground)
    }

    /// Waits for the namespace's service account: no pod can be made before.
    async fn service_account(&self) -> Result<(), BenchError> {
        let accounts: Api<ServiceAccount> = Api::namespaced(self.client.clone(), &self.namespace);
        let mut events = watcher(accounts, watcher::Config::default())
            .default_backoff()
            .boxed();
        let wait = async {
            while let Some(event) = events.next().await {
                if matches!(
                    event,
                    Ok(watcher::Event::InitApply(_) | watcher::Event::Apply(_))
                ) {
                    break;
                }
            }
        };
        let made = tokio::time::timeout(self.limit, wait).await;
        made.map_err(|_| {
            BenchError::Options(format!(
                "namespace {} got no service account",
                self.namespace
            ))
        })
    }

    /// The same, whose pods are waited for to be so.
    #[must_use]
    pub fn until(self, until: Until) -> Self {
        Self { until, ..self }
    }

    fn pods(&self) -> Api<Pod> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Creates pods on the nodes in turn and waits until all are what they are to be.
    ///
    /// # Errors
    /// If pods can't be made, or were not so within the limit.
    pub async fn run(
        &self,
        prefix: &str,
        nodes: &[String],
        count: usize,
    ) -> Result<Times, BenchError> {
        let kuryrports: Api<KuryrPort> = Api::namespaced(self.client.clone(), &self.namespace);
        let mut claims = watcher(kuryrports, watcher::Config::default())
            .default_backoff()
            .boxed();
        let mut events = watcher(self.pods(), watcher::Config::default())
            .default_backoff()
            .boxed();
        // The watch is on before the first pod is made.
        while let Some(event) = events.next().await {
            if matches!(event, Ok(watcher::Event::InitDone)) {
                break;
            }
        }
        let begun = Instant::now();
        let pods = self.pods();
        let params = PostParams::default();
        let names: Vec<String> = (0..count).map(|i| format!("{prefix}-{i}")).collect();
        let made = names.iter().enumerate().map(|(i, name)| {
            let pod = self.pod(name, &nodes[i % nodes.len()]);
            let (pods, params) = (pods.clone(), params.clone());
            async move {
                let pod = pod?;
                pods.create(&params, &pod).await.while_("creating a pod")
            }
        });
        futures::future::try_join_all(made).await?;
        let mut times = Times::default();
        let wait = async {
            while times.of(self.until).len() < count {
                tokio::select! {
                    Some(event) = events.next() => {
                        if let Ok(watcher::Event::Apply(pod) | watcher::Event::InitApply(pod)) = event
                            && is_ready(&pod)
                        {
                            note(&mut times.ready, &names, &pod, begun);
                        }
                    }
                    Some(event) = claims.next() => {
                        if let Ok(watcher::Event::Apply(c) | watcher::Event::InitApply(c)) = event
                            && is_active(&c)
                        {
                            note(&mut times.active, &names, &c, begun);
                        }
                    }
                    else => break,
                }
            }
        };
        if tokio::time::timeout(self.limit, wait).await.is_err() {
            return Err(BenchError::NotReady {
                ready: times.of(self.until).len(),
                all: count,
                seconds: self.limit.as_secs(),
                namespace: self.namespace.clone(),
            });
        }
        Ok(times)
    }

    /// The times until pods were what they were waited for to be.
    #[must_use]
    pub fn reached(&self, times: Times) -> BTreeMap<String, f64> {
        match self.until {
            Until::Ready => times.ready,
            Until::Active => times.active,
        }
    }

    fn pod(&self, name: &str, node: &str) -> Result<Pod, BenchError> {
        let object = json!({
            "metadata": { "name": name },
            "spec": {
                "nodeName": node,
                "terminationGracePeriodSeconds": 0,
                "automountServiceAccountToken": false,
                "containers": [{
                    "name": "main", "image": self.image, "imagePullPolicy": "IfNotPresent",
                    "command": ["sleep", "86400"],
                }],
            },
        });
        serde_json::from_value(object)
            .map_err(kube::Error::SerdeError)
            .while_("a pod")
    }

    /// A pod's uid.
    ///
    /// # Errors
    /// If it can't be read.
    pub async fn uid(&self, name: &str) -> Result<String, BenchError> {
        let pod = self
            .pods()
            .get(name)
            .await
            .while_("reading the benchmark's pod")?;
        Ok(pod.uid().unwrap_or_default())
    }

    /// Removes the pods and waits until none is left, nor a KuryrPort of theirs.
    ///
    /// # Errors
    /// If they don't go within the limit.
    pub async fn clear(&self) -> Result<Cleared, BenchError> {
        let begun = Instant::now();
        let pods = self.pods();
        pods.delete_collection(
            &DeleteParams::default().grace_period(0),
            &ListParams::default(),
        )
        .await
        .while_("removing the benchmark's pods")?;
        let kuryrports: Api<KuryrPort> = Api::namespaced(self.client.clone(), &self.namespace);
        let wait = async { tokio::join!(until_none(pods, begun), until_none(kuryrports, begun)) };
        let gone = tokio::time::timeout(self.limit, wait).await;
        let (pods, kuryrports) = gone.map_err(|_| {
            BenchError::Options(format!(
                "pods or KuryrPorts in {} did not go within {} s",
                self.namespace,
                self.limit.as_secs()
            ))
        })?;
        Ok(Cleared { pods, kuryrports })
    }

    /// Removes the namespace with all that is left in it.
    ///
    /// # Errors
    /// If the API server refuses.
    pub async fn remove(self) -> Result<(), BenchError> {
        Api::<Namespace>::all(self.client.clone())
            .delete(&self.namespace, &DeleteParams::default())
            .await
            .while_("removing the benchmark's namespace")?;
        Ok(())
    }
}

/// Waits until no such object is in the namespace; gives the seconds from `begun` on.
async fn until_none<K>(api: Api<K>, begun: Instant) -> f64
where
    K: kube::Resource + Clone + std::fmt::Debug + serde::de::DeserializeOwned + Send + 'static,
{
    let mut events = watcher(api, watcher::Config::default())
        .default_backoff()
        .boxed();
    let mut there = std::collections::BTreeSet::new();
    while let Some(event) = events.next().await {
        let last = match event {
            Ok(watcher::Event::InitApply(o) | watcher::Event::Apply(o)) => {
                there.insert(o.name_any());
                false
            }
            Ok(watcher::Event::Delete(o)) => {
                there.remove(&o.name_any());
                true
            }
            Ok(watcher::Event::InitDone) => true,
            _ => false,
        };
        if last && there.is_empty() {
            break;
        }
    }
    begun.elapsed().as_secs_f64()
}

/// Seconds from the deletion.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cleared {
    /// Until the last pod was gone.
    pub pods: f64,
    /// Until the last KuryrPort was gone, and its port free.
    pub kuryrports: f64,
}

/// Seconds from the first creation, by pod.
#[derive(Clone, Debug, Default)]
pub struct Times {
    /// Until the pod was seen Ready.
    pub ready: BTreeMap<String, f64>,
    /// Until its KuryrPort was seen to have an ACTIVE port; none with another plugin.
    pub active: BTreeMap<String, f64>,
}

impl Times {
    /// Those that are waited for.
    fn of(&self, until: Until) -> &BTreeMap<String, f64> {
        match until {
            Until::Ready => &self.ready,
            Until::Active => &self.active,
        }
    }
}

fn note<K: ResourceExt>(
    times: &mut BTreeMap<String, f64>,
    names: &[String],
    object: &K,
    begun: Instant,
) {
    let name = object.name_any();
    if names.contains(&name) {
        times
            .entry(name)
            .or_insert_with(|| begun.elapsed().as_secs_f64());
    }
}

fn is_active(claim: &KuryrPort) -> bool {
    let vifs = claim.status.as_ref().map(|s| &s.vifs);
    vifs.is_some_and(|v| v.values().any(|entry| entry.vif.data.active))
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|s| s.conditions.as_ref());
    conditions
        .into_iter()
        .flatten()
        .any(|c| c.type_ == "Ready" && c.status == "True")
}
