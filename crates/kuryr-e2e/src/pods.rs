//! Pods and KuryrPorts of one namespace.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Namespace, Pod, Service, ServiceAccount};
use kube::api::{
    ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams,
};
use kube::{Api, Client, ResourceExt};
use kuryr_api::{KuryrLoadBalancer, KuryrPort};
use serde_json::{Value, json};

use crate::progress::until;
use crate::{Outcome, fail};

/// How long pods may take to become ready: Neutron makes four ports a second.
const PATIENCE: Duration = Duration::from_secs(300);

/// One namespace's pods.
#[derive(Clone)]
pub struct Pods {
    client: Client,
    /// Its name.
    pub namespace: String,
}

/// A pod that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running {
    pub name: String,
    pub node: String,
    pub address: IpAddr,
    /// Tells it from an earlier one of the same name.
    pub uid: String,
}

/// A pod that sleeps, on a node.
#[must_use]
pub fn sleeper(name: &str, node: &str) -> Value {
    pod(name, node, &["sleep", "100000"], &json!({}))
}

/// A pod with a command, and `more` in its spec.
#[must_use]
pub fn pod(name: &str, node: &str, command: &[&str], more: &Value) -> Value {
    let mut spec = json!({
        "nodeName": node,
        "terminationGracePeriodSeconds": 1,
        "automountServiceAccountToken": false,
        "containers": [{
            "name": "c",
            "image": "localhost/busybox:1",
            "imagePullPolicy": "Never",
            "command": command,
        }],
    });
    if let (Value::Object(spec), Value::Object(more)) = (&mut spec, more) {
        spec.extend(more.clone());
    }
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec})
}

impl Pods {
    /// The pods of `namespace`.
    #[must_use]
    pub fn new(client: Client, namespace: &str) -> Self {
        Self {
            client,
            namespace: namespace.to_owned(),
        }
    }

    /// Makes the namespace, unless it is there.
    ///
    /// # Errors
    /// Kubernetes'.
    pub async fn open(&self) -> Outcome {
        let name = &self.namespace;
        let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        Api::<Namespace>::all(self.client.clone())
            .patch(
                name,
                &PatchParams::apply("kuryr-e2e"),
                &Patch::Apply(&object),
            )
            .await?;
        let accounts: Api<ServiceAccount> = Api::namespaced(self.client.clone(), name);
        let what = format!("namespace {name} has its account");
        until(what, PATIENCE, async || {
            Ok(accounts.get("default").await.map(drop)?)
        })
        .await
    }

    /// Deletes the namespace and waits for its end; one that is not there is passed over.
    ///
    /// # Errors
    /// Kubernetes', or it takes too long.
    pub async fn close(&self) -> Outcome {
        let api = Api::<Namespace>::all(self.client.clone());
        let what = format!("namespace {} is gone", self.namespace);
        until(what, PATIENCE, async || {
            match api.delete(&self.namespace, &DeleteParams::default()).await {
                Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
                Err(error) => Err(error.into()),
                Ok(_) => fail("it is there"),
            }
        })
        .await
    }

    /// The pods' API.
    #[must_use]
    pub fn api(&self) -> Api<Pod> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// The KuryrPorts' API.
    #[must_use]
    pub fn ports(&self) -> Api<KuryrPort> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// The KuryrPorts' API for whatever JSON.
    #[must_use]
    pub fn raw_ports(&self) -> Api<DynamicObject> {
        let resource = ApiResource::erase::<KuryrPort>(&());
        Api::namespaced_with(self.client.clone(), &self.namespace, &resource)
    }

    /// Makes pods.
    ///
    /// # Errors
    /// Kubernetes'.
    pub async fn create(&self, pods: impl IntoIterator<Item = Value>) -> Outcome {
        for pod in pods {
            let pod: Pod = serde_json::from_value(pod)?;
            self.api().create(&PostParams::default(), &pod).await?;
        }
        Ok(())
    }

    /// Asks for pods to be deleted.
    ///
    /// # Errors
    /// Kubernetes'.
    pub async fn delete(&self, names: impl IntoIterator<Item = impl AsRef<str>>) -> Outcome {
        for name in names {
            self.api()
                .delete(name.as_ref(), &DeleteParams::default())
                .await?;
        }
        Ok(())
    }

    /// Deletes a pod at once: its object is gone before its kubelet knows.
    ///
    /// # Errors
    /// Kubernetes'.
    pub async fn delete_by_force(&self, name: &str) -> Outcome {
        let now = DeleteParams::default().grace_period(0);
        self.api().delete(name, &now).await?;
        Ok(())
    }

