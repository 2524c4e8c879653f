//! A pod's network namespace and what the plugin answered for it, kept in a file.

use std::fs;
use std::path::{Path, PathBuf};

use kuryr_net::links::Links;
use kuryr_net::{NetError, netns};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::cni::{Attachment, CniError, Runtime};
use super::{KubeletError, KubeletSpec};

/// One pod's sandbox.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Sandbox {
    pub(super) uid: String,
    pub(super) namespace: String,
    pub(super) pod: String,
    pub(super) container_id: String,
    /// Name of the network namespace.
    pub(super) netns: String,
    /// The result of ADD; `None` as long as it has not succeeded.
    pub(super) result: Option<Value>,
}

/// Why a sandbox could not be made or removed.
#[derive(Debug, thiserror::Error)]
pub(super) enum SandboxError {
    #[error("failed to setup network for sandbox {id:?}: {source}")]
    Add { id: String, source: CniError },
    #[error("failed to destroy network for sandbox {id:?}: {source}")]
    Del { id: String, source: CniError },
    #[error("network namespace {netns}: {source}")]
    Netns {
        netns: String,
        source: Box<NetError>,
    },
    #[error("checkpoint {}: {source}", path.display())]
    Checkpoint {
        path: PathBuf,
        source: std::io::Error,
    },
}

impl Sandbox {
    /// A new sandbox for a pod; nothing of it is made yet.
    pub(super) fn new(spec: &KubeletSpec, uid: &str, namespace: &str, pod: &str) -> Self {
        let random = || uuid::Uuid::new_v4().simple().to_string();
        let container_id = format!("{}{}", random(), random());
        let netns = format!("{}cni-{}", spec.netns_prefix, &container_id[..16]);
        let (uid, namespace, pod) = (uid.to_owned(), namespace.to_owned(), pod.to_owned());
        Self {
            uid,
            namespace,
            pod,
            container_id,
            netns,
            result: None,
        }
    }

    /// Makes the namespace and has the plugin add the pod's interface. Blocking. What a failure leaves is for
    /// [`Sandbox::remove`].
    pub(super) fn add(
        mut self,
        spec: &KubeletSpec,
        runtime: &Runtime,
    ) -> Result<Self, SandboxError> {
        // Noted before it is made, so that a crash in between leaves nothing unknown.
        self.save(&spec.state_dir)?;
        self.make_netns()?;
        let id = self.container_id.clone();
        let result = runtime
            .add(&self.attachment())
            .map_err(|source| SandboxError::Add { id, source })?;
        self.result = Some(result);
        self.save(&spec.state_dir)?;
        Ok(self)
    }

    /// Has the plugin remove the pod's interface, and removes the namespace. Safe to repeat. Blocking.
    pub(super) fn remove(&self, spec: &KubeletSpec, runtime: &Runtime) -> Result<(), SandboxError> {
        let id = self.container_id.clone();
        runtime
            .del(&self.attachment(), self.result.as_ref())
            .map_err(|source| SandboxError::Del { id, source })?;
        netns::delete(&self.netns).map_err(|source| SandboxError::Netns {
            netns: self.netns.clone(),
            source: Box::new(source),
        })?;
        let path = self.path(&spec.state_dir);
        match fs::remove_file(&path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                Err(SandboxError::Checkpoint { path, source })
            }
            _ => Ok(()),
        }
    }

    fn make_netns(&self) -> Result<(), SandboxError> {
        let make = || {
            let links = Links::open(Some(&netns::create(&self.netns)?))?;
            links.set_up(links.require("lo")?.index)
        };
        make().map_err(|source| SandboxError::Netns {
            netns: self.netns.clone(),
            source: Box::new(source),
        })
    }

    fn attachment(&self) -> Attachment {
        Attachment {
            container_id: self.container_id.clone(),
            netns: netns::path(&self.netns),
            ifname: "eth0".to_owned(),
            namespace: self.namespace.clone(),
            pod: self.pod.clone(),
            uid: self.uid.clone(),
        }
    }

    fn path(&self, dir: &Path) -> PathBuf {
        dir.join(format!("{}.json", self.container_id))
    }

    /// Writes the checkpoint whole or not at all.
    fn save(&self, dir: &Path) -> Result<(), SandboxError> {
        let path = self.path(dir);
        let write = || {
            let new = path.with_extension("new");
            fs::write(&new, serde_json::to_vec(self)?)?;
            fs::rename(&new, &path)
        };
        write().map_err(|source| SandboxError::Checkpoint {
            path: path.clone(),
            source,
        })
    }
}

/// The sandboxes of an earlier run. A file that can't be read is passed over with a warning.
pub(super) fn load_all(dir: &Path) -> Result<Vec<Sandbox>, KubeletError> {
    let failed = |source| KubeletError::State {
        dir: dir.to_owned(),
        source,
    };
    fs::create_dir_all(dir).map_err(failed)?;
    let entries = fs::read_dir(dir).map_err(failed)?;
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let load = |path: PathBuf| {
        let read = fs::read(&path)
            .ok()
            .and_then(|text| serde_json::from_slice::<Sandbox>(&text).ok());
        if read.is_none() {
            tracing::warn!(path = %path.display(), "a sandbox's checkpoint can't be read and is passed over");
        }
        read
    };
    Ok(paths
        .filter(|path| path.extension().is_some_and(|end| end == "json"))
        .filter_map(load)
        .collect())
}
