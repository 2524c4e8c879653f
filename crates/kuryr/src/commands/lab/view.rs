//! What is shown of a lab, as text. Pure.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use comfy_table::{Attribute, Cell, CellAlignment, Color, ContentArrangement, Table, presets};
use console::{Alignment, measure_text_width, pad_str, style, truncate_str};
use kuryr_lab::run::{Pair, PodRow, PodState, Reach, Snapshot, Step};

/// Columns of the table of pods.
const COLUMNS: [&str; 8] = [
    "POD",
    "STATE",
    "ADDRESS",
    "SUBPORT",
    "VLAN",
    "NODE",
    "HYPERVISOR",
    "REACHES",
];

/// How many directions between ready pods were found to work, of how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub(super) struct Pairs {
    pub(super) reached: usize,
    pub(super) of: usize,
}

impl Pairs {
    /// Those between the pods that are ready now.
    pub(super) fn of(snapshot: &Snapshot, reach: &Reach) -> Self {
        let ready: BTreeSet<String> = snapshot.ready().map(PodRow::key).collect();
        let between = reach
            .iter()
            .filter(|(pair, _)| ready.contains(&pair.from) && ready.contains(&pair.to));
        let reached = between.filter(|(_, found)| found.is_ok()).count();
        Self {
            reached,
            of: ready.len() * ready.len().saturating_sub(1),
        }
    }
}

/// The table of all pods, at most `rows` of them, for a terminal so wide.
pub(super) fn table(snapshot: &Snapshot, reach: &Reach, width: Option<u16>, rows: usize) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic);
    if let Some(width) = width {
        table.set_width(width);
    }
    table.set_header(COLUMNS.map(|name| Cell::new(name).add_attribute(Attribute::Bold)));
    let ready: BTreeSet<String> = snapshot.ready().map(PodRow::key).collect();
    for pod in snapshot.pods.iter().take(rows) {
        table.add_row(row(pod, &ready, reach));
    }
    let mut text: Vec<String> = table
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect();
    if snapshot.pods.is_empty() {
        text.push(" no pods; make one: kubectl run web --image=any".to_owned());
    } else if snapshot.pods.len() > rows {
        text.push(format!(
            " and {} more: kubectl get pods -A -o wide",
            snapshot.pods.len() - rows
        ));
    }
    text.join("\n")
}

fn row(pod: &PodRow, ready: &BTreeSet<String>, reach: &Reach) -> Vec<Cell> {
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
    let addresses: Vec<String> = pod.addresses.iter().map(ToString::to_string).collect();
    let subport = pod
        .subport
        .as_ref()
        .map(|id| id.get(..8).unwrap_or(id).to_owned());
    let vlan = pod.vlan.map(|vlan| vlan.to_string());
    vec![
        Cell::new(pod.title()),
        state(pod),
        Cell::new(if addresses.is_empty() {
            "-".to_owned()
        } else {
            addresses.join(" ")
        }),
        Cell::new(if pod.host_network {
            "host network".to_owned()
        } else {
            text(&subport)
        }),
        Cell::new(text(&vlan)).set_alignment(CellAlignment::Right),
        Cell::new(text(&pod.node)),
        Cell::new(text(&pod.hypervisor)),
        reaches(pod, ready, reach),
    ]
}

fn state(pod: &PodRow) -> Cell {
    match &pod.state {
        PodState::Ready => Cell::new("ready").fg(Color::Green),
        PodState::Pending(why) => Cell::new(format!("pending: {why}")).fg(Color::Yellow),
        PodState::Terminating => Cell::new("terminating").fg(Color::Yellow),
        PodState::Completed => Cell::new("completed"),
    }
}

/// How many of the others it reaches, of those that it should.
fn reaches(pod: &PodRow, ready: &BTreeSet<String>, reach: &Reach) -> Cell {
    let key = pod.key();
    if !ready.contains(&key) {
        return Cell::new("-");
    }
    let from_it = reach
        .iter()
        .filter(|(pair, _)| pair.from == key && ready.contains(&pair.to));
    let (mut reached, mut failed) = (0, 0);
    for (_, found) in from_it {
        match found {
            Ok(_) => reached += 1,
            Err(_) => failed += 1,
        }
    }
    let cell = Cell::new(format!("{reached} of {}", ready.len() - 1));
    match (failed, reached + 1 == ready.len()) {
        (0, true) => cell.fg(Color::Green),
        (0, false) => cell,
        _ => cell.fg(Color::Red),
    }
}

/// The pods whose way is shown: if possible on two hypervisors.
pub(super) fn shown_pair(snapshot: &Snapshot) -> Option<(&PodRow, &PodRow)> {
    let ready: Vec<&PodRow> = snapshot.ready().collect();
    let from = *ready.first()?;
    let others = || ready.iter().copied().skip(1);
    let far = others().find(|to| to.hypervisor != from.hypervisor);
    let near = others().find(|to| to.node != from.node);
    far.or(near)
        .or_else(|| others().next())
        .map(|to| (from, to))
}

