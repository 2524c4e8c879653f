//! What the paper says, beside what was measured here.

use std::fmt;

use kuryr_load::Pattern;
use serde::Serialize;

use crate::cell::{Backend, Placement, Target};
use crate::figures::{Figure, Row, Standing};

/// How a claim stands here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// As the paper has it, in all its cells.
    Reproduced,
    /// In some cells as the paper has it, in the others no difference beyond chance.
    ReproducedInPart,
    /// Not as the paper has it.
    NotReproduced,
    /// The paper's Kuryr was behind; this one is not, in any cell.
    Turned,
    /// The cells were not run.
    NotMeasured,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Reproduced => "reproduced",
            Self::ReproducedInPart => "reproduced in part",
            Self::NotReproduced => "not reproduced",
            Self::Turned => "turned",
            Self::NotMeasured => "not measured",
        })
    }
}

/// A claim of the paper, and the cells that it speaks of.
struct Claim {
    says: &'static str,
    /// Whether the paper's Kuryr is ahead.
    ahead: bool,
    backend: Backend,
    target: Target,
    placements: &'static [Placement],
    patterns: &'static [Pattern],
    figures: &'static [Figure],
    /// Of these sizes; empty: of all.
    sizes: &'static [usize],
    /// What makes the difference, here as there.
    because: &'static str,
}

const BETWEEN: &[Placement] = &[Placement::TwoWorkers, Placement::TwoHypervisors];
const APART: &[Placement] = &[Placement::TwoHypervisors];
const BESIDE: &[Placement] = &[Placement::TwoWorkers];
const SAME: &[Placement] = &[Placement::SameWorker];
const SWITCHED: &[Placement] = &[Placement::SwitchedThere];
const EVERYWHERE: &[Placement] = Placement::ALL;
const STREAM: &[Pattern] = &[Pattern::TcpStream];
const REQUESTS: &[Pattern] = &[Pattern::TcpRr, Pattern::TcpCrr];
const DATAGRAMS: &[Pattern] = &[Pattern::UdpStream];
const BITS: &[Figure] = &[Figure::ThroughputBitsPerS];
const MEDIAN: &[Figure] = &[Figure::LatencyP50Us];

const ONE_TUNNEL: &str =
    "segments pass whole through one tunnel, and are cut to packets in software before a second";
const LEAVES: &str =
    "a subport's packet leaves the worker to be switched by the hypervisor, an overlay's does not";

const CLAIMS: &[Claim] = &[
    Claim {
        says: "TCP stream of 16 KiB across hypervisors: +904 %",
        ahead: true,
        backend: Backend::Ovs,
        target: Target::Pod,
        placements: APART,
        patterns: STREAM,
        figures: BITS,
        sizes: &[16_384],
        because: "the direction is the paper's; its network cards did in hardware what one processor does here",
    },
    Claim {
        says: "TCP stream of 1,024 B across hypervisors: 0.5 to 5 Gbit/s",
        ahead: true,
        backend: Backend::Ovs,
        target: Target::Pod,
        placements: APART,
        patterns: STREAM,
        figures: BITS,
        sizes: &[1024],
        because: "small writes cost the sender's system calls in both systems, which here is most of the time",
    },
    Claim {
        says: "TCP stream between workers: +2 % to +900 %, every size",
        ahead: true,
        backend: Backend::Ovs,
        target: Target::Pod,
        placements: BETWEEN,
        patterns: STREAM,
        figures: BITS,
        sizes: &[],
        because: ONE_TUNNEL,
    },
    Claim {
        says: "TCP latency between workers: 13 % to 220 % better",
        ahead: true,
        backend: Backend::Ovs,
        target: Target::Pod,
        placements: BETWEEN,
        patterns: REQUESTS,
        figures: MEDIAN,
        sizes: &[],
        because: "one tunnel less at either end",
    },
    Claim {
        says: "TCP latency on the same worker: worse",
        ahead: false,
        backend: Backend::Ovs,
        target: Target::Pod,
        placements: SAME,
        patterns: REQUESTS,
        figures: MEDIAN,
        sizes: &[],
        because: LEAVES,
    },
    Claim {
        says: "TCP latency on the same worker: worse (here with switching on the worker)",
        ahead: false,
        backend: Backend::Ovs,
        target: Target::Pod,
        placements: SWITCHED,
        patterns: REQUESTS,
        figures: MEDIAN,
        sizes: &[],
        because: "the packet goes from pod to pod, past the worker's stack and past the trunk",
    },
    Claim {
        says: "UDP stream between workers of one hypervisor: up to +30 %",
        ahead: true,
        backend: Backend::Ovs,
        target: Target::Pod,
        placements: BESIDE,
        patterns: DATAGRAMS,
        figures: BITS,
        sizes: &[],
        because: "no tunnel instead of one",
    },
    Claim {
        says: "UDP stream across hypervisors: lower",
        ahead: false,
        backend: Backend::Ovs,
        target: Target::Pod,
        placements: APART,
        patterns: DATAGRAMS,
        figures: BITS,
        sizes: &[],
        because: "tc-bpf moves a datagram between pod and trunk without the worker's own stack",
    },
    Claim {
        says: "TCP stream between workers, ML2/OVN: similar improvements",
        ahead: true,
        backend: Backend::Ovn,
        target: Target::Pod,
        placements: BETWEEN,
        patterns: STREAM,
        figures: BITS,
        sizes: &[],
        because: ONE_TUNNEL,
    },
    Claim {
        says: "TCP latency between workers, ML2/OVN: lower",
        ahead: true,
        backend: Backend::Ovn,
        target: Target::Pod,
        placements: BETWEEN,
        patterns: REQUESTS,
        figures: MEDIAN,
        sizes: &[],
        because: "one tunnel less at either end",
    },
    Claim {
        says: "UDP stream across hypervisors, ML2/OVN: lower",
        ahead: false,
        backend: Backend::Ovn,
        target: Target::Pod,
        placements: APART,
        patterns: DATAGRAMS,
        figures: BITS,
        sizes: &[],
        because: "tc-bpf moves a datagram between pod and trunk without the worker's own stack",
    },
    Claim {
        says: "TCP stream to a Service: ahead in the most common scenarios (between workers)",
        ahead: true,
        backend: Backend::Ovs,
        target: Target::Service,
        placements: BETWEEN,
        patterns: STREAM,
        figures: BITS,
        sizes: &[],
        because: "the amphora reads and writes each byte once more; on this machine it does so on the processors of the two ends",
    },
    Claim {
        says: "TCP latency to a Service: worse, for the hop to the amphora",
        ahead: false,
        backend: Backend::Ovs,
        target: Target::Service,
        placements: EVERYWHERE,
        patterns: REQUESTS,
        figures: MEDIAN,
        sizes: &[],
        because: "each packet visits the amphora's VM",
    },
    Claim {
        says: "the same with Octavia's OVN provider, which the paper had not: a Service is a flow",
        ahead: false,
        backend: Backend::Ovn,
        target: Target::Service,
        placements: EVERYWHERE,
        patterns: REQUESTS,
        figures: MEDIAN,
        sizes: &[],
        because: "no VM on the way; on the same worker the packet leaves the worker all the same",
    },
];

