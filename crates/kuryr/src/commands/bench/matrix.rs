//! `kuryr bench matrix`

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use kuryr_matrix::cell::SIZES;
use kuryr_matrix::journal::{Header, Journal, RunResult};
use kuryr_matrix::machine::Machine;
use kuryr_matrix::plan::{self, Effort, Generator, Run};
use kuryr_matrix::report::{self, Report};
use kuryr_matrix::run::{self, End, Progress};
use kuryr_matrix::select::Selection;
use kuryr_programs::wiring::{self, Stop};

use super::Output;
use super::units::{bits, bytes, duration};

#[derive(Debug, Args)]
pub(crate) struct MatrixOptions {
    /// Folder of the results: runs.jsonl, matrix.html, matrix.csv, matrix.json
    #[arg(long, default_value = "matrix", value_name = "DIR")]
    out: PathBuf,
    /// Go on with the runs that are in the folder
    #[arg(long)]
    resume: bool,
    /// One short run of each cell: shows that all of them work, not how fast they are
    #[arg(long)]
    quick: bool,
    /// Only these: ovs, ovn; pod, service; same-worker, switched-there, two-workers, two-hypervisors; tcp-stream,
    /// tcp-rr, tcp-crr, udp-stream, udp-rr
    #[arg(long, value_delimiter = ',', value_name = "WORD")]
    only: Vec<String>,
    /// Bytes of a message
    #[arg(long, value_delimiter = ',', value_parser = bytes, default_values_t = SIZES, value_name = "SIZE")]
    sizes: Vec<usize>,
    /// Connections at once
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Of each run, such as 500ms or 2s [default: 1s; with --quick 30ms]
    #[arg(long, value_parser = duration, value_name = "TIME")]
    duration: Option<Duration>,
    /// Runs of each system in each cell, in turn [default: 5; with --quick 1]
    #[arg(long, value_name = "COUNT")]
    repeats: Option<usize>,
    /// Bits a second of UDP streams, such as 500m; else as fast as the socket takes them
    #[arg(long, value_parser = bits, value_name = "BITS")]
    udp_pace: Option<u64>,
    /// Whose load it is; iperf3 makes streams from pod to pod only
    #[arg(long, value_enum, default_value_t = Whose::Kuryr)]
    generator: Whose,
    /// Prefix of the network namespaces
    #[arg(long, default_value = "bench")]
    name: String,
    /// Print this, once it is over
    #[arg(short, long, value_enum, default_value_t = Output::Table)]
    output: Output,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Whose {
    Kuryr,
    Iperf3,
}

impl From<Whose> for Generator {
    fn from(whose: Whose) -> Self {
        match whose {
            Whose::Kuryr => Self::Kuryr,
            Whose::Iperf3 => Self::Iperf3,
        }
    }
}

pub(crate) fn run(options: &MatrixOptions) -> ExitCode {
    match wiring::tool(matrix(options)) {
        Ok(code) => code,
        Err(stop) => {
            eprintln!("kuryr bench matrix: {stop}");
            ExitCode::FAILURE
        }
    }
}

/// The plan, and the journal that it is noted in.
struct Work {
    plan: Vec<Run>,
    left: Vec<Run>,
    journal: Journal,
}

async fn matrix(options: &MatrixOptions) -> Result<ExitCode, Stop> {
    let mut work = prepare(options)?;
    announce(options, &work);
    let stop = Arc::new(AtomicBool::new(false));
    let asked = stop.clone();
    tokio::spawn(async move {
        super::interrupted().await;
        eprintln!("stopping after this run; --resume goes on");
        asked.store(true, Ordering::Relaxed);
    });
    let name = options.name.clone();
    let done = tokio::task::spawn_blocking(move || {
        let mut shown = Shown::new(work.left.len());
        let end = run::run(
            &name,
            &work.left,
            &mut work.journal,
            &stop,
            &mut |progress| {
                shown.tell(progress);
            },
        );
        shown.end();
        (end, work)
    });
    let (end, work) = done.await.map_err(Stop::from_error)?;
    finish(options, end.map_err(Stop::from_error)?, &work)
}

fn prepare(options: &MatrixOptions) -> Result<Work, Stop> {
    let effort = Effort {
        duration_s: match (options.duration, options.quick) {
            (Some(duration), _) => duration.as_secs_f64(),
            (None, true) => 0.03,
            (None, false) => 1.0,
        },
        repeats: options.repeats.unwrap_or(if options.quick { 1 } else { 5 }),
        threads: options.threads,
        udp_pace: options.udp_pace,
        generator: options.generator.into(),
    };
    let selection = Selection::default()
        .only(&options.only)
        .and_then(|chosen| chosen.sizes(&options.sizes))
        .map_err(Stop::from_error)?;
    let cells = selection.cells();
    effort.validate(&cells).map_err(Stop::from_error)?;
    let command: Vec<String> = std::env::args().collect();
    let header = Header {
        effort,
        machine: Machine::here(env!("CARGO_PKG_VERSION"), command.join(" ")),
    };
    let journal = Journal::open(&options.out, header, options.resume).map_err(Stop::from_error)?;
    let plan = plan::runs(&cells, effort.repeats);
    let left = plan::left(&plan, &journal.done());
    Ok(Work {
        plan,
        left,
        journal,
    })
}

/// What is about to happen, before it does.
fn announce(options: &MatrixOptions, work: &Work) {
    let effort = work.journal.header.effort;
    let longest = plan::longest(&work.left, &effort);
    let pace = effort.udp_pace.map_or_else(
        || "as fast as this machine's processors carry it".to_owned(),
        |pace| format!("UDP streams at {pace} bit/s, the rest as fast as it goes"),
    );
    eprintln!(
        "{} runs of {} s ({} are there already), at most {} in all.\nLoad: {} at a time, {pace}; inside network namespaces \
         {}-*, nothing leaves this machine.",
        work.left.len(),
        effort.duration_s,
        work.plan.len() - work.left.len(),
        minutes(longest),
        match effort.threads {
            1 => "1 connection".to_owned(),
            count => format!("{count} connections"),
        },
        options.name,
    );
}

fn minutes(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds => format!("{} min", seconds.div_ceil(60)),
    }
}

