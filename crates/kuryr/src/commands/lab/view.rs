//! What is shown of a lab, as text. Pure.

use std::collections::BTreeSet;
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
    match width {
        Some(width) => table.set_width(width),
        None => table.force_no_tty(),
    };
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
            (String::new(), format!(" answers in {round_trip:.2} ms"))
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn pod(number: u8, hypervisor: &str, state: PodState) -> PodRow {
        PodRow {
            namespace: "default".to_owned(),
            name: format!("pod-{number}"),
            uid: number.to_string(),
            state,
            node: Some(format!("worker-{hypervisor}")),
            hypervisor: Some(hypervisor.to_owned()),
            addresses: vec![IpAddr::from([10, 20, 0, number])],
            subport: Some(format!("{number}a9be973-bdc9-4a21-b487-b7b5570eddeb")),
            vlan: Some(u16::from(number)),
            mac: None,
            host_network: false,
        }
    }

    fn snapshot() -> Snapshot {
        let waits = PodState::Pending("its port is not active yet".to_owned());
        Snapshot {
            pods: vec![
                pod(1, "hv1", PodState::Ready),
                pod(2, "hv1", PodState::Ready),
                pod(3, "hv2", PodState::Ready),
                pod(4, "hv2", waits),
            ],
            unclaimed: vec![],
        }
    }

    /// Of those that are ready, 3 does not reach 1.
    fn reach() -> Reach {
        let keys: Vec<String> = snapshot().pods.iter().map(PodRow::key).collect();
        let pair = |from: usize, to: usize| Pair {
            from: keys[from].clone(),
            to: keys[to].clone(),
        };
        let took = || Ok(Duration::from_micros(140));
        Reach::from([
            (pair(0, 1), took()),
            (pair(0, 2), took()),
            (pair(1, 0), took()),
            (pair(1, 2), took()),
            (pair(2, 0), Err("10.20.0.1: no answer".to_owned())),
            (pair(2, 1), took()),
        ])
    }

    #[test]
    fn the_table_has_a_row_for_each_pod() {
        insta::assert_snapshot!(table(&snapshot(), &reach(), None, usize::MAX));
    }

    #[test]
    fn a_table_that_does_not_fit_says_so() {
        let text = table(&snapshot(), &reach(), None, 2);
        assert!(
            text.ends_with("and 2 more: kubectl get pods -A -o wide"),
            "{text}"
        );
        let text = table(&Snapshot::default(), &Reach::new(), None, 2);
        assert!(text.contains("no pods"), "{text}");
    }

    #[test]
    fn the_summary_counts_pairs_of_ready_pods() {
        let pairs = Pairs::of(&snapshot(), &reach());
        assert_eq!(
            summary(3, 2, pairs, 11),
            "lab: 3 pods ready on 2 workers, 5 of 6 pairs reached, 11 Neutron calls"
        );
        let one = summary(1, 1, Pairs::default(), 1);
        assert_eq!(
            one,
            "lab: 1 pod ready on 1 worker, 0 of 0 pairs reached, 1 Neutron call"
        );
    }

    #[test]
    fn a_direction_that_does_not_work_is_told() {
        let told = unreached(&snapshot(), &reach());
        assert_eq!(told, ["pod-3 does not reach pod-1: 10.20.0.1: no answer"]);
    }

    #[test]
    fn the_way_shown_is_between_hypervisors() {
        let now = snapshot();
        let (from, to) = shown_pair(&now).unwrap();
        assert_eq!((from.name.as_str(), to.name.as_str()), ("pod-1", "pod-3"));
        assert!(shown_pair(&Snapshot::default()).is_none());
    }

    #[test]
    fn steps_are_numbered_and_cut_to_the_width() {
        console::set_colors_enabled(false);
        let now = snapshot();
        let way = [
            ("pod-1", "eth0", "10.20.0.1 → 10.20.0.3"),
            ("hv1", "a → b", "VLAN 1 popped"),
        ];
        let way = way.map(|(place, path, what)| Step {
            place: place.to_owned(),
            path: path.to_owned(),
            what: what.to_owned(),
        });
        let found = reach();
        let known = between(&now.pods[0], &now.pods[2], &found);
        insta::assert_snapshot!(steps(&now.pods[0], &now.pods[2], &way, known, None));
        let lost = between(&now.pods[2], &now.pods[0], &found);
        let narrow = steps(&now.pods[2], &now.pods[0], &way, lost, Some(30));
        assert!(
            narrow.contains("gets lost (10.20.0.1: no answer)"),
            "{narrow}"
        );
        assert!(
            narrow
                .lines()
                .skip(1)
                .all(|line| measure_text_width(line) <= 30),
            "{narrow}"
        );
    }
}
