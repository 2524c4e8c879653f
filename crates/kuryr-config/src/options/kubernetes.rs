//! `[kubernetes]`: the API, and the drivers that upstream chooses there.

use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use super::PoolDriver;
use super::reasons::{BY_DRIVER, NO_MULTI_VIF, NO_RULES, NOT_NESTED};
use crate::macros::{choices, option_group};
use crate::spec::{Kind, kinds::*};

choices! {
    /// How a pod is attached.
    pub enum PodVifDriver {
        /// A subport of the node's trunk.
        NestedVlan = "nested-vlan",
    }
}

choices! {
    /// Which OpenStack project an object is made in.
    pub enum ProjectDriver {
        /// The one of `[neutron_defaults] project`.
        Default = "default",
        /// The one that the namespace's annotation `openstack.org/kuryr-project` names.
        Annotation = "annotation",
    }
}

choices! {
    /// Which OpenStack project an object is made in that follows no annotation yet.
    pub enum OneProject {
        /// The one of `[neutron_defaults] project`.
        Default = "default",
    }
}

choices! {
    /// Which subnet a pod's port is in.
    pub enum PodSubnetsDriver {
        /// The one of `[neutron_defaults] pod_subnet`.
        Default = "default",
        /// One of its namespace's network, which is made for it.
        Namespace = "namespace",
    }
}

choices! {
    /// Which security groups a port has.
    pub enum SecurityGroupsDriver {
        /// Those of `[neutron_defaults] pod_security_groups`.
        Default = "default",
        /// Those that NetworkPolicies come to, and the same in a direction that no policy isolates.
        Policy = "policy",
    }
}

choices! {
    /// How the subnets of the nodes are known.
    pub enum NodesSubnetsDriver {
        /// From `[pod_vif_nested] worker_nodes_subnets`.
        Config = "config",
    }
}

choices! {
    /// What gives pods further interfaces.
    pub enum MultiVifDriver {
        /// Nothing.
        Noop = "noop",
    }
}

choices! {
    /// A part of the controller that can be left out.
    pub enum Handler {
        /// Pods.
        Vif = "vif",
        /// KuryrPorts.
        KuryrPort = "kuryrport",
        /// Services.
        Service = "service",
        /// Endpoints.
        Endpoints = "endpoints",
        /// KuryrLoadBalancers.
        KuryrLoadBalancer = "kuryrloadbalancer",
        /// Namespaces.
        Namespace = "namespace",
        /// KuryrNetworks.
        KuryrNetwork = "kuryrnetwork",
        /// The filling of the pools of KuryrNetworks.
        KuryrNetworkPopulation = "kuryrnetwork_population",
        /// NetworkPolicies.
        Policy = "policy",
        /// KuryrNetworkPolicies.
        KuryrNetworkPolicy = "kuryrnetworkpolicy",
        /// Labels of pods.
        PodLabel = "pod_label",
        /// OpenShift's Machines.
        OpenshiftMachine = "openshift_machine",
    }
}

const NO_ANNOTATION: &str =
    "the project of load balancers and policies is not taken from a namespace's annotation yet";
const NO_MACHINES: &str = "node subnets are not read from OpenShift's Machines yet; list them in [pod_vif_nested] worker_nodes_subnets";
const OTHER_WATCH: &str = "watches resume where they ended, without limit, and the whole state is compared when they can't";
const LEASE: &str = "leaders are always elected, by the Lease of [kuryr] lease_name";

const REFUSED_PROJECTS: &[(&str, &str)] = &[("annotation", NO_ANNOTATION)];

