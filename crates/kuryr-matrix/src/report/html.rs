//! The page: one file, nothing from outside.

use std::fmt::Write as _;

use super::{Report, picture, ratios};
use crate::MatrixError;
use crate::cell::{Backend, Placement, System, Target};
use crate::claims::Verdict;
use crate::figures::{Figure, Row, Standing};
use crate::path;
use kuryr_load::Pattern;

const STYLE: &str = "
body { font: 15px/1.45 system-ui, sans-serif; color: #1b1b1b; background: #f6f6f4; margin: 0; }
main { max-width: 1240px; margin: 0 auto; padding: 24px; }
h1 { font-size: 26px; margin: 0 0 4px; } h2 { margin: 36px 0 8px; font-size: 20px; } h3 { margin: 22px 0 6px; font-size: 16px; }
section, .pictures figure { background: #fff; border: 1px solid #ddd; border-radius: 6px; }
section { padding: 14px 18px; margin: 14px 0; }
.pictures { display: grid; grid-template-columns: repeat(3, 1fr); gap: 10px; }
.pictures figure { margin: 0; padding: 4px; } .pictures svg { width: 100%; height: auto; display: block; }
table { border-collapse: collapse; width: 100%; font-size: 13.5px; }
th, td { padding: 4px 8px; text-align: left; border-bottom: 1px solid #e6e6e6; vertical-align: top; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.ahead { background: #d7ecd9; } td.behind { background: #f6d9d3; } td.level { background: #efefef; }
.key span { display: inline-block; margin-right: 18px; } .key i { display: inline-block; width: 22px; height: 4px; vertical-align: middle; margin-right: 6px; }
.scroll { overflow-x: auto; } details summary { cursor: pointer; }
@media (max-width: 900px) { .pictures { grid-template-columns: 1fr; } }
";

/// The whole page.
pub(super) fn page(report: &Report) -> Result<String, MatrixError> {
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\">\
         <title>Kuryr beside an overlay in the overlay</title><style>{STYLE}</style></head><body><main>\n"
    );
    page += &introduction(report);
    page += &claims(report);
    page += &pictures(report)?;
    page += &ratio_tables(&report.cells);
    page += &failures(report);
    page += &paths(report);
    page += &machine(report);
    Ok(page + "</main></body></html>\n")
}

fn introduction(report: &Report) -> String {
    let effort = &report.header.effort;
    let key: String = System::ALL
        .iter()
        .map(|system| {
            let color = picture::color(*system);
            let (r, g, b) = (color.0, color.1, color.2);
            format!(
                "<span><i style=\"background:rgb({r},{g},{b})\"></i>{}</span>",
                system.title()
            )
        })
        .collect();
    let not_optimised = match report.header.machine.optimised {
        true => "",
        false => {
            "<p><b>Made by a build without optimisation: it shows that each cell runs and takes its path; its figures are of no use.</b></p>"
        }
    };
    format!(
        "<h1>Kuryr beside an overlay in the overlay</h1>\
         <p>Pods on Neutron subports, encapsulated once between hypervisors, beside pods behind a VXLAN of their own \
         inside the tenant network's, encapsulated twice, as OpenShift SDN on OpenStack. Same workers, same hypervisors, \
         run in turn. {} runs a cell and system of {} s, {} connection{}; {} rows, {} runs failed, {} not made.</p>{not_optimised}\
         <p class=\"key\">{key}</p>",
        effort.repeats,
        effort.duration_s,
        effort.threads,
        if effort.threads == 1 { "" } else { "s" },
        report.cells.len(),
        report.failed.len(),
        report.missing,
    )
}

fn claims(report: &Report) -> String {
    let mut text = "<h2>What the paper says, and what is so here</h2><section class=\"scroll\"><table><tr><th>paper</th>\
                    <th>here</th><th>verdict</th><th>why</th></tr>\n"
        .to_owned();
    for claim in &report.claims {
        // By what it means for Kuryr: a loss that is one here too is no good news.
        let class = match (claim.verdict, claim.paper_ahead) {
            (Verdict::Reproduced, true) | (Verdict::Turned, _) => "ahead",
            (Verdict::Reproduced, false) | (Verdict::NotReproduced, true) => "behind",
            _ => "level",
        };
        let _ = writeln!(
            text,
            "<tr><td>{}</td><td>{}</td><td class=\"{class}\">{}</td><td>{}</td></tr>",
            escaped(claim.paper),
            escaped(&claim.here),
            claim.verdict,
            escaped(claim.why)
        );
    }
    text + "</table><p>Ahead and behind are by more than chance: the 95 % interval of the turns' ratios leaves out 1. \
            A loss of the paper's that is one here too is marked reproduced.</p></section>\n"
}

/// The figures of which a pattern has a picture.
fn pictured(pattern: Pattern) -> &'static [Figure] {
    match pattern.answers() {
        true => &[Figure::LatencyP50Us, Figure::LatencyP99Us],
        false => &[Figure::ThroughputBitsPerS],
    }
}

fn pictures(report: &Report) -> Result<String, MatrixError> {
    let mut text = String::new();
    for &backend in Backend::ALL {
        for &target in Target::ALL {
            let mut family = String::new();
            for pattern in Pattern::ALL {
                for &figure in pictured(pattern) {
                    for &placement in Placement::ALL {
                        let of = |row: &&Row| {
                            (
                                row.backend,
                                row.target,
                                row.placement,
                                row.pattern,
                                row.figure,
                            ) == (backend, target, placement, pattern, figure)
                        };
                        let rows: Vec<&Row> = report.cells.iter().filter(of).collect();
                        if rows.is_empty() {
                            continue;
                        }
                        let title = format!("{pattern} {}, {}", figure.title(), placement.title());
                        let svg = picture::svg(&title, figure, &rows).map_err(|why| {
                            MatrixError::Options(format!("can't draw {title:?}: {why}"))
                        })?;
                        let _ = writeln!(family, "<figure>{svg}</figure>");
                    }
                }
            }
            if !family.is_empty() {
                let _ = writeln!(
                    text,
                    "<h2>{}, {}</h2><div class=\"pictures\">{family}</div>",
                    backend.title(),
                    target.title()
                );
            }
        }
    }
    Ok(text)
}

fn ratio_tables(rows: &[Row]) -> String {
    let sizes = ratios::sizes(rows);
    let mut text = "<h2>Ratios</h2><p>Above 1 Kuryr is ahead, in latency too. The 95 % interval is below each; grey: it \
                    has 1 in it. VM: the ratio to VM to VM on the same path, at the largest size.</p>\n"
        .to_owned();
    let mut family = None;
    for ((backend, target, placement, pattern, figure), by_size) in ratios::lines(rows) {
        if family != Some((backend, target)) {
            if family.is_some() {
                text += "</table></section>\n";
            }
            family = Some((backend, target));
            let _ = write!(
                text,
                "<h3>{}, {}</h3><section class=\"scroll\"><table><tr><th>placement</th><th>pattern</th><th>figure</th>",
                backend.title(),
                target.title()
            );
            for size in &sizes {
                let _ = write!(text, "<th class=\"n\">{size} B</th>");
            }
            text += "<th class=\"n\">VM</th></tr>\n";
        }
        let _ = write!(
            text,
            "<tr><td>{}</td><td>{pattern}</td><td>{}</td>",
            placement.title(),
            figure.title()
        );
        for size in &sizes {
            text += &by_size
                .get(size)
                .map_or("<td></td>".to_owned(), |row| ratio(row));
        }
        let to_vm = by_size.values().next_back().and_then(|row| row.ratio_to_vm);
        let to_vm = to_vm.map(|ratio| format!("{ratio:.2}")).unwrap_or_default();
        let _ = writeln!(text, "<td class=\"n\">{to_vm}</td></tr>");
    }
    if family.is_some() {
        text += "</table></section>\n";
    }
    text
}

fn ratio(row: &Row) -> String {
    let class = match row.standing() {
        Standing::Ahead => "ahead",
        Standing::Level => "level",
        Standing::Behind => "behind",
    };
    let interval = match (row.ci_low, row.ci_high) {
        (Some(low), Some(high)) => format!("<br><small>{low:.2}–{high:.2}</small>"),
        _ => String::new(),
    };
    format!("<td class=\"n {class}\">{:.2}{interval}</td>", row.ratio)
}

fn failures(report: &Report) -> String {
    if report.failed.is_empty() {
        return String::new();
    }
    let mut text = "<h2>Runs without figures</h2><section><table>".to_owned();
    for (run, why) in &report.failed {
        let _ = writeln!(
            text,
            "<tr><td>{} {}, turn {}</td><td>{}</td></tr>",
            run.cell,
            run.system,
            run.turn + 1,
            escaped(why)
        );
    }
    text + "</table></section>\n"
}

fn paths(report: &Report) -> String {
    let mut text = "<h2>Which way the packets took</h2><section><details><summary>Packets at each hop in the last run of \
                    each cell; a run whose packets took another way than its cell's has no figures. Frames may hold many \
                    segments.</summary><div class=\"scroll\"><table><tr><th>cell</th><th>system</th>"
        .to_owned();
    for hop in path::HOPS {
        let _ = write!(text, "<th class=\"n\">{hop:?}</th>");
    }
    text += "</tr>\n";
    for (run, counts) in &report.paths {
        let _ = write!(text, "<tr><td>{}</td><td>{}</td>", run.cell, run.system);
        for hop in path::HOPS {
            let count = counts.get(&hop).copied().unwrap_or(0);
            let _ = write!(text, "<td class=\"n\">{count}</td>");
        }
        text += "</tr>\n";
    }
    text + "</table></div></details></section>\n"
}

fn machine(report: &Report) -> String {
    let machine = &report.header.machine;
    let mut lines = vec![
        ("kernel".to_owned(), machine.kernel.clone()),
        (
            "processor".to_owned(),
            format!("{} × {}", machine.processors, machine.processor),
        ),
        ("memory".to_owned(), format!("{} MB", machine.memory_mb)),
        ("began".to_owned(), machine.began.clone()),
        ("command".to_owned(), machine.command.clone()),
    ];
    lines.extend(machine.programs.clone());
    let mut text = "<h2>Machine</h2><section><table>".to_owned();
    for (name, value) in lines {
        let _ = writeln!(
            text,
            "<tr><td>{}</td><td>{}</td></tr>",
            escaped(&name),
            escaped(&value)
        );
    }
    text + "</table><p>Hypervisors, workers and pods are network namespaces of this machine. veth pairs stand for virtio, \
            bridges with connection tracking for Open vSwitch with its security groups, VXLAN with Geneve's MTU for Geneve; \
            ML2/OVS has the amphora (haproxy; the kernel's NAT for UDP) behind a router as a Service, ML2/OVN a rewrite of \
            addresses on the client's hypervisor. All ends share this machine's processors, so what is compared is the work \
            that a packet costs.</p></section>\n"
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::figures::tests::measured;
    use crate::journal::tests::header;
    use crate::journal::{Record, RunResult};
    use crate::plan::Run;
    use crate::select::Selection;

    fn records() -> Vec<Record> {
        let mut records = Vec::new();
        for cell in Selection::default().cells() {
            for system in cell.systems() {
                for turn in 0..2 {
                    let bits = 1e9 + 1e8 * f64::from(u8::from(system == System::Kuryr));
                    records.push(measured(cell, system, turn, bits, 20.0));
                }
            }
        }
        records
    }

    #[test]
    fn the_page_has_every_cell_and_nothing_from_outside() {
        let records = records();
        let page = page(&Report::of(&header(), &records, records.len())).unwrap();
        // 2 backends, 2 targets, 3 placements and one for pods alone; streams have one picture, patterns with
        // answers two.
        let places = 2 * (2 * 3 + 1);
        assert_eq!(page.matches("<figure>").count(), places * (2 + 3 * 2));
        let ratios = page.matches("<td class=\"n ").count();
        assert_eq!(ratios, places * 5 * (2 + 3 * 3));
        for outside in ["<script", "src=", "href=", "@import", "url("] {
            assert!(!page.contains(outside), "{outside}");
        }
        assert!(!page.contains("not measured"));
        // SVG names its own namespace, which is no address that a browser fetches.
        let fetched = page.replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
        assert!(!fetched.contains("http://"));
    }

    #[test]
    fn what_failed_is_on_the_page_with_its_reason_until_it_was_measured() {
        let mut records = records();
        let run = Run {
            cell: Selection::default().cells()[0],
            system: System::Kuryr,
            turn: 5,
        };
        records.push(Record {
            run,
            result: RunResult::Failed("no <answer>".to_owned()),
        });
        let report = Report::of(&header(), &records, records.len() + 7);
        assert_eq!((report.failed.len(), report.missing), (1, 7));
        assert!(page(&report).unwrap().contains("no &lt;answer&gt;"));
        records.push(measured(run.cell, run.system, run.turn, 1e9, 1.0));
        assert!(Report::of(&header(), &records, 0).failed.is_empty());
    }
}
