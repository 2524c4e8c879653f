//! The steps that need no real stack.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::step::Run;
use crate::command::{capture, run_logged};
use crate::error::Error;
use crate::workspace::Workspace;
use crate::{build as dist, images, packages, stack, tools};

/// A step's result: a word for the table.
type Checked = Result<String, Error>;

/// Crates that talk to something: none of them may be under `kuryr-core`.
const EFFECTS: &[&str] = &[
    "aya",
    "axum",
    "http",
    "hyper",
    "k8s-openapi",
    "kube",
    "kube-client",
    "kube-runtime",
    "mio",
    "netlink-sys",
    "nix",
    "reqwest",
    "rtnetlink",
    "rustls",
    "socket2",
    "tokio",
];

/// Tests on the real stack have steps of their own.
const NOT_ON_STACK: &str = "not (package(kuryr-e2e) | binary_id(kuryr-contract::real))";

/// Seconds after which `lab --check` is taken to hang.
const LAB_LIMIT: &str = "300";

const VLAN_KERNEL: &str = "crates/kuryr-net/tests/vlan-kernel/run";
const FUZZ: &str = "fuzz/run";

pub(super) fn fmt(run: &mut Run, log: &Path) -> Checked {
    let args = ["fmt", "--all", "--check", "--", "--color", "never"];
    run_logged(run.workspace().cargo().args(args), log)?;
    Ok(String::new())
}

/// What may not be under a package, and why.
struct Border {
    package: &'static str,
    edges: &'static str,
    without: &'static [&'static str],
    because: &'static str,
}

const BORDERS: &[Border] = &[
    Border {
        package: "kuryr-core",
        edges: "normal",
        without: EFFECTS,
        because: "decisions are pure",
    },
    Border {
        package: "kuryr-programs",
        edges: "normal,build",
        without: &[
            "kuryr-bench",
            "kuryr-load",
            "kuryr-matrix",
            "kuryr-checkpoint",
            "kuryr-doctor",
            "kuryr-embedded-kubernetes",
            "kuryr-embedded-openstack",
            "kuryr-lab",
        ],
        because: "what runs in a cluster has no lab in it",
    },
    Border {
        package: "kuryr-controller",
        edges: "normal,dev,build",
        without: &["kuryr-lab", "kuryr-net"],
        because: "the controller's tests need no namespaces",
    },
];

pub(super) fn core_purity(run: &mut Run, log: &Path) -> Checked {
    for border in BORDERS {
        let mut cargo = run.workspace().cargo();
        let args = ["tree", "--locked", "-p", border.package, "-e", border.edges];
        cargo
            .args(args)
            .args(["--prefix", "none", "--format", "{p}"]);
        let tree = capture(&mut cargo, log)?;
        let found = among(&tree, border.without);
        if !found.is_empty() {
            return Err(Error::Wrong(format!(
                "{}, but {} depends on {} (cargo tree -p {} -i ...)",
                border.because,
                border.package,
                found.join(", "),
                border.package
            )));
        }
    }
    Ok(format!("packages: {}", BORDERS.len()))
}

/// Which of these names are in the output of `cargo tree`, one `name vVERSION ...` a line.
fn among<'a>(tree: &'a str, names: &[&str]) -> Vec<&'a str> {
    tree.lines()
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| names.contains(name))
        .collect()
}

pub(super) fn deny(run: &mut Run, log: &Path) -> Checked {
    let workspace = run.workspace();
    tools::ensure(workspace, &tools::DENY, log)?;
    let deny = |checks: &[&str]| {
        let mut cargo = workspace.cargo();
        cargo
            .args(["deny", "--locked", "check", "--hide-inclusion-graph"])
            .args(checks);
        run_logged(&mut cargo, log)
    };
    deny(&["licenses", "bans", "sources"])?;
    if !has_advisories() {
        return Ok(
            "licences, bans, sources; advisories NOT looked at: `cargo deny fetch` never brought the RustSec \
             database here, and this run reaches package registries only"
                .to_owned(),
        );
    }
    deny(&["--disable-fetch", "advisories"])?;
    Ok("advisories too".to_owned())
}

/// Whether cargo-deny has fetched the advisory database before.
fn has_advisories() -> bool {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    let databases = home.and_then(|home| fs::read_dir(home.join("advisory-dbs")).ok());
    databases.is_some_and(|mut entries| entries.next().is_some())
}

