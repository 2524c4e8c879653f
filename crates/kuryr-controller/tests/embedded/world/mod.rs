//! A cloud, a cluster and controllers, and what a test does with them.
//!
//! - `cluster` makes and deletes nodes and pods;
//! - `state` reads what is there, without any call;
//! - `check` says what is not as it should be, and waits until all is;
//! - `foreign` is what others have in the project;
//! - `controller` runs controllers that can be killed, stopped and paused;
//! - `journal` notes who changed what;
//! - `namespaces` makes namespaces with networks and says what is left of them;
//! - `policies` makes NetworkPolicies and says what passes;
//! - `services` makes Services and says what is not right of their load balancers.

mod check;
mod cluster;
mod controller;
mod foreign;
mod journal;
mod namespaces;
mod policies;
mod services;
mod state;

use std::net::SocketAddr;
use std::sync::atomic::AtomicBool;

use kube::Client;
use kube::api::{Api, PostParams};
use kuryr_embedded_kubernetes::{KubeApi, KubeOptions};
use kuryr_embedded_openstack::Tenant;
use kuryr_embedded_openstack::{
    Allocation, Caller, Fields, Kind, OpenStack, Query, Settings, State as CloudState,
};
use serde_json::Value;

pub(crate) use cluster::NAMESPACE;
pub(crate) use controller::{Controller, Log, Options, Pools};
pub(crate) use foreign::Foreign;
pub(crate) use journal::{CONTROLLER, Journal, is_change};
pub(crate) use services::service_ports;
pub(crate) use state::{Claim, Pod};

/// The cluster id of controllers that are not told another.
pub(crate) const CLUSTER: &str = "test";
/// The project that the cluster lives in, and others too.
pub(crate) const PROJECT: &str = "k8s";

/// A cloud and a cluster.
pub(crate) struct World {
    pub(crate) openstack: OpenStack,
    pub(crate) kube: KubeApi,
    /// The test's own client; controllers have others.
    pub(crate) client: Client,
    pub(crate) tenant: Tenant,
    caller: Caller,
    /// Whether policies give each port its security groups.
    by_policies: AtomicBool,
}

impl World {
    /// With nodes `node1` to `nodeN`, each on a trunk of its own.
    pub(crate) async fn start(nodes: usize) -> Self {
        Self::with(nodes, Settings::default()).await
    }

    /// The same on a cloud of other habits.
    pub(crate) async fn with(nodes: usize, settings: Settings) -> Self {
        // RUST_LOG=kuryr_controller=debug shows what controllers do.
        let logs = tracing_subscriber::fmt()
            .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
            .with_test_writer();
        let _ = logs.try_init();
        let settings = Settings {
            parents_plugged: true,
            allocation: Allocation::Sequential,
            ..settings
        };
        let openstack = OpenStack::start(settings).await.unwrap();
        let tenant = Tenant::make(&openstack, nodes).unwrap();
        let options = KubeOptions {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            scheduler: false,
            ..KubeOptions::default()
        };
        let kube = KubeApi::start(options).await.unwrap();
        let client = kube.client().unwrap();
        let ours = kuryr_api::crd::all();
        let crds = Api::all(client.clone());
        for crd in ours {
            crds.create(&PostParams::default(), &crd).await.unwrap();
        }
        let project_id = openstack
            .handle()
            .with(|state| state.identity.project_id(PROJECT).unwrap().to_owned());
        let world = Self {
            openstack,
            kube,
            client,
            tenant,
            caller: Caller {
                project_id,
                admin: false,
            },
            by_policies: AtomicBool::new(false),
        };
        for (at, parent) in world.tenant.parents.clone().iter().enumerate() {
            let address = world.address_of(parent);
            world.add_node(&format!("node{}", at + 1), &address).await;
        }
        world
    }

    /// Starts a controller; it lives until it is killed, stopped or dropped.
    pub(crate) async fn controller(&self, options: Options) -> Controller {
        Controller::start(self, options).await
    }

    /// Works on the cloud as a user of the project, past the API: it is no call.
    pub(crate) fn cloud<T>(&self, work: impl FnOnce(&mut CloudState, &Caller) -> T) -> T {
        let handle = self.openstack.handle();
        handle.with(|state| work(state, &self.caller))
    }

    /// Makes an object of the cloud, and gives its id.
    pub(crate) fn create(&self, kind: Kind, asked: Value) -> String {
        let asked = asked.as_object().cloned().unwrap();
        let made = self.cloud(|state, caller| state.cloud.create(caller, kind, asked));
        made.unwrap()["id"].as_str().unwrap().to_owned()
    }

    /// Changes an object of the cloud.
    pub(crate) fn update(&self, kind: Kind, id: &str, asked: Value) {
        let asked = asked.as_object().cloned().unwrap();
        let done = self.cloud(|state, caller| state.cloud.update(caller, kind, id, asked, None));
        done.unwrap();
    }

    /// Deletes an object of the cloud.
    pub(crate) fn delete(&self, kind: Kind, id: &str) {
        let done = self.cloud(|state, caller| state.cloud.delete(caller, kind, id, None));
        done.unwrap();
    }

    /// An object of the cloud as it is now, if it is there.
    pub(crate) fn object(&self, kind: Kind, id: &str) -> Option<Fields> {
        self.cloud(|state, _| state.cloud.peek(kind, id).cloned())
    }

    /// All objects of a kind.
    pub(crate) fn objects(&self, kind: Kind) -> Vec<Fields> {
        let query = Query::parse("");
        self.cloud(|state, caller| state.cloud.list(caller, kind, &query).unwrap().items)
    }

    /// The first address of a port.
    pub(crate) fn address_of(&self, port: &str) -> String {
        let leg = self.cloud(|state, _| state.cloud.interface_of(port).unwrap());
        leg.addresses[0].addr().to_string()
    }

    /// The trunk whose parent is this port.
    pub(crate) fn trunk_on(&self, parent: &str) -> Option<String> {
        let trunks = self.objects(Kind::Trunk);
        let trunk = trunks.iter().find(|t| t["port_id"] == parent)?;
        Some(trunk["id"].as_str().unwrap().to_owned())
    }
}
