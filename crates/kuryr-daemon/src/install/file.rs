//! Files that appear whole.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use super::InstallError;

/// A file's contents; none if there is no such file.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>, InstallError> {
    match fs::read(path) {
        Ok(contents) => Ok(Some(contents)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(InstallError::of("read", path)(error)),
    }
}

/// Names of what is in a folder; those that are no text are nobody's that we know.
pub(super) fn names(folder: &Path) -> Result<Vec<String>, InstallError> {
    let entries = fs::read_dir(folder).map_err(InstallError::of("list", folder))?;
    let name = |entry: io::Result<fs::DirEntry>| entry.ok()?.file_name().into_string().ok();
    Ok(entries.filter_map(name).collect())
}

/// Writes a file under a hidden name beside it, to the disk, and renames it.
pub(super) fn put(path: &Path, contents: &[u8], mode: u32) -> Result<(), InstallError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // The same name each time: what a killed daemon left is written over.
    let beside = path.with_file_name(format!(".{name}.new"));
    let written = write(&beside, contents, mode).and_then(|()| fs::rename(&beside, path));
    written.map_err(|error| {
        let _ = fs::remove_file(&beside);
        InstallError::of("write", path)(error)
    })
}

fn write(path: &Path, contents: &[u8], mode: u32) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(path)?;
    // The mode of open is less the umask, and one that is there already keeps its own.
    file.set_permissions(fs::Permissions::from_mode(mode))?;
    file.write_all(contents)?;
    file.sync_all()
}
