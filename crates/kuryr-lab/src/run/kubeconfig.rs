//! The kubeconfig at a place of the user's choice.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::LabError;
use super::folder::write_private;

/// The context of every lab's kubeconfig, by which one of an earlier lab is known.
const CONTEXT: &str = "kuryr-lab";

/// A kubeconfig of a running lab; removed when dropped.
#[derive(Debug)]
pub(super) struct KubeconfigFile {
    path: PathBuf,
    content: String,
}

impl KubeconfigFile {
    /// Whether a lab may write there: nothing is there yet, or an earlier lab's file.
    pub(super) fn check(path: &Path) -> Result<(), LabError> {
        match fs::read_to_string(path) {
            Ok(content) if is_labs(&content) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound && in_a_folder(path) => Ok(()),
            Err(source) => Err(LabError::File {
                what: format!("write the kubeconfig {}", path.display()),
                source,
            }),
            Ok(_) => Err(LabError::KubeconfigTaken(path.to_owned())),
        }
    }

    pub(super) fn write(path: &Path, content: String) -> Result<Self, LabError> {
        Self::check(path)?;
        write_private(path, &content)?;
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        Ok(Self { path, content })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for KubeconfigFile {
    fn drop(&mut self) {
        // Another lab may have taken its place.
        if fs::read_to_string(&self.path).is_ok_and(|content| content == self.content) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn in_a_folder(path: &Path) -> bool {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    folder.is_none_or(Path::is_dir)
}

fn is_labs(content: &str) -> bool {
    let parsed: Option<serde_json::Value> = serde_yaml_ng::from_str(content).ok();
    parsed.is_some_and(|config| config["current-context"] == CONTEXT) || content.is_empty()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const OURS: &str = r#"{"current-context": "kuryr-lab", "kind": "Config"}"#;

    #[test]
    fn another_clusters_file_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        fs::write(&path, "current-context: production\n").unwrap();
        let refused = KubeconfigFile::write(&path, OURS.to_owned())
            .unwrap_err()
            .to_string();
        assert!(refused.contains("another cluster"), "{refused}");
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            "current-context: production\n"
        );
    }

    #[test]
    fn a_labs_own_is_replaced_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        fs::write(&path, OURS).unwrap();
        let file = KubeconfigFile::write(&path, format!("{OURS}\n")).unwrap();
        assert!(path.exists());
        drop(file);
        assert!(!path.exists());
    }
}
