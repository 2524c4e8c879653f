//! A cloud that we are logged in to.

use std::sync::Arc;

use tokio::sync::OnceCell;

use crate::call::{Answer, Call, Service};
use crate::capabilities::Capabilities;
use crate::client::Client;
use crate::config::CloudConfig;
use crate::error::Error;
use crate::metrics::Metrics;
use crate::model::ApiLevel;
use crate::neutron::Neutron;
use crate::octavia::Octavia;
use crate::ownership::Learned;
use crate::session::LoginFacts;

/// A cloud that we are logged in to. Clones share the session, the limit, and what was learned.
#[derive(Clone)]
pub struct Cloud {
    pub(crate) shared: Arc<Shared>,
}

/// What all handles of one cloud share.
pub(crate) struct Shared {
    pub(crate) client: Client,
    pub(crate) capabilities: OnceCell<Capabilities>,
    pub(crate) tags: Learned,
    pub(crate) octavia_level: OnceCell<ApiLevel>,
    project_id: String,
    has_octavia: bool,
}

impl Cloud {
    /// Logs in to Keystone and finds the services.
    ///
    /// # Errors
    /// `Config` if the settings can't be used, `Unauthorized` if Keystone refuses us, `Catalog` if there is no
    /// Neutron in the region and interface, and what else a request can fail with.
    pub async fn connect(config: CloudConfig, metrics: Arc<Metrics>) -> Result<Self, Error> {
        let client = Client::connect(config, metrics).await?;
        client.require(Service::Network)?;
        let has_octavia = client.has(Service::LoadBalancer);
        let project_id = client.project_id().unwrap_or_default();
        let (capabilities, tags) = (OnceCell::new(), Learned::default());
        Ok(Self {
            shared: Arc::new(Shared {
                client,
                capabilities,
                tags,
                octavia_level: OnceCell::new(),
                project_id,
                has_octavia,
            }),
        })
    }

    /// Neutron's calls.
    pub fn neutron(&self) -> Neutron {
        Neutron {
            cloud: self.clone(),
        }
    }

    /// Has `guard` asked immediately before each write is sent, when all waiting for a permit, a token or
    /// another try is over; where it says no, the call fails as
    /// [`Withheld`](crate::ErrorKind::Withheld) and nothing is sent. The first guard stays.
    pub fn guard_writes(&self, guard: impl Fn() -> bool + Send + Sync + 'static) {
        self.shared.client.guard_writes(Box::new(guard));
    }

    /// Octavia's calls, if the catalogue has it.
    pub fn octavia(&self) -> Option<Octavia> {
        self.shared.has_octavia.then(|| Octavia {
            cloud: self.clone(),
        })
    }

    /// The id of the project that we work in.
    pub fn project_id(&self) -> &str {
        &self.shared.project_id
    }

    /// What Keystone said of us at the last login.
    pub fn login_facts(&self) -> LoginFacts {
        self.shared.client.login_facts()
    }

    /// The metrics that [`connect`](Self::connect) was given.
    pub fn metrics(&self) -> &Metrics {
        self.shared.client.metrics()
    }

    /// What this Neutron can do, asked once.
    ///
    /// # Errors
    /// As a list of extensions; the next call asks again then.
    pub async fn capabilities(&self) -> Result<&Capabilities, Error> {
        let ask = || async { Ok(Capabilities::of(&self.neutron().extensions().await?)) };
        self.shared.capabilities.get_or_try_init(ask).await
    }

    /// Sends any call, with the care that typed ones get.
    ///
    /// # Errors
    /// See [`ErrorKind`](crate::ErrorKind).
    pub async fn request(&self, call: &Call) -> Result<Answer, Error> {
        self.shared.client.send(call).await
    }
}

impl std::fmt::Debug for Cloud {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cloud")
            .field("project_id", &self.shared.project_id)
            .finish_non_exhaustive()
    }
}
