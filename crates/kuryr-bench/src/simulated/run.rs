//! A controller beside its cloud: started, waited for, killed.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::calls::Counter;
use super::controller::{Controller, Program, Usage};
use super::site::Site;
use super::watch::Watch;
use crate::BenchError;

/// How often it is looked whether a thing has happened.
const LOOK: Duration = Duration::from_millis(1);
/// Without any change for so long, the controller has nothing more to do.
const QUIET: Duration = Duration::from_secs(2);
/// Most objects created without letting others run.
pub(crate) const BURST: usize = 100;

/// A cloud, and the controller that serves it.
pub(crate) struct Run {
    pub(crate) site: Site,
    pub(crate) watch: Watch,
    pub(crate) counter: Counter,
    program: Program,
    controller: Option<Controller>,
    /// How long anything may take.
    limit: Duration,
}

impl Run {
    /// A cloud that is watched, without a controller yet.
    pub(crate) fn new(site: Site, program: Program, limit: Duration) -> Self {
        Self {
            watch: Watch::start(&site.kube),
            counter: Counter::new(site.openstack.calls()),
            site,
            program,
            controller: None,
            limit,
        }
    }

    /// Starts a controller; `started` is told its process. Seconds until it has read everything.
    pub(crate) async fn start(&mut self, started: impl FnOnce(u32)) -> Result<f64, BenchError> {
        let mut controller = self.program.start()?;
        started(controller.pid());
        controller.synced(self.limit).await?;
        let took = controller.age();
        self.controller = Some(controller);
        Ok(took)
    }

    pub(crate) async fn kill(&mut self) -> Result<(), BenchError> {
        match self.controller.take() {
            Some(controller) => controller.kill().await,
            None => Ok(()),
        }
    }

    /// Waits for something, while the controller lives.
    pub(crate) async fn until(
        &mut self,
        what: &str,
        mut happened: impl FnMut() -> bool,
    ) -> Result<(), BenchError> {
        let begun = Instant::now();
        while !happened() {
            self.alive()?;
            if begun.elapsed() > self.limit {
                let seen = self.watch.seen();
                let (ready, waiting) = (seen.ready.len(), seen.waiting.len());
                return Err(BenchError::Late {
                    what: what.to_owned(),
                    seconds: self.limit.as_secs(),
                    state: format!("{ready} pods ready, {waiting} wait"),
                });
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    /// Waits until nothing has changed for a while.
    pub(crate) async fn settle(&mut self) -> Result<(), BenchError> {
        let (mut since, mut before) = (Instant::now(), self.changes());
        let (counter, watch) = (self.counter.clone(), self.watch.clone());
        self.until("the controller has nothing more to do", || {
            let now = changes(&counter, &watch);
            if now != before {
                (since, before) = (Instant::now(), now);
            }
            since.elapsed() > QUIET
        })
        .await
    }

    /// Changes of Neutron's objects and of KuryrPorts so far.
    pub(crate) fn changes(&self) -> u64 {
        changes(&self.counter, &self.watch)
    }

    pub(crate) fn alive(&mut self) -> Result<(), BenchError> {
        self.controller.as_mut().map_or(Ok(()), Controller::alive)
    }

    pub(crate) fn pid(&self) -> Option<u32> {
        self.controller.as_ref().map(Controller::pid)
    }

    /// What the controller has used.
    pub(crate) fn usage(&self) -> Usage {
        let usage = self.controller.as_ref().map(Controller::usage);
        usage.unwrap_or_default()
    }
}

fn changes(counter: &Counter, watch: &Watch) -> u64 {
    counter.read().changing + watch.seen().claim_changes
}

pub(crate) fn bar(length: usize, what: &str) -> ProgressBar {
    let style = "{msg:24} {wide_bar} {pos}/{len} {elapsed}";
    let style =
        ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(length as u64)
        .with_style(style)
        .with_message(what.to_owned())
}
