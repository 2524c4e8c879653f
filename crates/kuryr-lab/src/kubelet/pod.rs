//! The life of one pod on its node.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Event, Pod};
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::Context;
use super::sandbox::{Sandbox, SandboxError};
use super::status::{self, Wanted};

const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What is known of a pod.
#[derive(Debug, Clone)]
pub(super) enum Known {
    /// It is in the API, as it was last seen.
    There(Arc<Pod>),
    /// It is not in the API any more.
    Gone,
}

/// What went wrong in one attempt.
#[derive(Debug, thiserror::Error)]
enum PodError {
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    #[error("report the pod to the API: {0}")]
    Api(#[from] kube::Error),
}

/// One pod with its sandbox, where it has one.
pub(super) struct PodLife {
    context: Arc<Context>,
    sandbox: Option<Sandbox>,
    announced: bool,
    removed: bool,
}

impl PodLife {
    pub(super) fn new(context: Arc<Context>, sandbox: Option<Sandbox>) -> Self {
        Self {
            context,
            sandbox,
            announced: false,
            removed: false,
        }
    }

    /// Follows what is known of the pod until it is gone and nothing of it is left.
    pub(super) async fn run(mut self, mut known: watch::Receiver<Known>) {
        let mut pause = FIRST_PAUSE;
        loop {
            let now = known.borrow_and_update().clone();
            let attempt = match &now {
                Known::Gone => self.tear_down().await,
                Known::There(pod) => self.bring_to(pod).await,
            };
            if let (Known::Gone, Ok(())) = (&now, &attempt) {
                return;
            }
            let failed = attempt.is_err();
            if let Err(error) = attempt {
                self.complain(&now, &error).await;
            }
            let retry = async move {
                match failed {
                    true => tokio::time::sleep(pause).await,
                    false => std::future::pending().await,
                }
            };
            match now {
                // Nothing more is heard of it: only trying again is left.
                Known::Gone => retry.await,
                Known::There(_) => tokio::select! {
                    () = retry => {}
                    seen = known.changed() => if seen.is_err() { return },
                },
            }
            pause = if failed {
                (pause * 2).min(LONGEST_PAUSE)
            } else {
                FIRST_PAUSE
            };
        }
    }

    async fn bring_to(&mut self, pod: &Arc<Pod>) -> Result<(), PodError> {
        match status::wanted(pod) {
            Wanted::Network => self.connect(pod).await,
            Wanted::HostNetwork => {
                let addresses = self.context.spec.addresses.clone();
                self.report_running(pod, &addresses).await
            }
            Wanted::Nothing => self.tear_down().await,
            Wanted::Removal => {
                self.tear_down().await?;
                self.remove(pod).await
            }
        }
    }

    async fn connect(&mut self, pod: &Arc<Pod>) -> Result<(), PodError> {
        let mut pod = pod.clone();
        // A sandbox whose ADD never came back (a restart in between) is not to be trusted.
        if self
            .sandbox
            .as_ref()
            .is_some_and(|sandbox| sandbox.result.is_none())
        {
            self.tear_down().await?;
        }
        if self.sandbox.is_none() {
            if let Some(announced) = self.announce(&pod).await? {
                pod = Arc::new(announced);
            }
            let meta = &pod.metadata;
            let text = |value: &Option<String>| value.clone().unwrap_or_default();
            let sandbox = Sandbox::new(
                &self.context.spec,
                &text(&meta.uid),
                &text(&meta.namespace),
                &text(&meta.name),
            );
            self.sandbox = Some(sandbox.clone());
            self.set_up(sandbox).await?;
        }
        let result = self
            .sandbox
            .as_ref()
            .and_then(|sandbox| sandbox.result.as_ref());
        let addresses = result.map(status::addresses).unwrap_or_default();
        self.report_running(&pod, &addresses).await
    }

    /// Has the plugin set the sandbox up. After a failure it is torn down; what could not be is kept for the next try.
    async fn set_up(&mut self, sandbox: Sandbox) -> Result<(), PodError> {
        let add = move |context: &Context| sandbox.add(&context.spec, &context.runtime);
        let added = blocking(&self.context, add).await;
        if added.is_err()
            && let Err(error) = self.tear_down().await
        {
            tracing::warn!(%error, "a failed sandbox was not removed whole; it is tried again");
        }
        self.sandbox = Some(added?);
        Ok(())
    }

    /// Shows the pod as being set up, once; how it is then, when the API took it.
    async fn announce(&mut self, pod: &Pod) -> Result<Option<Pod>, PodError> {
        if self.announced
            || pod
                .status
                .as_ref()
                .is_some_and(|status| status.start_time.is_some())
        {
            return Ok(None);
        }
        let announced = self
            .patch_status(pod, &status::pending(pod, self.host(), Timestamp::now()))
            .await?;
        self.announced = true;
        Ok(announced)
    }

