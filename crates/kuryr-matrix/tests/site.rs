//! A real site, and what happens when a part of it fails. Real namespaces are what can show this.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

use kuryr_lab::topology::run_nft;
use kuryr_load::Pattern;
use kuryr_matrix::cell::{Backend, Placement, System, Target};
use kuryr_matrix::journal::{Header, Journal, RunResult};
use kuryr_matrix::machine::Machine;
use kuryr_matrix::path::{self, Hop};
use kuryr_matrix::plan::{self, Effort, Generator};
use kuryr_matrix::run::{self, End};
use kuryr_matrix::site::Site;
use kuryr_matrix::{Cell, MatrixError};
use kuryr_net::netns;

fn rules(site: &str, part: &str, ruleset: &str) {
    let path = netns::path(&format!("{site}-{part}"));
    netns::run_in(Some(&path), || run_nft(ruleset))
        .unwrap()
        .unwrap();
}

fn left_of(site: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(netns::NAMED_DIR).into_iter().flatten();
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names
        .filter(|name| name.starts_with(&format!("{site}-")))
        .collect()
}

fn across(pattern: Pattern) -> Cell {
    Cell {
        backend: Backend::Ovn,
        target: Target::Pod,
        placement: Placement::TwoHypervisors,
        pattern,
        size: 64,
    }
}

#[test]
fn a_link_that_drops_everything_is_named_and_nothing_is_left() {
    let site = Site::build("mtxdrop", Backend::Ovn).unwrap();
    site.try_out().unwrap();
    rules(
        "mtxdrop",
        "hv2",
        "table inet broken { chain lost { type filter hook prerouting priority -400; iifname \"wire\" drop;\n}\n}",
    );
    let said = site.try_out().unwrap_err().to_string();
    assert!(
        said.starts_with(
            "ovn pod two-hypervisors tcp-rr 64 B kuryr: no answer from 10.241.0.23:7000"
        ),
        "{said}"
    );
    assert!(said.contains("the path drops what is sent"), "{said}");
    drop(site);
    assert_eq!(left_of("mtxdrop"), BTreeSet::new());
}

#[test]
fn a_second_site_of_the_same_name_is_refused_and_the_first_stays() {
    let site = Site::build("mtxtwice", Backend::Ovn).unwrap();
    let second = Site::build("mtxtwice", Backend::Ovs);
    assert!(
        matches!(second, Err(MatrixError::Topology(_))),
        "{second:?}"
    );
    site.try_out().unwrap();
}

#[test]
fn packets_that_take_another_way_give_no_figures() {
    let site = Site::build("mtxway", Backend::Ovn).unwrap();
    // Services are rewritten a second time, so that the first server answers for the third.
    let cell = Cell {
        target: Target::Service,
        ..across(Pattern::TcpRr)
    };
    rules(
        "mtxway",
        "hv1",
        "table inet other { chain services { type nat hook prerouting priority dstnat - 1; \
         ip daddr 10.242.0.10 tcp dport 7003 dnat ip to 10.241.0.21:7000;\n}\n}",
    );
    let load = kuryr_load::Load {
        at_least: path::enough(&cell),
        ..kuryr_load::Load::new(cell.pattern, cell.size, std::time::Duration::from_millis(5))
    };
    // The third server serves, the first one gets it: nobody answers there.
    let carried = site.carry(&cell, System::Kuryr, &load);
    assert!(carried.is_err(), "{carried:?}");
    // The counters say the same of what does arrive: a cell is not taken for another.
    let beside = Cell {
        placement: Placement::TwoWorkers,
        target: Target::Pod,
        ..cell
    };
    let (outcome, counts) = site.carry(&beside, System::Kuryr, &load).unwrap();
    let least = path::least(&beside, &outcome);
    path::check(&beside, System::Kuryr, &counts, least).unwrap();
    let wrong = path::check(&cell, System::Kuryr, &counts, least).unwrap_err();
    assert!(
        wrong.hops.iter().any(|(hop, _, _)| *hop == Hop::Wire),
        "{wrong}"
    );
}

#[test]
fn what_was_stopped_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let header = Header {
        effort: Effort {
            duration_s: 0.01,
            repeats: 2,
            threads: 1,
            udp_pace: None,
            generator: Generator::Kuryr,
        },
        machine: Machine::default(),
    };
    let plan = plan::runs(&[across(Pattern::UdpRr), across(Pattern::TcpStream)], 2);
    let mut journal = Journal::open(folder.path(), header.clone(), false).unwrap();
    let stop = AtomicBool::new(false);
    let end = run::run("mtxstop", &plan, &mut journal, &stop, &mut |progress| {
        // Ctrl-C in the middle of the fourth run.
        stop.store(progress.done >= 3, Ordering::Relaxed);
    });
    assert_eq!(end.unwrap(), End::Stopped);
    assert_eq!(left_of("mtxstop"), BTreeSet::new());
    let done = journal.done().len();
    assert!((3..plan.len()).contains(&done), "{done}");

    let mut journal = Journal::open(folder.path(), header, true).unwrap();
    let left = plan::left(&plan, &journal.done());
    let never = AtomicBool::new(false);
    let end = run::run("mtxstop", &left, &mut journal, &never, &mut |_| {});
    assert_eq!(end.unwrap(), End::Complete);
    assert_eq!(journal.records.len(), plan.len());
    let all_measured = journal
        .records
        .iter()
        .all(|r| matches!(r.result, RunResult::Measured { .. }));
    assert!(all_measured, "{:?}", journal.records);
}
