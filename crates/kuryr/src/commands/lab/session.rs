//! A lab from its start to its end.

use std::time::Instant;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use kuryr_lab::run::{Lab, LabError, PodRow, Reach, Snapshot, Stage};
use tokio_util::sync::CancellationToken;

use super::progress::Progress;
use super::report::Report;
use super::screen::Screen;
use super::view::{self, Pairs};
use super::{Options, Output};
use crate::wiring::Stop;
use crate::wiring::lab::Kuryr;

/// Lines of the screen besides pods and steps: headings, the footer, the cursor's.
const OTHER_LINES: usize = 8;

/// What a check found.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) snapshot: Snapshot,
    pub(super) reach: Reach,
    /// Calls to Neutron until then.
    pub(super) calls: usize,
    /// What was not as it should be; empty: all was well.
    pub(super) failures: Vec<String>,
}

/// How a lab ended: whether all was well, and what is said when it is removed.
struct Outcome {
    well: bool,
    last: String,
}

/// Runs a lab as the options say; whether all was well.
pub(super) async fn run(options: &Options, stop: CancellationToken) -> Result<bool, Stop> {
    let product = Kuryr {
        config_files: options.config_file.clone(),
    };
    let progress = Progress::new(options.lab());
    let stage = |stage: Stage| progress.stage(&stage);
    let began = Instant::now();
    let started = tokio::select! {
        started = Lab::start(options.lab(), &product, &stage) => started,
        () = stop.cancelled() => Err(LabError::Stopped),
    };
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
            false => Ok(Outcome { well: true, last: String::new() }),
        },
    };
    progress.abandon();
    let folder = lab.folder().to_owned();
    let removed = lab.shutdown().await;
    let outcome = ended.map_err(Stop::from_error)?;
    removed.map_err(Stop::from_error)?;
    if outcome.last.is_empty() {
        eprintln!("\n  all of the lab is removed, {} too", folder.display());
    } else {
        println!("{}", outcome.last);
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
    lab.ready(&|stage| progress.stage(&stage)).await?;
    progress.finish();
    let snapshot = lab.watch().borrow().clone();
    let reach = lab.reach(&snapshot, &Reach::new()).await;
    let failures = view::unreached(&snapshot, &reach);
    let mut found = Found {
        snapshot,
        reach,
        calls: lab.calls().to_neutron(),
        failures,
    };
    let screen = Screen::new();
    let width = screen.width();
    let mut text = body(lab, &found.snapshot, &found.reach, width, usize::MAX);
    let took = began.elapsed();
    if let Err(error) = lab.release(options.config_file.is_empty()).await {
        found.failures.push(error.to_string());
    }
    let (ready, pairs) = (
        found.snapshot.ready().count(),
        Pairs::of(&found.snapshot, &found.reach),
    );
    let well = found.failures.is_empty() && pairs.reached == pairs.of;
    let summary = view::summary(ready, lab.workers().len(), pairs, found.calls);
    Ok(Outcome {
        well,
        last: match options.output {
            Output::Json => {
                eprintln!("{summary}");
                Report::new(lab, &found, took).json()
            }
            Output::Text => {
                for failure in &found.failures {
                    text.push_str("\n  ");
                    text.push_str(failure);
                }
                println!("\n{text}\n");
                summary
            }
        },
    })
}

/// Shows the lab as it changes, until a part of it ends or nobody waits for this any more.
async fn stay(lab: &Lab, progress: &Progress) -> Result<Outcome, LabError> {
    let late = lab.ready(&|stage| progress.stage(&stage)).await;
    match late {
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
    println!("\n{}\n", hints(lab, &first));
    let mut screen = Screen::new();
    let mut reach = Reach::new();
    let mut probes = FuturesUnordered::new();
    loop {
        let snapshot = watch.borrow_and_update().clone();
        forget(&mut reach, &snapshot);
        screen.draw(live(lab, &snapshot, &reach, &screen));
        if probes.is_empty() {
            let (now, known) = (snapshot.clone(), reach.clone());
            probes.push(async move { lab.reach(&now, &known).await });
        }
        tokio::select! {
            failed = lab.failed() => return Err(failed),
            changed = watch.changed() => if changed.is_err() { return Err(LabError::Stopped) },
            Some(found) = probes.next() => {
                // Nothing new: the next change begins anew.
                if found.is_empty() {
                    tokio::select! {
                        failed = lab.failed() => return Err(failed),
                        _ = watch.changed() => {}
                    }
                }
                reach.extend(found);
            }
        }
    }
}

/// Results about pods that are gone are of no use any more.
fn forget(reach: &mut Reach, snapshot: &Snapshot) {
    let there: std::collections::BTreeSet<String> = snapshot.pods.iter().map(PodRow::key).collect();
    reach.retain(|pair, _| there.contains(&pair.from) && there.contains(&pair.to));
}

/// What is drawn again when something changes.
fn live(lab: &Lab, snapshot: &Snapshot, reach: &Reach, screen: &Screen) -> String {
    let height = screen.height().map_or(usize::MAX, usize::from);
    let mut text = body(lab, snapshot, reach, screen.width(), height);
    let pairs = Pairs::of(snapshot, reach);
    let summary = view::summary(
        snapshot.ready().count(),
        lab.workers().len(),
        pairs,
        lab.calls().to_neutron(),
    );
    text.push_str(&format!(
        "\n\n{summary}; Ctrl-C ends it and removes all of it"
    ));
    text
}

/// The table, and below it the way of one packet.
fn body(
    lab: &Lab,
    snapshot: &Snapshot,
    reach: &Reach,
    width: Option<u16>,
    height: usize,
) -> String {
    let way =
        view::shown_pair(snapshot).and_then(|(from, to)| Some((from, to, lab.way(from, to)?)));
    let way = way.map(|(from, to, steps)| view::steps(from, to, &steps, width));
    let taken = way.as_ref().map_or(0, |way| way.lines().count()) + OTHER_LINES;
    let table = view::table(snapshot, reach, width, height.saturating_sub(taken).max(3));
    match way {
        Some(way) => format!("{table}\n\n{way}"),
        None => table,
    }
}

fn hints(lab: &Lab, snapshot: &Snapshot) -> String {
    let pair = view::shown_pair(snapshot);
    let netns = pair.and_then(|(from, _)| lab.pod_netns(from));
    let peer = pair
        .and_then(|(_, to)| to.addresses.first())
        .map(ToString::to_string);
    view::hints(
        lab.kubeconfig(),
        lab.folder(),
        netns.as_deref(),
        peer.as_deref(),
    )
}
