//! The checked-in bpf object is what its source compiles to.

#![allow(clippy::unwrap_used)]

use std::process::Command;

/// Needs Debian 12's clang 14: another compiler makes other bytes.
#[test]
fn the_object_is_what_its_source_compiles_to() {
    let there = |program| Command::new(program).arg("--version").output().is_ok();
    if !there("clang-14") || !there("llvm-strip-14") {
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "clang-14 and llvm-14 are needed"
        );
        eprintln!("skipped: there is no clang-14 (Debian packages clang-14, llvm-14)");
        return;
    }
    let build = concat!(env!("CARGO_MANIFEST_DIR"), "/bpf/build");
    let output = Command::new(build).arg("--check").output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
