//! `[kuryr]`: options that upstream does not have.

use std::path::PathBuf;
use std::time::Duration;

use crate::macros::{choices, option_group};
use crate::spec::{Kind, kinds::*};

choices! {
    /// How the daemon puts a pod's interface on its node's trunk.
    pub enum PlugMethod {
        /// `bpf` where the kernel takes the programs, else `vlan`.
        Auto = "auto",
        /// A VLAN link of the kernel's 8021q.
        Vlan = "vlan",
        /// A veth pair and tc-bpf programs that push and pop the tag.
        Bpf = "bpf",
    }
}

choices! {
    /// Where a load balancer's members may be.
    pub enum LbMembers {
        /// In the pods' subnets.
        Pods = "pods",
        /// In the pods' and the nodes' subnets: pods on the host's network too.
        Cluster = "cluster",
        /// Anywhere.
        Any = "any",
    }
}

choices! {
    /// The form of a log line.
    pub enum LogFormat {
        /// For people.
        Text = "text",
        /// An object a line.
        Json = "json",
    }
}

/// Whether `text` may be part of a tag in Neutron and Octavia, with room for
/// the tag's name.
fn is_cluster_id(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    (1..=40).contains(&text.len()) && text.chars().all(allowed)
}

fn is_address(text: &str) -> bool {
    text.parse::<std::net::IpAddr>().is_ok()
}

/// RFC 1123, as Kubernetes names namespaces, Leases and nodes.
fn is_kubernetes_name(text: &str) -> bool {
    let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    (1..=253).contains(&text.len())
        && text.chars().all(|c| edge(c) || matches!(c, '-' | '.'))
        && text.starts_with(edge)
        && text.ends_with(edge)
}

const CLUSTER_ID: Kind = Kind::Matching {
    form: "1 to 40 of the characters a-z, A-Z, 0-9, _ and -",
    test: is_cluster_id,
};

const ADDRESS: Kind = Kind::Matching {
    form: "an IPv4 or IPv6 address",
    test: is_address,
};

const KUBERNETES_NAME: Kind = Kind::Matching {
    form: "a Kubernetes name: lower-case letters, digits, - and .",
    test: is_kubernetes_name,
};

