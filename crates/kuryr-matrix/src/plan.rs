//! The runs in their order, and how long they take.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::cell::{Backend, System, Target};
use crate::{Cell, MatrixError};

/// What a run takes besides its load: counters before and after, what drains.
const BESIDES: Duration = Duration::from_millis(400);
/// What a site takes to be made, tried and removed.
const SITE: Duration = Duration::from_secs(15);

/// One run: one system carries one cell's load once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Run {
    #[serde(flatten)]
    pub cell: Cell,
    pub system: System,
    /// Which repetition, from 0. Runs of one turn are beside each other in time, so that what else the machine does
    /// hits all systems.
    pub turn: usize,
}

/// How the cells are run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Effort {
    /// Of one run's load, seconds.
    pub duration_s: f64,
    /// Runs of each system in each cell.
    pub repeats: usize,
    /// Connections at once.
    pub threads: usize,
    /// Bits of payload a second of UDP streams; none: as fast as the socket takes them.
    pub udp_pace: Option<u64>,
    /// Whose load it is.
    #[serde(default)]
    pub generator: Generator,
}

/// Who makes the load.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Generator {
    /// This project's own.
    #[default]
    Kuryr,
    /// iperf3: streams from pod to pod, in whole seconds.
    Iperf3,
}

impl Effort {
    /// Whether these cells can be run so.
    ///
    /// # Errors
    /// [`MatrixError::Options`].
    pub fn validate(&self, cells: &[Cell]) -> Result<(), MatrixError> {
        let wrong = |said: &str| Err(MatrixError::Options(said.to_owned()));
        if !(0.01..=600.0).contains(&self.duration_s) {
            return wrong("--duration: from 10 ms to 10 minutes for each run");
        }
        if !(1..=100).contains(&self.repeats) {
            return wrong("--repeats: 1 to 100");
        }
        if !(1..=kuryr_load::load::MAX_THREADS).contains(&self.threads) {
            return wrong("--threads: 1 to 256");
        }
        if self.generator == Generator::Iperf3 {
            let can = |cell: &Cell| !cell.pattern.answers() && cell.target == Target::Pod;
            if !cells.iter().all(can) || self.duration_s.fract() != 0.0 {
                return wrong(
                    "--generator iperf3 makes streams from pod to pod, in whole seconds: \
                     --only pod,tcp-stream,udp-stream --duration 1s",
                );
            }
        }
        if self.udp_pace == Some(0) {
            return wrong("--udp-pace 0: nothing would be sent");
        }
        Ok(())
    }
}

/// The runs of these cells: cell by cell, in each turn all systems, every other turn in the opposite order.
#[must_use]
pub fn runs(cells: &[Cell], repeats: usize) -> Vec<Run> {
    let mut runs = Vec::new();
    for cell in cells {
        for turn in 0..repeats {
            let mut systems = cell.systems();
            if turn % 2 == 1 {
                systems.reverse();
            }
            runs.extend(systems.into_iter().map(|system| Run {
                cell: *cell,
                system,
                turn,
            }));
        }
    }
    runs
}

/// What is left of a plan when some runs are done.
#[must_use]
pub fn left(plan: &[Run], done: &BTreeSet<Run>) -> Vec<Run> {
    let left = plan.iter().filter(|run| !done.contains(run));
    left.copied().collect()
}

/// The longest that runs take: what is announced, and not exceeded.
#[must_use]
pub fn longest(runs: &[Run], effort: &Effort) -> Duration {
    let sites: BTreeSet<Backend> = runs.iter().map(|run| run.cell.backend).collect();
    let each = Duration::from_secs_f64(effort.duration_s) + BESIDES;
    each * u32::try_from(runs.len()).unwrap_or(u32::MAX)
        + SITE * u32::try_from(sites.len()).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::select::Selection;

    #[test]
    fn systems_take_turns_and_swap_their_order() {
        let cell = Selection::default().cells()[30];
        let order: Vec<(usize, System)> = runs(&[cell], 2)
            .iter()
            .map(|run| (run.turn, run.system))
            .collect();
        let [first, second] = [0, 1].map(|turn| {
            let of = order.iter().filter(|(t, _)| *t == turn);
            of.map(|(_, system)| *system).collect::<Vec<_>>()
        });
        assert_eq!(first.iter().rev().copied().collect::<Vec<_>>(), second);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let good = Effort {
            duration_s: 1.0,
            repeats: 3,
            threads: 1,
            udp_pace: None,
            generator: Generator::Kuryr,
        };
        let all = Selection::default().cells();
        assert!(good.validate(&all).is_ok());
        for bad in [
            Effort {
                duration_s: 0.0,
                ..good
            },
            Effort {
                duration_s: f64::NAN,
                ..good
            },
            Effort { repeats: 0, ..good },
            Effort { threads: 0, ..good },
            Effort {
                udp_pace: Some(0),
                ..good
            },
            Effort {
                generator: Generator::Iperf3,
                ..good
            },
        ] {
            assert!(bad.validate(&all).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn each_run_is_made_once_however_often_it_is_resumed(
            repeats in 1usize..4, cut in proptest::collection::vec(0usize..2000, 0..5),
        ) {
            let plan = runs(&Selection::default().cells(), repeats);
            let mut done = BTreeSet::new();
            for cut in cut {
                let rest = left(&plan, &done);
                for run in rest.iter().take(cut) {
                    prop_assert!(done.insert(*run));
                }
            }
            let rest = left(&plan, &done);
            prop_assert_eq!(rest.len() + done.len(), plan.len());
            prop_assert!(rest.iter().all(|run| !done.contains(run)));
        }
    }
}
