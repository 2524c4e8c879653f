//! A step, what it runs in, and how it ends.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::background::Background;
use crate::build::Profile;
use crate::error::Error;
use crate::stack::Backend;
use crate::workspace::Workspace;

/// One check.
#[derive(Debug)]
pub(crate) struct Step {
    /// What `--only` and the table call it.
    pub(crate) name: &'static str,
    /// One line for `--list`.
    pub(crate) about: &'static str,
    /// Steps that must have passed.
    pub(crate) needs: &'static [&'static str],
    /// Sections of `stack/packages` that it uses.
    pub(crate) packages: &'static [&'static str],
    /// Whether it uses the Kubernetes binaries that `stack build` makes.
    pub(crate) kubernetes: bool,
    /// Whether it runs only when `--only` names it: it takes long, and much of it was done by another step.
    pub(crate) on_request: bool,
    /// Does it, with the output in the log; gives a word on the result for the table, or an empty one.
    pub(crate) run: fn(&mut Run, &Path) -> Result<String, Error>,
}

/// What all steps of one run share.
#[derive(Debug)]
pub(crate) struct Run {
    workspace: Workspace,
    ci: bool,
    profile: Profile,
    logs: PathBuf,
    background: Background,
    /// The stack that this run started.
    pub(crate) started: Option<Backend>,
}

impl Run {
    pub(super) fn new(
        workspace: Workspace,
        ci: bool,
        profile: Profile,
        logs: PathBuf,
        background: Background,
    ) -> Self {
        Self {
            workspace,
            ci,
            profile,
            logs,
            background,
            started: None,
        }
    }

    /// The checkout.
    pub(crate) fn workspace(&self) -> &Workspace {
        &self.workspace
    }

    /// Whether nothing may be skipped.
    pub(crate) fn ci(&self) -> bool {
        self.ci
    }

    /// What the binaries are built as.
    pub(crate) fn profile(&self) -> Profile {
        self.profile
    }

    /// What is made ready while the first steps run.
    pub(super) fn background(&self) -> &Background {
        &self.background
    }

    /// Begins to compile for these steps in the background.
    pub(super) fn compile_for(&self, later: &[&Step]) {
        self.background
            .compile_for(&self.workspace, &self.logs, later);
    }

    /// Where a step's output goes.
    pub(crate) fn log(&self, step: &Step) -> PathBuf {
        self.log_named(step.name)
    }

    /// A log that is no step's.
    pub(crate) fn log_named(&self, name: &str) -> PathBuf {
        self.logs.join(format!("{name}.log"))
    }
}

/// How a step ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// With a word on the result.
    Passed(String),
    /// Not run here, and why.
    Skipped(String),
    /// With what was wrong.
    Failed(String),
}

impl End {
    /// A missing prerequisite is a reason to skip, but not in CI.
    pub(super) fn from_result(result: Result<String, Error>, ci: bool) -> Self {
        match result {
            Ok(note) => Self::Passed(note),
            Err(Error::Missing(what)) if !ci => Self::Skipped(what),
            Err(error) => Self::Failed(error.to_string()),
        }
    }

    /// The end of a step that needs one which did not pass: skipped with it, or failed with it.
    pub(super) fn blocked(need: &str, before: &[Finished]) -> Self {
        match before
            .iter()
            .find(|step| step.name == need)
            .map(|step| &step.end)
        {
            Some(Self::Skipped(_)) => Self::Skipped(format!("needs {need}, which was skipped")),
            _ => Self::Failed(format!("not run: it needs {need}")),
        }
    }
}

/// A step that is over.
#[derive(Debug)]
pub(crate) struct Finished {
    /// The step's name.
    pub(crate) name: &'static str,
    /// How long it took, with what it waited for.
    pub(crate) took: Duration,
    /// How it ended.
    pub(crate) end: End,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing() -> Result<String, Error> {
        Err(Error::Missing("no clang".into()))
    }

    #[test]
    fn what_is_missing_is_skipped_but_fails_in_ci() {
        assert_eq!(
            End::from_result(missing(), false),
            End::Skipped("no clang".into())
        );
        assert_eq!(
            End::from_result(missing(), true),
            End::Failed("no clang".into())
        );
    }

    #[test]
    fn a_step_shares_the_fate_of_what_it_needs() {
        let ended = |end| {
            [Finished {
                name: "build",
                took: Duration::ZERO,
                end,
            }]
        };
        let skipped = ended(End::Skipped("no gcc".into()));
        assert!(matches!(End::blocked("build", &skipped), End::Skipped(_)));
        let failed = ended(End::Failed("error".into()));
        assert!(matches!(End::blocked("build", &failed), End::Failed(_)));
    }
}
