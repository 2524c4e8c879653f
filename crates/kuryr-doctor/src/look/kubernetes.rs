//! Nodes, pods, KuryrPorts, the Lease and Events.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease as LeaseObject;
use k8s_openapi::api::core::v1::{Event, Namespace, Node as NodeObject, Pod as PodObject};
use kube::api::{ApiResource, ListParams};
use kube::core::DynamicObject;
use kube::{Api, Client, ResourceExt};
use kuryr_api::KuryrPort;
use kuryr_api::names::{KURYRPORT_FINALIZER, WAIT_REASON_ANNOTATION};
use kuryr_controller::{LeftKind, Wants, facts, left_in_openstack};
use kuryr_core::doctor::{ClaimFact, HeldObject, Lease, Node, PodFact, Wait};
use kuryr_core::port::{Claim, Id, Pod, PodKey, PodLife, Want};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Eyes, Unseen, since};
use crate::error::{LookError, answer};

/// Objects a page of a list has.
const PAGE: u32 = 500;
/// What the controller's Events are written by.
const CONTROLLER: &str = "kuryr-controller";

/// What Kubernetes has.
pub(super) struct Cluster {
    pub(super) lease: Lease,
    pub(super) nodes: Vec<Node>,
    pub(super) pods: Vec<PodFact>,
    pub(super) claims: Vec<ClaimFact>,
    pub(super) held: Vec<HeldObject>,
    /// Namespaces by name: uid, and how long ago each was deleted, if it was.
    pub(super) namespaces: BTreeMap<Id, (Id, Option<Duration>)>,
}

/// KuryrPorts as upstream's looser schema lets them be.
pub(crate) fn kuryrports(client: &Client, namespace: Option<&str>) -> Api<DynamicObject> {
    let resource = ApiResource::erase::<KuryrPort>(&());
    match namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    }
}

/// All KuryrPorts.
pub(crate) async fn claims(client: &Client) -> Result<Vec<Claim>, LookError> {
    let all = list(&kuryrports(client, None), "list KuryrPorts").await?;
    Ok(all.iter().map(facts::claim).collect())
}

/// A whole list, page by page; at once where the pages expire under way.
async fn list<K>(api: &Api<K>, what: &str) -> Result<Vec<K>, LookError>
where
    K: Clone + DeserializeOwned + Debug,
{
    let mut params = ListParams::default().limit(PAGE);
    let mut all = Vec::new();
    loop {
        let page = match api.list(&params).await {
            Err(kube::Error::Api(status)) if status.code == 410 => {
                let whole = api.list(&ListParams::default()).await;
                return whole.map(|l| l.items).map_err(LookError::kubernetes(what));
            }
            page => page.map_err(LookError::kubernetes(what))?,
        };
        all.extend(page.items);
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params = params.continue_token(&token),
            None => return Ok(all),
        }
    }
}

impl Eyes<'_> {
    pub(super) async fn kubernetes(&self, unseen: &mut Vec<Unseen>) -> Result<Cluster, LookError> {
        let lease = self.lease(unseen).await;
        let objects = list(&kuryrports(self.client, None), "list KuryrPorts").await?;
        let claims: Vec<ClaimFact> = objects.iter().map(claim_fact).collect();
        let pods: Api<PodObject> = Api::all(self.client.clone());
        let pods = list(&pods, "list pods of all namespaces").await?;
        let mut pods: Vec<PodFact> = pods.iter().map(|p| pod_fact(p, self.wants)).collect();
        let nodes: Api<NodeObject> = Api::all(self.client.clone());
        let nodes = list(&nodes, "list nodes").await?;
        self.events(&claims, &mut pods, unseen).await;
        Ok(Cluster {
            lease,
            nodes: nodes.iter().map(node_fact).collect(),
            pods,
            claims,
            held: self.held(unseen).await,
            namespaces: self.namespaces().await?,
        })
    }

    /// Namespaces, where they have networks of their own.
    async fn namespaces(&self) -> Result<BTreeMap<Id, (Id, Option<Duration>)>, LookError> {
        if matches!(self.wants, Wants::One(_)) {
            return Ok(BTreeMap::new());
        }
        let api: Api<Namespace> = Api::all(self.client.clone());
        let all = list(&api, "list namespaces").await?;
        let fact = |n: &Namespace| {
            let deleted = n.metadata.deletion_timestamp.as_ref();
            let uid = n.uid().unwrap_or_default().into();
            (n.name_any().into(), (uid, deleted.map(|t| since(t.0))))
        };
        Ok(all.iter().map(fact).collect())
    }

    async fn lease(&self, unseen: &mut Vec<Unseen>) -> Lease {
        let settings = &self.config.lease;
        let api: Api<LeaseObject> = Api::namespaced(self.client.clone(), &settings.namespace);
        match api.get_opt(&settings.name).await {
            Ok(Some(lease)) => lease_fact(&lease),
            Ok(None) => Lease::Absent,
            Err(error) => {
                unseen.push(Unseen {
                    what: format!("who leads: Lease {}/{}", settings.namespace, settings.name),
                    why: answer(&error),
                });
                Lease::Unreadable
            }
        }
    }

    /// Objects of upstream's that its finalizers hold.
    async fn held(&self, unseen: &mut Vec<Unseen>) -> Vec<HeldObject> {
        let mut held = Vec::new();
        for kind in LeftKind::all() {
            let api: Api<DynamicObject> = Api::all_with(self.client.clone(), &kind.resource);
            match list(&api, "list objects of upstream's").await {
                Ok(objects) => held.extend(objects.iter().filter_map(|o| held_object(&kind, o))),
                Err(error) => unseen.push(Unseen {
                    what: format!("what upstream's finalizers hold: {}", kind.resource.plural),
                    why: error.to_string(),
                }),
            }
        }
        held
    }

    /// The controller's last word on pods that wait, where the KuryrPort does not say it.
    async fn events(&self, claims: &[ClaimFact], pods: &mut [PodFact], unseen: &mut Vec<Unseen>) {
        let told: BTreeMap<&PodKey, bool> = claims
            .iter()
            .map(|c| {
                let ready = c.claim.vif.as_ref().is_some_and(|v| v.active);
                (&c.claim.pod, ready || c.wait.is_some())
            })
            .collect();
        let untold = |f: &&mut PodFact| {
            f.pod.wanted_kind().is_some()
                && f.bound >= self.patience
                && !told.get(&f.pod.key).copied().unwrap_or(false)
        };
        let mut waiting: BTreeMap<Id, &mut PodFact> = pods
            .iter_mut()
            .filter(untold)
            .map(|f| (f.pod.uid.clone(), f))
            .collect();
        if waiting.is_empty() {
            return;
        }
        let params = ListParams::default().fields("involvedObject.kind=Pod,type=Warning");
        let events: Api<Event> = Api::all(self.client.clone());
        let events = match events.list(&params).await {
            Ok(events) => events.items,
            Err(error) => {
                return unseen.push(Unseen {
                    what: "why pods wait: Events".to_owned(),
                    why: answer(&error),
                });
            }
        };
        let mut ours: Vec<Event> = events.into_iter().filter(is_controllers).collect();
        ours.sort_by_key(moment);
        for event in ours {
            let uid = event.involved_object.uid.clone().unwrap_or_default();
            if let Some(fact) = waiting.get_mut(uid.as_str()) {
                fact.event = Some(Wait {
                    reason: event.reason.unwrap_or_default(),
                    message: event.message.unwrap_or_default(),
                });
            }
        }
    }
}

