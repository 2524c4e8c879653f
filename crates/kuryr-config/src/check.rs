//! What options must be together, and which must be set.

use crate::error::{ConfigError, Found, OptionError, OptionName, Problem};
use crate::load::Values;
use crate::options::{
    NodesSubnetsDriver, PodSubnetsDriver, PodVifDriver, PoolDriver, ProjectDriver,
    SecurityGroupsDriver,
};
use crate::suggest::hint;
use crate::suggest::nearest;
use crate::warning::{Warning, WarningKind};
use crate::{Config, Origin, Role};

/// An option by group and name.
type Name = (&'static str, &'static str);

/// Options that don't go together, or one that is missing. The first is named
/// in the message.
struct Conflict {
    options: Vec<Name>,
    problem: Problem,
}

/// Every conflict between options whose own values are right.
pub(crate) fn check(
    config: &Config,
    role: Role,
    values: &Values,
    bad: &[Name],
) -> Vec<ConfigError> {
    let mut conflicts = Vec::new();
    conflicts.extend(pool_limits(config));
    conflicts.extend(pool_drivers(config));
    conflicts.extend(lease(config));
    conflicts.extend(container(config));
    conflicts.extend(client_certificate(config));
    conflicts.extend(listeners(config));
    if role == Role::Controller {
        conflicts.extend(subnets(config));
    }
    conflicts
        .into_iter()
        .filter(|conflict| !conflict.options.iter().any(|name| bad.contains(name)))
        .map(|conflict| conflict.into_error(values))
        .collect()
}

/// What is allowed and makes the system less safe.
pub(crate) fn warn(config: &Config, values: &Values) -> Vec<Warning> {
    let unsafe_options = [
        (
            !config.kubernetes.ssl_verify_server_crt,
            ("kubernetes", "ssl_verify_server_crt"),
            "the Kubernetes API's certificate is not verified: \
             who is on the way can read and change everything",
        ),
        (
            config.neutron.insecure,
            ("neutron", "insecure"),
            "OpenStack's certificates are not verified: \
             who is on the way can read the credentials",
        ),
    ];
    unsafe_options
        .into_iter()
        .filter(|(is_unsafe, ..)| *is_unsafe)
        .map(|(_, (group, name), why)| {
            let origin = values.origin(group, name);
            let subject = match origin {
                Origin::Cloud { .. } => String::new(),
                _ => OptionName::new(group, name).to_string(),
            };
            Warning::new(origin, subject, WarningKind::Unsafe(why.into()))
        })
        .collect()
}

impl Conflict {
    /// Puts the message at the first of the options that is set.
    fn into_error(self, values: &Values) -> ConfigError {
        let set = |name: &&Name| values.get(name.0, name.1).is_some();
        let fallback = ("", "");
        let first = self.options.first().unwrap_or(&fallback);
        let (group, name) = *self.options.iter().find(set).unwrap_or(first);
        let raw = values.get(group, name);
        OptionError {
            origin: values.origin(group, name),
            option: OptionName::new(group, name),
            found: raw.map_or(Found::Nothing, |raw| Found::Text(raw.text.clone())),
            problem: self.problem,
        }
        .into()
    }
}

fn conflict(options: &[Name], message: String) -> Conflict {
    Conflict {
        options: options.to_vec(),
        problem: Problem::Conflict(message),
    }
}

fn missing(option: Name, why: &str) -> Conflict {
    Conflict {
        options: vec![option],
        problem: Problem::Missing(why.into()),
    }
}

fn pool_limits(config: &Config) -> Option<Conflict> {
    let (min, max) = (
        config.vif_pool.ports_pool_min,
        config.vif_pool.ports_pool_max,
    );
    (max > 0 && min > max).then(|| {
        conflict(
            &[
                ("vif_pool", "ports_pool_max"),
                ("vif_pool", "ports_pool_min"),
            ],
            format!(
                "ports_pool_min is {min} and ports_pool_max {max}: \
                 expected ports_pool_max to be 0 or at least ports_pool_min"
            ),
        )
    })
}

/// Each pair of a mapping must name drivers that are there.
fn pool_drivers(config: &Config) -> Vec<Conflict> {
    let mut conflicts = Vec::new();
    for (pod, pool, option) in config.vif_pool.pairs() {
        let drivers = [
            (pod, PodVifDriver::WORDS, "pod driver"),
            (pool, PoolDriver::WORDS, "pool driver"),
        ];
        for (name, words, what) in drivers {
            if !words.contains(&name) {
                let hint = hint(nearest(name, words.iter().copied()));
                let message = format!(
                    "{what} {name:?} is not there: expected {}{hint}",
                    words.join(" or ")
                );
                conflicts.push(conflict(&[("vif_pool", option)], message));
            }
        }
    }
    conflicts
}

fn lease(config: &Config) -> Option<Conflict> {
    let (renew, duration) = (config.kuryr.lease_renew, config.kuryr.lease_duration);
    (renew >= duration).then(|| {
        conflict(
            &[("kuryr", "lease_renew"), ("kuryr", "lease_duration")],
            format!(
                "lease_renew is {} s and lease_duration {} s: \
                 expected lease_renew to be less than lease_duration",
                renew.as_secs_f64(),
                duration.as_secs_f64()
            ),
        )
    })
}

