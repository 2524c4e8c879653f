//! The plugin and its configuration, put into the node's folders and taken away again.
//!
//! ```text
//! start     the plugin into cni_bin_dir                  a runtime that reads the configuration finds it there
//! serving   the configuration into cni_conf_dir          from now on the kubelet says that the node is Ready
//! end       both stay: pods of the node go on, and a daemon that is upgraded is back in seconds
//! uninstall the configuration away, then the plugin      nothing else in the folders is touched
//! ```
//!
//! Each file is made under another name in the same folder and renamed: nobody reads half of one, and runtimes that watch the
//! folder (containerd 1.6 sees no file that is moved in from another one) notice it.

mod conflist;
mod file;

use std::io;
use std::path::{Path, PathBuf};

use self::conflist::{CONFLIST, Standing, standing};
use self::file::{names, put, read};

/// The plugin's file name: the `type` that configurations name.
const PLUGIN: &str = "kuryr-cni";

/// Where things go on the node, as this process sees the node's folders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// The plugin as this program brings it.
    pub plugin: PathBuf,
    /// The runtime's folder of plugins.
    pub bin_dir: PathBuf,
    /// The runtime's folder of configurations.
    pub conf_dir: PathBuf,
    /// File name of our configuration.
    pub conf_name: String,
}

/// A file could not be read, written or removed.
#[derive(Debug, thiserror::Error)]
#[error("can't {what} {}: {source}", .path.display())]
pub struct InstallError {
    /// What was attempted.
    what: &'static str,
    path: PathBuf,
    source: io::Error,
}

impl InstallError {
    fn of(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self { what, path, source }
    }
}

/// What became of the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Configured {
    /// It was written.
    Written,
    /// It is there as it is to be.
    Unchanged,
    /// Somebody else's file has its name; it is left alone.
    LeftAlone,
}

/// What keeps pods of the node from our network, as it is told by an Event on the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    pub reason: &'static str,
    pub message: String,
}

impl Places {
    fn conflist(&self) -> PathBuf {
        self.conf_dir.join(&self.conf_name)
    }

    /// Puts the plugin in place, if it is not there as it is to be. Returns whether it was written.
    ///
    /// # Errors
    /// [`InstallError`]; what was there before stays.
    pub fn install_plugin(&self) -> Result<bool, InstallError> {
        let ours = std::fs::read(&self.plugin).map_err(InstallError::of("read", &self.plugin))?;
        let target = self.bin_dir.join(PLUGIN);
        if read(&target)?.is_some_and(|there| there == ours) {
            return Ok(false);
        }
        put(&target, &ours, 0o755)?;
        Ok(true)
    }

    /// Puts the configuration in place, if no other file has its name.
    ///
    /// # Errors
    /// [`InstallError`]; what was there before stays.
    pub fn install_conflist(&self) -> Result<Configured, InstallError> {
        let target = self.conflist();
        match standing(read(&target)?.as_deref()) {
            Standing::Current => return Ok(Configured::Unchanged),
            Standing::Others => return Ok(Configured::LeftAlone),
            Standing::Absent | Standing::Older => {}
        }
        put(&target, CONFLIST.as_bytes(), 0o644)?;
        Ok(Configured::Written)
    }

    /// Configurations that the runtime takes before ours: it uses the first by name.
    ///
    /// # Errors
    /// [`InstallError`].
    pub fn before_ours(&self) -> Result<Vec<String>, InstallError> {
        let is_conf = |name: &String| {
            let ends = [".conf", ".conflist", ".json"];
            ends.iter().any(|end| name.ends_with(end)) && !name.starts_with('.')
        };
        let mut names = names(&self.conf_dir)?;
        names.retain(|name| is_conf(name) && *name < self.conf_name);
        names.sort();
        Ok(names)
    }

    /// Takes away what [`Self::install_conflist`] and [`Self::install_plugin`] made; returns the files that went.
    ///
    /// # Errors
    /// [`InstallError`]; it may be called again.
    pub fn uninstall(&self) -> Result<Vec<PathBuf>, InstallError> {
        let (conflist, plugin) = (self.conflist(), self.bin_dir.join(PLUGIN));
        let is_ours = matches!(
            standing(read(&conflist)?.as_deref()),
            Standing::Current | Standing::Older
        );
        // The configuration first: no runtime is to look for a plugin that is gone.
        let mut gone = Vec::new();
        let conflist = is_ours.then_some(conflist);
        for path in conflist.into_iter().chain([plugin]) {
            match std::fs::remove_file(&path) {
                Ok(()) => gone.push(path),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(InstallError::of("remove", &path)(error)),
            }
        }
        Ok(gone)
    }

