//! Packets, counted where they pass.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use kuryr_lab::topology::LabId;
use kuryr_net::netns;
use serde_json::Value;

use super::addresses::{WORKERS, server_worker};
use super::names;
use crate::MatrixError;
use crate::cell::{Backend, Placement};
use crate::path::{Counts, Hop};

/// What all counters say now; a run's own packets are the difference of two.
pub(super) fn read(
    lab: &LabId,
    backend: Backend,
    placement: Placement,
) -> Result<Counts, MatrixError> {
    let mut counts = Counts::new();
    let server = server_worker(placement);
    for (worker, _) in WORKERS {
        if worker == 1 || worker == server {
            let hop = if worker == 1 {
                Hop::ClientWorker
            } else {
                Hop::ServerWorker
            };
            counts.insert(hop, packets(lab, &names::worker(worker), "eth0")?);
        }
    }
    counts.insert(Hop::Wire, packets(lab, "hv1", "wire")?);
    if backend == Backend::Ovs {
        counts.insert(Hop::Amphora, packets(lab, names::AMPHORA, "eth0")?);
    }
    // Frames of both directions arrive somewhere: requests on the server's hypervisor, answers on the client's.
    let (one, other) = (named(lab, "hv1")?, named(lab, "hv2")?);
    let both = |name: &str| one.get(name).unwrap_or(&0) + other.get(name).unwrap_or(&0);
    counts.insert(Hop::EncapsulatedOnce, both("once"));
    counts.insert(Hop::EncapsulatedTwice, both("twice"));
    counts.insert(Hop::OverlayTunnel, both("tunnel"));
    counts.insert(Hop::HypervisorNat, *one.get("nat").unwrap_or(&0));
    let worker = named(lab, &names::worker(1))?;
    counts.insert(Hop::WorkerNat, *worker.get("nat").unwrap_or(&0));
    Ok(counts)
}

/// What was counted between two readings.
pub(super) fn between(before: &Counts, after: &Counts) -> Counts {
    let difference = |(hop, count): (&Hop, &u64)| {
        let earlier = before.get(hop).copied().unwrap_or(0);
        (*hop, count.saturating_sub(earlier))
    };
    after.iter().map(difference).collect()
}

/// Packets of a link, both directions (proc_pid_net(5), `dev`).
fn packets(lab: &LabId, part: &str, link: &str) -> Result<u64, MatrixError> {
    let read = || fs::read_to_string("/proc/thread-self/net/dev");
    let what = || format!("count the packets of {link} in {part}");
    let text =
        netns::run_in(Some(&lab.netns_path(part)), read).map_err(MatrixError::net(what()))?;
    let text = text.map_err(MatrixError::io(what()))?;
    of_link(&text, link).ok_or_else(|| {
        let missing = std::io::Error::other(format!("there is no link {link}"));
        MatrixError::io(what())(missing)
    })
}

fn of_link(text: &str, link: &str) -> Option<u64> {
    let line = text
        .lines()
        .find_map(|line| line.trim_start().strip_prefix(link)?.strip_prefix(':'))?;
    let fields: Vec<&str> = line.split_whitespace().collect();
    let received: u64 = fields.get(1)?.parse().ok()?;
    let sent: u64 = fields.get(9)?.parse().ok()?;
    Some(received + sent)
}

/// nft's named counters in a namespace.
fn named(lab: &LabId, part: &str) -> Result<BTreeMap<String, u64>, MatrixError> {
    let what = || format!("read the counters of {part}");
    let list = || {
        Command::new("nft")
            .args(["--json", "list", "counters"])
            .output()
    };
    let output =
        netns::run_in(Some(&lab.netns_path(part)), list).map_err(MatrixError::net(what()))?;
    let output = output.map_err(MatrixError::io(what()))?;
    let said = || String::from_utf8_lossy(&output.stderr).trim().to_owned();
    let value: Value = serde_json::from_slice(&output.stdout)
        .map_err(|_| MatrixError::io(what())(std::io::Error::other(said())))?;
    Ok(of_json(&value))
}

fn of_json(value: &Value) -> BTreeMap<String, u64> {
    let objects = value.get("nftables").and_then(Value::as_array);
    let counters = objects.into_iter().flatten().filter_map(|object| {
        let counter = object.get("counter")?;
        let name = counter.get("name")?.as_str()?.to_owned();
        Some((name, counter.get("packets")?.as_u64()?))
    });
    counters.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_links_packets_are_those_of_both_directions() {
        let text = "Inter-|   Receive |  Transmit\n face |bytes packets errs drop fifo frame compressed multicast|bytes packets errs\n    lo: 1 2 0 0 0 0 0 0 1 2 0 0 0 0 0 0\n  eth0:  100 7 0 0 0 0 0 0 200 5 0 0 0 0 0 0\n";
        assert_eq!(of_link(text, "eth0"), Some(12));
        assert_eq!(of_link(text, "eth"), None);
    }

    #[test]
    fn nfts_counters_are_read_by_name() {
        let value = serde_json::json!({"nftables": [
            {"metainfo": {}},
            {"counter": {"family": "inet", "name": "once", "packets": 5, "bytes": 500}},
        ]});
        assert_eq!(of_json(&value), BTreeMap::from([("once".to_owned(), 5)]));
    }
}
