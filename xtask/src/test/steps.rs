//! The table of steps, in the order in which they run: what needs little comes first.

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
        about: "kuryr-core depends on no runtime, network or Kubernetes crate",
        run: checks::core_purity,
        ..PLAIN
    },
    Step {
        name: "deny",
        about: "licences, sources and banned crates; advisories where their database is",
        run: checks::deny,
        ..PLAIN
    },
    Step {
        name: "scripts",
        about: "shellcheck on the stack's scripts, their Python compiled",
        run: checks::scripts,
        ..PLAIN
    },
    Step {
        name: "clippy",
        about: "lints, warnings are errors",
        packages: &["build"],
        run: checks::clippy,
        ..PLAIN
    },
    Step {
        name: "doc",
        about: "rustdoc, warnings are errors",
        packages: &["build"],
        run: checks::doc,
        ..PLAIN
    },
    Step {
        name: "unit",
        about: "unit and integration tests of all crates",
        packages: &["build", "network"],
        run: checks::unit,
        ..PLAIN
    },
    Step {
        name: "doctest",
        about: "examples in the documentation",
        packages: &["build"],
        run: checks::doctest,
        ..PLAIN
    },
    Step {
        name: "bpf",
        about: "the BPF object is what its source compiles to",
        packages: &["build"],
        run: checks::bpf,
        ..PLAIN
    },
    Step {
        name: "build",
        about: "release binaries; the plugin static and under 2 MiB",
        packages: &["build"],
        run: checks::build,
        ..PLAIN
    },
    Step {
        name: "lab",
        about: "kuryr lab --check: the whole way on the embedded cloud",
        needs: &["build"],
        packages: &["network"],
        run: checks::lab,
        ..PLAIN
    },
    Step {
        name: "vlan-kernel",
        about: "a vlan link plugged in a kernel that has 8021q",
        needs: &["build"],
        packages: &["kernel"],
        run: checks::vlan_kernel,
        ..PLAIN
    },
    Step {
        name: "fuzz",
        about: "a bounded run of the fuzz targets",
        needs: &["build"],
        packages: &["build"],
        run: checks::fuzz,
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
        name: "lab-kubernetes",
        about: "kuryr lab --check on a real etcd and kube-apiserver",
        needs: &["build", "stack-ovn"],
        run: checks::lab_kubernetes,
        ..PLAIN
    },
    Step {
        name: "contract-ovn",
        about: "the embedded cloud answers as the real one, ML2/OVN",
        needs: &["stack-ovn"],
        run: real::contract,
        ..PLAIN
    },
    Step {
        name: "e2e-ovn",
        about: "pods on the real stack, ML2/OVN",
        needs: &["build", "stack-ovn"],
        run: real::e2e,
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
        name: "contract-ovs",
        about: "the embedded cloud answers as the real one, ML2/OVS",
        needs: &["stack-ovs"],
        on_request: true,
        run: real::contract,
        ..PLAIN
    },
    Step {
        name: "e2e-ovs",
        about: "pods on the real stack, ML2/OVS",
        needs: &["build", "stack-ovs"],
        on_request: true,
        run: real::e2e,
        ..PLAIN
    },
];
