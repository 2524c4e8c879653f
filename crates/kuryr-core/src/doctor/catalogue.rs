//! The kinds of findings.

use std::fmt;

/// What a kind is counted as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// The cluster as a whole, and how much room it has.
    Cluster,
    /// Something that pods need is not there.
    Missing,
    /// Something is kept that nobody needs.
    Leaked,
    /// Something that should go on does not.
    Stuck,
    /// Something is otherwise than the KuryrPort or the configuration says.
    Wrong,
    /// Not ours: never changed, only shown.
    Foreign,
}

impl Class {
    /// Its word in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Cluster => "cluster",
            Self::Missing => "missing",
            Self::Leaked => "leaked",
            Self::Stuck => "stuck",
            Self::Wrong => "wrong",
            Self::Foreign => "foreign",
        }
    }
}

struct Entry {
    name: &'static str,
    class: Class,
    severity: &'static str,
    meaning: &'static str,
    done: &'static str,
}

macro_rules! kinds {
    ($($kind:ident: $name:literal, $class:ident, $severity:literal, $meaning:literal, $done:literal;)*) => {
        /// What a finding can be. The names are stable.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum FindingKind {
            $(#[doc = $meaning] $kind,)*
        }

        impl FindingKind {
            pub const ALL: &[Self] = &[$(Self::$kind),*];

            fn entry(self) -> Entry {
                match self {
                    $(Self::$kind => Entry {
                        name: $name,
                        class: Class::$class,
                        severity: $severity,
                        meaning: $meaning,
                        done: $done,
                    },)*
                }
            }
        }
    };
}

