//! One action, carried out: what it concerns is read again, the guard is asked, and what is written is written on
//! condition of what was read. So it is safe beside a controller that leads, whatever that does meanwhile.

mod kubernetes;
mod neutron;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use kube::Client;
use kuryr_controller::{Fence, Wants, facts};
use kuryr_core::doctor::{Finding, FindingKind, Fresh, Subject, still_right};
use kuryr_core::port::{Action, Claim, Id, PodKey, Trunk};
use kuryr_openstack::{Neutron, OwnershipMark};

use crate::look::{claims, kuryrports, port_fact, read_ports};
use kubernetes::KuryrPortObject;

/// How old a list of KuryrPorts may be when a port is taken away. A port that was loose or without a node cannot be
/// given to a pod in that time without Neutron knowing, which refuses then.
const FRESH: Duration = Duration::from_secs(2);

/// What came of a fix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was carried out.
    Done,
    /// It is not right any more: this changed meanwhile. Nothing was written.
    Skipped(String),
    /// It was tried, and this came back.
    Failed(String),
    /// The controller that leads does it.
    Left(String),
}

impl Outcome {
    /// Its word in reports.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Skipped(_) => "skipped",
            Self::Failed(_) => "failed",
            Self::Left(_) => "left",
        }
    }

    /// Why, unless it was done.
    #[must_use]
    pub fn why(&self) -> &str {
        match self {
            Self::Done => "",
            Self::Skipped(why) | Self::Failed(why) | Self::Left(why) => why,
        }
    }
}

/// A fix and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What was found.
    pub kind: FindingKind,
    /// About what.
    pub subject: Subject,
    /// What was to be done.
    pub what: String,
    /// What came of it.
    pub outcome: Outcome,
}

impl Step {
    pub(crate) fn new(finding: &Finding, outcome: Outcome) -> Self {
        Self {
            kind: finding.kind,
            subject: finding.subject.clone(),
            what: finding.remedy.what.clone(),
            outcome,
        }
    }
}

/// Carries fixes out.
pub(crate) struct Mender<'a> {
    pub(crate) client: &'a Client,
    pub(crate) neutron: Neutron,
    pub(crate) mark: &'a OwnershipMark,
    pub(crate) wants: &'a Wants,
    pub(crate) grace: Duration,
    /// Asked before each write, if the lease is held.
    pub(crate) fence: Option<Fence>,
    pub(crate) known: Known,
}

/// What a fix remembers of what it read and did.
#[derive(Default)]
pub(crate) struct Known {
    /// The last list of KuryrPorts.
    claims: Option<(Instant, Vec<Claim>)>,
    /// Ports that were taken off their trunk just now: they were seen to be nobody's.
    taken_off: BTreeSet<Id>,
}

/// What was read just before a write.
struct Facts {
    fresh: Fresh,
    claim: Option<KuryrPortObject>,
    pod: Option<kubernetes::PodMeta>,
    /// Revisions of the ports.
    revisions: BTreeMap<Id, Option<i64>>,
}

