//! The definitions under `deploy/crds` are those that the types give.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use kuryr_api::crd;

/// `UPDATE=1 cargo test -p kuryr-api` writes them anew.
#[test]
fn definitions_are_as_checked_in() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/crds");
    for crd in crd::all() {
        let file = dir.join(format!("{}.yaml", crd.spec.names.plural));
        let yaml = crd::to_yaml(&crd).unwrap();
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&file, &yaml).unwrap();
        }
        let there = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(
            there == yaml,
            "{} is not what `kuryr crds` prints",
            file.display()
        );
    }
}
