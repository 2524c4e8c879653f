//! The record of what is plugged, on disk.
//!
//! It survives the daemon, not the machine: a crash of the kernel takes every interface
//! along, so an entry of another boot says nothing. That is why the file is replaced whole
//! (write beside, rename), so that a crash of the daemon leaves the old or the new one, and
//! is not synced to the disk, which would cost each ADD more than everything else in it.

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::record::Attachment;

/// Version of the file's format.
const VERSION: u32 = 1;
/// Its name in the state directory.
const NAME: &str = "attachments.json";
/// Where the kernel says which boot this is.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// The record could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{attempted} {}: {source}", .path.display())]
pub struct CheckpointError {
    attempted: &'static str,
    path: PathBuf,
    source: io::Error,
}

/// The file.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    path: PathBuf,
    boot_id: String,
}

#[derive(Serialize, Deserialize)]
struct Content {
    version: u32,
    boot_id: String,
    attachments: Vec<Attachment>,
}

/// Read first: a file of another format has this at least.
#[derive(Deserialize)]
struct Preamble {
    version: u32,
}

impl Checkpoint {
    /// The record in a directory, which is made if need be.
    ///
    /// # Errors
    /// The directory cannot be made.
    pub fn open(dir: &Path) -> Result<Self, CheckpointError> {
        fs::create_dir_all(dir).map_err(|source| CheckpointError {
            attempted: "cannot make the state directory",
            path: dir.to_owned(),
            source,
        })?;
        let boot_id = fs::read_to_string(BOOT_ID).unwrap_or_default();
        Ok(Self::of_boot(dir, boot_id.trim()))
    }

    fn of_boot(dir: &Path, boot_id: &str) -> Self {
        Self {
            path: dir.join(NAME),
            boot_id: boot_id.to_owned(),
        }
    }

    /// What was plugged in this boot. A record that cannot be understood is put aside: what
    /// it said is found again on the node's links.
    ///
    /// # Errors
    /// The file is there and cannot be read or put aside.
    pub fn load(&self) -> Result<Vec<Attachment>, CheckpointError> {
        let bytes = match fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(self.error("cannot read", source)),
        };
        match parse(&bytes) {
            Ok(content) if content.boot_id == self.boot_id => Ok(content.attachments),
            Ok(content) => {
                let plugged = content.attachments.len();
                tracing::info!(plugged, "the node was rebooted: what was plugged is gone");
                Ok(Vec::new())
            }
            Err(error) => {
                let aside = self.path.with_extension("json.unreadable");
                tracing::warn!(path = %self.path.display(), %error, aside = %aside.display(),
                    "the record of what is plugged cannot be understood and is put aside");
                fs::rename(&self.path, &aside).map_err(|e| self.error("cannot put aside", e))?;
                Ok(Vec::new())
            }
        }
    }

    /// Replaces the record.
    ///
    /// # Errors
    /// It could not be written; the old one stands.
    pub fn store(&self, attachments: Vec<Attachment>) -> Result<(), CheckpointError> {
        let content = Content {
            version: VERSION,
            boot_id: self.boot_id.clone(),
            attachments,
        };
        let bytes =
            serde_json::to_vec(&content).map_err(|e| self.error("cannot encode", e.into()))?;
        let beside = self.path.with_extension("json.new");
        write_for_root(&beside, &bytes).map_err(|e| self.error("cannot write", e))?;
        fs::rename(&beside, &self.path).map_err(|e| self.error("cannot replace", e))
    }

    fn error(&self, attempted: &'static str, source: io::Error) -> CheckpointError {
        CheckpointError {
            attempted,
            path: self.path.clone(),
            source,
        }
    }
}

/// Addresses of all pods of the node are nobody's but ours to read.
fn write_for_root(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // One that was left behind keeps its mode otherwise.
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = fs::OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(bytes)
}

fn parse(bytes: &[u8]) -> Result<Content, String> {
    let preamble: Preamble = serde_json::from_slice(bytes).map_err(|e| e.to_string())?;
    if preamble.version != VERSION {
        return Err(format!(
            "it has version {}, this daemon writes {VERSION}",
            preamble.version
        ));
    }
    serde_json::from_slice(bytes).map_err(|e| e.to_string())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::ports::PodKey;

    fn attachment() -> Attachment {
        Attachment {
            network: "kuryr".into(),
            container: Some("c1".into()),
            ifname: "eth0".into(),
            netns: Some("/run/netns/c1".into()),
            netns_inode: Some(7),
            pod: PodKey {
                namespace: "demo".into(),
                name: "web-0".into(),
            },
            pod_uid: "u1".into(),
            port_id: "p1".into(),
            vlan: 7,
            uplink: "eth0".into(),
            wiring: super::super::record::Wiring::default(),
            method: None,
            complete: true,
        }
    }

    #[test]
    fn what_is_stored_is_loaded() {
        let dir = tempfile::tempdir().unwrap();
        let file = Checkpoint::of_boot(dir.path(), "b1");
        assert!(file.load().unwrap().is_empty());
        file.store(vec![attachment()]).unwrap();
        assert_eq!(file.load().unwrap(), vec![attachment()]);
    }

    #[test]
    fn another_boot_knows_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let store = Checkpoint::of_boot(dir.path(), "b1").store(vec![attachment()]);
        store.unwrap();
        assert!(
            Checkpoint::of_boot(dir.path(), "b2")
                .load()
                .unwrap()
                .is_empty()
        );
    }

    #[test]
    fn what_cannot_be_understood_is_put_aside() {
        for text in [
            "",
            "{",
            "[]",
            r#"{"version": 99}"#,
            r#"{"version": 1, "boot_id": 3}"#,
        ] {
            let dir = tempfile::tempdir().unwrap();
            fs::write(dir.path().join(NAME), text).unwrap();
            let file = Checkpoint::of_boot(dir.path(), "b1");
            assert!(file.load().unwrap().is_empty());
            let aside = dir.path().join("attachments.json.unreadable");
            assert_eq!(fs::read_to_string(aside).unwrap(), text);
        }
    }

    #[test]
    fn a_write_that_fails_says_where() {
        let dir = tempfile::tempdir().unwrap();
        let file = Checkpoint::of_boot(&dir.path().join("missing"), "b1");
        let error = file.store(Vec::new()).unwrap_err().to_string();
        assert!(error.contains("missing/attachments.json"), "{error}");
    }
}