impl Mender<'_> {
    /// Carries out what a finding says, in its order.
    pub(crate) async fn mend(&mut self, finding: &Finding) -> Outcome {
        let actions = &finding.remedy.actions;
        let mut worst = Outcome::Done;
        for (at, action) in actions.iter().enumerate() {
            let outcome = self.act(finding, action, actions.get(at + 1)).await;
            if outcome != Outcome::Done {
                let may_go_on = matches!(action, Action::DeletePort { .. });
                worst = outcome;
                if !may_go_on {
                    break;
                }
            }
        }
        worst
    }

    async fn act(&mut self, finding: &Finding, action: &Action, next: Option<&Action>) -> Outcome {
        let facts = match self.read(finding, action, next).await {
            Ok(facts) => facts,
            Err(failed) => return Outcome::Failed(failed),
        };
        if let Err(why) = still_right(action, &facts.fresh, self.grace_of(action)) {
            return Outcome::Skipped(why);
        }
        if self.fence.as_ref().is_some_and(|fence| !fence.open()) {
            return Outcome::Failed("the lease was lost; nothing was written".to_owned());
        }
        match action {
            Action::DropClaim { pod, .. } => {
                // What it named is nobody's from now on.
                self.known.claims = None;
                self.drop_claim(pod, facts.claim).await
            }
            Action::DropPodFinalizer { pod, .. } => self.drop_finalizer(pod, facts.pod).await,
            Action::DeletePort { port } => {
                let revision = facts.revisions.get(port).copied().flatten();
                self.delete_port(port, revision).await
            }
            Action::RemoveSubports { trunk, ports } => {
                let outcome = self.remove(trunk, ports).await;
                if outcome == Outcome::Done {
                    self.known.taken_off.extend(ports.iter().cloned());
                }
                outcome
            }
            Action::AddSubports { trunk, ports } => self.add(trunk, ports).await,
            Action::SetSecurityGroups { port, kind } => {
                let revision = facts.revisions.get(port).copied().flatten();
                self.set_groups(port, kind, revision).await
            }
            other => Outcome::Failed(format!("{other:?} is no fix")),
        }
    }

    fn grace_of(&self, action: &Action) -> Duration {
        match action {
            Action::DeletePort { port } if self.known.taken_off.contains(port) => Duration::ZERO,
            _ => self.grace,
        }
    }

    /// Reads again what an action concerns.
    async fn read(
        &mut self,
        finding: &Finding,
        action: &Action,
        next: Option<&Action>,
    ) -> Result<Facts, String> {
        let mut facts = Facts {
            fresh: Fresh::default(),
            claim: None,
            pod: None,
            revisions: BTreeMap::new(),
        };
        if let Some(key) = pod_of(finding, action) {
            self.read_pod(key, &mut facts).await?;
        }
        let (trunk, ports) = neutrons(action);
        if !ports.is_empty() {
            self.read_ports(&ports, &mut facts).await?;
        }
        if let Some(trunk) = trunk {
            facts.fresh.trunk = self.read_trunk(trunk).await?;
        }
        if let (Action::RemoveSubports { .. }, Some(Action::AddSubports { trunk, ports })) =
            (action, next)
        {
            let to = self.read_trunk(trunk).await?;
            facts.fresh.moving_to = to.zip(ports.first().map(|(_, vlan)| *vlan));
        }
        Ok(facts)
    }

    async fn read_pod(&self, key: &PodKey, facts: &mut Facts) -> Result<(), String> {
        let pod = kubernetes::read_pod(self.client, key, self.wants).await?;
        if let Some((reduced, meta)) = pod {
            (facts.fresh.pod, facts.pod) = (Some(reduced), Some(meta));
        }
        let api = kuryrports(self.client, Some(&key.namespace));
        let object = api.get_opt(&key.name).await;
        let object = object.map_err(|e| crate::error::answer(&e))?;
        facts.fresh.claim = object.as_ref().map(facts::claim);
        facts.claim = object;
        Ok(())
    }

    async fn read_ports(&mut self, ids: &[&Id], facts: &mut Facts) -> Result<(), String> {
        let ports = read_ports(&self.neutron, ids.iter().copied()).await;
        let ports = ports.map_err(|e| e.to_string())?;
        for port in ports.iter().filter(|p| self.mark.on(*p).is_some()) {
            let fact = port_fact(port, kuryr_core::port::Place::Loose);
            facts
                .revisions
                .insert(fact.port.id.clone(), port.revision_number);
            facts.fresh.ports.push(fact);
        }
        let vifs = self
            .claims()
            .await?
            .iter()
            .filter_map(|c| Some((c.vif.as_ref()?, &c.pod)));
        facts.fresh.users = vifs
            .filter(|(vif, _)| ids.contains(&&vif.port))
            .map(|(vif, pod)| (vif.port.clone(), pod.clone()))
            .collect();
        Ok(())
    }

    /// All KuryrPorts, as they are now or were a moment ago.
    async fn claims(&mut self) -> Result<&[Claim], String> {
        let known = self
            .known
            .claims
            .take()
            .filter(|(at, _)| at.elapsed() < FRESH);
        let known = match known {
            Some(known) => known,
            None => {
                let at = Instant::now();
                (at, claims(self.client).await.map_err(|e| e.to_string())?)
            }
        };
        Ok(&self.known.claims.insert(known).1)
    }

    async fn read_trunk(&self, id: &Id) -> Result<Option<Trunk>, String> {
        match self.neutron.get_trunk(id).await {
            Ok(trunk) => Ok(Some(Trunk {
                id: id.clone(),
                addresses: Vec::new(),
                subports: trunk
                    .sub_ports
                    .iter()
                    .map(|s| (s.segmentation_id, s.port_id.as_str().into()))
                    .collect(),
            })),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// The pod that an action concerns.
fn pod_of<'a>(finding: &'a Finding, action: &'a Action) -> Option<&'a PodKey> {
    match (action, &finding.subject) {
        (Action::DropClaim { pod, .. } | Action::DropPodFinalizer { pod, .. }, _) => Some(pod),
        (_, Subject::KuryrPort(pod) | Subject::Pod(pod)) => Some(pod),
        _ => None,
    }
}

/// The trunk and the ports that an action concerns.
fn neutrons(action: &Action) -> (Option<&Id>, Vec<&Id>) {
    match action {
        Action::DeletePort { port } | Action::SetSecurityGroups { port, .. } => (None, vec![port]),
        Action::RemoveSubports { trunk, ports } => (Some(trunk), ports.iter().collect()),
        Action::AddSubports { trunk, ports } => {
            (Some(trunk), ports.iter().map(|(p, _)| p).collect())
        }
        _ => (None, vec![]),
    }
}