/// What was found last between two pods.
pub(super) fn between<'a>(
    from: &PodRow,
    to: &PodRow,
    reach: &'a Reach,
) -> Option<&'a Result<Duration, String>> {
    reach.get(&Pair {
        from: from.key(),
        to: to.key(),
    })
}

/// The steps of one packet, numbered, each cut to `width`.
pub(super) fn steps(
    from: &PodRow,
    to: &PodRow,
    steps: &[Step],
    found: Option<&Result<Duration, String>>,
    width: Option<u16>,
) -> String {
    let widest = |of: fn(&Step) -> &String| {
        let widths = steps.iter().map(|step| measure_text_width(of(step)));
        widths.max().unwrap_or_default()
    };
    let (place, path) = (widest(|step| &step.place), widest(|step| &step.path));
    let heading = style(format!(
        "One packet from {} to {}",
        from.title(),
        to.title()
    ))
    .bold();
    let (note, answer) = match found {
        Some(Ok(took)) => {
            let round_trip = took.as_secs_f64() * 1000.0;
            (
                String::new(),
                format!(" and answers; round trip {round_trip:.2} ms"),
            )
        }
        Some(Err(why)) => {
            let lost = style(format!(" gets lost ({why}); it should go")).red();
            (lost.to_string(), String::new())
        }
        None => (String::new(), String::new()),
    };
    let mut lines = vec![format!("{heading}{note}")];
    for (number, step) in (1..).zip(steps) {
        let answer = if number == steps.len() { &answer } else { "" };
        let path = pad_str(&step.path, path, Alignment::Left, None);
        let line = format!(
            " {number:>2}  {:<place$}  {path}  {}{answer}",
            step.place, step.what
        );
        lines.push(match width {
            Some(width) => truncate_str(&line, width.into(), "…").into_owned(),
            None => line,
        });
    }
    lines.join("\n")
}

/// Directions that do not work, a line each.
pub(super) fn unreached(snapshot: &Snapshot, reach: &Reach) -> Vec<String> {
    let title = |key: &str| {
        let pod = snapshot.pods.iter().find(|pod| pod.key() == key);
        pod.map_or_else(|| key.to_owned(), PodRow::title)
    };
    let failed = reach
        .iter()
        .filter_map(|(pair, found)| Some((pair, found.as_ref().err()?)));
    failed
        .map(|(pair, why)| {
            format!(
                "{} does not reach {}: {why}",
                title(&pair.from),
                title(&pair.to)
            )
        })
        .collect()
}

/// The line by which a check ends.
pub(super) fn summary(ready: usize, workers: usize, pairs: Pairs, calls: usize) -> String {
    let s = |count: usize| if count == 1 { "" } else { "s" };
    format!(
        "lab: {ready} pod{} ready on {workers} worker{}, {} of {} pairs reached, {calls} Neutron call{}",
        s(ready),
        s(workers),
        pairs.reached,
        pairs.of,
        s(calls),
    )
}

/// How to use the lab from another terminal. `inside`: a pod, its namespace, and the address of
/// another one.
pub(super) fn hints(
    kubeconfig: &Path,
    clouds: &Path,
    inside: Option<&(String, PathBuf, IpAddr)>,
) -> String {
    let mut lines = vec![
        (
            format!("export KUBECONFIG={}", kubeconfig.display()),
            String::new(),
        ),
        ("kubectl get pods -o wide".to_owned(), String::new()),
        (
            "kubectl get kuryrports".to_owned(),
            "their Neutron ports".to_owned(),
        ),
        (
            "kubectl run web --image=any".to_owned(),
            "one pod more; no image is run".to_owned(),
        ),
        (
            "kubectl delete pod web".to_owned(),
            "its port goes from Neutron".to_owned(),
        ),
    ];
    if let Some((pod, netns, peer)) = inside {
        let enter = format!("nsenter --net={} ping {peer}", netns.display());
        lines.push((enter, format!("from {pod}")));
    }
    let openstack = format!(
        "OS_CLIENT_CONFIG_FILE={} openstack --os-cloud kuryr port list",
        clouds.display()
    );
    lines.push((openstack, String::new()));
    let wide = |line: &&(String, String)| !line.1.is_empty();
    let widths = lines.iter().filter(wide).map(|(command, _)| command.len());
    let column = widths.max().unwrap_or_default();
    let heading = style("In another terminal").bold().to_string();
    let lines = lines
        .into_iter()
        .map(|(command, why)| match why.is_empty() {
            true => format!("  {command}"),
            false => format!("  {command:<column$}  {}", style(format!("# {why}")).dim()),
        });
    [heading]
        .into_iter()
        .chain(lines)
        .collect::<Vec<_>>()
        .join("\n")
}
