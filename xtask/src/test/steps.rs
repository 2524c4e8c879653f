//! The table of steps, in the order in which they run: first what takes seconds; then the real stack, the hardest check
//! there is; meanwhile what the last ones need is compiled (see [`super::background`]).

use super::step::Step;
use super::{checks, real};

/// Needs nothing but cargo.
const PLAIN: Step = Step {
    name: "",
    about: "",
    needs: &[],
    packages: &[],
    kubernetes: false,
    on_request: false,
    run: checks::fmt,
};

/// All steps.
pub(super) const STEPS: &[Step] = &[
    Step {
        name: "fmt",
        about: "formatting",
        run: checks::fmt,
        ..PLAIN
    },
    Step {
        name: "core-purity",
        about: "what may not depend on what: kuryr-core on any effect, what is shipped on the lab",
        run: checks::core_purity,
        ..PLAIN
    },
    Step {
        name: "build",
        about: "the binaries; the plugin static and under 2 MiB",
        packages: &["compile"],
        run: checks::build,
        ..PLAIN
    },
    Step {
        name: "lab",
        about: "kuryr lab --check: the whole way on the embedded cloud",
        needs: &["build"],
        packages: &["lab"],
        run: checks::lab,
        ..PLAIN
    },
    Step {
        name: "deny",
        about: "licences, sources and banned crates; advisories where their database is",
        packages: &["tools"],
        run: checks::deny,
        ..PLAIN
    },
    Step {
        name: "scripts",
        about: "shellcheck on the stack's scripts, their Python compiled",
        packages: &["tools"],
        run: checks::scripts,
        ..PLAIN
    },
    Step {
        name: "stack-ovn",
        about: "the real stack starts, ML2/OVN",
        packages: &["openstack", "kubernetes", "network"],
        kubernetes: true,
        run: real::start_ovn,
        ..PLAIN
    },
    Step {
        name: "e2e-ovn",
        about: "pods on the real stack, ML2/OVN",
        needs: &["build", "stack-ovn"],
        packages: &["compile", "bpf"],
        run: real::e2e,
        ..PLAIN
    },
    Step {
        name: "contract-ovn",
        about: "the embedded cloud answers as the real one, ML2/OVN",
        needs: &["stack-ovn"],
        packages: &["compile"],
        run: real::contract,
        ..PLAIN
    },
    Step {
        name: "lab-kubernetes",
        about: "kuryr lab --check on a real etcd and kube-apiserver",
        needs: &["build", "stack-ovn"],
        packages: &["lab"],
        run: checks::lab_kubernetes,
        ..PLAIN
    },
    Step {
        name: "stack-ovs",
        about: "the real stack starts, ML2/OVS",
        packages: &["openstack", "ovs", "kubernetes", "network"],
        kubernetes: true,
        on_request: true,
        run: real::start_ovs,
        ..PLAIN
    },
    Step {
        name: "e2e-ovs",
        about: "pods on the real stack, ML2/OVS",
        needs: &["build", "stack-ovs"],
        packages: &["compile", "bpf"],
        on_request: true,
        run: real::e2e,
        ..PLAIN
    },
    Step {
        name: "contract-ovs",
        about: "the embedded cloud answers as the real one, ML2/OVS",
        needs: &["stack-ovs"],
        packages: &["compile"],
        on_request: true,
        run: real::contract,
        ..PLAIN
    },
    Step {
        name: "clippy",
        about: "lints, warnings are errors",
        packages: &["compile"],
        run: checks::clippy,
        ..PLAIN
    },
    Step {
        name: "doc",
        about: "rustdoc, warnings are errors",
        packages: &["compile"],
        run: checks::doc,
        ..PLAIN
    },
    Step {
        name: "unit",
        about: "unit and integration tests of all crates",
        packages: &["compile", "lab", "network"],
        run: checks::unit,
        ..PLAIN
    },
    Step {
        name: "doctest",
        about: "examples in the documentation",
        packages: &["compile"],
        run: checks::doctest,
        ..PLAIN
    },
    Step {
        name: "images",
        about: "the images built twice, in two folders, are the same byte for byte",
        packages: &["compile", "images"],
        run: checks::images,
        ..PLAIN
    },
    Step {
        name: "bpf",
        about: "the BPF object is what its source compiles to",
        packages: &["bpf"],
        run: checks::bpf,
        ..PLAIN
    },
    Step {
        name: "vlan-kernel",
        about: "a vlan link plugged in a kernel that has 8021q",
        packages: &["compile", "kernel"],
        run: checks::vlan_kernel,
        ..PLAIN
    },
    Step {
        name: "fuzz",
        about: "a bounded run of the fuzz targets",
        packages: &["compile"],
        run: checks::fuzz,
        ..PLAIN
    },
];

/// Whether a step uses the real stack.
pub(super) fn uses_stack(step: &Step) -> bool {
    step.needs.iter().any(|need| need.starts_with("stack-")) || step.name.starts_with("stack-")
}