pub(super) fn scripts(run: &mut Run, log: &Path) -> Checked {
    let workspace = run.workspace();
    let (mut shell, mut python) = (Vec::new(), Vec::new());
    for folder in ["stack", "crates", "fuzz", ".ci"] {
        collect_scripts(&workspace.path(folder), &mut shell, &mut python)?;
    }
    let compile =
        "import sys\nfor path in sys.argv[1:]:\n    compile(open(path).read(), path, 'exec')";
    run_logged(
        workspace
            .command("python3")
            .args(["-c", compile])
            .args(&python),
        log,
    )?;
    tools::ensure(workspace, &tools::SHELLCHECK, log)?;
    let mut shellcheck = workspace.command("shellcheck");
    shellcheck.args([
        "--external-sources",
        "--source-path=SCRIPTDIR",
        "--severity=warning",
    ]);
    run_logged(shellcheck.args(&shell), log)?;
    Ok(format!("{} shell, {} Python", shell.len(), python.len()))
}

/// Shell scripts by their first line or name, Python by its name.
fn collect_scripts(
    folder: &Path,
    shell: &mut Vec<PathBuf>,
    python: &mut Vec<PathBuf>,
) -> Result<(), Error> {
    let mut entries = fs::read_dir(folder)
        .and_then(|entries| entries.collect::<Result<Vec<_>, _>>())
        .map_err(Error::file("list", folder))?;
    entries.sort_by_key(fs::DirEntry::path);
    for path in entries.iter().map(fs::DirEntry::path) {
        if path.is_dir() {
            collect_scripts(&path, shell, python)?;
        } else if path.extension().is_some_and(|extension| extension == "py") {
            python.push(path);
        } else if path.extension().is_some_and(|extension| extension == "sh")
            || starts_with_shell(&path)
        {
            shell.push(path);
        }
    }
    Ok(())
}

fn starts_with_shell(path: &Path) -> bool {
    let text = fs::read(path).unwrap_or_default();
    let first = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    first.starts_with(b"#!") && first.ends_with(b"sh")
}

const CLIPPY: &[&str] = &[
    "clippy",
    "--locked",
    "--workspace",
    "--all-targets",
    "--",
    "-D",
    "warnings",
];

const DOC: &[&str] = &[
    "doc",
    "--locked",
    "--workspace",
    "--no-deps",
    "--document-private-items",
];

const UNIT: &[&str] = &["--locked", "--workspace"];

/// What compiles, giving way to all else, what a step compiles; none if that is little.
pub(super) fn compiles(workspace: &Workspace, step: &str) -> Option<Command> {
    let cargo = workspace.cargo();
    let mut nice = workspace.command("nice");
    nice.arg("-n19").arg(cargo.get_program());
    match step {
        "clippy" => nice.args(CLIPPY),
        "doc" => nice.args(DOC).env("RUSTDOCFLAGS", "-D warnings"),
        "unit" => nice.args(["test", "--no-run"]).args(UNIT),
        _ => return None,
    };
    Some(nice)
}

pub(super) fn clippy(run: &mut Run, log: &Path) -> Checked {
    run_logged(run.workspace().cargo().args(CLIPPY), log)?;
    Ok(String::new())
}

pub(super) fn doc(run: &mut Run, log: &Path) -> Checked {
    let mut cargo = run.workspace().cargo();
    run_logged(cargo.args(DOC).env("RUSTDOCFLAGS", "-D warnings"), log)?;
    Ok(String::new())
}

pub(super) fn unit(run: &mut Run, log: &Path) -> Checked {
    let workspace = run.workspace();
    let mut cargo = workspace.cargo();
    if tools::ensure(workspace, &tools::NEXTEST, log).is_ok() {
        cargo.args(["nextest", "run", "--filterset", NOT_ON_STACK]);
    } else {
        // tests on the stack only say that they are skipped
        cargo.args(["test", "--lib", "--bins", "--tests"]);
    }
    let helm = tools::ensure(workspace, &tools::HELM, log);
    if helm.is_ok() || run.ci() {
        cargo.env("KURYR_HELM", "1");
    }
    run_logged(cargo.args(UNIT).arg("--no-fail-fast"), log)?;
    tests_in(log)
}

pub(super) fn images(run: &mut Run, log: &Path) -> Checked {
    images::twice(run.workspace(), log)
}

pub(super) fn doctest(run: &mut Run, log: &Path) -> Checked {
    run_logged(
        run.workspace()
            .cargo()
            .args(["test", "--locked", "--workspace", "--doc"]),
        log,
    )?;
    tests_in(log)
}

/// The runner's own count: nextest's summary, or the sum of what `cargo test` says of each binary.
pub(super) fn tests_in(log: &Path) -> Checked {
    let text = fs::read_to_string(log).map_err(Error::file("read", log))?;
    Ok(count_tests(&text))
}

