//! What takes long and needs no attention, made ready while other steps run: Debian packages, the Kubernetes binaries, and
//! while the real stack is tested, which mostly waits, what the steps after it would compile.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::{self, JoinHandle};

use super::checks;
use super::step::Step;
use crate::error::Error;
use crate::workspace::Workspace;
use crate::{command, packages, stack};

/// The section that everything waits for: installed first.
const FIRST: &str = "compile";

/// Tasks, each after the one before.
#[derive(Debug)]
pub(super) struct Background {
    first: Arc<Task>,
    packages: Arc<Task>,
    kubernetes: Arc<Task>,
    compiling: OnceLock<Task>,
}

impl Background {
    /// Starts what the chosen steps will need. Where it may not install, the steps find out what is missing.
    pub(super) fn start(workspace: &Workspace, logs: &Path, chosen: &[&Step]) -> Self {
        let may = packages::why_not().is_none();
        let (first, rest) = sections_of(chosen);
        let install = |sections: Vec<&'static str>, before: Option<Arc<Task>>| {
            if sections.is_empty() || !may {
                return Arc::new(Task::nothing());
            }
            let (workspace, log) = (workspace.clone(), logs.join("packages.log"));
            Arc::new(Task::start(log.clone(), move || {
                before.map_or(Ok(()), |task| task.wait())?;
                packages::install(&workspace, &sections, Some(&log))
            }))
        };
        let first = install(first, None);
        let packages = install(rest, Some(Arc::clone(&first)));
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
            first,
            packages,
            kubernetes,
            compiling: OnceLock::new(),
        }
    }

    /// Waits for the packages of these sections.
    pub(super) fn packages(&self, sections: &[&str]) -> Result<(), Error> {
        match sections {
            [] => Ok(()),
            [FIRST] => self.first.wait(),
            _ => self.packages.wait(),
        }
    }

    /// Waits for the binaries.
    pub(super) fn kubernetes(&self) -> Result<(), Error> {
        self.kubernetes.wait()
    }

    /// Begins to compile, giving way to all else, what these steps will compile; once. A failure is theirs to tell.
    pub(super) fn compile_for(&self, workspace: &Workspace, logs: &Path, steps: &[&Step]) {
        let commands: Vec<Command> = steps
            .iter()
            .filter_map(|step| checks::compiles(workspace, step.name))
            .collect();
        let log = logs.join("compile.log");
        self.compiling.get_or_init(|| {
            Task::start(log.clone(), move || {
                for mut one in commands {
                    let _ = command::run_logged(&mut one, &log);
                }
                Ok(())
            })
        });
    }

    /// Waits for what is being compiled: it would be waited for all the same, by cargo's lock.
    pub(super) fn compiled(&self) {
        if let Some(task) = self.compiling.get() {
            let _ = task.wait();
        }
    }
}

/// The sections that the steps use: the first, and the others.
fn sections_of(chosen: &[&Step]) -> (Vec<&'static str>, Vec<&'static str>) {
    let mut sections: Vec<_> = chosen
        .iter()
        .flat_map(|step| step.packages)
        .copied()
        .collect();
    sections.sort_unstable();
    sections.dedup();
    sections.into_iter().partition(|name| *name == FIRST)
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
