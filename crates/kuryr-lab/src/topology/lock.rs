//! The lock by which a running lab is known.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::{LabId, TopologyError};

/// Where the files are that are locked.
const LOCKS: &str = "/run/kuryr-lab";
/// Others may remove file and folder as they end, while this one begins; so often at most.
const TRIES: usize = 100;

/// A lab's lock. The kernel gives it back when the process ends, however it does; the file goes
/// with it when it is dropped.
#[derive(Debug)]
pub struct Lock {
    path: PathBuf,
    _file: File,
}

impl Lock {
    /// Takes the lock.
    ///
    /// # Errors
    /// [`TopologyError::Running`] if a lab of that name has it.
    pub fn take(lab: &LabId) -> Result<Self, TopologyError> {
        Self::take_in(Path::new(LOCKS), lab)
    }

    /// The labs that were killed, each with its lock: what is left of them may be removed.
    pub fn of_killed() -> Vec<(LabId, Self)> {
        Self::of_killed_in(Path::new(LOCKS))
    }

    fn of_killed_in(folder: &Path) -> Vec<(LabId, Self)> {
        let entries = fs::read_dir(folder).into_iter().flatten();
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let labs = names.filter_map(|name| LabId::new(name.strip_suffix(".lock")?).ok());
        // One that is running is locked; one that ended by itself has no file.
        labs.filter_map(|lab| Some((lab.clone(), Self::take_in(folder, &lab).ok()?)))
            .collect()
    }

    fn take_in(folder: &Path, lab: &LabId) -> Result<Self, TopologyError> {
        let path = folder.join(format!("{}.lock", lab.as_str()));
        let what = format!("lock {}", path.display());
        let mut failed = io::Error::other("it is removed again and again");
        for _ in 0..TRIES {
            let file = match open(folder, &path) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    failed = error;
                    continue;
                }
                Err(error) => return Err(TopologyError::io(what)(error)),
            };
            match file.try_lock() {
                // Else it was removed by who had it before, and is not what others would lock.
                Ok(()) if is_at(&file, &path) => return Ok(Self { path, _file: file }),
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    let name = lab.as_str().to_owned();
                    return Err(TopologyError::Running { name, lock: path });
                }
                Err(TryLockError::Error(error)) => return Err(TopologyError::io(what)(error)),
            }
        }
        Err(TopologyError::io(what)(failed))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
        // The last one takes the folder along; it is not empty before.
        let _ = self.path.parent().map(fs::remove_dir);
    }
}

fn open(folder: &Path, path: &Path) -> io::Result<File> {
    fs::create_dir_all(folder)?;
    File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
}

fn is_at(file: &File, path: &Path) -> bool {
    let id = |meta: fs::Metadata| (meta.dev(), meta.ino());
    let there = fs::metadata(path).map(id);
    file.metadata()
        .map(id)
        .is_ok_and(|own| there.is_ok_and(|there| there == own))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn one_lab_at_a_time_has_a_name_and_nothing_stays() {
        let folder = tempfile::tempdir().unwrap();
        let locks = folder.path().join("locks");
        let lab = LabId::new("lab").unwrap();
        let first = Lock::take_in(&locks, &lab).unwrap();
        let second = Lock::take_in(&locks, &lab);
        assert!(matches!(second, Err(TopologyError::Running { .. })));
        let other = Lock::take_in(&locks, &LabId::new("lab2").unwrap()).unwrap();
        drop(first);
        drop(Lock::take_in(&locks, &lab).unwrap());
        drop(other);
        assert!(!locks.exists());
    }

    #[test]
    fn a_killed_lab_is_known_by_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let running = Lock::take_in(folder.path(), &LabId::new("lab").unwrap()).unwrap();
        fs::write(folder.path().join("lab2.lock"), "").unwrap();
        fs::write(folder.path().join("no lab.lock"), "").unwrap();
        let killed = Lock::of_killed_in(folder.path());
        let names: Vec<&str> = killed.iter().map(|(lab, _)| lab.as_str()).collect();
        assert_eq!(names, ["lab2"]);
        drop((killed, running));
    }
}