    async fn report_running(&self, pod: &Pod, addresses: &[IpAddr]) -> Result<(), PodError> {
        if status::reported(pod, addresses) {
            return Ok(());
        }
        self.patch_status(
            pod,
            &status::running(pod, self.host(), addresses, Timestamp::now()),
        )
        .await?;
        Ok(())
    }

    /// Patches the pod as it was seen; `None` when it is another one by now.
    async fn patch_status(&self, pod: &Pod, patch: &Value) -> Result<Option<Pod>, PodError> {
        let mut patch = patch.clone();
        let meta = &pod.metadata;
        // So that a pod of the same name that came after this one is not meant, and a phase that another wrote in
        // the meantime is not taken back.
        patch["metadata"] = json!({"uid": meta.uid, "resourceVersion": meta.resource_version});
        let name = pod.metadata.name.clone().unwrap_or_default();
        let patched = self
            .pods(pod)
            .patch_status(&name, &PatchParams::default(), &Patch::Merge(&patch))
            .await;
        match patched {
            Ok(patched) => Ok(Some(patched)),
            // It is gone, has changed, or another one has its name: the watch tells.
            Err(kube::Error::Api(refused)) if [404, 409, 422].contains(&refused.code) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn tear_down(&mut self) -> Result<(), PodError> {
        let Some(sandbox) = self.sandbox.clone() else {
            return Ok(());
        };
        let remove = move |context: &Context| sandbox.remove(&context.spec, &context.runtime);
        blocking(&self.context, remove).await?;
        self.sandbox = None;
        Ok(())
    }

    /// Removes the pod from the API, once; finalizers may keep it for a while.
    async fn remove(&mut self, pod: &Pod) -> Result<(), PodError> {
        if self.removed {
            return Ok(());
        }
        let preconditions = Preconditions {
            uid: pod.metadata.uid.clone(),
            ..Preconditions::default()
        };
        let now = DeleteParams {
            preconditions: Some(preconditions),
            ..DeleteParams::default().grace_period(0)
        };
        match self
            .pods(pod)
            .delete(&pod.metadata.name.clone().unwrap_or_default(), &now)
            .await
        {
            Err(kube::Error::Api(refused)) if [404, 409].contains(&refused.code) => {}
            Err(error) => return Err(error.into()),
            Ok(_) => {}
        }
        self.removed = true;
        Ok(())
    }

    /// Logs a failure and tells it by an Event on the pod, as a real kubelet does.
    async fn complain(&self, known: &Known, error: &PodError) {
        let node = &self.context.spec.node;
        tracing::warn!(%error, node, "a pod's attempt failed; it is repeated");
        let (Known::There(pod), PodError::Sandbox(cause)) = (known, error) else {
            return;
        };
        let (reason, message) = match cause {
            SandboxError::Del { .. } => ("FailedKillPod", format!("error killing pod: {cause}")),
            _ => {
                let message = format!(
                    "Failed to create pod sandbox: rpc error: code = Unknown desc = {cause}"
                );
                ("FailedCreatePodSandBox", message)
            }
        };
        let event = event(pod, node, reason, &message);
        let namespace = pod.metadata.namespace.clone().unwrap_or_default();
        let events: Api<Event> = Api::namespaced(self.context.client.clone(), &namespace);
        match serde_json::from_value(event) {
            Ok(event) => {
                if let Err(error) = events.create(&PostParams::default(), &event).await {
                    tracing::debug!(%error, node, "an Event was not taken");
                }
            }
            Err(error) => tracing::debug!(%error, "an Event was not well-formed"),
        }
    }

    fn pods(&self, pod: &Pod) -> Api<Pod> {
        Api::namespaced(
            self.context.client.clone(),
            &pod.metadata.namespace.clone().unwrap_or_default(),
        )
    }

    fn host(&self) -> IpAddr {
        self.context
            .spec
            .addresses
            .first()
            .copied()
            .unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
    }
}

fn event(pod: &Pod, node: &str, reason: &str, message: &str) -> Value {
    let meta = &pod.metadata;
    let name = meta.name.as_deref().unwrap_or_default();
    let now = Timestamp::now();
    let second = now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    json!({
        "metadata": {"name": format!("{name}.{:x}", now.as_nanosecond()), "namespace": meta.namespace},
        "involvedObject": {
            "apiVersion": "v1", "kind": "Pod", "name": name, "namespace": meta.namespace, "uid": meta.uid,
        },
        "reason": reason, "message": message, "type": "Warning", "count": 1,
        "source": {"component": "kubelet", "host": node},
        "firstTimestamp": second, "lastTimestamp": second,
    })
}

async fn blocking<T: Send + 'static>(
    context: &Arc<Context>,
    work: impl FnOnce(&Context) -> Result<T, SandboxError> + Send + 'static,
) -> Result<T, PodError> {
    let shared = context.clone();
    match context.work.spawn_blocking(move || work(&shared)).await {
        Ok(result) => Ok(result?),
        Err(failed) => match failed.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is ending; nobody waits for this any more.
            Err(_) => std::future::pending().await,
        },
    }
}
