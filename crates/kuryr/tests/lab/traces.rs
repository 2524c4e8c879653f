//! What a lab could leave on a machine.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// The kernel removes a namespace's links and their programs some time after its last user.
const REMOVAL: Duration = Duration::from_secs(120);

/// Namespaces, links, bpf programs, folders and processes of labs at one time.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Traces {
    namespaces: BTreeSet<String>,
    links: BTreeSet<String>,
    programs: BTreeSet<String>,
    folders: BTreeSet<String>,
    processes: BTreeSet<String>,
}

impl Traces {
    pub(crate) fn now() -> Self {
        Self {
            namespaces: names("/run/netns"),
            links: links(),
            programs: programs(),
            folders: names("/run/kuryr-lab"),
            processes: processes(),
        }
    }

    /// Waits until everything that came since is gone again.
    #[track_caller]
    pub(crate) fn assert_nothing_was_left(&self) {
        let end = Instant::now() + REMOVAL;
        loop {
            let left = self.since();
            if left == Self::default() {
                return;
            }
            assert!(Instant::now() < end, "left behind: {left:#?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn since(&self) -> Self {
        let now = Self::now();
        Self {
            namespaces: of_labs(&now.namespaces - &self.namespaces),
            links: &now.links - &self.links,
            programs: &now.programs - &self.programs,
            folders: &now.folders - &self.folders,
            processes: &now.processes - &self.processes,
        }
    }
}

/// Other tests have namespaces of other names.
fn of_labs(names: BTreeSet<String>) -> BTreeSet<String> {
    names
        .into_iter()
        .filter(|name| name.starts_with("lab"))
        .collect()
}

fn names(folder: &str) -> BTreeSet<String> {
    let entries = Path::new(folder).read_dir().into_iter().flatten();
    entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect()
}

/// Links of this namespace that are named as a lab's, or as a pod's on its node.
fn links() -> BTreeSet<String> {
    const NAMES: &str =
        "^(tap[0-9a-f]{8}-[0-9a-f]{2}|[tlpr][0-9a-f]{12}|br[0-9]{4,}|vx[0-9]+-[0-9]+)$";
    let of_labs = regex::Regex::new(NAMES).unwrap();
    let all = names("/sys/class/net");
    all.into_iter()
        .filter(|name| of_labs.is_match(name))
        .collect()
}

/// Kuryr's programs, by number and name.
fn programs() -> BTreeSet<String> {
    let known = aya::programs::loaded_programs().filter_map(Result::ok);
    let named = known.filter_map(|program| Some((program.id(), program.name_as_str()?.to_owned())));
    let ours =
        named.filter(|(_, name)| ["kuryr_from_pod", "kuryr_to_pod"].contains(&name.as_str()));
    ours.map(|(id, name)| format!("{name} {id}")).collect()
}

/// Processes that work in a lab's folder.
fn processes() -> BTreeSet<String> {
    let listed = Command::new("pgrep")
        .args(["-af", "/run/kuryr-lab/"])
        .output();
    let listed = listed.map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&listed)
        .lines()
        .map(str::to_owned)
        .collect()
}
