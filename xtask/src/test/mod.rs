//! `cargo xtask test`: all checks in order, each with its own log, one table at the end.
//!
//! - [`step`] what a step is and how it can end
//! - [`steps`] the table of steps
//! - [`checks`], [`real`] what the steps do: on the code, on the real stack
//! - [`background`] packages and Kubernetes, made ready while the first steps run
//! - [`logs`] what the logs of a failed step say
//! - [`report`] the lines and the table that are printed

mod background;
mod checks;
mod logs;
mod real;
mod report;
mod step;
mod steps;

use std::fs;
use std::process::ExitCode;
use std::time::Instant;

use crate::build::Profile;
use crate::error::Error;
use crate::workspace::Workspace;
use background::Background;
pub(crate) use report::duration;
use step::{End, Finished, Run, Step};

/// Which checks to run.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Only these steps, and the ones that they need
    #[arg(long, value_name = "STEP", num_args = 1..)]
    only: Vec<String>,
    /// Test the release binaries, as they are shipped; else they are built as tests are, in a third of the time
    #[arg(long)]
    release: bool,
    /// Name the steps and end
    #[arg(long)]
    list: bool,
    /// Leave the real stack running that this run started
    #[arg(long)]
    keep_stack: bool,
}

/// Runs the steps; success only if none failed.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<ExitCode, Error> {
    if options.list {
        report::list(steps::STEPS);
        return Ok(ExitCode::SUCCESS);
    }
    let chosen = select(steps::STEPS, &options.only)?;
    let logs = workspace.target("xtask");
    // the logs of the last run would be taken for this one's
    let _ = fs::remove_dir_all(&logs);
    fs::create_dir_all(&logs).map_err(Error::file("create", &logs))?;
    let ci = std::env::var("CI").is_ok_and(|value| value == "true");
    let background = Background::start(workspace, &logs, &chosen);
    let profile = if options.release {
        Profile::Release
    } else {
        Profile::Dev
    };
    let mut run = Run::new(workspace.clone(), ci, profile, logs, background);

    let started = Instant::now();
    let mut finished: Vec<Finished> = Vec::with_capacity(chosen.len());
    for (at, step) in chosen.iter().enumerate() {
        let later = &chosen[at + 1..];
        if steps::uses_stack(step) {
            run.compile_for(later);
        } else {
            run.background().compiled();
        }
        finished.push(run_step(&mut run, step, &finished));
        if !options.keep_stack && !later.iter().any(|step| steps::uses_stack(step)) {
            real::stop(&mut run);
        }
    }
    report::summary(&finished, started.elapsed());
    let failed = finished
        .iter()
        .any(|step| matches!(step.end, End::Failed(_)));
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn run_step(run: &mut Run, step: &'static Step, before: &[Finished]) -> Finished {
    report::begins(step);
    let started = Instant::now();
    let end = match step.needs.iter().find(|need| !passed(before, need)) {
        Some(need) => End::blocked(need, before),
        None => End::from_result(execute(run, step), run.ci()),
    };
    let finished = Finished {
        name: step.name,
        took: started.elapsed(),
        end,
    };
    report::ends(&finished, &run.log(step));
    finished
}

fn execute(run: &mut Run, step: &Step) -> Result<String, Error> {
    run.background().packages(step.packages)?;
    if step.kubernetes {
        run.background().kubernetes()?;
    }
    let log = run.log(step);
    (step.run)(run, &log)
}

fn passed(before: &[Finished], name: &str) -> bool {
    before
        .iter()
        .any(|step| step.name == name && matches!(step.end, End::Passed(_)))
}

/// The steps asked for with those that they need, in the table's order; all if none is named.
fn select(steps: &'static [Step], only: &[String]) -> Result<Vec<&'static Step>, Error> {
    if let Some(unknown) = only
        .iter()
        .find(|name| !steps.iter().any(|s| s.name == **name))
    {
        let names: Vec<_> = steps.iter().map(|step| step.name).collect();
        return Err(Error::Wrong(format!(
            "no step `{unknown}`; there are: {}",
            names.join(", ")
        )));
    }
    let mut wanted: Vec<&str> = only.iter().map(String::as_str).collect();
    // a step needs earlier ones only, so one pass from the end finds them all
    for step in steps.iter().rev() {
        if wanted.contains(&step.name) {
            wanted.extend(step.needs);
        }
    }
    Ok(steps
        .iter()
        .filter(|step| match only {
            [] => !step.on_request,
            _ => wanted.contains(&step.name),
        })
        .collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn names(only: &[&str]) -> Vec<&'static str> {
        let only: Vec<_> = only.iter().map(|name| (*name).to_owned()).collect();
        let chosen = select(steps::STEPS, &only).unwrap();
        chosen.iter().map(|step| step.name).collect()
    }

    #[test]
    fn a_step_brings_the_steps_it_needs_in_order() {
        assert_eq!(
            names(&["e2e-ovn", "fmt"]),
            ["fmt", "build", "stack-ovn", "e2e-ovn"]
        );
    }

    #[test]
    fn all_steps_run_when_none_is_named_but_those_on_request() {
        let usual = names(&[]);
        for step in steps::STEPS {
            assert_eq!(
                usual.contains(&step.name),
                !step.on_request,
                "{}",
                step.name
            );
        }
    }

    #[test]
    fn a_step_on_request_runs_when_named() {
        assert_eq!(names(&["e2e-ovs"]), ["build", "stack-ovs", "e2e-ovs"]);
    }

    #[test]
    fn no_usual_step_needs_one_on_request() {
        let usual = names(&[]);
        for step in steps::STEPS.iter().filter(|s| !s.on_request) {
            assert!(
                step.needs.iter().all(|need| usual.contains(need)),
                "{}",
                step.name
            );
        }
    }

    #[test]
    fn an_unknown_step_is_named_with_the_known_ones() {
        let error = select(steps::STEPS, &["nope".to_owned()])
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("no step `nope`; there are: fmt, "),
            "{error}"
        );
    }

    #[test]
    fn steps_need_earlier_steps_only() {
        for (index, step) in steps::STEPS.iter().enumerate() {
            for need in step.needs {
                assert!(
                    steps::STEPS[..index]
                        .iter()
                        .any(|earlier| earlier.name == *need),
                    "{} needs {need}",
                    step.name
                );
            }
        }
    }
}
