//! Kinds of objects and their attributes, as data (Octavia API v2.26).

use serde_json::{Value, json};

/// Kinds of objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LbKind {
    /// `/v2/lbaas/loadbalancers`
    LoadBalancer,
    /// `/v2/lbaas/listeners`
    Listener,
    /// `/v2/lbaas/pools`
    Pool,
    /// `/v2/lbaas/pools/{id}/members`
    Member,
    /// `/v2/lbaas/healthmonitors`
    HealthMonitor,
}

impl LbKind {
    /// All kinds.
    pub const ALL: [Self; 5] = [
        Self::LoadBalancer,
        Self::Listener,
        Self::Pool,
        Self::Member,
        Self::HealthMonitor,
    ];

    /// Key of one object in a body.
    pub fn singular(self) -> &'static str {
        match self {
            Self::LoadBalancer => "loadbalancer",
            Self::Listener => "listener",
            Self::Pool => "pool",
            Self::Member => "member",
            Self::HealthMonitor => "healthmonitor",
        }
    }

    /// Key of a list in a body, and segment of the path.
    pub fn plural(self) -> String {
        format!("{}s", self.singular())
    }

    /// The kind that a path's segment names.
    pub fn from_collection(segment: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.plural() == segment)
    }

    /// What messages call it.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::LoadBalancer => "Load Balancer",
            Self::Listener => "Listener",
            Self::Pool => "Pool",
            Self::Member => "Member",
            Self::HealthMonitor => "Health Monitor",
        }
    }

    /// What Octavia's code calls a body of it.
    pub(super) fn argument(self) -> &'static str {
        match self {
            Self::LoadBalancer => "load_balancer",
            Self::Listener => "listener_",
            Self::Pool => "pool_",
            Self::Member => "member_",
            Self::HealthMonitor => "health_monitor_",
        }
    }

    /// The attribute that names its parent.
    pub(super) fn parent_key(self) -> Option<&'static str> {
        match self {
            Self::LoadBalancer => None,
            Self::Listener | Self::Pool => Some("loadbalancer_id"),
            Self::Member | Self::HealthMonitor => Some("pool_id"),
        }
    }

    /// Kinds that are below it.
    pub(super) fn children(self) -> &'static [Self] {
        match self {
            Self::LoadBalancer => &[Self::Listener, Self::Pool],
            Self::Pool => &[Self::HealthMonitor, Self::Member],
            Self::Listener | Self::Member | Self::HealthMonitor => &[],
        }
    }

    /// `operating_status` of a new object.
    pub(super) fn first_operating_status(self) -> &'static str {
        match self {
            Self::Member => "NO_MONITOR",
            _ => "OFFLINE",
        }
    }

    /// Its attributes.
    pub(super) fn attributes(self) -> &'static [Attribute] {
        match self {
            Self::LoadBalancer => LOAD_BALANCER,
            Self::Listener => LISTENER,
            Self::Pool => POOL,
            Self::Member => MEMBER,
            Self::HealthMonitor => HEALTH_MONITOR,
        }
    }

    pub(super) fn attribute(self, name: &str) -> Option<&'static Attribute> {
        self.attributes()
            .iter()
            .find(|attribute| attribute.name == name)
    }
}

/// What a value must look like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Shape {
    /// A string of at most so many characters.
    Text(usize),
    /// A boolean.
    Bool,
    /// A number of a range.
    Int(i64, i64),
    /// One of these strings.
    OneOf(&'static [&'static str]),
    Uuid,
    /// An address.
    Ip,
    /// A list of prefixes.
    Cidrs,
    /// A list of strings.
    Tags,
    /// `{type, cookie_name?, persistence_timeout?, persistence_granularity?}`
    Persistence,
    /// `[{subnet_id, ip_address?}]`
    Vips,
    /// An object of a kind that is made with this one.
    New(LbKind),
    /// A list of such.
    News(LbKind),
    /// Not taken from anybody.
    Own,
}

/// The value of an attribute that a POST leaves out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Absent {
    Unset,
    Null,
    Bool(bool),
    Int(i64),
    Text(&'static str),
    EmptyList,
    EmptyObject,
    /// 400
    Refused,
}