/// A claim with what was measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Judged {
    /// The paper's words, shortened.
    pub paper: &'static str,
    /// What was measured: the range of ratios and how many cells stand how.
    pub here: String,
    pub verdict: Verdict,
    /// Whether the paper's Kuryr was ahead.
    pub paper_ahead: bool,
    /// What makes the difference.
    pub why: &'static str,
}

/// All claims, in the paper's order.
#[must_use]
pub fn judge(rows: &[Row]) -> Vec<Judged> {
    CLAIMS.iter().map(|claim| claim.judge(rows)).collect()
}

impl Claim {
    fn speaks_of(&self, row: &Row) -> bool {
        row.backend == self.backend
            && row.target == self.target
            && self.placements.contains(&row.placement)
            && self.patterns.contains(&row.pattern)
            && self.figures.contains(&row.figure)
            && (self.sizes.is_empty() || self.sizes.contains(&row.size))
    }

    fn judge(&self, rows: &[Row]) -> Judged {
        let own: Vec<&Row> = rows.iter().filter(|row| self.speaks_of(row)).collect();
        let count = |standing| own.iter().filter(|r| r.standing() == standing).count();
        let (ahead, level, behind) = (
            count(Standing::Ahead),
            count(Standing::Level),
            count(Standing::Behind),
        );
        Judged {
            paper: self.says,
            here: in_words(&own, [ahead, level, behind]),
            verdict: verdict(self.ahead, [ahead, level, behind]),
            paper_ahead: self.ahead,
            why: self.because,
        }
    }
}

fn verdict(paper_ahead: bool, [ahead, level, behind]: [usize; 3]) -> Verdict {
    match (paper_ahead, ahead, level, behind) {
        (_, 0, 0, 0) => Verdict::NotMeasured,
        (true, _, 0, 0) | (false, 0, 0, _) => Verdict::Reproduced,
        (true, 1.., _, 0) | (false, 0, _, 1..) => Verdict::ReproducedInPart,
        (false, _, _, 0) => Verdict::Turned,
        _ => Verdict::NotReproduced,
    }
}

fn in_words(rows: &[&Row], [ahead, level, behind]: [usize; 3]) -> String {
    let ratios = || rows.iter().map(|row| row.ratio);
    let (Some(low), Some(high)) = (ratios().reduce(f64::min), ratios().reduce(f64::max)) else {
        return "not measured".to_owned();
    };
    let range = match rows.len() {
        1 => format!("ratio {low:.2}"),
        count => format!("{count} cells, ratios {low:.2} to {high:.2}"),
    };
    let counts = [(ahead, "ahead"), (level, "level"), (behind, "behind")];
    let counts = counts.iter().filter(|(count, _)| *count > 0);
    let counts: Vec<String> = counts.map(|(n, word)| format!("{n} {word}")).collect();
    format!("{range}: {}", counts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gain_is_reproduced_only_where_it_is_one_in_every_cell() {
        assert_eq!(verdict(true, [5, 0, 0]), Verdict::Reproduced);
        assert_eq!(verdict(true, [4, 1, 0]), Verdict::ReproducedInPart);
        assert_eq!(verdict(true, [4, 0, 1]), Verdict::NotReproduced);
        assert_eq!(verdict(true, [0, 5, 0]), Verdict::NotReproduced);
    }

    #[test]
    fn a_loss_is_turned_only_where_no_cell_is_behind() {
        assert_eq!(verdict(false, [0, 0, 5]), Verdict::Reproduced);
        assert_eq!(verdict(false, [0, 1, 4]), Verdict::ReproducedInPart);
        assert_eq!(verdict(false, [2, 3, 0]), Verdict::Turned);
        assert_eq!(verdict(false, [0, 5, 0]), Verdict::Turned);
        assert_eq!(verdict(false, [4, 0, 1]), Verdict::NotReproduced);
    }

    #[test]
    fn nothing_measured_is_said() {
        let judged = judge(&[]);
        assert_eq!(judged.len(), CLAIMS.len());
        let none = |j: &Judged| j.verdict == Verdict::NotMeasured && j.here == "not measured";
        assert!(judged.iter().all(none));
    }
}
