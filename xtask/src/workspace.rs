//! Where things are in the checkout.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::tools;

/// The checkout's root folder.
#[derive(Debug, Clone)]
pub(crate) struct Workspace {
    root: PathBuf,
}

impl Workspace {
    /// A checkout, or a copy of one.
    pub(crate) fn at(root: PathBuf) -> Self {
        Self { root }
    }

    /// The checkout that this program was built from.
    pub(crate) fn locate() -> Self {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        Self {
            root: here.parent().unwrap_or(here).to_path_buf(),
        }
    }

    /// A path in the checkout.
    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// A path in cargo's target folder.
    pub(crate) fn target(&self, relative: &str) -> PathBuf {
        let folder = env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
        self.root.join(folder).join(relative)
    }

    /// A command that runs in the root folder and finds the project's own tools first.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(&self.root)
            .env("PATH", self.search_path());
        command
    }

    /// The cargo that runs this program.
    pub(crate) fn cargo(&self) -> Command {
        self.command(&env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()))
    }

    /// Whether a program is on the search path.
    pub(crate) fn has_program(&self, name: &str) -> bool {
        env::split_paths(&self.search_path()).any(|folder| folder.join(name).is_file())
    }

    /// The search path of [`Self::command`] with a folder in front.
    pub(crate) fn search_path_after(&self, folder: &Path) -> OsString {
        let path = self.search_path();
        let all = [folder.to_path_buf()]
            .into_iter()
            .chain(env::split_paths(&path));
        env::join_paths(all).unwrap_or_else(|_| path.clone())
    }

    fn search_path(&self) -> OsString {
        let path = env::var_os("PATH").unwrap_or_default();
        // Debian keeps some programs where a user's search path does not look.
        let system = ["/usr/sbin", "/sbin"].map(PathBuf::from);
        let all = tools::folders(self)
            .chain(env::split_paths(&path))
            .chain(system);
        env::join_paths(all).unwrap_or(path)
    }
}
