//! The leader's word on which networks' pods may be switched on their nodes, kept up for as long as it is true.
//!
//! It stands in a Lease beside the one of the election. Daemons that have not seen it renewed for its duration switch nothing:
//! so where the leader, Neutron or the API server don't answer, all frames go by Neutron again.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::Lease;
use kube::api::PostParams;
use kube::{Api, Client};
use kuryr_api::names::{OPEN_NETWORKS_ANNOTATION, local_switching_lease};
use kuryr_core::Id;
use kuryr_core::local_switching::{Closed, Direction, PodNetwork, Remote, Rule, may_switch};
use kuryr_openstack::model::{self, EtherType, SecurityGroupRule};
use kuryr_openstack::{NetworkQuery, Neutron, SecurityGroupQuery};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::lease::{Fence, LeaseSettings, renewed};
use crate::pods::networks::Networks;

/// Between two looks at network and groups: so long a rule that became stricter is not noticed.
const LOOK: Duration = Duration::from_secs(5);
/// How long what was said holds, and how often it is said again.
const HOLDS: Duration = Duration::from_secs(60);
const SAY: Duration = Duration::from_secs(20);
/// How long the API server may take for an answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two questions whether this process leads, while it does not.
const STANDBY: Duration = Duration::from_secs(1);

/// What is needed to know and to say it.
pub(crate) struct Statement {
    pub(crate) client: Client,
    pub(crate) neutron: Neutron,
    pub(crate) fence: Fence,
    /// Of the election.
    pub(crate) lease: LeaseSettings,
    /// Those that pods are on.
    pub(crate) networks: Networks,
    /// The security groups that pods' ports have.
    pub(crate) groups: Vec<Id>,
}

/// Networks, and whether each is open.
type Answers = BTreeMap<Id, Result<(), Closed>>;

/// What was said last, and when.
struct Said {
    answers: Answers,
    at: Instant,
}

/// How many networks are open.
pub(crate) fn gauge(registry: &mut Registry) -> Gauge {
    let gauge = Gauge::default();
    registry.register(
        "kuryr_locally_switched_networks",
        "Networks whose pods' security groups let everything between them pass, so that nodes may switch it",
        gauge.clone(),
    );
    gauge
}

impl Statement {
    /// Keeps the word, while this process leads.
    pub(crate) async fn keep(self, gauge: Gauge) {
        let mut said = None;
        loop {
            let pause = if self.fence.open() {
                self.turn(&mut said, &gauge).await;
                LOOK
            } else {
                said = None;
                STANDBY
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// Looks, and says what is so if it is another thing than before or was said a while ago.
    async fn turn(&self, said: &mut Option<Said>, gauge: &Gauge) {
        let answers = match self.look().await {
            Ok(answers) => answers,
            Err(error) => {
                tracing::warn!(
                    %error,
                    "can't read whether pods may be switched locally; unless that changes within a minute, they are not"
                );
                return;
            }
        };
        gauge.set(crate::metrics::gauge(open(&answers).count()));
        let last = said.as_ref().map(|last| &last.answers);
        for (network, answer) in &answers {
            if last.and_then(|last| last.get(network)) != Some(answer) {
                tell(network, answer);
            }
        }
        let same = said.as_ref().filter(|last| last.answers == answers);
        let is_fresh = same.is_some_and(|last| last.at.elapsed() < SAY);
        if is_fresh || !self.fence.open() {
            return;
        }
        let at = Instant::now();
        match self.say(&answers).await {
            Ok(()) => *said = Some(Said { answers, at }),
            Err(error) => tracing::warn!(
                error,
                "can't write which networks are switched locally; nodes go by what was written last, for a minute at most"
            ),
        }
    }

    /// Which of the pods' networks are open by what Neutron says now.
    async fn look(&self) -> Result<Answers, kuryr_openstack::Error> {
        let subnets = self.networks.cidrs();
        let ids = subnets.keys().map(ToString::to_string);
        let query = NetworkQuery::new().ids(ids);
        let networks = self.neutron.list_networks(&query).await?;
        let groups = &self.groups;
        let ids = groups.iter().map(ToString::to_string);
        let query = SecurityGroupQuery::new().ids(ids);
        let read = self.neutron.list_security_groups(&query).await?;
        let found: Vec<Id> = read.iter().map(|group| group.id.as_str().into()).collect();
        let rules: Vec<Rule> = read.iter().flat_map(|g| &g.rules).map(rule).collect();
        let judged = networks.iter().filter_map(|network| {
            let (id, subnets) = subnets.get_key_value(network.id.as_str())?;
            if self.networks.are_by_policies() {
                return Some((id.clone(), Err(Closed::Policies)));
            }
            let facts = PodNetwork {
                filtered: network.port_security_enabled != Some(false),
                shaped: network.qos_policy_id.is_some(),
                subnets: subnets.clone(),
            };
            Some((id.clone(), may_switch(&facts, groups, &found, &rules)))
        });
        Ok(judged.collect())
    }

    async fn say(&self, answers: &Answers) -> Result<(), String> {
        let settings = LeaseSettings {
            name: local_switching_lease(&self.lease.name),
            duration: HOLDS,
            ..self.lease.clone()
        };
        let api: Api<Lease> = Api::namespaced(self.client.clone(), &settings.namespace);
        let write = async {
            let old = api.get_opt(&settings.name).await?;
            let is_there = old.is_some();
            let mut lease = renewed(old, &settings);
            let open: Vec<&str> = open(answers).map(|id| &**id).collect();
            let annotations = lease.metadata.annotations.get_or_insert_default();
            annotations.insert(OPEN_NETWORKS_ANNOTATION.to_owned(), open.join(","));
            let params = PostParams::default();
            match is_there {
                true => api.replace(&settings.name, &params, &lease).await,
                false => api.create(&params, &lease).await,
            }
        };
        match tokio::time::timeout(PATIENCE, write).await {
            Ok(written) => written.map(drop).map_err(|e| kuryr_process::chain(&e)),
            Err(_) => Err(format!("no answer within {PATIENCE:?}")),
        }
    }
}

fn open(answers: &Answers) -> impl Iterator<Item = &Id> {
    answers.iter().filter(|(_, a)| a.is_ok()).map(|(id, _)| id)
}

fn tell(network: &str, answer: &Result<(), Closed>) {
    match answer {
        Ok(()) => tracing::info!(network, "pods of one node are switched there"),
        Err(why) => {
            tracing::info!(network, %why, "pods of one node are not switched there");
        }
    }
}

/// A rule as it is judged.
fn rule(rule: &SecurityGroupRule) -> Rule {
    let remote = match (
        &rule.remote_group_id,
        rule.remote_ip_prefix,
        &rule.remote_address_group_id,
    ) {
        (None, None, None) => Remote::Anyone,
        (Some(group), None, None) => Remote::Group(group.as_str().into()),
        (None, Some(prefix), None) => Remote::Prefix(prefix),
        _ => Remote::Other,
    };
    Rule {
        direction: match rule.direction {
            model::Direction::Ingress => Direction::Ingress,
            model::Direction::Egress => Direction::Egress,
        },
        ipv4: match rule.ethertype {
            EtherType::IPv4 => Some(true),
            EtherType::IPv6 => Some(false),
            EtherType::Other => None,
        },
        protocol: rule.protocol.clone(),
        ports: (rule.port_range_min, rule.port_range_max),
        remote,
    }
}
