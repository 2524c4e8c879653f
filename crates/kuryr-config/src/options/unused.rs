//! Groups of upstream's in which nothing has an effect.

use super::reasons::NOT_NESTED;
use crate::macros::option_group;
use crate::spec::{Kind, kinds::*};

const NO_CACHE: &str = "what is watched is kept up to date, so nothing is cached for a time";

option_group! {
    /// Upstream's pool manager.
    const POOL_MANAGER for "pool_manager";
    accepted {
        /// Its unix socket.
        sock_file = of(Kind::Path).default("/run/kuryr/kuryr_manage.sock")
            .ignored("upstream's pool manager is not served");
    }
}

option_group! {
    /// Upstream's cache of subnets.
    const SUBNET_CACHING for "subnet_caching";
    accepted {
        /// Whether it is used.
        caching = boolean("true").ignored(NO_CACHE);
        /// How long an entry lives, in seconds.
        cache_time = at_least(0, "3600").ignored(NO_CACHE);
    }
}

option_group! {
    /// Upstream's cache of nodes.
    const NODES_CACHING for "nodes_caching";
    accepted {
        /// Whether it is used.
        caching = boolean("true").ignored(NO_CACHE);
        /// How long an entry lives, in seconds.
        cache_time = at_least(0, "3600").ignored(NO_CACHE);
    }
}

option_group! {
    /// Upstream's cache of nodes' drivers.
    const NODE_DRIVER_CACHING for "node_driver_caching";
    accepted {
        /// Whether it is used.
        caching = boolean("true").ignored(NO_CACHE);
        /// How long an entry lives, in seconds.
        cache_time = at_least(0, "3600").ignored(NO_CACHE);
    }
}

option_group! {
    /// Upstream's caches in general.
    const CACHE_DEFAULTS for "cache_defaults";
    accepted {
        /// Whether they are used.
        enabled = boolean("true").ignored(NO_CACHE);
        /// Where they are kept.
        backend = of(Kind::Text).default("dogpile.cache.memory").ignored(NO_CACHE);
    }
}

option_group! {
    /// vhost-user ports.
    const VHOSTUSER for "vhostuser";
    accepted {
        /// Where they are mounted.
        mount_point = of(Kind::Path).default("/var/cni/vhostuser").ignored(NOT_NESTED);
        /// Where Open vSwitch keeps their sockets.
        ovs_vhu_path = of(Kind::Path).default("/var/run/openvswitch/").ignored(NOT_NESTED);
    }
}

option_group! {
    /// Nested DPDK ports.
    const NESTED_DPDK for "nested_dpdk";
    accepted {
        /// Their kernel driver.
        dpdk_driver = of(Kind::Text).default("uio_pci_generic").ignored(NOT_NESTED);
        /// Where their PCI addresses are mounted.
        pci_mount_point = of(Kind::Path).default("/var/pci_address").ignored(NOT_NESTED);
    }
}

/// Why a group of a library that upstream uses, whatever its options, has no
/// effect here.
pub(crate) fn foreign_group(name: &str) -> Option<&'static str> {
    match name {
        "cache" => Some(NO_CACHE),
        "ingress" => Some("upstream removed it before its last release"),
        "sriov" => Some("upstream removed SR-IOV before its last release"),
        "oslo_concurrency" | "privsep" => Some("an option of a Python library"),
        _ if name.starts_with("vif_plug_") || name.starts_with("os_vif") => {
            Some("interfaces are plugged by the daemon itself, without os-vif")
        }
        _ => None,
    }
}
