//! Who reaches whom: echo requests between all pods, by each of their addresses.

mod icmp;
mod ping;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use futures::{StreamExt, stream};

/// Namespaces from which requests are sent at once.
const AT_ONCE: usize = 8;

/// A pod as the end of a pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// `namespace/name` and uid: a re-created pod is another one.
    pub pod: String,
    /// Its network namespace.
    pub netns: PathBuf,
    /// Its addresses.
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
pub(super) async fn reach(pods: &[Endpoint], patience: Duration) -> Reach {
    let senders = pods.iter().map(|from| {
        let others = pods.iter().filter(|to| to.pod != from.pod).cloned();
        (from.clone(), others.collect::<Vec<_>>())
    });
    let found = stream::iter(senders.collect::<Vec<_>>())
        .map(|(from, receivers)| from_one(from, receivers, patience))
        .buffer_unordered(AT_ONCE);
    found.concat().await.into_iter().collect()
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