impl Absent {
    pub(super) fn value(self) -> Option<Value> {
        match self {
            Self::Unset | Self::Refused => None,
            Self::Null => Some(Value::Null),
            Self::Bool(flag) => Some(json!(flag)),
            Self::Int(number) => Some(json!(number)),
            Self::Text(text) => Some(json!(text)),
            Self::EmptyList => Some(json!([])),
            Self::EmptyObject => Some(json!({})),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Attribute {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    pub(super) absent: Absent,
    pub(super) put: bool,
    pub(super) shown: bool,
}

const fn own(name: &'static str) -> Attribute {
    Attribute {
        name,
        shape: Own,
        absent: Null,
        put: false,
        shown: true,
    }
}

const fn field(name: &'static str, shape: Shape, absent: Absent) -> Attribute {
    Attribute {
        name,
        shape,
        absent,
        put: true,
        shown: true,
    }
}

impl Attribute {
    const fn fixed(mut self) -> Self {
        self.put = false;
        self
    }

    const fn hidden(mut self) -> Self {
        self.shown = false;
        self.fixed()
    }
}

use Absent::{EmptyList, Null, Refused, Unset};
use Shape::{
    Bool, Cidrs, Int, Ip, New, News, OneOf, Own, Persistence, Tags as TagList, Text, Uuid, Vips,
};

const PORT: Shape = Int(1, 65535);
const TIMEOUT: Shape = Int(0, 31_536_000_000);
const RETRIES: Shape = Int(1, 10);
const SECONDS: Shape = Int(0, i64::MAX);
const LISTENER_PROTOCOLS: &[&str] = &[
    "HTTP",
    "HTTPS",
    "PROMETHEUS",
    "SCTP",
    "TCP",
    "TERMINATED_HTTPS",
    "UDP",
];
const POOL_PROTOCOLS: &[&str] = &["HTTP", "HTTPS", "PROXY", "PROXYV2", "SCTP", "TCP", "UDP"];
const ALGORITHMS: &[&str] = &[
    "LEAST_CONNECTIONS",
    "ROUND_ROBIN",
    "SOURCE_IP",
    "SOURCE_IP_PORT",
];
const MONITORS: &[&str] = &[
    "HTTP",
    "HTTPS",
    "PING",
    "SCTP",
    "TCP",
    "TLS-HELLO",
    "UDP-CONNECT",
];
const METHODS: &[&str] = &[
    "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE",
];

const NAME: Attribute = field("name", Text(255), Absent::Text(""));
const DESCRIPTION: Attribute = field("description", Text(255), Absent::Text(""));
const UP: Attribute = field("admin_state_up", Bool, Absent::Bool(true));
const TAGS: Attribute = field("tags", TagList, EmptyList);
const PROJECT: Attribute = field("project_id", Text(36), Unset).fixed();

static LOAD_BALANCER: &[Attribute] = &[
    own("id"),
    NAME,
    DESCRIPTION,
    own("provisioning_status"),
    own("operating_status"),
    UP,
    PROJECT,
    own("created_at"),
    own("updated_at"),
    field("vip_address", Ip, Null).fixed(),
    field("vip_port_id", Uuid, Null).fixed(),
    field("vip_subnet_id", Uuid, Null).fixed(),
    field("vip_network_id", Uuid, Null).fixed(),
    field("additional_vips", Vips, EmptyList).fixed(),
    field("provider", Text(64), Unset).fixed(),
    field("flavor_id", Uuid, Null).fixed(),
    field("vip_qos_policy_id", Uuid, Null),
    TAGS,
    field("availability_zone", Text(255), Null).fixed(),
    field("listeners", News(LbKind::Listener), EmptyList).hidden(),
    field("pools", News(LbKind::Pool), EmptyList).hidden(),
];

static LISTENER: &[Attribute] = &[
    own("id"),
    NAME,
    DESCRIPTION,
    own("provisioning_status"),
    own("operating_status"),
    UP,
    field("protocol", OneOf(LISTENER_PROTOCOLS), Refused).fixed(),
    field("protocol_port", PORT, Refused).fixed(),
    field("connection_limit", Int(-1, i64::MAX), Absent::Int(-1)),
    own("default_tls_container_ref"),
    Attribute {
        absent: EmptyList,
        ..own("sni_container_refs")
    },
    PROJECT,
    field("default_pool_id", Uuid, Null),
    field("default_pool", New(LbKind::Pool), Unset).hidden(),
    field("loadbalancer_id", Uuid, Unset).hidden(),
    Attribute {
        absent: Absent::EmptyObject,
        ..own("insert_headers")
    },
    own("created_at"),
    own("updated_at"),
    field("timeout_client_data", TIMEOUT, Absent::Int(50000)),
    field("timeout_member_connect", TIMEOUT, Absent::Int(5000)),
    field("timeout_member_data", TIMEOUT, Absent::Int(50000)),
    field("timeout_tcp_inspect", TIMEOUT, Absent::Int(0)),
    TAGS,
    field("allowed_cidrs", Cidrs, Null),
];

static POOL: &[Attribute] = &[
    own("id"),
    NAME,
    DESCRIPTION,
    own("provisioning_status"),
    own("operating_status"),
    UP,
    field("protocol", OneOf(POOL_PROTOCOLS), Refused).fixed(),
    field("lb_algorithm", OneOf(ALGORITHMS), Refused),
    field("session_persistence", Persistence, Null),
    PROJECT,
    own("created_at"),
    own("updated_at"),
    field("loadbalancer_id", Uuid, Unset).hidden(),
    field("listener_id", Uuid, Unset).hidden(),
    field("members", News(LbKind::Member), EmptyList).hidden(),
    field("healthmonitor", New(LbKind::HealthMonitor), Unset).hidden(),
    TAGS,
    field("tls_enabled", Bool, Absent::Bool(false)),
];

static MEMBER: &[Attribute] = &[
    own("id"),
    NAME,
    own("operating_status"),
    own("provisioning_status"),
    UP,
    field("address", Ip, Refused).fixed(),
    field("protocol_port", PORT, Refused).fixed(),
    field("weight", Int(0, 256), Absent::Int(1)),
    field("backup", Bool, Absent::Bool(false)),
    field("subnet_id", Uuid, Null).fixed(),
    PROJECT,
    own("created_at"),
    own("updated_at"),
    field("monitor_address", Ip, Null),
    field("monitor_port", PORT, Null),
    TAGS,
];

static HEALTH_MONITOR: &[Attribute] = &[
    own("id"),
    NAME,
    field("type", OneOf(MONITORS), Refused).fixed(),
    field("delay", SECONDS, Refused),
    field("timeout", SECONDS, Refused),
    field("max_retries", RETRIES, Refused),
    field("max_retries_down", RETRIES, Absent::Int(3)),
    field("http_method", OneOf(METHODS), Null),
    field("url_path", Text(2048), Null),
    field("expected_codes", Text(64), Null),
    UP,
    PROJECT,
    field("pool_id", Uuid, Unset).hidden(),
    own("provisioning_status"),
    own("operating_status"),
    own("created_at"),
    own("updated_at"),
    TAGS,
    field("http_version", Own, Null),
    field("domain_name", Text(255), Null),
];
