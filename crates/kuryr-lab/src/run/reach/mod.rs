//! Who reaches whom: echo requests between all pods, by each of their addresses.

mod icmp;
mod ping;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use futures::{StreamExt, stream};
use kuryr_net::links::Links;

/// Namespaces from which requests are sent at once.
const AT_ONCE: usize = 8;
/// Entries of the kernel's table of neighbours that are used at once: half of the smallest
/// usual table.
const ROOM: usize = 512;

/// A pod as the end of a pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// `namespace/name` and uid: a re-created pod is another one.
    pub pod: String,
    /// Its network namespace.
    pub netns: PathBuf,
    pub addresses: Vec<IpAddr>,
}

/// A direction between two pods.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pair {
    /// Who asks.
    pub from: String,
    /// Who answers.
    pub to: String,
}

/// What was found about pairs: the slowest round trip over the addresses, or why one of them
/// did not answer.
pub type Reach = BTreeMap<Pair, Result<Duration, String>>;

/// Sends requests in every direction between different pods, until each is answered or
/// `patience` is over for its sender.
///
/// Both ends of a pair become neighbours of each other, and the kernel has one small table of
/// neighbours for all namespaces. So it is done in blocks that fit, and the neighbours of each
/// are forgotten before the next.
pub(super) async fn reach(pods: &[Endpoint], patience: Duration) -> Reach {
    let mut found = Reach::new();
    let blocks = blocks(pods);
    for block in &blocks {
        found.extend(reach_block(block, patience).await);
        if blocks.len() > 1 {
            forget_neighbours(block).await;
        }
    }
    found
}

/// Pods that ask, and pods that are asked.
type Block<'a> = (&'a [Endpoint], &'a [Endpoint]);

/// All pairs, in blocks whose neighbours take no more than [`ROOM`].
fn blocks(pods: &[Endpoint]) -> Vec<Block<'_>> {
    let addresses = pods.iter().map(|pod| pod.addresses.len()).max();
    let of_pair = 2 * addresses.unwrap_or(1).max(1);
    let size = (ROOM / of_pair).isqrt().max(1);
    let groups = || pods.chunks(size);
    groups()
        .flat_map(|from| groups().map(move |to| (from, to)))
        .collect()
}

async fn reach_block((senders, receivers): &Block<'_>, patience: Duration) -> Reach {
    let work = senders.iter().map(|from| {
        let others = receivers.iter().filter(|to| to.pod != from.pod).cloned();
        (from.clone(), others.collect::<Vec<_>>())
    });
    let found = stream::iter(work.collect::<Vec<_>>())
        .map(|(from, receivers)| from_one(from, receivers, patience))
        .buffer_unordered(AT_ONCE);
    found.concat().await.into_iter().collect()
}

/// A pod that is gone has no neighbours either.
async fn forget_neighbours((senders, receivers): &Block<'_>) {
    let both = senders.iter().chain(*receivers);
    let all: BTreeSet<PathBuf> = both.map(|pod| pod.netns.clone()).collect();
    let forget = move || {
        for netns in all {
            let forgotten = Links::open(Some(&netns)).and_then(|links| links.forget_neighbours());
            if let Err(error) = forgotten {
                tracing::debug!(%error, "neighbours were not forgotten");
            }
        }
    };
    // It does not panic, and the runtime outlives it.
    let _ = tokio::task::spawn_blocking(forget).await;
}

async fn from_one(
    from: Endpoint,
    receivers: Vec<Endpoint>,
    patience: Duration,
) -> Vec<(Pair, Result<Duration, String>)> {
    let addresses: Vec<IpAddr> = receivers
        .iter()
        .flat_map(|pod| pod.addresses.iter().copied())
        .collect();
    let netns = from.netns.clone();
    let asked = tokio::task::spawn_blocking(move || ping::ping(&netns, &addresses, patience)).await;
    let result = |pod: &Endpoint| match &asked {
        Ok(heard) => of_pod(pod, heard),
        Err(error) => Err(format!("the requests were not sent: {error}")),
    };
    let pair = |pod: &Endpoint| Pair {
        from: from.pod.clone(),
        to: pod.pod.clone(),
    };
    receivers
        .iter()
        .map(|pod| (pair(pod), result(pod)))
        .collect()
}

/// One result of those of a pod's addresses.
fn of_pod(
    pod: &Endpoint,
    heard: &BTreeMap<IpAddr, Result<Duration, String>>,
) -> Result<Duration, String> {
    let mut slowest = Duration::ZERO;
    for address in &pod.addresses {
        match heard.get(address) {
            Some(Ok(took)) => slowest = slowest.max(*took),
            Some(Err(why)) => return Err(format!("{address}: {why}")),
            None => return Err(format!("{address} was not asked")),
        }
    }
    match pod.addresses.is_empty() {
        true => Err("it has no address".to_owned()),
        false => Ok(slowest),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn pod(name: &str, addresses: &[&str]) -> Endpoint {
        Endpoint {
            pod: name.to_owned(),
            netns: PathBuf::new(),
            addresses: addresses.iter().map(|a| a.parse().unwrap()).collect(),
        }
    }

    #[tokio::test]
    async fn every_direction_is_tried_and_failures_are_told() {
        let pods = [
            pod("a", &["192.0.2.1"]),
            pod("b", &["192.0.2.2"]),
            pod("c", &[]),
        ];
        let found = reach(&pods, Duration::ZERO).await;
        assert_eq!(found.len(), 6);
        assert!(
            found.values().all(Result::is_err),
            "no namespace: {found:?}"
        );
        assert!(reach(&pods[..1], Duration::ZERO).await.is_empty());
    }

    #[test]
    fn blocks_cover_all_pairs_and_fit_the_table() {
        for (count, addresses) in [(0, 1), (1, 1), (16, 1), (17, 1), (100, 1), (100, 2)] {
            let addresses = &["10.0.0.1", "fd00::1"][..addresses];
            let pods: Vec<Endpoint> = (0..count)
                .map(|number| pod(&format!("pod-{number}"), addresses))
                .collect();
            let blocks = blocks(&pods);
            let pairs = blocks.iter().map(|(from, to)| from.len() * to.len());
            assert!(
                pairs
                    .clone()
                    .all(|pairs| 2 * pairs * addresses.len() <= ROOM)
            );
            assert_eq!(pairs.sum::<usize>(), count * count);
            assert!(
                blocks.len() == 1 || count != 16,
                "no need to forget anything"
            );
        }
    }

    #[test]
    fn a_pod_is_reached_if_each_of_its_addresses_is() {
        let both = pod("a", &["10.0.0.1", "fd00::1"]);
        let ms = Duration::from_millis;
        let mut heard = BTreeMap::from([
            ("10.0.0.1".parse().unwrap(), Ok(ms(1))),
            ("fd00::1".parse().unwrap(), Ok(ms(3))),
        ]);
        assert_eq!(of_pod(&both, &heard), Ok(ms(3)));
        heard.insert("fd00::1".parse().unwrap(), Err("no answer".to_owned()));
        assert_eq!(of_pod(&both, &heard), Err("fd00::1: no answer".to_owned()));
        assert!(of_pod(&pod("b", &[]), &heard).is_err());
    }
}
