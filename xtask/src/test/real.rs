//! The steps on the real stack.

use std::path::{Path, PathBuf};

use super::checks::tests_in;
use super::step::Run;
use crate::command::{capture, run_logged};
use crate::error::Error;
use crate::stack::{self, Backend};
use crate::{images, packages, tools};

pub(super) fn start_ovn(run: &mut Run, log: &Path) -> Result<String, Error> {
    start(run, Backend::Ovn, log)
}

pub(super) fn start_ovs(run: &mut Run, log: &Path) -> Result<String, Error> {
    start(run, Backend::Ovs, log)
}

/// Starts the stack, or takes the one that runs. In CI it starts from nothing; elsewhere a stack that was there before is
/// neither stopped nor forgotten.
fn start(run: &mut Run, backend: Backend, log: &Path) -> Result<String, Error> {
    if let Some(why) = packages::why_not() {
        return Err(Error::Missing(format!(
            "{why}: the real stack needs root on Debian"
        )));
    }
    if run.started.is_none() && run.ci() {
        stack::call(run.workspace(), &["purge"], log)?;
    }
    match stack::running(run.workspace()) {
        Some(other) if other == backend => return Ok("was running".to_owned()),
        Some(other) if run.started == Some(other) => {
            run.started = None;
            stack::call(run.workspace(), &["down"], log)?;
        }
        Some(other) => {
            return Err(Error::Missing(format!(
                "the {other} stack was running before: `cargo xtask stack down` first"
            )));
        }
        None => {}
    }
    run.started = Some(backend);
    stack::call(
        run.workspace(),
        &["up", "--backend", &backend.to_string()],
        log,
    )?;
    Ok(String::new())
}

/// Stops the stack that this run started.
pub(super) fn stop(run: &mut Run) {
    if run.started.take().is_none() {
        return;
    }
    let log = run.log_named("stack-down");
    if let Err(error) = stack::call(run.workspace(), &["down"], &log) {
        eprintln!(
            "xtask: the stack is still there: {error}, see {}",
            log.display()
        );
    }
}

/// Pods on the real stack.
pub(super) fn e2e(run: &mut Run, log: &Path) -> Result<String, Error> {
    images::for_tests(run.workspace(), log)?;
    on_stack(run, "package(kuryr-e2e)", "KURYR_E2E", log)
}

/// The contract's cases against the real services; against the embedded ones they are among the unit tests.
pub(super) fn contract(run: &mut Run, log: &Path) -> Result<String, Error> {
    let which = "binary_id(kuryr-contract::real)";
    on_stack(run, which, "KURYR_CONTRACT_REAL", log)
}

/// What tests on the stack are compiled from: with `kuryr` named too, cargo takes the crates that its binary was built of.
const TESTS: &[&str] = &[
    "--locked",
    "-p",
    "kuryr",
    "-p",
    "kuryr-programs",
    "-p",
    "kuryr-e2e",
    "-p",
    "kuryr-contract",
    "--lib",
    "--test",
    "stack",
    "--test",
    "real",
];

/// Runs tests with the stack's settings, `switch=1`, and `KURYR_DIST` and `KURYR_IMAGES`, the folders of binaries and images.
fn on_stack(run: &mut Run, which: &str, switch: &str, log: &Path) -> Result<String, Error> {
    let workspace = run.workspace();
    tools::ensure(workspace, &tools::NEXTEST, log)?;
    let [metadata, binaries] = compiled_tests(run, log)?;
    let mut cargo = workspace.cargo();
    cargo
        .args(["nextest", "run", "--profile", "stack", "--no-fail-fast"])
        .arg("--cargo-metadata")
        .arg(metadata)
        .arg("--binaries-metadata")
        .arg(binaries)
        .args(["--filterset", which]);
    stack::apply_env(workspace, &mut cargo, log)?;
    cargo
        .env(switch, "1")
        .env("KURYR_DIST", run.profile().dist(workspace))
        .env("KURYR_IMAGES", images::folder_for_tests(workspace));
    run_logged(&mut cargo, log)?;
    tests_in(log)
}

/// Compiles the tests, once in a run, and says in two files where they are: so that none waits for cargo's lock later, while
/// the tests of other steps are compiled in the background.
fn compiled_tests(run: &Run, log: &Path) -> Result<[PathBuf; 2], Error> {
    let metadata = run.log_named("cargo-metadata").with_extension("json");
    let binaries = run.log_named("stack-tests").with_extension("json");
    if binaries.exists() {
        return Ok([metadata, binaries]);
    }
    let workspace = run.workspace();
    let write =
        |path: &Path, text: String| std::fs::write(path, text).map_err(Error::file("write", path));
    let mut cargo = workspace.cargo();
    cargo.args([
        "metadata",
        "--format-version=1",
        "--all-features",
        "--locked",
    ]);
    write(&metadata, capture(&mut cargo, log)?)?;
    let mut cargo = workspace.cargo();
    cargo
        .args(["nextest", "list", "--list-type", "binaries-only"])
        .args(["--message-format", "json"])
        .args(TESTS);
    write(&binaries, capture(&mut cargo, log)?)?;
    Ok([metadata, binaries])
}
