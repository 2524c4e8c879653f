//! What kind of cloud is embedded: backend habits, timing, quotas, accounts.

use std::collections::BTreeMap;
use std::time::Duration;

use super::octavia::Provider;

/// Which mechanism driver's habits the cloud shows (see `docs` of each method of [`Backend`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Backend {
    /// ML2/OVN: trunks are always ACTIVE, subports change owner and status at once.
    #[default]
    Ovn,
    /// ML2/OVS: an agent works behind the API; owner, status and wiring follow later, some only by deleting the port.
    Ovs,
}

impl Backend {
    /// MTU of a tenant network: 1500 of the underlay less what the encapsulation takes. The lab itself always
    /// encapsulates by VXLAN, so both leave room for at least that.
    pub fn tenant_mtu(self) -> i64 {
        match self {
            Self::Ovn => 1442,
            Self::Ovs => 1450,
        }
    }

    /// `provider:network_type` of tenant networks.
    pub fn network_type(self) -> &'static str {
        match self {
            Self::Ovn => "geneve",
            Self::Ovs => "vxlan",
        }
    }
}

/// What happens to `tags` in a POST of ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TagsInPost {
    /// The extension driver `tag_ports_during_bulk_creation` is loaded: tags are kept.
    #[default]
    Honoured,
    /// It is not loaded: the port is made (201) with `"tags": []`, without a word.
    Dropped,
}

/// How an address is picked from the allocation pools.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Allocation {
    /// As Neutron: anywhere in the pools.
    #[default]
    Random,
    /// Lowest free address first, for tests that name addresses.
    Sequential,
}

/// When a port's status follows what happens to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// This long after the port was added to a plugged trunk (zero: with the call that adds it).
    After(Duration),
    /// When the topology has wired it and reported so by [`super::Cloud::wired`].
    WhenWired,
}

/// Time that calls take, besides their own work. Costs are spent one call at a time on each of `workers`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Latency {
    /// API workers; 0 means no limit.
    pub workers: usize,
    /// Each port of a POST, single or bulk.
    pub port_create: Duration,
    /// Each PUT of one object.
    pub update: Duration,
    /// Each DELETE of one object.
    pub delete: Duration,
    /// Each POST of anything but ports, per object.
    pub create: Duration,
    /// Each call of add_subports, and each subport of it.
    pub add_subports: (Duration, Duration),
    /// Each call of remove_subports, and each subport of it.
    pub remove_subports: (Duration, Duration),
    /// Each GET, and each object that it returns.
    pub read: (Duration, Duration),
    /// Each token issued.
    pub token: Duration,
    /// Each load balancer made.
    pub lb_create: Duration,
    /// Each other change by Octavia.
    pub lb_change: Duration,
    /// Each object below a load balancer that is made whole, each member of a batch.
    pub lb_object: Duration,
    /// How long a load balancer is `PENDING_*` after a change was answered.
    pub lb_settle: Duration,
}

impl Latency {
    /// No delay at all: for tests.
    pub fn none() -> Self {
        Self::default()
    }

    /// As measured on Neutron 21 and Octavia 11 with two API workers on two cores.
    pub fn real() -> Self {
        let ms = Duration::from_millis;
        Self {
            workers: 2,
            port_create: ms(220),
            update: ms(150),
            delete: ms(180),
            create: ms(60),
            add_subports: (ms(150), ms(72)),
            remove_subports: (ms(70), ms(48)),
            read: (ms(15), Duration::from_micros(1500)),
            token: ms(11),
            lb_create: ms(700),
            lb_change: ms(350),
            lb_object: ms(80),
            lb_settle: ms(50),
        }
    }
}

/// One user who may authenticate by password, with the one project it has roles in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// User name, in domain `default`.
    pub user: String,
    /// Password, in clear: these are the lab's own.
    pub password: String,
    /// Project name, in domain `default`.
    pub project: String,
    /// Role names; `admin` sees and changes everything.
    pub roles: Vec<String>,
}

impl Account {
    fn new(user: &str, project: &str, roles: &[&str]) -> Self {
        let roles = roles.iter().map(|role| (*role).to_owned()).collect();
        Self {
            user: user.to_owned(),
            password: user.to_owned(),
            project: project.to_owned(),
            roles,
        }
    }
}

/// The whole of it. [`Settings::default`] is a quick ML2/OVN cloud with users `admin` and `kuryr`.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Backend habits.
    pub backend: Backend,
    /// Tags in POST of ports.
    pub tags_in_post: TagsInPost,
    /// Address allocation.
    pub allocation: Allocation,
    /// Seed of everything that is random, so that a run can be repeated; `None` seeds from the system.
    pub seed: Option<u64>,
    /// ML2/OVN with `ovn_metadata_enabled`: each network has a port `network:distributed` of its own, that counts.
    pub metadata_ports: bool,
    /// When ports become ACTIVE.
    pub activation: Activation,
    /// Whether a trunk's parent counts as plugged from the start, for clouds without a topology.
    pub parents_plugged: bool,
    /// Delay of calls.
    pub latency: Latency,
    /// Extension aliases that the cloud lacks, of those it knows.
    pub missing_extensions: Vec<String>,
    /// Quotas of a new project by resource (`port`, `network`, ...; `loadbalancer`, `listener`, `pool`, `member`,
    /// `healthmonitor`); -1 means none. What is absent is the service's default: of Octavia's none.
    pub quotas: BTreeMap<String, i64>,
    /// What carries load balancers out that are asked for without a provider.
    pub lb_provider: Provider,
    /// How long a token is valid.
    pub token_lifetime: Duration,
    /// Regions that the catalogue lists.
    pub regions: Vec<String>,
    /// Users.
    pub accounts: Vec<Account>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            backend: Backend::default(),
            tags_in_post: TagsInPost::default(),
            allocation: Allocation::default(),
            seed: None,
            metadata_ports: false,
            activation: Activation::After(Duration::ZERO),
            parents_plugged: false,
            latency: Latency::none(),
            missing_extensions: Vec::new(),
            quotas: BTreeMap::new(),
            lb_provider: Provider::Amphora,
            token_lifetime: Duration::from_secs(4 * 3600),
            regions: vec!["RegionOne".to_owned()],
            accounts: vec![
                Account::new("admin", "admin", &["admin", "member", "reader"]),
                Account::new(
                    "kuryr",
                    "k8s",
                    &["member", "reader", "load-balancer_member"],
                ),
            ],
        }
    }
}