kinds! {
    NoLeader: "no-leader", Cluster, "error",
        "No controller leads: the Lease is not there, given up, or expired.",
        "Nothing; start `kuryr-controller`.";
    QuotaNearlyUsed: "quota-nearly-used", Cluster, "warning; error when used up",
        "Of the project's quota of ports nine tenths are used.",
        "Nothing; raise the quota.";
    SubnetNearlyFull: "subnet-nearly-full", Cluster, "warning; error when full",
        "Of a pod subnet's addresses nine tenths are given out.",
        "Nothing; give pods a larger subnet.";
    NodeWithoutTrunk: "node-without-trunk", Wrong, "error; note if no pod there wants a port",
        "A node's InternalIP is not the address of any trunk's parent port.",
        "Nothing; make a trunk on the node's port, or set `worker_nodes_subnets` right.";
    TrunkNearlyFull: "trunk-nearly-full", Wrong, "warning; error when full",
        "Of a trunk's 4,094 VLANs nine tenths are used.",
        "Nothing; spread the pods over more nodes.";
    TrunkWithoutNode: "trunk-without-node", Leaked, "warning",
        "A trunk carries ports of ours, and no node has its parent port's address.",
        "Ports that no KuryrPort names are taken off and deleted, where no controller leads; a leading one does so \
         itself.";
    KuryrPortWithoutPod: "kuryrport-without-pod", Leaked, "error",
        "A KuryrPort's pod is gone.",
        "The KuryrPort is deleted; its port is free then.";
    KuryrPortOfAnotherPod: "kuryrport-of-another-pod", Leaked, "error",
        "A KuryrPort is for an earlier pod of the same name (another uid).",
        "The KuryrPort is deleted; the pod that is there gets one of its own.";
    KuryrPortNotNeeded: "kuryrport-not-needed", Leaked, "error",
        "A KuryrPort's pod has ended, or is on the host's network.",
        "The KuryrPort is deleted.";
    KuryrPortStuck: "kuryrport-stuck", Stuck, "error",
        "A KuryrPort is being deleted for long, its pod does not need it, and a finalizer holds it.",
        "Our finalizer is taken off; another's is named and stays.";
    KuryrPortDeleted: "kuryrport-deleted", Stuck, "warning",
        "A KuryrPort is being deleted while its pod lives.",
        "Nothing; our finalizer keeps the port until the pod ends.";
    PodFinalizerStuck: "pod-finalizer-stuck", Stuck, "error; warning if the pod is not being deleted",
        "Upstream's finalizer is on a pod that has ended.",
        "The finalizer is taken off.";
    UpstreamFinalizerStuck: "upstream-finalizer-stuck", Stuck, "error",
        "A KuryrNetwork, KuryrNetworkPolicy or NetworkPolicy is being deleted, and upstream's finalizer holds it and its namespace.",
        "Nothing; a controller that leads takes it off within 15 s, if it may (`deploy/rbac/takeover.yaml`).";
    PodWaits: "pod-waits", Missing, "error",
        "A pod waits for its port for long; the reason is that of the controller's Event.",
        "Nothing by itself; what the reason names is a finding of its own where it can be seen.";
    PortGone: "port-gone", Missing, "error",
        "The port that a KuryrPort names is not in Neutron.",
        "Nothing; delete the pod, so that its successor gets a new port.";
    PortUnmarked: "port-unmarked", Wrong, "warning",
        "The port that a KuryrPort names does not carry this cluster's tag.",
        "Nothing; a controller that leads sets it again if the port is where its KuryrPort says, else you.";
    PortClaimedTwice: "port-claimed-twice", Wrong, "error",
        "Several KuryrPorts name the same port.",
        "Nothing; delete all of these pods but the one that the port is plugged for.";
    PortMisplaced: "port-misplaced", Wrong, "error",
        "A port is not on the trunk and VLAN with which its pod is plugged.",
        "It is put there, if that VLAN is free.";
    PortDown: "port-down", Stuck, "error; warning if no pod has it",
        "A port is on its trunk and not ACTIVE for long.",
        "A pod's port is taken off its trunk and put on again, where no controller leads; a leading one does so itself \
         after 90 s. If it stays so, see the agent or ovn-controller of the node's hypervisor.";
    SecurityGroupsDiffer: "security-groups-differ", Wrong, "error",
        "A port's security groups are not those that are configured for its pod, or that NetworkPolicies ask for.",
        "They are set; where policies are in force, nothing: a controller that leads sets them.";
    PortLeaked: "port-leaked", Leaked, "error",
        "A port of ours is on no trunk, no KuryrPort names it, and nothing changed about it for longer than \
         `orphan_grace`.",
        "It is deleted.";
    PoolTooLarge: "pool-too-large", Leaked, "warning; note with pools and a leader, which makes them smaller slowly",
        "More ports wait unused on a node's trunk than the pool's limits allow; without pools, any.",
        "They are taken off and deleted, where no controller leads; a leading one does so itself.";
    NetworkLeaked: "network-leaked", Leaked, "error",
        "A network that carries this cluster's tag was made for a namespace that is gone.",
        "Nothing; a controller that leads undoes it.";
    NetworkStuck: "network-stuck", Stuck, "error",
        "A namespace is being deleted for long, and its network is still there.",
        "Nothing; a controller that leads undoes it when nothing of others is on it.";
    NetworkWithoutRouter: "network-without-router", Wrong, "warning",
        "No router has a leg in a subnet of a namespace's network.",
        "Nothing; a controller that leads adds it when a pod there wants a port.";
    PolicyGroupMissing: "policy-group-missing", Missing, "error",
        "A security group that NetworkPolicies ask for is not in Neutron.",
        "Nothing; a controller that leads makes it, or says by an Event on the policy why not.";
    PolicyRulesDiffer: "policy-rules-differ", Wrong, "error",
        "The rules of a policy's security group are not those that it asks for: more may pass, or less.",
        "Nothing; a controller that leads sets them right with its next list.";
    PolicyGroupLeaked: "policy-group-leaked", Leaked, "warning",
        "A policy's security group carries this cluster's mark, and no policy asks for it, or policies are not in force.",
        "Nothing; a controller that leads deletes it, where policies are in force.";
    ForeignSubport: "foreign-subport", Foreign, "note",
        "A subport of a node's trunk that is not this cluster's.",
        "Nothing, ever.";
    UpstreamPort: "upstream-port", Foreign, "note",
        "A port that kuryr-kubernetes left: `compute:kuryr` without any cluster's tag.",
        "Nothing; adopt or delete it by hand.";
}

impl FindingKind {
    /// Its stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.entry().name
    }

    /// What it is counted as.
    #[must_use]
    pub fn class(self) -> Class {
        self.entry().class
    }

    /// Whether one look is enough, because it does not pass by itself or has an age of its own.
    #[must_use]
    pub fn is_lasting(self) -> bool {
        matches!(self.class(), Class::Cluster | Class::Foreign) || self == Self::PortLeaked
    }
}

impl fmt::Display for FindingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The kinds as a table in Markdown, for the documentation.
#[must_use]
pub fn markdown() -> String {
    let mut text = String::from(
        "| finding | counts as | severity | what it is | what `--fix` does |\n|---|---|---|---|---|\n",
    );
    for kind in FindingKind::ALL {
        let Entry {
            name,
            class,
            severity,
            meaning,
            done,
        } = kind.entry();
        let class = class.name();
        text += &format!("| `{name}` | {class} | {severity} | {meaning} | {done} |\n");
    }
    text
}
