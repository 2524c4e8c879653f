//! What each provider refuses. Words are those of Octavia 11's amphora driver and of the OVN provider 3.0.

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::Value;

use super::super::model::object::{flag, given, items};
use super::super::{ApiError, Cloud, Fields, Kind};
use super::error::{not_implemented, unsupported};
use super::schema::LbKind;
use super::{Octavia, text};
use crate::Caller;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// OVN's own load balancers.
    Ovn,
    /// HAProxy in VMs; here they do nothing.
    Amphora,
}

impl Provider {
    /// All of them, as the list shows them.
    pub const ALL: [Self; 2] = [Self::Ovn, Self::Amphora];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ovn => "ovn",
            Self::Amphora => "amphora",
        }
    }

    /// What it is, in words.
    pub fn description(self) -> &'static str {
        match self {
            Self::Ovn => "OVN in the virtual switches",
            Self::Amphora => "amphorae that do nothing",
        }
    }

    /// The provider of a name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name)
    }

    fn refuses(self, why: impl AsRef<str>) -> ApiError {
        unsupported(self.name(), why)
    }

    /// Whether it takes a new object, or what one is changed to.
    pub(super) fn check(self, kind: LbKind, asked: &Fields) -> Result<(), ApiError> {
        match (self, kind) {
            (Self::Ovn, LbKind::Listener) => ovn_listener(asked),
            (Self::Ovn, LbKind::Pool) => ovn_pool(asked),
            (Self::Ovn, LbKind::HealthMonitor) => ovn_monitor(asked),
            (Self::Ovn, LbKind::Member) => ovn_member(asked),
            (Self::Amphora, LbKind::Pool) => amphora_pool(asked),
            _ => Ok(()),
        }
    }

    /// Whether it never ends its work on a change: `ovn` where a listener loses its pool.
    pub(super) fn forgets(self, kind: LbKind, object: &Fields, changes: &Fields) -> bool {
        let pool = |fields: &Fields| given(fields, "default_pool_id").is_some();
        let loses = changes.contains_key("default_pool_id") && !pool(changes) && pool(object);
        self == Self::Ovn && kind == LbKind::Listener && loses
    }

    /// Whether it takes what is made with its load balancer. The provider `amphora` does not look.
    pub(super) fn check_in_tree(self, kind: LbKind, asked: &Fields) -> Result<(), ApiError> {
        match self {
            Self::Ovn => self.check(kind, asked),
            Self::Amphora => Ok(()),
        }
    }

    /// Whether it can build a load balancer anew.
    pub(super) fn check_failover(self) -> Result<(), ApiError> {
        match self {
            Self::Ovn => Err(self.refuses("OVN provider does not support loadbalancer failover")),
            Self::Amphora => Ok(()),
        }
    }

    /// What the flavours of a provider can set: name and description.
    ///
    /// # Errors
    /// 403 unless admin; 400 for a provider that is none.
    pub fn capabilities_of(
        name: &str,
        caller: &Caller,
    ) -> Result<&'static [(&'static str, &'static str)], ApiError> {
        if !caller.admin {
            return Err(super::error::forbidden());
        }
        let provider = Self::of(name);
        let words = format!("Provider '{name}' is not enabled.");
        provider
            .ok_or_else(|| super::error::bad_request(words))?
            .flavor_capabilities()
    }

    fn flavor_capabilities(self) -> Result<&'static [(&'static str, &'static str)], ApiError> {
        match self {
            Self::Ovn => Err(not_implemented(
                self.name(),
                "This provider does not support getting the supported flavor metadata.",
            )),
            Self::Amphora => Ok(AMPHORA_CAPABILITIES),
        }
    }
}

const AMPHORA_CAPABILITIES: &[(&str, &str)] = &[
    (
        "loadbalancer_topology",
        "The load balancer topology. One of: SINGLE - One amphora per load balancer. ACTIVE_STANDBY - Two amphora per \
         load balancer.",
    ),
    ("compute_flavor", "The compute driver flavor ID."),
    ("amp_image_tag", "The amphora image tag."),
];

fn protocol(asked: &Fields) -> Result<(), ApiError> {
    match text(asked, "protocol") {
        "" | "TCP" | "UDP" | "SCTP" => Ok(()),
        other => {
            Err(Provider::Ovn.refuses(format!("OVN provider does not support {other} protocol")))
        }
    }
}

fn ovn_listener(asked: &Fields) -> Result<(), ApiError> {
    protocol(asked)?;
    if items(asked, "allowed_cidrs").is_empty() {
        return Ok(());
    }
    Err(Provider::Ovn.refuses("OVN provider does not support allowed_cidrs option"))
}