fn container(config: &Config) -> Option<Conflict> {
    let daemon = &config.cni_daemon;
    (daemon.docker_mode && daemon.netns_proc_dir.is_none()).then(|| {
        missing(
            ("cni_daemon", "netns_proc_dir"),
            "docker_mode needs it: where the host's /proc is mounted",
        )
    })
}

fn client_certificate(config: &Config) -> Option<Conflict> {
    let kubernetes = &config.kubernetes;
    let certificate = ("kubernetes", "ssl_client_crt_file");
    let key = ("kubernetes", "ssl_client_key_file");
    match (
        &kubernetes.ssl_client_crt_file,
        &kubernetes.ssl_client_key_file,
    ) {
        (Some(_), None) => Some(missing(key, "ssl_client_crt_file needs its key")),
        (None, Some(_)) => Some(missing(
            certificate,
            "ssl_client_key_file needs its certificate",
        )),
        _ => None,
    }
}

/// Controller and daemon may run on one node, in its network namespace.
fn listeners(config: &Config) -> Vec<Conflict> {
    let ports = [
        (("health_server", "port"), config.health_server.port),
        (("cni_health_server", "port"), config.cni_health_server.port),
        (
            ("prometheus_exporter", "controller_exporter_port"),
            config.prometheus_exporter.controller_exporter_port,
        ),
        (
            ("prometheus_exporter", "cni_exporter_port"),
            config.prometheus_exporter.cni_exporter_port,
        ),
    ];
    let mut conflicts = Vec::new();
    for (index, (option, port)) in ports.iter().enumerate() {
        let twin = ports[..index]
            .iter()
            .find(|(_, other)| other == port && *port != 0);
        if let Some((other, _)) = twin {
            let message = format!(
                "{} and {} have the same port {port}: expected different ones",
                OptionName::new(other.0, other.1),
                OptionName::new(option.0, option.1),
            );
            conflicts.push(conflict(&[*option, *other], message));
        }
    }
    conflicts
}

/// What it takes for all pods to be in one subnet.
fn one_subnet(config: &Config) -> Vec<Conflict> {
    let mut conflicts = Vec::new();
    if config.neutron_defaults.pod_subnet.is_empty() {
        conflicts.push(missing(
            ("neutron_defaults", "pod_subnet"),
            "the controller needs the id of the subnet of pods' ports",
        ));
    }
    let drivers = [
        ("pod_project_driver", config.kubernetes.pod_project_driver),
        (
            "namespace_project_driver",
            config.kubernetes.namespace_project_driver,
        ),
    ];
    for (option, driver) in drivers {
        if driver == ProjectDriver::Annotation {
            let message = format!(
                "{option} = annotation: expected pod_subnets_driver = namespace with it; pods of one subnet are of one project"
            );
            conflicts.push(conflict(&[("kubernetes", option)], message));
        }
    }
    conflicts
}

/// What it takes for namespaces to have networks of their own.
fn namespaces(config: &Config) -> Vec<Conflict> {
    let mut conflicts = Vec::new();
    if config.namespace_subnet.pod_router.is_none() {
        conflicts.push(missing(
            ("namespace_subnet", "pod_router"),
            "pod_subnets_driver = namespace needs the id of the router of namespaces' subnets",
        ));
    }
    if config.namespace_subnet.pod_subnet_pool.is_empty() {
        conflicts.push(missing(
            ("namespace_subnet", "pod_subnet_pool"),
            "pod_subnets_driver = namespace needs the id of the pool of namespaces' subnets",
        ));
    }
    let by_annotation = config.kubernetes.pod_project_driver == ProjectDriver::Annotation;
    let by_policies = config.kubernetes.pod_security_groups_driver == SecurityGroupsDriver::Policy;
    if by_annotation && by_policies {
        let options = [
            ("kubernetes", "pod_project_driver"),
            ("kubernetes", "pod_security_groups_driver"),
        ];
        let message = "pod_project_driver = annotation with pod_security_groups_driver = policy: expected one of them; a port takes security groups of its own project only";
        conflicts.push(conflict(&options, message.to_owned()));
    }
    if by_annotation && config.neutron_defaults.pod_security_groups.is_empty() {
        conflicts.push(missing(
            ("neutron_defaults", "pod_security_groups"),
            "pod_project_driver = annotation needs it: the default group of one project is none of another's",
        ));
    }
    conflicts
}

/// What the controller can't do without.
fn subnets(config: &Config) -> Vec<Conflict> {
    let mut conflicts = Vec::new();
    match config.kubernetes.pod_subnets_driver {
        PodSubnetsDriver::Default => conflicts.extend(one_subnet(config)),
        PodSubnetsDriver::Namespace => conflicts.extend(namespaces(config)),
    }
    let NodesSubnetsDriver::Config = config.kubernetes.nodes_subnets_driver;
    if config.pod_vif_nested.worker_nodes_subnets.is_empty() {
        conflicts.push(missing(
            ("pod_vif_nested", "worker_nodes_subnets"),
            "the controller needs the ids of the nodes' subnets to find their trunks",
        ));
    }
    conflicts
}
