//! Look, look again, fix in rounds.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client};
use kuryr_api::names::cluster_tag;
use kuryr_controller::{ControllerConfig, Fence, Networks, Tenure, Wants};
use kuryr_core::doctor::{
    By, Facts, Finding, FindingKind, Lease, Overview, Scope, Severity, Subject, diagnose, overview,
    persistent,
};
use kuryr_openstack::{Cloud, OwnershipMark};

use crate::error::LookError;
use crate::look::{Eyes, Unseen};
use crate::mend::{Known, Mender, Outcome, Step};

/// Rounds of a fix: what is freed in one is taken away in the next.
const ROUNDS: usize = 4;

/// What the user asks for.
#[derive(Clone, Debug)]
pub struct Options {
    /// What is looked at.
    pub scope: Scope,
    /// How long a pod may wait, a port be DOWN, a deletion take.
    pub patience: Duration,
    /// After how long it is looked again, to leave out what was only passing. Zero: not at all.
    pub again: Duration,
}

/// Looks at one cluster, and mends it.
pub struct Doctor {
    client: Client,
    cloud: Cloud,
    config: ControllerConfig,
    options: Options,
    networks: Networks,
    mark: OwnershipMark,
    /// The fence of the lease, while it is held.
    fence: Arc<RwLock<Option<Fence>>>,
}

/// What was seen.
#[derive(Clone, Debug)]
pub struct Look {
    pub facts: Facts,
    /// What they mean, within the scope.
    pub findings: Vec<Finding>,
    /// Counts, within the scope.
    pub overview: Overview,
    /// What could not be seen.
    pub unseen: Vec<Unseen>,
}

impl Look {
    /// Whether there is nothing of severity error.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.findings.iter().all(|f| f.severity != Severity::Error)
    }

    /// How many findings of a severity there are.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        self.findings
            .iter()
            .filter(|f| f.severity == severity)
            .count()
    }
}

/// What a fix did.
#[derive(Clone, Debug)]
pub struct Fixed {
    /// Each fix, in its order.
    pub steps: Vec<Step>,
    /// What was seen afterwards.
    pub after: Look,
}

impl Doctor {
    /// A doctor for the cluster of this configuration.
    ///
    /// The cloud's writes are this doctor's from now on: a fix has its fence asked before each.
    ///
    /// # Errors
    /// The pods' network can't be read, or a node or namespace of the scope is not there.
    pub async fn new(
        client: Client,
        cloud: Cloud,
        config: ControllerConfig,
        options: Options,
    ) -> Result<Self, LookError> {
        let project = config.project.clone();
        let project = project.unwrap_or_else(|| cloud.project_id().to_owned());
        let networks = Networks::read(&cloud.neutron(), &config, &project).await?;
        let tag = cluster_tag(&config.cluster_id);
        let fence = Arc::new(RwLock::new(None));
        let guard = fence.clone();
        cloud.guard_writes(move || is_open(&guard));
        for name in &options.scope.namespaces {
            let found = Api::<Namespace>::all(client.clone())
                .get_metadata_opt(name)
                .await;
            let found = found.map_err(LookError::kubernetes(format!("read namespace {name}")))?;
            if found.is_none() {
                return Err(unknown("namespace", name));
            }
        }
        Ok(Self {
            client,
            cloud,
            config,
            options,
            networks,
            mark: OwnershipMark {
                description: tag.clone(),
                tag,
            },
            fence,
        })
    }

    /// Looks; a second time where the first showed something that may be only passing.
    ///
    /// # Errors
    /// A list could not be had.
    pub async fn look(&self) -> Result<Look, LookError> {
        let first = self.look_once().await?;
        let passing = |f: &Finding| f.severity != Severity::Note && !f.kind.is_lasting();
        if self.options.again.is_zero() || !first.findings.iter().any(passing) {
            return Ok(first);
        }
        tokio::time::sleep(self.options.again).await;
        let mut second = self.look_once().await?;
        second.findings = persistent(&first.findings, second.findings);
        second.overview = overview(&second.facts, &second.findings, &self.options.scope);
        Ok(second)
    }

    async fn look_once(&self) -> Result<Look, LookError> {
        let wants = self.wants().await?;
        let eyes = Eyes {
            client: &self.client,
            cloud: &self.cloud,
            config: &self.config,
            networks: &self.networks,
            wants: &wants,
            mark: &self.mark,
            patience: self.options.patience,
        };
        let (facts, unseen) = eyes.look().await?;
        self.check_nodes(&facts)?;
        let mut findings = diagnose(&facts);
        findings.retain(|f| self.options.scope.covers(f));
        Ok(Look {
            overview: overview(&facts, &findings, &self.options.scope),
            facts,
            findings,
            unseen,
        })
    }

