//! Labels, annotations, finalizers and tags, as upstream wrote them.

/// API group of the custom resources.
pub const GROUP: &str = "openstack.org";
/// API version of the custom resources.
pub const VERSION: &str = "v1";

/// Label of a KuryrPort: the node whose daemon plugs it, see [`node_label`].
pub const NODE_LABEL: &str = "kuryr.openstack.org/nodeName";

/// Finalizer on a Pod: Kuryr has a port to release for it.
pub const POD_FINALIZER: &str = "kuryr.openstack.org/pod-finalizer";
/// Finalizer on a KuryrPort.
pub const KURYRPORT_FINALIZER: &str = "kuryr.openstack.org/kuryrport-finalizer";
/// Finalizer on a KuryrNetwork.
pub const KURYRNETWORK_FINALIZER: &str = "kuryrnetwork.finalizers.kuryr.openstack.org";
/// Finalizer on a KuryrLoadBalancer.
pub const KURYRLOADBALANCER_FINALIZER: &str = "kuryr.openstack.org/kuryrloadbalancer-finalizers";
/// Finalizer on a Service.
pub const SERVICE_FINALIZER: &str = "kuryr.openstack.org/service-finalizer";
/// Finalizer on a NetworkPolicy and on its KuryrNetworkPolicy.
pub const NETWORKPOLICY_FINALIZER: &str = "kuryr.openstack.org/networkpolicy-finalizer";
/// On KuryrNetworkPolicies: the policy's path in the API.
pub const POLICY_LINK_ANNOTATION: &str = "networkPolicyLink";

/// Annotation of a Namespace: the OpenStack project of its ports.
pub const PROJECT_ANNOTATION: &str = "openstack.org/kuryr-project";
/// Annotation of a Namespace: id of an existing network that its pods' ports are on, instead of one of its own. Of each IP
/// version its first subnet is used.
pub const NETWORK_ANNOTATION: &str = "openstack.org/kuryr-network";
/// The same by subnets of one network: their ids with commas between them, one of each IP version at most.
pub const SUBNETS_ANNOTATION: &str = "openstack.org/kuryr-subnets";
/// Annotation by which a kubelet marks a pod as static (`api` means: not static).
pub const CONFIG_SOURCE_ANNOTATION: &str = "kubernetes.io/config.source";

/// Annotation of a KuryrPort: why its pod waits, JSON of `reason` and `message`.
pub const WAIT_REASON_ANNOTATION: &str = "openstack.org/kuryr-wait-reason";

/// Annotation of the Lease of [`local_switching_lease`]: the ids of the networks, with commas between them, whose pods'
/// frames may be switched on their node.
pub const OPEN_NETWORKS_ANNOTATION: &str = "openstack.org/kuryr-open-networks";

/// Name of the Lease by which the leader says what may be switched on the nodes, beside the one of its election. It holds for
/// as long as a Lease does, counted from when a change of it was seen.
#[must_use]
pub fn local_switching_lease(election: &str) -> String {
    format!("{election}-local-switching")
}

/// The interface that every pod has.
pub const DEFAULT_IFNAME: &str = "eth0";

/// Longest value that Kubernetes allows for a label.
const LABEL_MAX: usize = 63;

/// The value of [`NODE_LABEL`] for a node.
///
/// A node's name may have 253 characters, a label's value 63. Short names stand
/// as they are, as upstream has them; longer ones are cut and end in a hash of
/// the whole, so that two nodes never share a label.
#[must_use]
pub fn node_label(node: &str) -> String {
    if node.len() <= LABEL_MAX {
        return node.to_owned();
    }
    let hash = format!("{:016x}", fnv1a(node.as_bytes()));
    let head: String = node.chars().take(LABEL_MAX - hash.len() - 1).collect();
    format!("{}-{hash}", head.trim_end_matches(['.', '-', '_']))
}

/// The tag that every OpenStack object of a cluster carries.
#[must_use]
pub fn cluster_tag(cluster_id: &str) -> String {
    format!("kuryr-cluster={cluster_id}")
}

/// The tag that tells a port apart from the cluster's other objects.
pub const PORT_TAG: &str = "kuryr-port";

/// FNV-1a, 64 bits: stable over versions and platforms, which `std`'s hasher is not.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |h, b| {
        (h ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_node_names_stand_as_they_are() {
        assert_eq!(node_label("worker-0.example"), "worker-0.example");
    }

    #[test]
    fn long_node_names_are_valid_labels_and_differ() {
        let a = node_label(&format!("{}a", "n".repeat(252)));
        let b = node_label(&format!("{}b", "n".repeat(252)));
        assert!(a.len() <= LABEL_MAX && b.len() <= LABEL_MAX);
        assert_ne!(a, b);
    }
}
