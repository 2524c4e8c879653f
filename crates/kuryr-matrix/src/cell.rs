//! What is compared.

use std::fmt;

use kuryr_load::Pattern;
use serde::{Deserialize, Serialize};

/// Names for the values of a dimension, as they are written in options, files and reports.
macro_rules! dimension {
    ($(#[$doc:meta])* $kind:ident { $($(#[$value_doc:meta])* $value:ident = $name:literal, $title:literal;)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $kind {
            $($(#[$value_doc])* #[serde(rename = $name)] $value,)+
        }

        impl $kind {
            /// All of them, in the order in which they are run and shown.
            pub const ALL: &[Self] = &[$(Self::$value,)+];

            /// The name as it is written.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$value => $name,)+ }
            }

            /// What a picture says.
            #[must_use]
            pub fn title(self) -> &'static str {
                match self { $(Self::$value => $title,)+ }
            }
        }

        impl fmt::Display for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.name())
            }
        }
    };
}

dimension! {
    /// How Neutron switches packets between hypervisors, and what a Service is.
    Backend {
        /// VXLAN between hypervisors; Services by an amphora, a proxy in a VM, behind a router.
        Ovs = "ovs", "ML2/OVS";
        /// Geneve between hypervisors; Services as flows on the client's hypervisor.
        Ovn = "ovn", "ML2/OVN";
    }
}

dimension! {
    /// What the client speaks to.
    Target {
        Pod = "pod", "pod to pod";
        Service = "service", "pod to service";
    }
}

dimension! {
    /// Where the two ends are.
    Placement {
        SameWorker = "same-worker", "same worker";
        /// As before, with Kuryr's switching on the worker (`[kuryr] local_switching`).
        SwitchedThere = "switched-there", "same worker, switched there";
        TwoWorkers = "two-workers", "two workers, one hypervisor";
        TwoHypervisors = "two-hypervisors", "two hypervisors";
    }
}

dimension! {
    /// Whose packets they are.
    System {
        /// A subport for each pod: one encapsulation between hypervisors.
        Kuryr = "kuryr", "Kuryr";
        /// OpenShift SDN: a VXLAN between workers inside the tenant network's.
        Sdn = "sdn", "overlay in overlay";
        /// The workers themselves: the limit of what a pod on the path can reach.
        Vm = "vm", "VM to VM";
    }
}

/// The paper's sizes, bytes.
pub const SIZES: [usize; 5] = [64, 256, 1024, 4096, 16_384];

/// A cell of the matrix: what is measured with each system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Cell {
    pub backend: Backend,
    pub target: Target,
    pub placement: Placement,
    pub pattern: Pattern,
    /// Bytes of a message.
    pub size: usize,
}

impl Placement {
    /// Whether both ends are on one worker.
    #[must_use]
    pub fn is_one_worker(self) -> bool {
        matches!(self, Self::SameWorker | Self::SwitchedThere)
    }
}

impl Cell {
    /// Whether there is such a cell: a Service is never switched on the worker.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.target == Target::Pod || self.placement != Placement::SwitchedThere
    }

    /// Whether a system has this cell: VMs have no Services, and one worker has no path to itself.
    #[must_use]
    pub fn has(&self, system: System) -> bool {
        system != System::Vm || (self.target == Target::Pod && !self.placement.is_one_worker())
    }

    /// The systems that have it.
    #[must_use]
    pub fn systems(&self) -> Vec<System> {
        let all = System::ALL.iter().copied();
        all.filter(|system| self.has(*system)).collect()
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            backend,
            target,
            placement,
            pattern,
            size,
        } = self;
        write!(f, "{backend} {target} {placement} {pattern} {size} B")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vms_are_measured_where_there_is_a_path_between_two() {
        let cell = |target, placement| Cell {
            backend: Backend::Ovn,
            target,
            placement,
            pattern: Pattern::TcpRr,
            size: 64,
        };
        let both = [System::Kuryr, System::Sdn];
        assert_eq!(cell(Target::Pod, Placement::SameWorker).systems(), both);
        assert_eq!(cell(Target::Service, Placement::TwoWorkers).systems(), both);
        assert_eq!(cell(Target::Pod, Placement::TwoWorkers).systems().len(), 3);
    }
}
