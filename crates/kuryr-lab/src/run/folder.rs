//! The folder of a running lab: what others may want to read, and what it works with.

use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use super::LabError;

/// Where folders of labs are; beside the locks by which running ones are known.
const FOLDERS: &str = "/run/kuryr-lab";

/// The folder of one lab. Removed with everything in it when dropped.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Makes the folder of the lab of that name anew. The lab's lock must be held: what is in
    /// the way is a killed lab's.
    pub(super) fn make(lab: &str) -> Result<Self, LabError> {
        let path = Self::path_of(lab);
        let failed = |source| LabError::File {
            what: format!("make the lab's folder {}", path.display()),
            source,
        };
        remove(&path).map_err(failed)?;
        fs::create_dir_all(&path).map_err(failed)?;
        Ok(Self { path })
    }

    /// Where the folder of the lab of that name is.
    pub(super) fn path_of(lab: &str) -> PathBuf {
        Path::new(FOLDERS).join(lab)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Makes a folder in it.
    pub(super) fn make_dir(&self, name: &str) -> Result<PathBuf, LabError> {
        let path = self.join(name);
        fs::create_dir_all(&path).map_err(|source| LabError::File {
            what: format!("make {}", path.display()),
            source,
        })?;
        Ok(path)
    }

    /// The folder in which a runtime finds the plugin, under the name that it is called by.
    pub(super) fn make_plugin(&self, program: &Path) -> Result<PathBuf, LabError> {
        let bin = self.make_dir("bin")?;
        let link = bin.join("kuryr-cni");
        symlink(program, &link).map_err(|source| LabError::File {
            what: format!("link {} to {}", link.display(), program.display()),
            source,
        })?;
        Ok(bin)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = remove(&self.path) {
            tracing::error!(folder = %self.path.display(), %error, "the lab could not remove its folder");
        }
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Writes a file for the user's eyes only. Under sudo it is the caller's.
pub(super) fn write_private(path: &Path, content: &str) -> Result<(), LabError> {
    let write = || {
        // Made anew, so that nobody who opened an older one reads this.
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        fs::write(path, "")?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
        fs::write(path, content)?;
        let id = |name: &str| std::env::var(name).ok()?.parse().ok();
        match (id("SUDO_UID"), id("SUDO_GID")) {
            (Some(user), group) => chown(path, Some(user), group),
            (None, _) => Ok(()),
        }
    };
    write().map_err(|source| LabError::File {
        what: format!("write {}", path.display()),
        source,
    })
}
