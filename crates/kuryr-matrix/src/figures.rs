//! From runs to ratios.

use std::collections::BTreeMap;

use kuryr_load::{Outcome, Pattern, Protocol};
use serde::{Deserialize, Serialize};

use crate::Cell;
use crate::cell::{Backend, Placement, System, Target};
use crate::journal::{Record, RunResult};

/// What of a run is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Figure {
    /// Payload that arrived; of streams.
    ThroughputBitsPerS,
    /// Requests answered; of patterns with answers.
    AnswersPerS,
    LatencyP50Us,
    LatencyP99Us,
}

impl Figure {
    /// What a pattern is judged by.
    #[must_use]
    pub fn of(pattern: Pattern) -> &'static [Self] {
        match pattern.answers() {
            true => &[Self::AnswersPerS, Self::LatencyP50Us, Self::LatencyP99Us],
            false => &[Self::ThroughputBitsPerS],
        }
    }

    /// Whether more of it is better.
    #[must_use]
    pub fn more_is_better(self) -> bool {
        matches!(self, Self::ThroughputBitsPerS | Self::AnswersPerS)
    }

    /// What a picture says.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::ThroughputBitsPerS => "throughput",
            Self::AnswersPerS => "answers a second",
            Self::LatencyP50Us => "latency p50",
            Self::LatencyP99Us => "latency p99",
        }
    }

    fn from(self, outcome: &Outcome) -> Option<f64> {
        let value = match self {
            Self::ThroughputBitsPerS => outcome.bits_per_s,
            Self::AnswersPerS => outcome.operations_per_s,
            Self::LatencyP50Us => outcome.latency?.p50_us,
            Self::LatencyP99Us => outcome.latency?.p99_us,
        };
        // A ratio to nothing is none.
        (value.is_finite() && value > 0.0).then_some(value)
    }
}

/// One system's runs of one figure: geometric mean, and the lowest and highest.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    pub mean: f64,
    pub low: f64,
    pub high: f64,
}

/// One figure of one cell, both systems and the limit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    pub backend: Backend,
    pub target: Target,
    pub placement: Placement,
    pub protocol: Protocol,
    pub pattern: Pattern,
    /// Bytes of a message.
    pub size: usize,
    pub figure: Figure,
    pub kuryr: Spread,
    /// The comparator.
    pub sdn: Spread,
    /// VM to VM, where there is a path.
    pub vm: Option<Spread>,
    /// Kuryr to the comparator, above 1 where Kuryr is ahead: throughput by throughput, latency the other way round.
    pub ratio: f64,
    /// The 95 % confidence interval of the ratio, by Student's t of the logarithms of the turns' ratios; none of a
    /// single turn.
    pub ci_low: Option<f64>,
    pub ci_high: Option<f64>,
    /// Kuryr to the limit, in the same way.
    pub ratio_to_vm: Option<f64>,
    /// Turns in which both systems were measured.
    pub runs: usize,
    /// Of datagrams sent, the share that arrived: Kuryr's and the comparator's.
    pub arrived: Option<[f64; 2]>,
}

/// How a ratio is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Kuryr is ahead, by more than chance.
    Ahead,
    /// No difference that could not be chance.
    Level,
    /// Kuryr is behind, by more than chance.
    Behind,
}

impl Row {
    /// The cell that it is of.
    #[must_use]
    pub fn cell(&self) -> Cell {
        Cell {
            backend: self.backend,
            target: self.target,
            placement: self.placement,
            pattern: self.pattern,
            size: self.size,
        }
    }

    /// How its ratio is to be read. Of a single turn nothing is known about chance, and the ratio is taken as it is.
    #[must_use]
    pub fn standing(&self) -> Standing {
        let low = self.ci_low.unwrap_or(self.ratio);
        let high = self.ci_high.unwrap_or(self.ratio);
        if low > 1.0 {
            Standing::Ahead
        } else if high < 1.0 {
            Standing::Behind
        } else {
            Standing::Level
        }
    }
}

/// Outcomes by turn.
type Turns<'a> = BTreeMap<usize, &'a Outcome>;

