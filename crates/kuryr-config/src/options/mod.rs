//! Every option, declared once; a module for each subject.

mod cloud;
mod kubernetes;
mod kuryr;
mod logging;
mod neutron;
mod node;
mod pool;
mod reasons;
mod unused;

pub use cloud::{
    LbAlgorithm, MemberMode, NamespaceSubnet, NeutronDefaults, OctaviaDefaults, PodVifNested,
};
pub use kubernetes::{
    Handler, Kubernetes, MultiVifDriver, NodesSubnetsDriver, OneProject, PodSubnetsDriver,
    PodVifDriver, ProjectDriver, SecurityGroupsDriver,
};
pub use kuryr::{Kuryr, LbMembers, LogFormat, PlugMethod};
pub use logging::Logging;
pub use neutron::{AuthType, Neutron};
pub use node::{
    Binding, BindingDriver, CniDaemon, CniHealthServer, HealthServer, PrometheusExporter,
};
pub use pool::{PoolDriver, VifPool};
pub(crate) use unused::foreign_group;

use crate::auth::OpenStackAuth;
use crate::load::Reader;
use crate::spec::GroupSpec;

/// Makes [`Config`] and its table from the list of groups.
macro_rules! config {
    (
        $($(#[doc = $help:literal])+ $field:ident: $group:ident,)+
        unused { $($unused:ident,)+ }
    ) => {
        /// The whole configuration, checked.
        #[derive(Debug, Clone, PartialEq)]
        pub struct Config {
            $($(#[doc = $help])+ pub $field: $group,)+
            /// How OpenStack is reached, from `[neutron]` or a `clouds.yaml`;
            /// `None` for the daemon, and where nothing of it is set.
            pub openstack: Option<OpenStackAuth>,
        }

        impl Config {
            /// The option table, in the order of the reference page.
            pub const GROUPS: &'static [GroupSpec] =
                &[$($group::GROUP,)+ $(unused::$unused,)+];

            /// Reads every group before it gives up.
            pub(crate) fn read(reader: &mut Reader<'_>) -> Option<Self> {
                $(let $field = $group::read(reader);)+
                Some(Self { $($field: $field?,)+ openstack: None })
            }
        }
    };
}

config! {
    /// `[DEFAULT]`
    logging: Logging,
    /// `[kuryr]`
    kuryr: Kuryr,
    /// `[kubernetes]`
    kubernetes: Kubernetes,
    /// `[neutron]`
    neutron: Neutron,
    /// `[neutron_defaults]`
    neutron_defaults: NeutronDefaults,
    /// `[pod_vif_nested]`
    pod_vif_nested: PodVifNested,
    /// `[namespace_subnet]`
    namespace_subnet: NamespaceSubnet,
    /// `[octavia_defaults]`
    octavia_defaults: OctaviaDefaults,
    /// `[vif_pool]`
    vif_pool: VifPool,
    /// `[binding]`
    binding: Binding,
    /// `[cni_daemon]`
    cni_daemon: CniDaemon,
    /// `[cni_health_server]`
    cni_health_server: CniHealthServer,
    /// `[health_server]`
    health_server: HealthServer,
    /// `[prometheus_exporter]`
    prometheus_exporter: PrometheusExporter,
    unused {
        POOL_MANAGER,
        SUBNET_CACHING,
        NODES_CACHING,
        NODE_DRIVER_CACHING,
        CACHE_DEFAULTS,
        VHOSTUSER,
        NESTED_DPDK,
    }
}

impl Config {
    /// The driver that supplies ports for VLAN subports: what
    /// `[vif_pool] vif_pool_mapping` or its older form says for `nested-vlan`,
    /// else `[kubernetes] vif_pool_driver`.
    pub fn pool_driver(&self) -> PoolDriver {
        self.vif_pool
            .mapped(PodVifDriver::NestedVlan.as_str())
            .unwrap_or(self.kubernetes.vif_pool_driver)
    }

    /// Whether logs are written as JSON: `[kuryr] log_format` or oslo.log's
    /// `[DEFAULT] use_json`.
    pub fn logs_json(&self) -> bool {
        self.logging.use_json || self.kuryr.log_format == LogFormat::Json
    }
}
