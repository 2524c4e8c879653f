//! What the start is doing: a spinner and a line for each stage that is done, on standard error.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use console::style;
use indicatif::{ProgressBar, ProgressStyle};
use kuryr_lab::run::{LabOptions, Stage};

/// How often the spinner turns.
const TURN: Duration = Duration::from_millis(80);

/// Shows stages as they begin and end.
#[derive(Debug)]
pub(super) struct Progress {
    options: LabOptions,
    terminal: bool,
    current: Mutex<Option<Current>>,
}

#[derive(Debug)]
struct Current {
    text: String,
    since: Instant,
    bar: ProgressBar,
}

impl Progress {
    pub(super) fn new(options: LabOptions) -> Self {
        let terminal = console::Term::stderr().is_term();
        Self {
            options,
            terminal,
            current: Mutex::new(None),
        }
    }

    /// A stage begins, or has come further.
    pub(super) fn stage(&self, stage: &Stage) {
        let text = self.text(stage);
        let mut current = self.lock();
        if let (Stage::Pods { .. }, Some(now)) = (stage, current.as_mut())
            && now.text.ends_with("pods ready")
        {
            now.text = text;
            now.bar.set_message(now.text.clone());
            return;
        }
        let previous = current.take();
        previous.inspect(|done| self.done(done));
        *current = Some(Current {
            since: Instant::now(),
            bar: self.bar(&text),
            text,
        });
    }

    /// The stage that was under way is done.
    pub(super) fn finish(&self) {
        let last = self.lock().take();
        last.inspect(|done| self.done(done));
    }

    /// The stage that was under way is given up.
    pub(super) fn abandon(&self) {
        if let Some(current) = self.lock().take() {
            current.bar.finish_and_clear();
            eprintln!("  {} {}", style("✗").red(), current.text);
        }
    }

    fn done(&self, done: &Current) {
        done.bar.finish_and_clear();
        let took = format!("{:.1} s", done.since.elapsed().as_secs_f64());
        let mark = style("✓").green().for_stderr();
        eprintln!(
            "  {mark} {:<58} {}",
            done.text,
            style(took).dim().for_stderr()
        );
    }

    fn bar(&self, text: &str) -> ProgressBar {
        if !self.terminal {
            return ProgressBar::hidden();
        }
        let look = ProgressStyle::with_template("  {spinner} {msg}");
        let bar = ProgressBar::new_spinner().with_message(text.to_owned());
        bar.set_style(look.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        bar.enable_steady_tick(TURN);
        bar
    }

    fn text(&self, stage: &Stage) -> String {
        let options = &self.options;
        let count = |number: usize, what: &str| match number {
            1 => format!("1 {what}"),
            number => format!("{number} {what}s"),
        };
        match stage {
            Stage::Cloud => "Keystone and Neutron: networks, router, trunks".to_owned(),
            Stage::Hardware => format!(
                "{}, {} as network namespaces",
                count(options.hypervisors, "hypervisor"),
                count(options.workers, "worker")
            ),
            Stage::Cluster => "Kubernetes API, custom resources".to_owned(),
            Stage::Controller => "controller".to_owned(),
            Stage::Nodes => {
                format!(
                    "{}, {}",
                    count(options.workers, "daemon"),
                    count(options.workers, "kubelet")
                )
            }
            Stage::Pods { ready, of } => format!("{ready} of {of} pods ready"),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Current>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