    /// [`Self::install_conflist`], told in the log: the daemon serves, whatever becomes of the file. Returns what keeps pods of
    /// this node from our network.
    pub fn announce(&self) -> Vec<Complaint> {
        let path = self.conflist();
        let path = path.display();
        let written = match self.install_conflist() {
            Ok(Configured::Written) => {
                tracing::info!(%path, "the CNI configuration is in place; the node can be Ready");
                None
            }
            Ok(Configured::Unchanged) => {
                tracing::debug!(%path, "the CNI configuration is in place");
                None
            }
            Ok(Configured::LeftAlone) => Some(Complaint {
                reason: "ForeignCniConfiguration",
                message: format!(
                    "{path} is there and was not written by kuryr-daemon: it is left alone, and pods get what it says; take \
                     it away to have the daemon's"
                ),
            }),
            Err(error) => Some(Complaint {
                reason: "CniConfigurationNotWritten",
                message: format!("{error}: the node does not become Ready by it"),
            }),
        };
        let first = match self.before_ours() {
            Ok(first) if first.is_empty() => None,
            Ok(first) => Some(Complaint {
                reason: "OtherCniFirst",
                message: format!(
                    "the runtime takes {} before {}: unless that one calls kuryr-cni, pods get no Neutron port; remove it \
                     from the node's folder of CNI configurations",
                    first.join(", "),
                    self.conf_name
                ),
            }),
            Err(error) => {
                tracing::warn!(%error, "whether other CNI configurations come before ours is not known");
                None
            }
        };
        let all: Vec<Complaint> = written.into_iter().chain(first).collect();
        for Complaint { reason, message } in &all {
            tracing::warn!(reason, message, "pods of this node");
        }
        all
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    struct Node {
        folder: tempfile::TempDir,
        places: Places,
    }

    impl Node {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let at = |name: &str| folder.path().join(name);
            for dir in ["bin", "net.d"] {
                fs::create_dir(at(dir)).unwrap();
            }
            fs::write(at("kuryr-cni"), b"the plugin").unwrap();
            let places = Places {
                plugin: at("kuryr-cni"),
                bin_dir: at("bin"),
                conf_dir: at("net.d"),
                conf_name: "10-kuryr.conflist".to_owned(),
            };
            Self { folder, places }
        }

        /// All files of the node, with their contents.
        fn files(&self) -> Vec<(String, String)> {
            let mut all = Vec::new();
            for dir in ["bin", "net.d"] {
                for entry in fs::read_dir(self.folder.path().join(dir)).unwrap() {
                    let entry = entry.unwrap();
                    let name = format!("{dir}/{}", entry.file_name().to_string_lossy());
                    all.push((name, fs::read_to_string(entry.path()).unwrap()));
                }
            }
            all.sort();
            all
        }

        fn write(&self, name: &str, text: &str) {
            fs::write(self.folder.path().join(name), text).unwrap();
        }
    }

    #[test]
    fn plugin_and_configuration_are_put_in_place_once() {
        let node = Node::new();
        assert!(node.places.install_plugin().unwrap());
        assert_eq!(node.places.install_conflist().unwrap(), Configured::Written);
        let first = node.files();
        let names: Vec<&str> = first.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(
            names,
            ["bin/kuryr-cni", "net.d/10-kuryr.conflist"],
            "and nothing half made"
        );
        let plugin = fs::metadata(node.places.bin_dir.join(PLUGIN)).unwrap();
        assert_eq!(plugin.permissions().mode() & 0o777, 0o755);
        assert!(!node.places.install_plugin().unwrap());
        assert_eq!(
            node.places.install_conflist().unwrap(),
            Configured::Unchanged
        );
        assert_eq!(node.files(), first);
    }

    #[test]
    fn what_an_older_daemon_put_there_is_replaced() {
        let node = Node::new();
        node.write("bin/kuryr-cni", "older");
        let older = CONFLIST.replace("\"1.0.0\"", "\"0.4.0\"");
        node.write("net.d/10-kuryr.conflist", &older);
        assert!(node.places.install_plugin().unwrap());
        assert_eq!(node.places.install_conflist().unwrap(), Configured::Written);
        let all = node.files();
        assert_eq!(all[0].1, "the plugin");
        assert_eq!(all[1].1, CONFLIST);
    }

    #[test]
    fn what_people_wrote_is_left_alone() {
        let node = Node::new();
        for text in [
            r#"{"cniVersion": "0.4.0", "name": "kuryr", "plugins": [{"type": "kuryr-cni"}, {"type": "tuning"}]}"#,
            "no JSON",
            "",
        ] {
            node.write("net.d/10-kuryr.conflist", text);
            assert_eq!(
                node.places.install_conflist().unwrap(),
                Configured::LeftAlone
            );
            node.places.uninstall().unwrap();
            assert_eq!(
                node.files(),
                [("net.d/10-kuryr.conflist".to_owned(), text.to_owned())]
            );
        }
    }

    #[test]
    fn uninstall_leaves_the_node_as_it_was() {
        let node = Node::new();
        node.write("bin/bridge", "another's");
        node.write("net.d/05-bridge.conf", "{}");
        node.write("net.d/99-loopback.conf", "{}");
        let before = node.files();
        node.places.install_plugin().unwrap();
        node.places.install_conflist().unwrap();
        assert_eq!(node.places.before_ours().unwrap(), ["05-bridge.conf"]);
        let told = node.places.announce();
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!(told[0].reason, "OtherCniFirst");
        assert!(told[0].message.contains("05-bridge.conf"), "{told:?}");
        assert_eq!(node.places.uninstall().unwrap().len(), 2);
        assert_eq!(node.files(), before);
        assert_eq!(node.places.uninstall().unwrap(), [""; 0].map(PathBuf::from));
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let mut node = Node::new();
        node.places.bin_dir = node.folder.path().join("no-bin");
        let error = node.places.install_plugin().unwrap_err().to_string();
        assert!(error.contains("no-bin"), "{error}");
    }
}
