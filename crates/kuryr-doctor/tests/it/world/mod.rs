//! A cloud and a cluster that a real controller has put in order, and what a test does to them by hand.

mod kubernetes;
mod openstack;

use std::time::Duration;

use kube::api::{Api, PostParams};
use kube::core::DynamicObject;
use kube::{Client, ResourceExt};
use kuryr_controller::{ControllerConfig, LeaseSettings};
use kuryr_core::doctor::{FindingKind, Scope, Severity};
use kuryr_core::port::Settings as PortSettings;
use kuryr_doctor::{Doctor, Fixed, Look, LookError, Options, Outcome, table};
use kuryr_embedded_kubernetes::{KubeApi, KubeOptions};
use kuryr_embedded_openstack::Tenant;
use kuryr_embedded_openstack::{Allocation, Caller, OpenStack, Settings, State};
use kuryr_openstack::config::{Auth, CloudConfig, Domain, Scope as LoginScope, User};
use kuryr_openstack::{Cloud, Metrics, SecretString};
use prometheus_client::registry::Registry;
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Longest wait for what must come; the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(120);
pub(crate) const NAMESPACE: &str = "default";
const LEASE: &str = "kuryr-controller";

pub(crate) struct World {
    pub(crate) openstack: OpenStack,
    pub(crate) kube: KubeApi,
    pub(crate) client: Client,
    pub(crate) tenant: Tenant,
    pub(crate) config: ControllerConfig,
    caller: Caller,
}

/// A controller that runs until it is stopped.
pub(crate) struct Controller {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Controller {
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

impl World {
    /// Nodes `node1..`, and pods `pod1..` on them in turn with their ports; no controller any more.
    pub(crate) async fn with_pods(nodes: usize, pods: usize) -> Self {
        let world = Self::start(nodes).await;
        for n in 1..=pods {
            world.add_pod(&format!("pod{n}"), (n - 1) % nodes + 1).await;
        }
        let controller = world.controller().await;
        world.until_ready(pods).await;
        controller.stop().await;
        world.openstack.calls().clear();
        world
    }

    pub(crate) async fn start(nodes: usize) -> Self {
        let settings = Settings {
            parents_plugged: true,
            allocation: Allocation::Sequential,
            ..Settings::default()
        };
        let openstack = OpenStack::start(settings).await.unwrap();
        let tenant = Tenant::make(&openstack, nodes).unwrap();
        let options = KubeOptions {
            scheduler: false,
            ..KubeOptions::default()
        };
        let kube = KubeApi::start(options).await.unwrap();
        let client = kube.client().unwrap();
        for crd in kuryr_api::crd::all() {
            let crds = Api::all(client.clone());
            crds.create(&PostParams::default(), &crd).await.unwrap();
        }
        let project = |state: &mut State| state.identity.project_id("k8s").unwrap().to_owned();
        let caller = Caller {
            project_id: openstack.handle().with(project),
            admin: false,
        };
        let config = config(&tenant);
        let world = Self {
            openstack,
            kube,
            client,
            tenant,
            config,
            caller,
        };
        for n in 1..=nodes {
            let parent = world.tenant.parents[n - 1].clone();
            let leg = world.cloud(|state, _| state.cloud.interface_of(&parent).unwrap());
            world
                .add_node(n, &leg.addresses[0].addr().to_string())
                .await;
        }
        world
    }

    pub(crate) async fn login(&self) -> Cloud {
        let auth = Auth::Password {
            user: User::Name {
                name: "kuryr".to_owned(),
                domain: Domain::Name("Default".to_owned()),
            },
            password: SecretString::from("kuryr".to_owned()),
        };
        let mut config = CloudConfig::new(self.openstack.auth_url(), auth);
        config.project = LoginScope::Name {
            name: "k8s".to_owned(),
            domain: Domain::Name("Default".to_owned()),
        };
        // Failures are told at once.
        config.retry.attempts = 1;
        Cloud::connect(config, Metrics::new().into()).await.unwrap()
    }

    pub(crate) async fn controller(&self) -> Controller {
        let (cloud, client) = (self.login().await, self.kube.client().unwrap());
        let (config, stop) = (self.config.clone(), CancellationToken::new());
        let token = stop.clone();
        let task = tokio::spawn(async move {
            let ran = kuryr_controller::run(config, client, cloud, Registry::default(), token);
            ran.await.unwrap();
        });
        Controller { stop, task }
    }