/// All rows that the runs give, in the matrix' order. A cell that lacks one of both systems has none.
#[must_use]
pub fn rows(records: &[Record]) -> Vec<Row> {
    let mut cells: BTreeMap<Cell, BTreeMap<System, Turns<'_>>> = BTreeMap::new();
    for record in records {
        if let RunResult::Measured { outcome, .. } = &record.result {
            let systems = cells.entry(record.run.cell).or_default();
            let turns = systems.entry(record.run.system).or_default();
            turns.insert(record.run.turn, outcome);
        }
    }
    let each = cells.iter().flat_map(|(cell, systems)| {
        let figures = Figure::of(cell.pattern).iter();
        figures.filter_map(|figure| row(cell, *figure, systems))
    });
    each.collect()
}

fn row(cell: &Cell, figure: Figure, systems: &BTreeMap<System, Turns<'_>>) -> Option<Row> {
    let values = |system| -> BTreeMap<usize, f64> {
        let turns = systems.get(&system).into_iter().flatten();
        turns
            .filter_map(|(turn, outcome)| Some((*turn, figure.from(outcome)?)))
            .collect()
    };
    let (kuryr, sdn, vm) = (
        values(System::Kuryr),
        values(System::Sdn),
        values(System::Vm),
    );
    let ratios = paired(figure, &kuryr, &sdn);
    let (ratio, interval) = interval(&ratios)?;
    let to_vm = paired(figure, &kuryr, &vm);
    Some(Row {
        backend: cell.backend,
        target: cell.target,
        placement: cell.placement,
        protocol: cell.pattern.protocol(),
        pattern: cell.pattern,
        size: cell.size,
        figure,
        kuryr: spread(&kuryr)?,
        sdn: spread(&sdn)?,
        vm: spread(&vm),
        ratio,
        ci_low: interval.map(|(low, _)| low),
        ci_high: interval.map(|(_, high)| high),
        ratio_to_vm: self::interval(&to_vm).map(|(ratio, _)| ratio),
        runs: ratios.len(),
        arrived: arrived(cell, systems),
    })
}

fn arrived(cell: &Cell, systems: &BTreeMap<System, Turns<'_>>) -> Option<[f64; 2]> {
    if cell.pattern.protocol() == Protocol::Tcp {
        return None;
    }
    let of = |system| {
        let turns = systems.get(&system)?;
        let kept: Vec<f64> = turns.values().map(|outcome| 1.0 - outcome.lost).collect();
        mean(&kept)
    };
    Some([of(System::Kuryr)?, of(System::Sdn)?])
}

/// One's ratio to the other in each turn that has both; above 1 where one is ahead.
fn paired(figure: Figure, one: &BTreeMap<usize, f64>, other: &BTreeMap<usize, f64>) -> Vec<f64> {
    let both = one
        .iter()
        .filter_map(|(turn, a)| Some((a, other.get(turn)?)));
    both.map(|(a, b)| match figure.more_is_better() {
        true => a / b,
        false => b / a,
    })
    .collect()
}

fn spread(turns: &BTreeMap<usize, f64>) -> Option<Spread> {
    let logs: Vec<f64> = turns.values().map(|value| value.ln()).collect();
    Some(Spread {
        mean: mean(&logs)?.exp(),
        low: turns.values().copied().reduce(f64::min)?,
        high: turns.values().copied().reduce(f64::max)?,
    })
}

#[allow(clippy::cast_precision_loss)]
fn mean(values: &[f64]) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    Some(values.iter().sum::<f64>() / values.len() as f64)
}

/// The geometric mean of ratios, and its 95 % confidence interval.
#[allow(clippy::cast_precision_loss)]
fn interval(ratios: &[f64]) -> Option<(f64, Option<(f64, f64)>)> {
    let logs: Vec<f64> = ratios.iter().map(|ratio| ratio.ln()).collect();
    let middle = mean(&logs)?;
    if logs.len() < 2 {
        return Some((middle.exp(), None));
    }
    let squares: f64 = logs.iter().map(|log| (log - middle).powi(2)).sum();
    let count = logs.len() as f64;
    let error = (squares / (count - 1.0) / count).sqrt();
    let half = t_95(logs.len() - 1) * error;
    let ends = ((middle - half).exp(), (middle + half).exp());
    Some((middle.exp(), Some(ends)))
}