fn finish(options: &MatrixOptions, end: End, work: &Work) -> Result<ExitCode, Stop> {
    let report = Report::of(&work.journal.header, &work.journal.records, work.plan.len());
    let page = report.write(&options.out).map_err(Stop::from_error)?;
    match options.output {
        Output::Table => println!("{}", report::table(&report.cells)),
        Output::Json => println!("{}", report.json()),
    }
    for (run, why) in &report.failed {
        eprintln!("{} {}, turn {}: {why}", run.cell, run.system, run.turn + 1);
    }
    let ended = match end {
        End::Complete => "complete".to_owned(),
        End::Stopped => format!("stopped; {} runs are left for --resume", report.missing),
        End::TimeUp => format!(
            "the announced time is over; {} runs are left for --resume",
            report.missing
        ),
    };
    eprintln!("{ended}; the page: {}", page.display());
    Ok(match (end, report.failed.is_empty()) {
        (End::Complete, true) => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}

/// Progress: a bar on a terminal, else a line whenever another pattern begins.
struct Shown {
    bar: Option<ProgressBar>,
    group: String,
}

impl Shown {
    fn new(runs: usize) -> Self {
        let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}");
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(runs as u64);
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar
        });
        Self {
            bar,
            group: String::new(),
        }
    }

    fn tell(&mut self, progress: &Progress<'_>) {
        if let Some(RunResult::Failed(why)) = progress.last.map(|record| &record.result) {
            self.line(&format!("failed: {why}"));
        }
        if let Some(bar) = &self.bar {
            bar.set_position(progress.done as u64);
            if !progress.now.is_empty() {
                bar.set_message(format!(
                    "{}, about {} left",
                    progress.now,
                    minutes(progress.left)
                ));
            }
            return;
        }
        let group: String = progress
            .now
            .split(' ')
            .take(4)
            .collect::<Vec<_>>()
            .join(" ");
        if !group.is_empty() && group != self.group {
            let (done, of, left) = (progress.done, progress.of, minutes(progress.left));
            self.line(&format!("{done:>5}/{of} {group}, about {left} left"));
            self.group = group;
        }
    }

    fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            None => eprintln!("{text}"),
        }
    }

    fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
