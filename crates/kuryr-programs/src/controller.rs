//! The controller as a program: its settings from `kuryr.conf`.

use std::net::{Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use kuryr_config::options::{
    Handler, LbAlgorithm, LbMembers, MemberMode, PodSubnetsDriver, PoolDriver, ProjectDriver,
    SecurityGroupsDriver,
};
use kuryr_config::{Config, Role};
use kuryr_controller::{
    ControllerConfig, LeaseSettings, NamespaceNetworks, PolicyConfig, ServiceConfig,
};
use kuryr_core::lease::name_in_pod;
use kuryr_core::pool;
use kuryr_core::port::Settings;
use kuryr_core::service;
use prometheus_client::registry::Registry;
use tokio_util::sync::CancellationToken;

use crate::options::Start;
use crate::wiring::{self, Stop};

/// Runs the controller until it ends or a signal comes; what is wrong is said on stderr or in the log.
pub fn run(start: &Start) -> ExitCode {
    wiring::run("kuryr controller", start, Role::Controller, serve)
}

async fn serve(config: Config, start: wiring::Started) -> Result<(), Stop> {
    let client = wiring::kubernetes(&config.kubernetes, start.kubeconfig.as_deref()).await?;
    let cloud = wiring::openstack(&config).await?;
    let registry = Registry::default();
    let stop: CancellationToken = start.stop;
    kuryr_controller::run(settings(&config), client, cloud, registry, stop)
        .await
        .map_err(Stop::from_error)
}

/// The controller's settings from the configuration.
pub fn settings(config: &Config) -> ControllerConfig {
    let defaults = &config.neutron_defaults;
    let any =
        |port: u16| Some(SocketAddr::from((Ipv6Addr::UNSPECIFIED, port))).filter(|a| a.port() != 0);
    ControllerConfig {
        cluster_id: config.kuryr.cluster_id.clone(),
        pod_subnets: defaults.pod_subnet.clone(),
        policies: policies(config),
        namespaces: namespaces(config),
        pod_security_groups: defaults.pod_security_groups.clone(),
        project: defaults.project.clone(),
        mtu: Some(defaults.network_device_mtu).filter(|m| *m != 0),
        resource_tags: defaults.resource_tags.clone(),
        node_subnets: config.pod_vif_nested.worker_nodes_subnets.clone(),
        port_debug: config.kubernetes.port_debug,
        ports: ports(config),
        resync: config.kubernetes.watch_reconcile_period,
        lease: lease(config),
        health: any(config.health_server.port),
        metrics: any(config.prometheus_exporter.controller_exporter_port),
        services: services(config),
        local_switching: config.kuryr.local_switching,
        use_events: config.kubernetes.use_events,
    }
}

/// NetworkPolicies, where the configuration wants them in force.
fn policies(config: &Config) -> Option<PolicyConfig> {
    let drivers = &config.kubernetes;
    let provider = &drivers.endpoints_driver_octavia_provider;
    match drivers.pod_security_groups_driver {
        SecurityGroupsDriver::Default => None,
        SecurityGroupsDriver::Policy => Some(PolicyConfig {
            service_subnets: config
                .neutron_defaults
                .service_subnet
                .iter()
                .cloned()
                .collect(),
            provider: Some(provider.clone()).filter(|p| p != "default"),
        }),
    }
}

/// Networks of namespaces, where the configuration wants them.
fn namespaces(config: &Config) -> Option<NamespaceNetworks> {
    let (own, drivers) = (&config.namespace_subnet, &config.kubernetes);
    if drivers.pod_subnets_driver != PodSubnetsDriver::Namespace {
        return None;
    }
    Some(NamespaceNetworks {
        router: own.pod_router.clone()?,
        pools: own.pod_subnet_pool.clone(),
        networks_by_annotation: drivers.namespace_project_driver == ProjectDriver::Annotation,
        ports_by_annotation: drivers.pod_project_driver == ProjectDriver::Annotation,
    })
}

/// Load balancers, where the configuration wants them.
fn services(config: &Config) -> Option<ServiceConfig> {
    let (defaults, octavia) = (&config.neutron_defaults, &config.octavia_defaults);
    let handlers = &config.kubernetes.enabled_handlers;
    let subnet = defaults.service_subnet.clone()?;
    if !handlers.contains(&Handler::Service) {
        return None;
    }
    let id = |text: &String| service::Id::from(text.as_str());
    let provider = &config.kubernetes.endpoints_driver_octavia_provider;
    let some = |n: u32| Some(n).filter(|n| *n != 0);
    let network = defaults.external_svc_net.as_ref();
    let nodes = &config.pod_vif_nested.worker_nodes_subnets;
    let pods: Vec<String> = match config.kubernetes.pod_subnets_driver {
        PodSubnetsDriver::Default => defaults.pod_subnet.clone(),
        PodSubnetsDriver::Namespace => Vec::new(),
    };
    Some(ServiceConfig {
        settings: service::Settings {
            project: defaults.project.as_ref().map(id),
            provider: Some(id(provider)).filter(|p| &**p != "default"),
            security_groups: defaults.pod_security_groups.iter().map(id).collect(),
            member_mode: match octavia.member_mode {
                MemberMode::L3 => service::MemberMode::L3,
                MemberMode::L2 => service::MemberMode::L2,
            },
            algorithm: match octavia.lb_algorithm {
                LbAlgorithm::RoundRobin => service::Algorithm::RoundRobin,
                LbAlgorithm::LeastConnections => service::Algorithm::LeastConnections,
                LbAlgorithm::SourceIp => service::Algorithm::SourceIp,
                LbAlgorithm::SourceIpPort => service::Algorithm::SourceIpPort,
            },
            ovn_keeps_affinity: config.kuryr.ovn_session_affinity,
            timeout_client: some(octavia.timeout_client_data),
            timeout_member: some(octavia.timeout_member_data),
            monitors: config.kuryr.health_monitors,
            external: network.map(|n| (id(n), defaults.external_svc_subnet.as_ref().map(id))),
            allowed: service::Allowed {
                providers: config.kuryr.lb_providers.iter().map(id).collect(),
                flavors: config.kuryr.lb_flavors.iter().map(id).collect(),
                floating_networks: config.kuryr.lb_floating_networks.iter().map(id).collect(),
                members: None,
            },
            stuck: u64::from(defaults.lbaas_activation_timeout) * 1_000,
            orphan_grace: millis(config.kuryr.orphan_grace),
            ..service::Settings::default()
        },
        admitted_subnets: match config.kuryr.lb_members {
            LbMembers::Pods => Some(pods.clone()),
            LbMembers::Cluster => Some(pods.iter().chain(nodes).cloned().collect()),
            LbMembers::Any => None,
        },
        service_subnets: vec![subnet],
        member_subnets: pods.iter().chain(nodes).cloned().collect(),
        subnet_pools: namespaces(config).map_or_else(Vec::new, |own| own.pools),
    })
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn ports(config: &Config) -> Settings {
    let pool = &config.vif_pool;
    let limits = pool::Limits {
        enabled: config.pool_driver() == PoolDriver::Nested,
        min: pool.ports_pool_min as usize,
        max: pool.ports_pool_max as usize,
        batch: pool.ports_pool_batch as usize,
    };
    Settings {
        pool: limits,
        linger: millis(pool.ports_pool_update_frequency),
        cooldown: millis(config.kuryr.port_cooldown),
        orphan_grace: millis(config.kuryr.orphan_grace),
        ..Settings::default()
    }
}

/// This process among all ever; in a pod that names itself by `POD_UID`, with the pod's uid.
fn identity(host: &str, pod_uid: Option<&str>) -> String {
    let life = uuid::Uuid::new_v4();
    match pod_uid.filter(|uid| !uid.is_empty()) {
        Some(uid) => name_in_pod(host, uid, &life.to_string()),
        None => format!("{host}_{life}"),
    }
}

fn lease(config: &Config) -> LeaseSettings {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    LeaseSettings {
        namespace: config.kuryr.lease_namespace.clone(),
        name: config.kuryr.lease_name.clone(),
        duration: config.kuryr.lease_duration,
        renew: config.kuryr.lease_renew,
        identity: identity(host.trim(), std::env::var("POD_UID").ok().as_deref()),
    }
}