option_group! {
    /// How the Kubernetes API is reached, and which drivers are used.
    pub struct Kubernetes for "kubernetes" {
        /// URL of the Kubernetes API. Empty: the one that Kubernetes tells its pods in
        /// `KUBERNETES_SERVICE_HOST`.
        api_root: Option<Url> = of(Kind::Url).default("https://localhost:6443").default_env("K8S_API");
        /// Client certificate for the API, PEM.
        ssl_client_crt_file: Option<PathBuf> = of(Kind::Path);
        /// Key of that certificate, PEM.
        ssl_client_key_file: Option<PathBuf> = of(Kind::Path);
        /// Certificate authority of the API server, PEM.
        ssl_ca_crt_file: Option<PathBuf> = of(Kind::Path)
            .default("/var/run/secrets/kubernetes.io/serviceaccount/ca.crt");
        /// Verify the API server's certificate. Upstream's default is false.
        ssl_verify_server_crt: bool = boolean("true");
        /// File with the bearer token for the API; read again when it changes.
        token_file: Option<PathBuf> = of(Kind::Path)
            .default("/var/run/secrets/kubernetes.io/serviceaccount/token");
        /// Project of pods' ports.
        pod_project_driver: ProjectDriver =
            choice(ProjectDriver::WORDS, "default");
        /// Project of load balancers.
        service_project_driver: OneProject =
            choice(OneProject::WORDS, "default").refuses(REFUSED_PROJECTS);
        /// Project of namespaces' networks.
        namespace_project_driver: ProjectDriver =
            choice(ProjectDriver::WORDS, "default");
        /// Project of policies' security groups.
        network_policy_project_driver: OneProject =
            choice(OneProject::WORDS, "default").refuses(REFUSED_PROJECTS);
        /// Subnet of a pod's port: `default` is `[neutron_defaults] pod_subnet`, `namespace`
        /// one of the namespace's own network, as `[namespace_subnet]` says.
        pod_subnets_driver: PodSubnetsDriver = choice(PodSubnetsDriver::WORDS, "default");
        /// Security groups of a pod's port: `default` is
        /// `[neutron_defaults] pod_security_groups`; `policy` is what NetworkPolicies come to, and
        /// `pod_security_groups` in each direction that no policy isolates the pod in.
        pod_security_groups_driver: SecurityGroupsDriver =
            choice(SecurityGroupsDriver::WORDS, "default");
        /// How pods are attached: `nested-vlan` is a subport of the node's trunk.
        /// Upstream's default is `neutron-vif`.
        pod_vif_driver: PodVifDriver = choice(PodVifDriver::WORDS, "nested-vlan").refuses(&[
            ("neutron-vif", NOT_NESTED),
            ("nested-macvlan", NOT_NESTED),
            ("nested-dpdk", NOT_NESTED),
        ]);
        /// What supplies ports: `noop` makes each when its pod comes, `nested` keeps
        /// ready ones on the trunks, as `[vif_pool]` says.
        vif_pool_driver: PoolDriver = choice(PoolDriver::WORDS, "noop").refuses(&[
            ("neutron", NOT_NESTED),
            ("multi_pool", "name the one driver that is used, or set [vif_pool] vif_pool_mapping"),
        ]);
        /// How the subnets of the nodes are known: `config` is
        /// `[pod_vif_nested] worker_nodes_subnets`.
        nodes_subnets_driver: NodesSubnetsDriver = choice(NodesSubnetsDriver::WORDS, "config")
            .refuses(&[("openshift", NO_MACHINES)]);
        /// Name a pod's port `<namespace>/<pod>` in Neutron.
        port_debug: bool = boolean("false");
        /// Octavia provider of load balancers; `default`: Octavia's own choice.
        endpoints_driver_octavia_provider: String = of(Kind::Id).default("default");
        /// The parts of the controller that run. Services get load balancers where
        /// `service` is among them.
        enabled_handlers: Vec<Handler> = of(Kind::Choices(Handler::WORDS))
            .default("vif,endpoints,service,kuryrloadbalancer,kuryrport")
            .idles(&[
                ("policy", BY_DRIVER),
                ("kuryrnetworkpolicy", BY_DRIVER),
                ("pod_label", BY_DRIVER),
                ("openshift_machine", NO_MACHINES),
            ])
            .refuses(&[
                ("lb", "older than upstream's last release; use service,endpoints,kuryrloadbalancer"),
                ("lbaasspec", "older than upstream's last release; use service,endpoints,kuryrloadbalancer"),
                ("test_handler", "a part of upstream's unit tests"),
            ]);
        /// What gives pods further interfaces: `noop` is nothing.
        multi_vif_drivers: Vec<MultiVifDriver> = of(Kind::Choices(MultiVifDriver::WORDS))
            .default("noop").refuses(&[("npwg_multiple_interfaces", NO_MULTI_VIF)]);
        /// Write Kubernetes Events about ports on the pods that they are for.
        use_events: bool = boolean("true");
        /// How often Neutron's ports and trunks are listed again to find what someone
        /// changed by hand, in seconds.
        watch_reconcile_period: Duration = seconds(1, "120");
    }
    accepted {
        /// Subnet of load balancers' VIPs.
        service_subnets_driver = choice(&["default"], "default");
        /// Security groups of load balancers.
        service_security_groups_driver =
            choice(&["default", "policy"], "default").ignored(NO_RULES);
        /// What makes load balancers.
        endpoints_lbaas_driver = choice(&["lbaasv2"], "lbaasv2");
        /// What gives load balancers addresses that are reached from outside.
        service_public_ip_driver =
            choice(&["neutron_floating_ip"], "neutron_floating_ip");
        /// What enforces NetworkPolicies.
        network_policy_driver = choice(&["default"], "default");
        /// First letters of the names of further interfaces.
        additional_ifname_prefix = of(Kind::Id).default("eth").ignored(NO_MULTI_VIF);
        /// Serve upstream's pool manager.
        enable_manager = boolean("false").ignored("upstream's pool manager is not served");
        /// How long a lost watch is tried again, in seconds.
        watch_retry_timeout = at_least(0, "60").ignored(OTHER_WATCH);
        /// How long connecting a watch may take, in seconds.
        watch_connection_timeout = at_least(0, "30").ignored(OTHER_WATCH);
        /// How long a watch may be silent, in seconds.
        watch_read_timeout = at_least(0, "60").ignored(OTHER_WATCH);
        /// Run several controllers of which one is active.
        controller_ha = boolean("false").ignored(LEASE);
        /// Port of upstream's leader elector.
        controller_ha_elector_port = port("16401").ignored(LEASE);
    }
}