    /// A name that nobody knows is a slip of the pen, and would look healthy.
    fn check_nodes(&self, facts: &Facts) -> Result<(), LookError> {
        for name in &self.options.scope.nodes {
            let known = facts.nodes.iter().any(|n| n.name == *name)
                || facts.pods.iter().any(|p| p.pod.node == *name)
                || facts.claims.iter().any(|c| c.claim.node == *name);
            if !known {
                return Err(unknown("node", name));
            }
        }
        Ok(())
    }

    /// Carries out what a look found to be done; `tell` hears of each step.
    ///
    /// Where no controller leads, the lease is held meanwhile, so that none begins to. Where one does, only what is
    /// safe beside it is done, and once; the rest is left to it.
    ///
    /// # Errors
    /// A list could not be had. What was done until then was told.
    pub async fn fix(&self, look: &Look, mut tell: impl FnMut(&Step)) -> Result<Fixed, LookError> {
        let (tenure, leader) = self.win(look).await;
        let done = self.rounds(look, tenure.as_ref(), &leader, &mut tell).await;
        if let Some(tenure) = tenure {
            tenure.end().await;
        }
        *self.fence.write().unwrap_or_else(PoisonError::into_inner) = None;
        let steps = done?;
        let after = self.look().await?;
        Ok(Fixed { steps, after })
    }

    /// The lease, if nobody else leads; else who does.
    async fn win(&self, look: &Look) -> (Option<Tenure>, String) {
        let unknown = "somebody, perhaps: the Lease can't be read".to_owned();
        let holder = match &look.facts.lease {
            Lease::Unreadable => return (None, unknown),
            lease => lease.leader().map(str::to_owned),
        };
        let needs = look.findings.iter().any(|f| !f.remedy.actions.is_empty());
        if let Some(holder) = holder {
            return (None, holder);
        }
        if !needs {
            return (None, String::new());
        }
        let settings = self.config.lease.clone();
        let patience = settings.duration + settings.renew * 2;
        let patience = match &look.facts.lease {
            Lease::Seen { duration, .. } => patience.max(*duration + settings.renew * 2),
            _ => patience,
        };
        let tenure = Tenure::win(self.client.clone(), settings, patience).await;
        let fence = tenure.as_ref().map(|t| t.fence().clone());
        *self.fence.write().unwrap_or_else(PoisonError::into_inner) = fence;
        (tenure, "a controller that came meanwhile".to_owned())
    }

    /// What pods want now.
    async fn wants(&self) -> Result<Wants, LookError> {
        let neutron = self.cloud.neutron();
        let wants = self.networks.wants(&neutron, &self.mark);
        let failed = LookError::neutron("list the networks of namespaces");
        wants.await.map_err(failed)
    }

    fn mender<'a>(&'a self, tenure: Option<&Tenure>, wants: &'a Wants) -> Mender<'a> {
        Mender {
            client: &self.client,
            neutron: self.cloud.neutron(),
            mark: &self.mark,
            wants,
            grace: Duration::from_millis(self.config.ports.orphan_grace),
            fence: tenure.map(|t| t.fence().clone()),
            known: Known::default(),
        }
    }

    async fn rounds(
        &self,
        look: &Look,
        tenure: Option<&Tenure>,
        leader: &str,
        tell: &mut impl FnMut(&Step),
    ) -> Result<Vec<Step>, LookError> {
        let wants = self.wants().await?;
        let mut mender = self.mender(tenure, &wants);
        let mut steps = Vec::new();
        let mut given_up: BTreeSet<(FindingKind, Subject)> = BTreeSet::new();
        let mut now = look.clone();
        for round in 0..ROUNDS {
            let before = steps.len();
            for finding in now.findings.iter().filter(|f| !f.remedy.actions.is_empty()) {
                let this = (finding.kind, finding.subject.clone());
                if given_up.contains(&this) {
                    continue;
                }
                let outcome = if finding.remedy.by == By::Controller && tenure.is_none() {
                    Outcome::Left(format!("{leader} leads and does it"))
                } else {
                    mender.mend(finding).await
                };
                if outcome != Outcome::Done {
                    given_up.insert(this);
                }
                let step = Step::new(finding, outcome);
                tell(&step);
                steps.push(step);
            }
            let done = steps[before..].iter().any(|s| s.outcome == Outcome::Done);
            if !done || tenure.is_none() || round + 1 == ROUNDS {
                break;
            }
            now = self.look_once().await?;
        }
        Ok(steps)
    }
}

fn is_open(fence: &RwLock<Option<Fence>>) -> bool {
    let fence = fence.read().unwrap_or_else(PoisonError::into_inner);
    fence.as_ref().is_none_or(Fence::open)
}

fn unknown(what: &'static str, name: &str) -> LookError {
    LookError::Unknown {
        what,
        name: name.to_owned(),
    }
}