/// Student's t, two-sided 95 %, by degrees of freedom.
fn t_95(freedom: usize) -> f64 {
    const TABLE: [f64; 10] = [
        12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
    ];
    match freedom {
        0 => f64::INFINITY,
        1..=10 => TABLE[freedom - 1],
        11..=20 => 2.201,
        21..=40 => 2.080,
        _ => 2.0,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::journal::tests::outcome;
    use crate::plan::Run;

    pub(crate) fn measured(cell: Cell, system: System, turn: usize, bits: f64, p50: f64) -> Record {
        Record {
            run: Run { cell, system, turn },
            result: RunResult::Measured {
                outcome: outcome(bits, p50),
                hops: BTreeMap::new(),
            },
        }
    }

    fn cell(pattern: Pattern) -> Cell {
        Cell {
            backend: Backend::Ovn,
            target: Target::Pod,
            placement: Placement::TwoHypervisors,
            pattern,
            size: 1024,
        }
    }

    #[test]
    fn above_one_is_ahead_in_throughput_and_in_latency() {
        for pattern in [Pattern::TcpStream, Pattern::TcpRr] {
            let mut records = Vec::new();
            for turn in 0..3 {
                records.push(measured(cell(pattern), System::Kuryr, turn, 4e9, 10.0));
                records.push(measured(cell(pattern), System::Sdn, turn, 2e9, 20.0));
                records.push(measured(cell(pattern), System::Vm, turn, 4e9, 10.0));
            }
            let rows = rows(&records);
            assert_eq!(rows.len(), Figure::of(pattern).len());
            for row in rows {
                assert!((row.ratio - 2.0).abs() < 1e-9, "{row:?}");
                assert_eq!(row.standing(), Standing::Ahead);
                assert!((row.ratio_to_vm.unwrap() - 1.0).abs() < 1e-9);
                assert_eq!(row.runs, 3);
            }
        }
    }

    #[test]
    fn what_could_be_chance_is_level_and_a_single_turn_has_no_interval() {
        let of = |turns: &[(f64, f64)]| {
            let each = turns.iter().enumerate().flat_map(|(turn, (kuryr, sdn))| {
                let cell = cell(Pattern::UdpStream);
                [
                    measured(cell, System::Kuryr, turn, *kuryr, 1.0),
                    measured(cell, System::Sdn, turn, *sdn, 1.0),
                ]
            });
            rows(&each.collect::<Vec<_>>()).remove(0)
        };
        let noisy = of(&[(1.0, 1.2), (1.5, 1.0), (1.1, 1.1)]);
        assert_eq!(noisy.standing(), Standing::Level);
        let single = of(&[(1.0, 2.0)]);
        assert_eq!((single.ci_low, single.standing()), (None, Standing::Behind));
    }

    #[test]
    fn a_run_without_its_counterpart_gives_no_ratio() {
        let alone = measured(cell(Pattern::TcpStream), System::Kuryr, 0, 1e9, 1.0);
        assert!(rows(&[alone]).is_empty());
        let nothing = measured(cell(Pattern::TcpStream), System::Sdn, 0, 0.0, 1.0);
        let one = measured(cell(Pattern::TcpStream), System::Kuryr, 0, 1e9, 1.0);
        assert!(
            rows(&[one, nothing]).is_empty(),
            "nothing arrived: no ratio"
        );
    }

    proptest! {
        #[test]
        fn the_ratio_is_within_its_interval_and_turns_around_with_the_systems(
            pairs in proptest::collection::vec((1e3f64..1e9, 1e3f64..1e9), 1..8),
        ) {
            let there: Vec<f64> = pairs.iter().map(|(a, b)| a / b).collect();
            let back: Vec<f64> = pairs.iter().map(|(a, b)| b / a).collect();
            let (ratio, ends) = interval(&there).unwrap();
            prop_assert!((ratio * interval(&back).unwrap().0 - 1.0).abs() < 1e-6);
            if let Some((low, high)) = ends {
                prop_assert!(low <= ratio * (1.0 + 1e-9) && ratio <= high * (1.0 + 1e-9));
            }
        }
    }
}