fn count_tests(text: &str) -> String {
    let summary = text
        .lines()
        .rev()
        .find_map(|line| line.trim_start().strip_prefix("Summary ["));
    if let Some((_, counts)) = summary.and_then(|line| line.split_once("] ")) {
        return counts.trim().to_owned();
    }
    let passed: u64 = text
        .lines()
        .filter_map(|line| {
            line.strip_prefix("test result: ok. ")?
                .split_once(' ')?
                .0
                .parse::<u64>()
                .ok()
        })
        .sum();
    format!("{passed} tests passed")
}

pub(super) fn bpf(run: &mut Run, log: &Path) -> Checked {
    require(run.workspace(), "clang-14")?;
    run_logged(
        run.workspace()
            .command("crates/kuryr-net/bpf/build")
            .arg("--check"),
        log,
    )?;
    Ok(String::new())
}

pub(super) fn build(run: &mut Run, log: &Path) -> Checked {
    Ok(dist::run_logged(run.workspace(), run.profile(), log)?.to_string())
}

pub(super) fn lab(run: &mut Run, log: &Path) -> Checked {
    if !packages::is_root() {
        return Err(Error::Missing(
            "needs root: it makes network namespaces".to_owned(),
        ));
    }
    check_lab(&mut lab_command(run), log)
}

/// The lab on a real etcd and kube-apiserver.
pub(super) fn lab_kubernetes(run: &mut Run, log: &Path) -> Checked {
    let programs = stack::variable(run.workspace(), "KUBEBUILDER_ASSETS", log)?;
    let mut lab = lab_command(run);
    lab.args(["--kubernetes", "real"])
        .env("KUBEBUILDER_ASSETS", programs);
    check_lab(&mut lab, log)
}

fn lab_command(run: &Run) -> Command {
    let kuryr = run.profile().dist(run.workspace()).join("kuryr");
    let mut lab = run.workspace().command("timeout");
    lab.args(["--foreground", "--kill-after=30", LAB_LIMIT])
        .arg(kuryr)
        .args(["lab", "--check"]);
    lab
}

fn check_lab(lab: &mut Command, log: &Path) -> Checked {
    run_logged(lab, log)?;
    let text = fs::read_to_string(log).map_err(Error::file("read", log))?;
    Ok(text.lines().last().unwrap_or_default().to_owned())
}

pub(super) fn vlan_kernel(run: &mut Run, log: &Path) -> Checked {
    require(run.workspace(), "qemu-system-x86_64")?;
    script(run.workspace(), VLAN_KERNEL, log)
}

pub(super) fn fuzz(run: &mut Run, log: &Path) -> Checked {
    script(run.workspace(), FUZZ, log)?;
    let text = fs::read_to_string(log).map_err(Error::file("read", log))?;
    Ok(format!("{} inputs", fuzz_inputs(&text)))
}

/// The sum of what libFuzzer says of each target.
fn fuzz_inputs(text: &str) -> u64 {
    text.lines()
        .filter_map(|line| line.strip_prefix("stat::number_of_executed_units:"))
        .filter_map(|number| number.trim().parse::<u64>().ok())
        .sum()
}

fn script(workspace: &Workspace, path: &str, log: &Path) -> Checked {
    if !workspace.path(path).exists() {
        return Err(Error::Missing(format!("there is no {path}")));
    }
    run_logged(
        &mut workspace.command(&workspace.path(path).to_string_lossy()),
        log,
    )?;
    Ok(String::new())
}

fn require(workspace: &Workspace, program: &str) -> Result<(), Error> {
    if workspace.has_program(program) {
        return Ok(());
    }
    let why = packages::why_not().unwrap_or("it was not installed");
    Err(Error::Missing(format!("no {program}, and {why}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_effect_under_the_core_is_found_by_its_whole_name() {
        let tree = "kuryr-core v0.1.0 (/x)\nserde v1.0.1\nhttparse v1.0.0\ntokio v1.4.0 (*)\n";
        assert_eq!(among(tree, EFFECTS), ["tokio"]);
    }

    #[test]
    fn nextest_counts_in_its_summary() {
        let text =
            "   PASS [ 0.1s] a b\n     Summary [   0.512s] 12 tests run: 12 passed, 1 skipped\n";
        assert_eq!(count_tests(text), "12 tests run: 12 passed, 1 skipped");
    }

    #[test]
    fn inputs_of_all_fuzz_targets_count() {
        let text = "stat::number_of_executed_units: 12\nx\nstat::number_of_executed_units:    3\n";
        assert_eq!(fuzz_inputs(text), 15);
    }

    #[test]
    fn cargo_test_counts_by_binary() {
        let text = "test result: ok. 3 passed; 0 failed;\ntest result: ok. 4 passed; 0 failed;\n";
        assert_eq!(count_tests(text), "7 tests passed");
    }
}
