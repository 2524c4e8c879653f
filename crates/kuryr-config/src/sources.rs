//! What a configuration is loaded from.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Files larger than this, in bytes, are refused: a ConfigMap holds 1 MiB.
const LARGEST_FILE: u64 = 4 << 20;

/// The file that is read when none is named, if it exists.
pub(crate) const DEFAULT_FILE: &str = "/etc/kuryr/kuryr.conf";

/// Which program the configuration is for: what it needs must be set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Role {
    /// None in particular: nothing has to be set.
    #[default]
    Any,
    /// The controller: needs OpenStack's credentials and the subnets.
    Controller,
    /// The daemon: needs no OpenStack, so credentials are not looked at.
    Daemon,
}

/// Where the parts of a configuration are.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// Files, later ones over earlier ones. None and no directory either:
    /// `/etc/kuryr/kuryr.conf` if it exists.
    pub config_files: Vec<PathBuf>,
    /// Directories whose `*.conf` are read after the files, by name.
    pub config_dirs: Vec<PathBuf>,
    /// The environment.
    pub env: BTreeMap<String, OsString>,
    /// Which program it is for.
    pub role: Role,
}

impl Sources {
    /// Files and directories as named on the command line, and this process's
    /// environment.
    pub fn new(config_files: Vec<PathBuf>, config_dirs: Vec<PathBuf>, role: Role) -> Self {
        let env = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            .collect();
        Self {
            config_files,
            config_dirs,
            env,
            role,
        }
    }

    /// A variable that is set, not empty, and UTF-8.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        let value = self.env.get(name)?.to_str()?;
        (!value.is_empty()).then_some(value)
    }
}

/// What loading needs of a file system.
pub trait ReadFiles {
    /// The content of a file.
    ///
    /// # Errors
    /// What the system says; `NotFound` where there is none.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// The files in a directory, in any order.
    ///
    /// # Errors
    /// What the system says.
    fn list(&self, directory: &Path) -> io::Result<Vec<PathBuf>>;
}

/// The file system of this machine.
#[derive(Debug, Clone, Copy)]
pub struct Disk;

impl ReadFiles for Disk {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        File::open(path)?
            .take(LARGEST_FILE + 1)
            .read_to_end(&mut bytes)?;
        if bytes.len() as u64 > LARGEST_FILE {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                format!("larger than {LARGEST_FILE} bytes"),
            ));
        }
        Ok(bytes)
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<PathBuf>> {
        std::fs::read_dir(directory)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect()
    }
}

/// Files in memory, for tests and for programs that write their own
/// configuration.
#[derive(Debug, Clone, Default)]
pub struct Memory(pub BTreeMap<PathBuf, Vec<u8>>);

impl Memory {
    /// Adds a file.
    #[must_use]
    pub fn with(mut self, path: impl Into<PathBuf>, content: impl Into<Vec<u8>>) -> Self {
        self.0.insert(path.into(), content.into());
        self
    }
}

impl ReadFiles for Memory {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let content = self.0.get(path).cloned();
        content.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<PathBuf>> {
        let inside = |path: &&PathBuf| path.parent() == Some(directory);
        let files: Vec<_> = self.0.keys().filter(inside).cloned().collect();
        if files.is_empty() {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(files)
    }
}