    /// Waits until so many pods have a port that is ready.
    pub(crate) async fn until_ready(&self, pods: usize) {
        self.until(&format!("{pods} pods are ready"), async || {
            let claims = self.claims().list(&Default::default()).await.unwrap();
            claims.iter().filter(|c| vif(c)["active"] == true).count() == pods
        })
        .await;
    }

    pub(crate) async fn until(&self, what: &str, mut there: impl AsyncFnMut() -> bool) {
        let wait = async {
            while !there().await {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let came = tokio::time::timeout(PATIENCE, wait).await;
        came.unwrap_or_else(|_| panic!("it never came: {what}"));
    }

    pub(crate) async fn doctor(&self) -> Doctor {
        self.try_doctor(Scope::default()).await.unwrap()
    }

    /// One that finds everything at once, and looks once.
    pub(crate) async fn try_doctor(&self, scope: Scope) -> Result<Doctor, LookError> {
        let options = Options {
            scope,
            patience: Duration::ZERO,
            again: Duration::ZERO,
        };
        // The API's refusals are to be seen, not overcome.
        let mut config = self.kube.client_config().unwrap();
        config.default_retry = false;
        let client = Client::try_from(config).unwrap();
        Doctor::new(client, self.login().await, self.config.clone(), options).await
    }

    pub(crate) async fn look(&self) -> Look {
        self.doctor().await.look().await.unwrap()
    }

    /// Looks and fixes.
    pub(crate) async fn fix(&self) -> Fixed {
        let doctor = self.doctor().await;
        let look = doctor.look().await.unwrap();
        let fixed = doctor.fix(&look, |_| ()).await.unwrap();
        // Reads and log-ins are no change; whoever changes something is a fix.
        let changes = self.openstack.calls().changing();
        let tried = |o: &Outcome| matches!(o, Outcome::Done | Outcome::Failed(_));
        let tried = fixed.steps.iter().any(|s| tried(&s.outcome));
        assert!(tried || changes == 0, "{changes} changes without a fix");
        fixed
    }
}

fn vif(claim: &DynamicObject) -> &Value {
    let path = "/status/vifs/eth0/vif/versioned_object.data";
    claim.data.pointer(path).unwrap_or(&Value::Null)
}

fn config(tenant: &Tenant) -> ControllerConfig {
    ControllerConfig {
        policies: None,
        services: None,
        namespaces: None,
        cluster_id: "kuryr".to_owned(),
        pod_subnets: vec![tenant.pod_subnet.clone()],
        pod_security_groups: vec![tenant.pod_security_group.clone()],
        project: None,
        mtu: None,
        resource_tags: Vec::new(),
        node_subnets: vec![tenant.node_subnet.clone()],
        port_debug: false,
        ports: PortSettings {
            orphan_grace: 0,
            cooldown: 0,
            ..PortSettings::default()
        },
        resync: Duration::from_secs(3600),
        lease: LeaseSettings {
            namespace: NAMESPACE.to_owned(),
            name: LEASE.to_owned(),
            duration: Duration::from_secs(15),
            renew: Duration::from_secs(3),
            identity: format!("test-{:?}", std::thread::current().id()),
        },
        health: None,
        metrics: None,
        local_switching: false,
        use_events: true,
    }
}

/// Kinds of what was found, but for that nobody leads.
pub(crate) fn kinds(look: &Look) -> Vec<FindingKind> {
    let kinds = look.findings.iter().map(|f| f.kind);
    kinds.filter(|k| *k != FindingKind::NoLeader).collect()
}

/// Kinds that are worse than notes.
pub(crate) fn troubles(look: &Look) -> Vec<FindingKind> {
    let bad = look
        .findings
        .iter()
        .filter(|f| f.severity != Severity::Note);
    bad.map(|f| f.kind)
        .filter(|k| *k != FindingKind::NoLeader)
        .collect()
}

/// Nothing is wrong any more, and a second look agrees.
pub(crate) async fn assert_mended(world: &World, fixed: &Fixed) {
    let steps = kuryr_doctor::steps(&fixed.steps);
    assert!(
        troubles(&fixed.after).is_empty(),
        "{steps}{}",
        table(&fixed.after)
    );
    let all_done = fixed.steps.iter().all(|s| s.outcome == Outcome::Done);
    assert!(all_done, "{steps}");
    let again = world.look().await;
    assert!(troubles(&again).is_empty(), "{}", table(&again));
    let names = world.claims().list(&Default::default()).await.unwrap();
    assert!(names.iter().all(|c| !c.name_any().is_empty()));
}