fn held_object(kind: &LeftKind, object: &DynamicObject) -> Option<HeldObject> {
    let deleted = object.metadata.deletion_timestamp.as_ref()?;
    kind.holds(object).then(|| HeldObject {
        kind: kind.word,
        key: PodKey::new(object.namespace().unwrap_or_default(), object.name_any()),
        finalizer: kind.finalizer.to_owned(),
        deleting: since(deleted.0),
        left: left_in_openstack(object),
    })
}

fn is_controllers(event: &Event) -> bool {
    let source = event.source.as_ref().and_then(|s| s.component.as_deref());
    event.reporting_component.as_deref() == Some(CONTROLLER) || source == Some(CONTROLLER)
}

/// When an Event was last seen.
fn moment(event: &Event) -> Option<k8s_openapi::jiff::Timestamp> {
    let series = event
        .series
        .as_ref()
        .and_then(|s| s.last_observed_time.as_ref());
    let last = event.last_timestamp.as_ref().map(|t| t.0);
    last.max(series.map(|t| t.0))
        .max(event.event_time.as_ref().map(|t| t.0))
}

fn node_fact(node: &NodeObject) -> Node {
    Node {
        name: node.name_any().into(),
        addresses: facts::addresses(node),
    }
}

fn pod_fact(pod: &PodObject, wants: &Wants) -> PodFact {
    let conditions = pod.status.as_ref().and_then(|s| s.conditions.as_ref());
    let scheduled = conditions
        .into_iter()
        .flatten()
        .find(|c| c.type_ == "PodScheduled" && c.status == "True")
        .and_then(|c| c.last_transition_time.as_ref());
    let created = pod.metadata.creation_timestamp.as_ref();
    let deleted = pod.metadata.deletion_timestamp.as_ref();
    PodFact {
        pod: reduce_pod(pod, wants),
        bound: scheduled.or(created).map_or(Duration::ZERO, |t| since(t.0)),
        deleting: deleted.map(|t| since(t.0)),
        event: None,
    }
}

/// A pod as the controller sees it; one that is bound to no node, too.
pub(crate) fn reduce_pod(pod: &PodObject, wants: &Wants) -> Pod {
    let want = wants.of(&pod.namespace().unwrap_or_default());
    facts::pod(pod, &want).unwrap_or_else(|| Pod {
        key: PodKey::new(pod.namespace().unwrap_or_default(), pod.name_any()),
        uid: pod.uid().unwrap_or_default().into(),
        node: "".into(),
        want: Want::Unknown(None),
        life: PodLife::Alive,
        finalizer: false,
        is_static: false,
        has_host_port: false,
        age: 0,
    })
}

fn claim_fact(object: &DynamicObject) -> ClaimFact {
    let others = object
        .finalizers()
        .iter()
        .filter(|f| *f != KURYRPORT_FINALIZER);
    let deleted = object.metadata.deletion_timestamp.as_ref();
    ClaimFact {
        claim: facts::claim(object),
        deleting: deleted.map(|t| since(t.0)),
        other_finalizers: others.cloned().collect(),
        wait: object
            .annotations()
            .get(WAIT_REASON_ANNOTATION)
            .map(|text| wait(text)),
    }
}

fn wait(text: &str) -> Wait {
    let said: Value = serde_json::from_str(text).unwrap_or_default();
    let field = |name: &str| said[name].as_str().unwrap_or_default().to_owned();
    Wait {
        reason: field("reason"),
        message: field("message"),
    }
}

fn lease_fact(lease: &LeaseObject) -> Lease {
    let spec = lease.spec.clone().unwrap_or_default();
    let seconds = spec
        .lease_duration_seconds
        .and_then(|s| u64::try_from(s).ok());
    Lease::Seen {
        holder: spec.holder_identity.unwrap_or_default(),
        duration: Duration::from_secs(seconds.unwrap_or(15)),
        renewed: spec.renew_time.map(|t| since(t.0)),
    }
}
