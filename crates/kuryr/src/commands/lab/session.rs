//! A lab from its start to its end.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use kuryr_lab::run::{Lab, LabError, PodRow, Reach, Snapshot, Stage, Step};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::hints;
use super::product::Kuryr;
use super::progress::Progress;
use super::report::Report;
use super::screen::{self, Screen};
use super::view::{self, Pairs};
use super::{Options, Output};
use kuryr_programs::wiring::Stop;

/// How long a pod that is ready may take to answer, in a check.
const TO_ANSWER: Duration = Duration::from_secs(10);
/// The same, while the lab is looked at.
const TO_ANSWER_LIVE: Duration = Duration::from_secs(1);
/// How often pods are asked again though nothing changed: someone may have changed a security
/// group. So many times as long as it takes, at least.
const ASK_AGAIN: (Duration, u32) = (Duration::from_secs(3), 10);
/// Lines of the screen besides pods and steps: headings, the footer, the cursor's.
const OTHER_LINES: usize = 8;

/// What a check found.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) snapshot: Snapshot,
    pub(super) reach: Reach,
    pub(super) way: Option<Vec<Step>>,
    /// Calls to Neutron until then.
    pub(super) calls: usize,
    /// Calls to Keystone and Neutron until then, by method and path.
    pub(super) operations: BTreeMap<String, usize>,
    /// How long it took until then.
    pub(super) took: Duration,
    /// What was not as it should be; empty: all was well.
    pub(super) failures: Vec<String>,
}

/// How a lab ended: whether all was well, and what is said when it is removed.
struct Outcome {
    well: bool,
    last: Option<String>,
}

/// Runs a lab as the options say; whether all was well.
pub(super) async fn run(options: &Options, stop: CancellationToken) -> Result<bool, Stop> {
    let product = Kuryr {
        config_files: options.config_file.clone(),
    };
    product.check()?;
    let progress = Progress::new(options.lab());
    let stage = |stage: Stage| progress.stage(&stage);
    let began = Instant::now();
    let started = Lab::start(options.lab(), &product, &stage, &stop).await;
    let lab = started.map_err(|error| {
        progress.abandon();
        Stop::from_error(error)
    })?;
    let work = async {
        match options.check {
            true => check(&lab, options, &progress, began).await,
            false => stay(&lab, &progress).await,
        }
    };
    let ended = tokio::select! {
        ended = work => ended,
        () = stop.cancelled() => match options.check {
            true => Err(LabError::Stopped),
            false => Ok(Outcome { well: true, last: None }),
        },
    };
    progress.abandon();
    let removed = lab.shutdown().await;
    let outcome = ended.map_err(Stop::from_error)?;
    removed.map_err(Stop::from_error)?;
    match outcome.last {
        Some(last) => println!("{last}"),
        None => eprintln!("\nAll of the lab is removed."),
    }
    Ok(outcome.well)
}

/// Waits for the pods, has them reach each other, has them released, and says what was found.
async fn check(
    lab: &Lab,
    options: &Options,
    progress: &Progress,
    began: Instant,
) -> Result<Outcome, LabError> {
    let mut found = look(lab, progress, began).await?;
    let text = body(lab, &found.snapshot, &found.reach);
    // Pools keep ports for the pods that come.
    let own_ports = options.config_file.is_empty();
    if let Err(error) = lab.release(own_ports).await {
        found.failures.push(error.to_string());
    }
    let pairs = Pairs::of(&found.snapshot, &found.reach);
    let ready = found.snapshot.ready().count();
    let summary = view::summary(ready, lab.workers().len(), pairs, found.calls);
    let last = match options.output {
        Output::Json => {
            eprintln!("{summary}");
            Report::new(lab, &found).json()
        }
        Output::Text => {
            println!("\n{text}\n");
            found
                .failures
                .iter()
                .for_each(|failure| println!("{failure}"));
            summary
        }
    };
    Ok(Outcome {
        well: found.failures.is_empty(),
        last: Some(last),
    })
}

async fn look(lab: &Lab, progress: &Progress, began: Instant) -> Result<Found, LabError> {
    let mut failures = Vec::new();
    match lab.ready(&|stage| progress.stage(&stage)).await {
        Ok(()) => progress.finish(),
        Err(late @ LabError::Late { .. }) => {
            progress.abandon();
            failures.push(late.to_string());
        }
        Err(error) => return Err(error),
    }
    let snapshot = lab.watch().borrow().clone();
    let reach = lab.reach(&snapshot, TO_ANSWER).await;
    failures.extend(view::unreached(&snapshot, &reach));
    Ok(Found {
        way: view::shown_pair(&snapshot).and_then(|(from, to)| lab.way(from, to)),
        snapshot,
        reach,
        calls: lab.calls().to_neutron(),
        operations: lab.calls().by_operation(),
        took: began.elapsed(),
        failures,
    })
}

