//! `kuryr bench serve` and `kuryr bench load`

use std::fs;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Args;
use comfy_table::{CellAlignment, Table, presets};
use kuryr_load::control::{self, Server};
use kuryr_load::uperf::{self, Profile};
use kuryr_load::{Load, LoadError, Outcome, Pattern};
use kuryr_programs::wiring::{self, Stop};
use serde::Serialize;

use super::Output;
use super::units::{bits, bytes, duration};

#[derive(Debug, Args)]
pub(crate) struct ServeOptions {
    /// Where clients ask; their load goes to the next port
    #[arg(long, default_value = "0.0.0.0:5300", value_name = "ADDRESS")]
    listen: SocketAddr,
}

#[derive(Debug, Args)]
pub(crate) struct LoadOptions {
    /// A `kuryr bench serve`, as HOST:PORT
    #[arg(
        long,
        value_name = "ADDRESS",
        required_unless_present = "print_profile"
    )]
    server: Option<String>,
    /// Where the load goes, if not to the server directly: a Service in front of it
    #[arg(long, value_name = "ADDRESS")]
    target: Option<String>,
    /// What to do, one after the other: tcp-stream, tcp-rr, tcp-crr, udp-stream, udp-rr
    #[arg(long, value_delimiter = ',', default_values_t = Pattern::ALL)]
    pattern: Vec<Pattern>,
    /// Bytes of a message
    #[arg(long, value_delimiter = ',', value_parser = bytes, default_value = "1024", value_name = "SIZE")]
    size: Vec<usize>,
    /// Connections at once
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Of each load, such as 500ms or 10s
    #[arg(long, value_parser = duration, default_value = "5s", value_name = "TIME")]
    duration: Duration,
    /// Bits a second of UDP streams, such as 500m; else as fast as the socket takes them
    #[arg(long, value_parser = bits, value_name = "BITS")]
    udp_pace: Option<u64>,
    /// Loads from a profile of uperf's instead; $names in it are taken from the environment
    #[arg(long, value_name = "FILE", conflicts_with_all = ["pattern", "size", "threads", "duration", "udp_pace"])]
    profile: Option<PathBuf>,
    /// Print the loads as a profile for uperf, and do nothing
    #[arg(long)]
    print_profile: bool,
    /// Print this, once it is over
    #[arg(short, long, value_enum, default_value_t = Output::Table)]
    output: Output,
}

pub(crate) fn serve(options: &ServeOptions) -> ExitCode {
    let listen = options.listen;
    let served = wiring::tool(async move {
        let server = Server::bind(listen).map_err(Stop::from_error)?;
        let address = server.address().map_err(Stop::from_error)?;
        eprintln!(
            "listening at {address}, loads at {}",
            control::load_address(address)
        );
        let stop = Arc::new(AtomicBool::new(false));
        let asked = stop.clone();
        tokio::spawn(async move {
            super::interrupted().await;
            asked.store(true, Ordering::Relaxed);
        });
        let ended = tokio::task::spawn_blocking(move || server.run(&stop)).await;
        ended.map_err(Stop::from_error)?.map_err(Stop::from_error)
    });
    ended("kuryr bench serve", served)
}

pub(crate) fn load(options: &LoadOptions) -> ExitCode {
    ended("kuryr bench load", load_all(options))
}

fn ended(name: &str, result: Result<(), Stop>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(stop) => {
            eprintln!("{name}: {stop}");
            ExitCode::FAILURE
        }
    }
}

/// A load and what came of it.
#[derive(Debug, Serialize)]
struct Done {
    load: Load,
    outcome: Outcome,
}

fn load_all(options: &LoadOptions) -> Result<(), Stop> {
    let profile = loads(options).map_err(Stop::from_error)?;
    for load in &profile.loads {
        load.validate().map_err(Stop::from_error)?;
    }
    if options.print_profile {
        print!("{}", uperf::write(&profile));
        return Ok(());
    }
    let server = resolve(options.server.as_deref().unwrap_or_default())?;
    let target = match &options.target {
        Some(target) => resolve(target)?,
        None => control::load_address(server),
    };
    let mut done = Vec::new();
    for load in profile.loads {
        eprintln!(
            "{} of {} B for {:?}",
            load.pattern, load.size, load.duration
        );
        let outcome = control::run(&load, server, target).map_err(Stop::from_error)?;
        done.push(Done { load, outcome });
    }
    match options.output {
        Output::Json => println!(
            "{}",
            serde_json::to_string_pretty(&done).unwrap_or_default()
        ),
        Output::Table => println!("{}", table(&done)),
    }
    Ok(())
}

fn loads(options: &LoadOptions) -> Result<Profile, LoadError> {
    if let Some(path) = &options.profile {
        let text = fs::read_to_string(path).map_err(|source| LoadError::File {
            path: path.clone(),
            source,
        })?;
        return uperf::read(&text, &|name| std::env::var(name).ok());
    }
    let each = options.pattern.iter().flat_map(|pattern| {
        options.size.iter().map(|size| Load {
            threads: options.threads,
            pace: options.udp_pace.filter(|_| *pattern == Pattern::UdpStream),
            ..Load::new(*pattern, *size, options.duration)
        })
    });
    Ok(Profile {
        name: "kuryr".to_owned(),
        loads: each.collect(),
        remote: None,
    })
}

fn resolve(text: &str) -> Result<SocketAddr, Stop> {
    let found = text.to_socket_addrs().map_err(|e| e.to_string());
    let first = found.and_then(|mut all| all.next().ok_or_else(|| "no address".to_owned()));
    first.map_err(|why| {
        Stop::new(format!(
            "{text:?} is no HOST:PORT that can be reached: {why}"
        ))
    })
}

fn table(done: &[Done]) -> Table {
    let mut table = Table::new();
    let header = [
        "pattern",
        "bytes",
        "Gbit/s",
        "a second",
        "p50 µs",
        "p90 µs",
        "p99 µs",
        "p99.9 µs",
        "lost %",
        "late %",
        "client CPU s",
        "server CPU s",
    ];
    table
        .load_style(presets::UTF8_BORDERS_ONLY)
        .set_header(header);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for Done { load, outcome } in done {
        let latency = |of: fn(&kuryr_load::Latency) -> f64| {
            outcome
                .latency
                .as_ref()
                .map_or(String::new(), |l| format!("{:.1}", of(l)))
        };
        table.add_row([
            load.pattern.to_string(),
            load.size.to_string(),
            format!("{:.3}", outcome.bits_per_s / 1e9),
            format!("{:.0}", outcome.operations_per_s),
            latency(|l| l.p50_us),
            latency(|l| l.p90_us),
            latency(|l| l.p99_us),
            latency(|l| l.p999_us),
            format!("{:.2}", outcome.lost * 100.0),
            format!("{:.2}", outcome.reordered * 100.0),
            format!("{:.2}", outcome.client_cpu_s),
            format!("{:.2}", outcome.server_cpu_s),
        ]);
    }
    table
}