fn ovn_pool(asked: &Fields) -> Result<(), ApiError> {
    protocol(asked)?;
    match text(asked, "lb_algorithm") {
        "" | "SOURCE_IP_PORT" => Ok(()),
        other => {
            Err(Provider::Ovn.refuses(format!("OVN provider does not support {other} algorithm")))
        }
    }
}

fn ovn_monitor(asked: &Fields) -> Result<(), ApiError> {
    match text(asked, "type") {
        "" | "TCP" | "UDP-CONNECT" => Ok(()),
        other => Err(Provider::Ovn.refuses(format!(
            "OVN provider does not support {other} health monitor type. Supported types: UDP-CONNECT, TCP"
        ))),
    }
}

fn ovn_member(asked: &Fields) -> Result<(), ApiError> {
    if given(asked, "monitor_address").is_none() && given(asked, "monitor_port").is_none() {
        return Ok(());
    }
    Err(Provider::Ovn
        .refuses("OVN Load Balancer does not support different member monitor address or port."))
}

fn amphora_pool(asked: &Fields) -> Result<(), ApiError> {
    match text(asked, "lb_algorithm") {
        "SOURCE_IP_PORT" => Err(Provider::Amphora
            .refuses("Amphora provider does not support SOURCE_IP_PORT algorithm.")),
        _ => Ok(()),
    }
}

impl Octavia {
    /// The provider of a load balancer.
    pub(super) fn provider_of(&self, balancer: &str) -> Provider {
        let name = self
            .get(LbKind::LoadBalancer, balancer)
            .map_or("", |balancer| text(balancer, "provider"));
        Provider::of(name).unwrap_or(Provider::Amphora)
    }

    /// OVN has members of its VIP's IP version only.
    pub(super) fn check_member_version(&self, pool: &str, member: &Fields) -> Result<(), ApiError> {
        let balancer = self.balancer_of(LbKind::Pool, pool).unwrap_or_default();
        let vip = self
            .get(LbKind::LoadBalancer, balancer)
            .map_or("", |balancer| text(balancer, "vip_address"));
        let same = vip.contains(':') == text(member, "address").contains(':');
        if same || self.provider_of(balancer) != Provider::Ovn {
            return Ok(());
        }
        Err(Provider::Ovn.refuses(
            "OVN provider does not support mixing IPv4/IPv6 configuration within the same Load Balancer.",
        ))
    }

    /// OVN's monitors probe from the address of a port that only networks with DHCP have.
    pub(super) fn can_probe(&self, cloud: &mut Cloud, balancer: &str) -> bool {
        let subnet = self
            .get(LbKind::LoadBalancer, balancer)
            .map_or("", |balancer| text(balancer, "vip_subnet_id"));
        self.provider_of(balancer) != Provider::Ovn
            || shown(cloud, subnet).is_some_and(|subnet| flag(&subnet, "enable_dhcp"))
    }

    /// OVN must know the subnet of a member that is not on the VIP's. `during` names what is done in its words.
    pub(super) fn check_member_subnet(
        &self,
        cloud: &mut Cloud,
        pool: &str,
        member: &Fields,
        during: &str,
    ) -> Result<(), ApiError> {
        let balancer = self.balancer_of(LbKind::Pool, pool).unwrap_or_default();
        if self.provider_of(balancer) != Provider::Ovn || given(member, "subnet_id").is_some() {
            return Ok(());
        }
        let subnet = self
            .get(LbKind::LoadBalancer, balancer)
            .map_or("", |balancer| text(balancer, "vip_subnet_id"));
        let address = text(member, "address").parse::<IpAddr>().ok();
        let inside = cidr(cloud, subnet)
            .zip(address)
            .is_some_and(|(cidr, address)| cidr.contains(&address));
        if inside {
            return Ok(());
        }
        Err(Provider::Ovn.refuses(format!(
            "Subnet is required, or Loadbalancer associated with Pool must have a subnet, for Member {during} OVN \
             Provider Driver if it is not the same as LB VIP subnet"
        )))
    }
}

fn cidr(cloud: &mut Cloud, subnet: &str) -> Option<IpNet> {
    let shown = shown(cloud, subnet)?;
    shown.get("cidr").and_then(Value::as_str)?.parse().ok()
}

fn shown(cloud: &mut Cloud, subnet: &str) -> Option<Fields> {
    let everybody = Caller {
        project_id: String::new(),
        admin: true,
    };
    cloud.show(&everybody, Kind::Subnet, subnet, &[]).ok()
}
