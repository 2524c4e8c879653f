//! Where the packets of a cell must pass, and where they must not: each run proves its own path.

use std::collections::BTreeMap;
use std::fmt;

use kuryr_load::{Outcome, Pattern};
use serde::{Deserialize, Serialize};

use crate::Cell;
use crate::cell::{Backend, Placement, System, Target};

/// A place at which packets are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hop {
    /// The interface of the client's worker: both directions.
    ClientWorker,
    /// The interface of the server's worker, where it is another one.
    ServerWorker,
    /// Between the hypervisors: both directions.
    Wire,
    /// Frames that came over the wire with one encapsulation.
    EncapsulatedOnce,
    /// Frames that came over the wire with an encapsulation in an encapsulation.
    EncapsulatedTwice,
    /// The overlay's own encapsulation, inside the tenant network of the workers, on the client's hypervisor.
    OverlayTunnel,
    /// A Service's address rewritten on the client's worker.
    WorkerNat,
    /// A Service's address rewritten on the client's hypervisor.
    HypervisorNat,
    /// The amphora's interface.
    Amphora,
}

/// Packets by hop.
pub type Counts = BTreeMap<Hop, u64>;

/// As many packets are surely not a load's: address resolution and the like.
pub const QUIET: u64 = 12;
/// Bytes that a frame carries at most (64 KiB, before it is cut into packets).
const FRAME: u64 = 65_536;

/// Bytes that a packet of a tenant network carries at least, if there are more.
const LEAST_PAYLOAD: usize = 1400;

/// How many messages of a cell each run carries at least, so that its packets stand out from what is quiet.
#[must_use]
pub fn enough(cell: &Cell) -> u64 {
    match cell.pattern {
        Pattern::TcpStream => 4 * QUIET * FRAME / cell.size.max(1) as u64,
        _ => 4 * QUIET,
    }
}

/// How many packets at least carried what arrived: those of each hop that is passed.
#[must_use]
pub fn least(cell: &Cell, outcome: &Outcome) -> u64 {
    match cell.pattern {
        Pattern::TcpStream => outcome.operations * cell.size as u64 / FRAME,
        _ => outcome.operations,
    }
}

/// A path that is not the cell's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongPath {
    /// Each hop that is wrong, whether it should have been busy, and what was counted.
    pub hops: Vec<(Hop, bool, u64)>,
}

impl fmt::Display for WrongPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the packets took another path than this cell's:")?;
        for (hop, busy, count) in &self.hops {
            let should = if *busy { "many" } else { "none" };
            write!(f, " {count} at {hop:?}, where {should} should have passed;")?;
        }
        Ok(())
    }
}

/// The hops that a system's packets pass in a cell; they pass none of the others.
#[must_use]
pub fn expected(cell: &Cell, system: System) -> Vec<Hop> {
    let apart = !cell.placement.is_one_worker();
    let hypervisors = cell.placement == Placement::TwoHypervisors;
    let service = cell.target == Target::Service;
    let amphora = service && system == System::Kuryr && cell.backend == Backend::Ovs;
    let twice = system == System::Sdn;
    // A subport's packets leave the worker even when they come back to it; so they do to an amphora.
    let leaves = apart || (system == System::Kuryr && !is_switched(cell, system));
    let passed = [
        (Hop::ClientWorker, leaves),
        (Hop::ServerWorker, apart),
        (Hop::Wire, hypervisors),
        (Hop::EncapsulatedOnce, hypervisors && !twice),
        (Hop::EncapsulatedTwice, hypervisors && twice),
        (Hop::OverlayTunnel, apart && twice),
        (Hop::WorkerNat, service && twice),
        (
            Hop::HypervisorNat,
            service && !twice && cell.backend == Backend::Ovn,
        ),
        (Hop::Amphora, amphora),
    ];
    let passed = passed.into_iter().filter(|(_, passes)| *passes);
    passed.map(|(hop, _)| hop).collect()
}

/// Whether the product switches the cell's packets on the worker: all but the first of each flow.
fn is_switched(cell: &Cell, system: System) -> bool {
    system == System::Kuryr && cell.placement == Placement::SwitchedThere
}

/// How many packets a hop may see that is not passed.
fn most(cell: &Cell, system: System, hop: Hop, least: u64) -> u64 {
    if hop != Hop::ClientWorker || !is_switched(cell, system) {
        return QUIET;
    }
    // The first packets of a few flows, and the datagrams that were sent before the first had come through: half of what would
    // be seen if none was switched, for each goes out and comes in, in fragments if it is large.
    let fragments = match cell.pattern {
        Pattern::UdpStream | Pattern::UdpRr => cell.size.div_ceil(LEAST_PAYLOAD) as u64,
        _ => 1,
    };
    (least * fragments).max(QUIET)
}

/// All hops.
pub const HOPS: [Hop; 9] = [
    Hop::ClientWorker,
    Hop::ServerWorker,
    Hop::Wire,
    Hop::EncapsulatedOnce,
    Hop::EncapsulatedTwice,
    Hop::OverlayTunnel,
    Hop::WorkerNat,
    Hop::HypervisorNat,
    Hop::Amphora,
];

/// Whether what was counted during a run is the cell's path; `least` packets were needed for what arrived.
///
/// # Errors
/// [`WrongPath`] with each hop that should have been passed and was not, or the other way round.
pub fn check(cell: &Cell, system: System, counts: &Counts, least: u64) -> Result<(), WrongPath> {
    let expected = expected(cell, system);
    let mut wrong = Vec::new();
    for hop in HOPS {
        let count = counts.get(&hop).copied().unwrap_or(0);
        let should = expected.contains(&hop);
        let as_it_should = match should {
            true => count >= least.max(QUIET + 1),
            false => count <= most(cell, system, hop, least),
        };
        if !as_it_should {
            wrong.push((hop, should, count));
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    Err(WrongPath { hops: wrong })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::select::Selection;

    fn taken(cell: &Cell, system: System) -> Counts {
        let hops = expected(cell, system);
        hops.into_iter().map(|hop| (hop, 1000)).collect()
    }

    #[test]
    fn only_the_cells_own_path_is_believed() {
        for cell in Selection::default().cells() {
            for system in cell.systems() {
                let good = taken(&cell, system);
                assert_eq!(check(&cell, system, &good, 900), Ok(()));
                for hop in HOPS {
                    let mut bad = good.clone();
                    // What was passed is not, and what was not is.
                    match bad.remove(&hop) {
                        Some(_) => {}
                        None => drop(bad.insert(hop, 40_000)),
                    }
                    assert!(
                        check(&cell, system, &bad, 900).is_err(),
                        "{cell} {system} {hop:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn some_of_the_packets_are_not_enough() {
        let cell = Selection::default().cells()[0];
        let mut counts = taken(&cell, System::Kuryr);
        counts.insert(Hop::ClientWorker, 899);
        assert!(check(&cell, System::Kuryr, &counts, 900).is_err());
    }

    #[test]
    fn the_two_systems_never_share_a_path_across_hypervisors() {
        let all = Selection::default().cells();
        let across = all
            .iter()
            .filter(|c| c.placement == Placement::TwoHypervisors);
        for cell in across {
            let kuryr = taken(cell, System::Kuryr);
            assert!(check(cell, System::Sdn, &kuryr, 900).is_err(), "{cell}");
        }
    }
}