option_group! {
    /// What this implementation has and upstream has not.
    pub struct Kuryr for "kuryr" {
        /// Name of this cluster among those that share the OpenStack project.
        /// Every OpenStack object that is made carries the tag
        /// `kuryr-cluster=<cluster_id>`, and none without it is changed or deleted.
        cluster_id: String = of(CLUSTER_ID).default("kuryr");
        /// Name of the Kubernetes node that the daemon serves. Unset: the host's
        /// name in lower case.
        node_name: Option<String> = of(KUBERNETES_NAME).default_env("KUBERNETES_NODE_NAME");
        /// Address of that node (`status.hostIP` of the daemon's pod). The link that has
        /// it is the trunk's, where `[binding] link_iface` names none.
        node_ip: Option<String> = of(ADDRESS).default_env("KUBERNETES_NODE_IP");
        /// Namespace of the Lease by which controllers elect their leader.
        lease_namespace: String = of(KUBERNETES_NAME).default("kube-system");
        /// Name of that Lease.
        lease_name: String = of(KUBERNETES_NAME).default("kuryr-controller");
        /// How long the leader may go without renewing the Lease before another
        /// controller takes over.
        lease_duration: Duration = seconds(1, "15");
        /// How often the leader renews the Lease; less than `lease_duration`.
        lease_renew: Duration = seconds(1, "5");
        /// Unix socket on which the daemon answers the CNI plugin.
        cni_socket: PathBuf = of(Kind::Path).default("/run/kuryr/cni.sock");
        /// Directory in which the daemon keeps what it plugged.
        state_dir: PathBuf = of(Kind::Path).default("/var/lib/kuryr");
        /// The node's folder of CNI plugins, as the daemon sees it: it puts `kuryr-cni` there.
        /// Unset: nothing is put there. Together with `cni_conf_dir`.
        cni_bin_dir: Option<PathBuf> = of(Kind::Path);
        /// The node's folder of CNI configurations, as the daemon sees it: it puts its own
        /// there as soon as it can serve pods, which makes the node Ready.
        cni_conf_dir: Option<PathBuf> = of(Kind::Path);
        /// File name of that configuration; runtimes take the first by name.
        cni_conf_name: String = of(Kind::Id).default("10-kuryr.conflist");
        /// The plugin that is put there. Unset: `kuryr-cni` beside the daemon's program.
        cni_plugin: Option<PathBuf> = of(Kind::Path);
        /// How a pod's interface is put on the trunk: `bpf` is a veth pair with tc-bpf
        /// programs, `vlan` a VLAN link of the kernel's 8021q module, `auto` the first
        /// where the kernel takes it. With `vlan` a pod that has CAP_NET_ADMIN can send
        /// as another pod of its node; see SECURITY.md.
        plug_method: PlugMethod = choice(PlugMethod::WORDS, "auto");
        /// Switch frames between two pods of one node and network on the node, without the way to
        /// the hypervisor and back, where the pods' security groups let everything between pods
        /// pass; needs `bpf`. Neutron then sees the first packet of a flow only: its flow logs,
        /// mirrors and QoS policies of single ports miss the rest. See docs/local-switching.md.
        local_switching: bool = boolean("false");
        /// Network namespace of the node, where the daemon does not run in it, such
        /// as `/proc/1/ns/net`. Unset: the daemon's own.
        node_netns: Option<PathBuf> = of(Kind::Path);
        /// OpenStack calls in flight at once.
        openstack_concurrency: usize = integer(1, 64, "8");
        /// How long one OpenStack call may take; `[neutron] timeout` is upstream's
        /// name and comes first.
        openstack_timeout: Duration = seconds(1, "60");
        /// Give each pool of a load balancer a health monitor, where no annotation of
        /// its Service says otherwise.
        health_monitors: bool = boolean("false");
        /// Where members of load balancers may be: `pods`, in the pods' subnets;
        /// `cluster`, in the nodes' too, for Services of pods on the host's network;
        /// `any`. Who may write EndpointSlices chooses within this.
        lb_members: LbMembers = choice(LbMembers::WORDS, "pods");
        /// Octavia providers that Services may ask for by annotation, besides
        /// `endpoints_driver_octavia_provider`; `*`: any.
        lb_providers: Vec<String> = of(Kind::List).default("amphora,ovn");
        /// Whether Octavia's `ovn` provider keeps `sessionAffinity: ClientIP`: its releases from
        /// 4.0 (2023.1) on do, older ones accept it and send each connection anywhere. Nothing
        /// that Octavia answers tells them apart.
        ovn_session_affinity: bool = boolean("false");
        /// Octavia flavors that Services may ask for by annotation; `*`: any.
        lb_flavors: Vec<String> = of(Kind::List);
        /// Networks that Services may ask floating IPs of by annotation, besides
        /// `external_svc_net`; `*`: any.
        lb_floating_networks: Vec<String> = of(Kind::List);
        /// The form of log lines.
        log_format: LogFormat = choice(LogFormat::WORDS, "text");
        /// How old an object of this cluster that nothing needs must be before it is
        /// deleted.
        orphan_grace: Duration = seconds(0, "600");
        /// How long a port that a pod gave back rests before another pod gets it.
        port_cooldown: Duration = seconds(0, "10");
    }
    accepted {}
}

#[cfg(test)]
mod tests {
    use super::{is_cluster_id, is_kubernetes_name};

    #[test]
    fn names_keep_to_their_form() {
        assert!(is_cluster_id("prod_1-A") && is_cluster_id(&"x".repeat(40)));
        for text in ["", "a b", "a,b", "é", &"x".repeat(41)] {
            assert!(!is_cluster_id(text), "{text}");
        }
        assert!(is_kubernetes_name("node-1.example") && is_kubernetes_name(&"x".repeat(253)));
        for text in ["", "Node", "-a", "a.", "a_b", &"x".repeat(254)] {
            assert!(!is_kubernetes_name(text), "{text}");
        }
    }
}
