//! What takes long and needs no attention: Debian packages, then the Kubernetes binaries, made while the first steps run.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::{self, JoinHandle};

use super::step::Step;
use crate::error::Error;
use crate::workspace::Workspace;
use crate::{packages, stack};

/// Two tasks, one after the other.
#[derive(Debug)]
pub(super) struct Background {
    packages: Arc<Task>,
    kubernetes: Arc<Task>,
}

impl Background {
    /// Starts what the chosen steps will need. Where it may not install, the steps find out what is missing.
    pub(super) fn start(workspace: &Workspace, logs: &Path, chosen: &[&Step]) -> Self {
        let sections = sections_of(chosen);
        let may = packages::why_not().is_none();
        let packages = Arc::new(if sections.is_empty() || !may {
            Task::nothing()
        } else {
            let (workspace, log) = (workspace.clone(), logs.join("packages.log"));
            Task::start(log.clone(), move || {
                packages::install(&workspace, &sections, Some(&log))
            })
        });
        let kubernetes = Arc::new(if may && chosen.iter().any(|step| step.kubernetes) {
            let (workspace, log) = (workspace.clone(), logs.join("kubernetes.log"));
            let before = Arc::clone(&packages);
            Task::start(log.clone(), move || {
                before.wait()?;
                stack::call(&workspace, &["build"], &log)
            })
        } else {
            Task::nothing()
        });
        Self {
            packages,
            kubernetes,
        }
    }

    /// Waits for the packages.
    pub(super) fn packages(&self) -> Result<(), Error> {
        self.packages.wait()
    }

    /// Waits for the binaries.
    pub(super) fn kubernetes(&self) -> Result<(), Error> {
        self.kubernetes.wait()
    }
}

fn sections_of(chosen: &[&Step]) -> Vec<&'static str> {
    let mut sections: Vec<_> = chosen
        .iter()
        .flat_map(|step| step.packages)
        .copied()
        .collect();
    sections.sort_unstable();
    sections.dedup();
    sections
}

/// Something that a thread does, which any number of steps wait for.
#[derive(Debug)]
struct Task {
    thread: Mutex<Option<JoinHandle<Result<(), Error>>>>,
    /// The failure's text, once it is over.
    end: OnceLock<Result<(), String>>,
    log: PathBuf,
}

impl Task {
    fn nothing() -> Self {
        Self {
            thread: Mutex::new(None),
            end: OnceLock::new(),
            log: PathBuf::new(),
        }
    }

    fn start(log: PathBuf, work: impl FnOnce() -> Result<(), Error> + Send + 'static) -> Self {
        Self {
            thread: Mutex::new(Some(thread::spawn(work))),
            log,
            ..Self::nothing()
        }
    }

    fn wait(&self) -> Result<(), Error> {
        let end = self.end.get_or_init(|| {
            let thread = self.thread.lock().ok().and_then(|mut thread| thread.take());
            match thread.map(JoinHandle::join) {
                None => Ok(()),
                Some(Ok(result)) => result.map_err(|error| error.to_string()),
                Some(Err(_)) => Err("it panicked".to_owned()),
            }
        });
        end.clone().map_err(|why| {
            Error::Wrong(format!(
                "in the background: {why}, see {}",
                self.log.display()
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_waiter_hears_of_the_failure() {
        let task = Task::start("x.log".into(), || Err(Error::Wrong("no network".into())));
        for _ in 0..2 {
            let error = task.wait().map_err(|error| error.to_string());
            assert_eq!(
                error,
                Err("in the background: no network, see x.log".to_owned())
            );
        }
    }

    #[test]
    fn nothing_to_do_is_done() {
        assert!(Task::nothing().wait().is_ok());
    }
}
