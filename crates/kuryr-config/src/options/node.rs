//! What runs on a node, and the ports that both programs listen on.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::macros::{choices, option_group};
use crate::spec::{Kind, kinds::*};

choices! {
    /// kuryr-lib's names of what makes a pod's interface.
    pub enum BindingDriver {
        /// An interface with a VLAN tag.
        Vlan = "kuryr.lib.binding.drivers.vlan",
    }
}

const NOT_VLAN: &str = "it makes no VLAN interface, which a subport needs";

/// `IFNAMSIZ` of linux/if.h, less the closing zero; `/` and white space are
/// refused by the kernel's `dev_valid_name`.
fn is_interface_name(text: &str) -> bool {
    (1..=15).contains(&text.len())
        && !matches!(text, "." | "..")
        && !text.contains(|c: char| c == '/' || c == ':' || c.is_whitespace() || c.is_control())
}

const INTERFACE_NAME: Kind = Kind::Matching {
    form: "the name of one interface, at most 15 bytes",
    test: is_interface_name,
};

option_group! {
    /// How a pod's interface is made on its node.
    pub struct Binding for "binding" {
        /// kuryr-lib's driver. Upstream's default is
        /// `kuryr.lib.binding.drivers.veth`, with which its own nested pods don't work.
        default_driver: BindingDriver =
            choice(BindingDriver::WORDS, "kuryr.lib.binding.drivers.vlan")
                .aliases(&["driver"])
                .refuses(&[
                    ("kuryr.lib.binding.drivers.veth", NOT_VLAN),
                    ("kuryr.lib.binding.drivers.macvlan", NOT_VLAN),
                    ("kuryr.lib.binding.drivers.ipvlan", NOT_VLAN),
                    ("kuryr.lib.binding.drivers.nested", NOT_VLAN),
                ]);
        /// Interface of the node that is the trunk's parent port. Unset: the one that
        /// has the node's address (`[kuryr] node_ip`); where that is not known, the one
        /// of the default route.
        link_iface: Option<String> = of(INTERFACE_NAME);
    }
    accepted {
        /// kuryr-lib's drivers that are loaded.
        enabled_drivers = of(Kind::List).ignored("default_driver alone decides");
        /// First letters of a pod's interface.
        veth_dst_prefix = of(Kind::Id).default("eth")
            .ignored("the container runtime names a pod's interface");
    }
}

option_group! {
    /// The daemon on each node.
    pub struct CniDaemon for "cni_daemon" {
        /// Requests of the CNI plugin that are worked on at once.
        worker_num: usize = integer(1, 4096, "30");
        /// How long the daemon waits for a pod's port to be there and active before the
        /// request fails; the kubelet then asks again.
        vif_annotation_timeout: Duration = seconds(1, "60");
        /// The daemon runs in a container: network namespaces below `/proc` are looked
        /// for below `netns_proc_dir`.
        docker_mode: bool = boolean("false");
        /// Where the host's `/proc` is mounted in the daemon's container.
        netns_proc_dir: Option<PathBuf> = of(Kind::Path);
        /// Requests that may fail one after the other before the daemon says that it is
        /// not alive.
        cni_failures_count: u32 = at_least(0, "3");
    }
    accepted {
        /// Address of upstream's HTTP server for the plugin.
        bind_address = of(Kind::HostPort).default("127.0.0.1:5036")
            .ignored("the daemon listens on the unix socket of [kuryr] cni_socket");
        /// How long a netlink call may take, in seconds.
        pyroute2_timeout = at_least(0, "10")
            .ignored("netlink calls are not queued behind each other");
    }
}

impl CniDaemon {
    /// Where the daemon finds a network namespace that the container runtime
    /// names by its path on the host.
    pub fn netns_path(&self, on_host: &Path) -> PathBuf {
        match (&self.netns_proc_dir, on_host.strip_prefix("/proc")) {
            (Some(proc), Ok(below)) if self.docker_mode => proc.join(below),
            _ => on_host.to_owned(),
        }
    }
}

option_group! {
    /// Health of the daemon, over HTTP: `/alive` and `/ready`.
    pub struct CniHealthServer for "cni_health_server" {
        /// TCP port; 0: any free one.
        port: u16 = port("8090");
    }
    accepted {
        /// Memory that the daemon may use, in MiB.
        max_memory_usage = integer(-1, i64::MAX, "-1")
            .ignored("the memory limit of the daemon's container holds");
        /// Where the memory that the daemon uses is read.
        cg_path = of(Kind::Path).default("/sys/fs/cgroup/memory/system.slice/kuryr-cni.service")
            .ignored("the memory limit of the daemon's container holds");
    }
}

option_group! {
    /// Health of the controller, over HTTP: `/alive` and `/ready`.
    pub struct HealthServer for "health_server" {
        /// TCP port; 0: any free one.
        port: u16 = port("8082");
    }
    accepted {}
}

option_group! {
    /// Metrics, over HTTP: `/metrics`.
    pub struct PrometheusExporter for "prometheus_exporter" {
        /// TCP port of the controller's metrics; 0: any free one.
        controller_exporter_port: u16 = port("9654");
        /// TCP port of the daemon's metrics; 0: any free one.
        cni_exporter_port: u16 = port("9655");
    }
    accepted {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interface_names_are_those_of_the_kernel() {
        for good in ["eth0", "enp0s31f6", "fifteen-bytes-x"] {
            assert!(is_interface_name(good), "{good}");
        }
        for bad in ["", "sixteen-bytes-xx", "a/b", "a b", "eth0,eth1 ", ".."] {
            assert!(!is_interface_name(bad), "{bad}");
        }
    }

    #[test]
    fn a_namespace_below_proc_is_found_through_the_mount() {
        let mut daemon = CniDaemon {
            worker_num: 1,
            vif_annotation_timeout: Duration::from_secs(1),
            docker_mode: true,
            netns_proc_dir: Some("/host_proc".into()),
            cni_failures_count: 3,
        };
        let path = |daemon: &CniDaemon, on_host: &str| daemon.netns_path(Path::new(on_host));
        assert_eq!(
            path(&daemon, "/proc/7/ns/net"),
            Path::new("/host_proc/7/ns/net")
        );
        assert_eq!(
            path(&daemon, "/var/run/netns/x"),
            Path::new("/var/run/netns/x")
        );
        daemon.docker_mode = false;
        assert_eq!(path(&daemon, "/proc/7/ns/net"), Path::new("/proc/7/ns/net"));
    }
}
