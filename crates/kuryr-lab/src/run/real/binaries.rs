//! Where etcd and kube-apiserver are.

use std::env;
use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::RealError;

/// The two programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::run) struct Binaries {
    pub(super) etcd: PathBuf,
    pub(super) api_server: PathBuf,
}

impl Binaries {
    /// Looks in `KUBEBUILDER_ASSETS`, as controllers' tests have it, and the path.
    pub(in crate::run) fn find_here() -> Result<Self, RealError> {
        let assets = env::var_os("KUBEBUILDER_ASSETS").unwrap_or_default();
        let path = env::var_os("PATH").unwrap_or_default();
        Self::find(&folders(&assets, &path))
    }

    fn find(folders: &[PathBuf]) -> Result<Self, RealError> {
        let program = |program: &'static str| {
            let found = folders
                .iter()
                .map(|folder| folder.join(program))
                .find(|file| runs(file));
            let looked = || {
                folders
                    .iter()
                    .map(|f| f.display().to_string())
                    .collect::<Vec<_>>()
            };
            found.ok_or_else(|| RealError::Missing {
                program,
                looked: looked().join(" "),
            })
        };
        Ok(Self {
            etcd: program("etcd")?,
            api_server: program("kube-apiserver")?,
        })
    }
}

fn folders(assets: &OsStr, path: &OsStr) -> Vec<PathBuf> {
    let assets = (!assets.is_empty()).then(|| PathBuf::from(assets));
    assets.into_iter().chain(env::split_paths(path)).collect()
}

fn runs(file: &Path) -> bool {
    file.metadata()
        .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;

    use super::*;

    fn program(folder: &Path, name: &str, mode: u32) {
        fs::write(folder.join(name), "").unwrap();
        fs::set_permissions(folder.join(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn assets_come_before_the_path() {
        let (assets, path) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        program(path.path(), "etcd", 0o755);
        program(path.path(), "kube-apiserver", 0o755);
        program(assets.path(), "kube-apiserver", 0o755);
        program(assets.path(), "etcd", 0o644);
        let folders = folders(assets.path().as_os_str(), path.path().as_os_str());
        let found = Binaries::find(&folders).unwrap();
        assert_eq!(found.api_server, assets.path().join("kube-apiserver"));
        assert_eq!(
            found.etcd,
            path.path().join("etcd"),
            "a file that can't be run is none"
        );
    }

    #[test]
    fn a_missing_program_is_named() {
        let folder = tempfile::tempdir().unwrap();
        program(folder.path(), "etcd", 0o755);
        let error = Binaries::find(&[folder.path().to_owned()])
            .unwrap_err()
            .to_string();
        assert!(error.contains("needs kube-apiserver"), "{error}");
        assert!(
            error.contains(&folder.path().display().to_string()),
            "{error}"
        );
    }
}
