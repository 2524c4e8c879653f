//! `cargo xtask generate`: files that are checked in and made from the code.
//!
//! Each is compared by a test of its crate, and that test writes it when its variable is set.

use crate::command;
use crate::error::Error;
use crate::workspace::Workspace;

struct Generated {
    what: &'static str,
    package: &'static str,
    test: &'static str,
    /// The test writes instead of compares where this variable is set.
    variable: &'static str,
}

const GENERATED: &[Generated] = &[
    Generated {
        what: "deploy/crds",
        package: "kuryr-api",
        test: "crds",
        variable: "UPDATE",
    },
    Generated {
        what: "docs/configuration.md",
        package: "kuryr-config",
        test: "table",
        variable: "UPDATE_DOCS",
    },
    Generated {
        what: "the findings in docs/doctor.md",
        package: "kuryr-core",
        test: "findings",
        variable: "UPDATE_DOCS",
    },
    Generated {
        what: "deploy/chart",
        package: "kuryr-manifests",
        test: "deploy",
        variable: "UPDATE_DOCS",
    },
];

/// Writes them, or only compares.
pub(crate) fn run(workspace: &Workspace, check: bool) -> Result<(), Error> {
    for file in GENERATED {
        let mut cargo = workspace.cargo();
        cargo.args(["test", "--quiet", "-p", file.package, "--test", file.test]);
        if check {
            cargo.env_remove(file.variable);
        } else {
            cargo.env(file.variable, "1");
        }
        command::run(&mut cargo)?;
        let done = if check { "is up to date" } else { "is written" };
        println!("{} {done}", file.what);
    }
    bpf(workspace, check)
}

/// The BPF object needs the one compiler whose bytes are checked in.
fn bpf(workspace: &Workspace, check: bool) -> Result<(), Error> {
    let mut build = workspace.command("crates/kuryr-net/bpf/build");
    if check {
        build.arg("--check");
    }
    command::run(&mut build)?;
    println!(
        "crates/kuryr-net/bpf {}",
        if check {
            "is up to date"
        } else {
            "is compiled"
        }
    );
    Ok(())
}