    /// The Services' API.
    #[must_use]
    pub fn services(&self) -> Api<Service> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// The KuryrLoadBalancers' API.
    #[must_use]
    pub fn balancers(&self) -> Api<KuryrLoadBalancer> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Asks for all pods and Services of the namespace to be deleted.
    ///
    /// # Errors
    /// Kubernetes'.
    pub async fn delete_all(&self) -> Outcome {
        // Of Services older API servers delete one at a time only.
        for service in self.services().list(&ListParams::default()).await? {
            let name = service.name_any();
            self.services()
                .delete(&name, &DeleteParams::default())
                .await?;
        }
        self.api()
            .delete_collection(&DeleteParams::default(), &ListParams::default())
            .await?;
        Ok(())
    }

    /// Waits until no pod is there any more.
    ///
    /// # Errors
    /// It takes too long.
    pub async fn until_gone(&self) -> Outcome {
        until("all pods are gone", PATIENCE, async || {
            let left = self.api().list(&ListParams::default()).await?.items;
            match left.is_empty() {
                true => Ok(()),
                false => fail(format!("{} are there: {}", left.len(), shown(&left))),
            }
        })
        .await
    }

    /// Waits until a pod is not there any more.
    ///
    /// # Errors
    /// It takes too long.
    pub async fn until_one_gone(&self, name: &str) -> Outcome {
        until(format!("pod {name} is gone"), PATIENCE, async || match self
            .api()
            .get_opt(name)
            .await?
        {
            None => Ok(()),
            Some(pod) => fail(shown(&[pod])),
        })
        .await
    }

    /// Waits until `count` pods run and are ready; gives them by name.
    ///
    /// # Errors
    /// It takes too long; says which are not.
    pub async fn ready(&self, count: usize) -> Outcome<Vec<Running>> {
        until(format!("{count} pods are ready"), PATIENCE, async || {
            let all = self.api().list(&ListParams::default()).await?.items;
            let running: Vec<Running> = all.iter().filter_map(running).collect();
            if running.len() == count {
                return Ok(running);
            }
            let waiting: Vec<Pod> = all.into_iter().filter(running_is_none).collect();
            fail(format!("{} are; not {}", running.len(), shown(&waiting)))
        })
        .await
    }

    /// Waits until this pod is ready.
    ///
    /// # Errors
    /// It takes too long.
    pub async fn ready_one(&self, name: &str) -> Outcome<Running> {
        self.ready_other(name, "").await
    }

    /// Waits until a pod of this name with another uid is ready.
    ///
    /// # Errors
    /// It takes too long.
    pub async fn ready_other(&self, name: &str, uid: &str) -> Outcome<Running> {
        until(format!("pod {name} is ready"), PATIENCE, async || {
            let pod = self.api().get(name).await?;
            match running(&pod).filter(|running| running.uid != uid) {
                Some(running) => Ok(running),
                None => fail(shown(&[pod])),
            }
        })
        .await
    }

    /// Versions of the KuryrPorts: each write gives another.
    ///
    /// # Errors
    /// Kubernetes'.
    pub async fn versions(&self) -> Outcome<BTreeMap<String, Option<String>>> {
        let ports = self.ports().list(&ListParams::default()).await?;
        Ok(ports
            .into_iter()
            .map(|port| (port.name_any(), port.metadata.resource_version))
            .collect())
    }
}

fn running_is_none(pod: &Pod) -> bool {
    running(pod).is_none()
}

/// What a pod is, if it is ready and not about to go.
fn running(pod: &Pod) -> Option<Running> {
    let status = pod.status.as_ref()?;
    let ready = status
        .conditions
        .iter()
        .flatten()
        .any(|c| c.type_ == "Ready" && c.status == "True");
    if !ready || pod.metadata.deletion_timestamp.is_some() {
        return None;
    }
    Some(Running {
        name: pod.name_any(),
        node: pod.spec.as_ref()?.node_name.clone()?,
        address: status.pod_ip.as_ref()?.parse().ok()?,
        uid: pod.uid()?,
    })
}

fn shown(pods: &[Pod]) -> String {
    let one = |pod: &Pod| {
        let phase = pod
            .status
            .as_ref()
            .and_then(|s| s.phase.clone())
            .unwrap_or_default();
        let doomed = if pod.metadata.deletion_timestamp.is_some() {
            ", deleted"
        } else {
            ""
        };
        format!("{} ({phase}{doomed})", pod.name_any())
    };
    pods.iter().map(one).collect::<Vec<_>>().join(", ")
}