/// Shows the lab as it changes, until a part of it ends or nobody waits for this any more.
async fn stay(lab: &Lab, progress: &Progress) -> Result<Outcome, LabError> {
    match lab.ready(&|stage| progress.stage(&stage)).await {
        // Whoever looks at it finds out why.
        Err(late @ LabError::Late { .. }) => {
            progress.abandon();
            eprintln!("\n{late}");
        }
        ready => {
            ready?;
            progress.finish();
        }
    }
    let mut watch = lab.watch();
    let first = watch.borrow().clone();
    let mut reach = lab.reach(&first, TO_ANSWER).await;
    println!("\n{}\n", hints(lab, &first));
    let mut screen = Screen::new();
    let mut probes = FuturesUnordered::new();
    loop {
        let snapshot = watch.borrow_and_update().clone();
        forget(&mut reach, &snapshot);
        let shape = (snapshot.clone(), Pairs::of(&snapshot, &reach));
        screen.draw(&live(lab, &snapshot, &reach), shape);
        if probes.is_empty() {
            probes.push(probe(lab, snapshot, ASK_AGAIN.0));
        }
        tokio::select! {
            failed = lab.failed() => return Err(failed),
            changed = watch.changed() => {
                if changed.is_err() {
                    return Err(LabError::Stopped);
                }
                // What is asked now is out of date.
                probes.clear();
                let now = watch.borrow().clone();
                probes.push(probe(lab, now, Duration::ZERO));
            }
            Some((found, took)) = probes.next() => {
                reach.extend(found);
                let pause = ASK_AGAIN.0.max(took * ASK_AGAIN.1);
                let now = watch.borrow().clone();
                probes.push(probe(lab, now, pause));
            }
        }
    }
}

/// Has all pods reach each other after a pause; what was found, and how long it took.
async fn probe(lab: &Lab, snapshot: Snapshot, pause: Duration) -> (Reach, Duration) {
    sleep(pause).await;
    let began = Instant::now();
    let found = lab.reach(&snapshot, TO_ANSWER_LIVE).await;
    (found, began.elapsed())
}

/// Results about pods that are gone are of no use any more.
fn forget(reach: &mut Reach, snapshot: &Snapshot) {
    let there: BTreeSet<String> = snapshot.ready().map(PodRow::key).collect();
    reach.retain(|pair, _| there.contains(&pair.from) && there.contains(&pair.to));
}

/// What is drawn again when something changes.
fn live(lab: &Lab, snapshot: &Snapshot, reach: &Reach) -> String {
    let pairs = Pairs::of(snapshot, reach);
    let calls = lab.calls().to_neutron();
    let ready = snapshot.ready().count();
    let summary = view::summary(ready, lab.workers().len(), pairs, calls);
    let body = body(lab, snapshot, reach);
    format!("{body}\n\n{summary}\nCtrl-C ends it and removes all of it")
}

/// The table, and below it the way of one packet.
fn body(lab: &Lab, snapshot: &Snapshot, reach: &Reach) -> String {
    let (height, width) = screen::size().unzip();
    let way = view::shown_pair(snapshot).and_then(|(from, to)| {
        let steps = lab.way(from, to)?;
        let found = view::between(from, to, reach);
        Some(view::steps(from, to, &steps, found, width))
    });
    let taken = way.as_ref().map_or(0, |way| way.lines().count()) + OTHER_LINES;
    let rows = height.map_or(usize::MAX, |height| {
        usize::from(height).saturating_sub(taken)
    });
    let table = view::table(snapshot, reach, width, rows.max(3));
    match way {
        Some(way) => format!("{table}\n\n{way}"),
        None => table,
    }
}

fn hints(lab: &Lab, snapshot: &Snapshot) -> String {
    let pair = view::shown_pair(snapshot);
    let inside = pair.and_then(|(from, to)| {
        let (netns, peer) = (lab.pod_netns(from)?, to.addresses.first()?);
        Some((from.title(), netns, *peer))
    });
    hints::hints(
        lab.kubeconfig(),
        &lab.folder().join("clouds.yaml"),
        inside.as_ref(),
    )
}
