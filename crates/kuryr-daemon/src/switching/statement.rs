//! What the leader said last of which networks are open, and for how long that holds.

use std::collections::BTreeSet;
use std::sync::LazyLock;
use std::time::Duration;

use futures::StreamExt;
use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event, watcher};
use kuryr_api::names::OPEN_NETWORKS_ANNOTATION;
use tokio::sync::watch;
use tokio::time::Instant;

/// How long nothing said holds, at the start; and what was said, if it doesn't say.
const HOLDS: Duration = Duration::from_secs(60);

static NONE: LazyLock<BTreeSet<String>> = LazyLock::new(BTreeSet::new);

/// The Lease in which it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub namespace: String,
    pub name: String,
}

/// What is known of the leader's word.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Statement {
    /// The Lease was not read yet.
    Unknown,
    /// There is no Lease.
    Absent,
    /// What it said, as seen at a time of our own clock: other clocks are not trusted.
    Heard { said: Said, at: Instant },
}

/// What a Lease says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    open: BTreeSet<String>,
    holds: Duration,
    /// When it was renewed, on the leader's clock: another time is another statement.
    renewed: String,
}

impl Said {
    fn of(lease: &Lease) -> Self {
        let annotations = lease.metadata.annotations.as_ref();
        let open = annotations.and_then(|all| all.get(OPEN_NETWORKS_ANNOTATION));
        let ids = open.map_or("", String::as_str).split(',').map(str::trim);
        let spec = lease.spec.clone().unwrap_or_default();
        let seconds = spec
            .lease_duration_seconds
            .and_then(|s| u64::try_from(s).ok());
        Self {
            open: ids.filter(|id| !id.is_empty()).map(str::to_owned).collect(),
            holds: seconds.map_or(HOLDS, Duration::from_secs),
            renewed: spec.renew_time.map_or(String::new(), |t| t.0.to_string()),
        }
    }
}

impl Statement {
    /// The networks that are open; `None` if that can't be said yet.
    pub(super) fn open(&self, started: Instant, now: Instant) -> Option<&BTreeSet<String>> {
        let over = self.ends(started).is_some_and(|end| end <= now);
        match self {
            Self::Unknown if !over => None,
            Self::Heard { said, .. } if !over => Some(&said.open),
            _ => Some(&NONE),
        }
    }

    /// When it holds no more.
    pub(super) fn ends(&self, started: Instant) -> Option<Instant> {
        match self {
            Self::Unknown => Some(started + HOLDS),
            Self::Absent => None,
            Self::Heard { said, at } => Some(*at + said.holds),
        }
    }

    /// What is known once this was read. What says the same as before is no news: a list brings it again.
    fn then(&self, lease: Option<&Lease>, now: Instant) -> Self {
        let Some(said) = lease.map(Said::of) else {
            return Self::Absent;
        };
        match self {
            Self::Heard { said: before, .. } if *before == said => self.clone(),
            _ => Self::Heard { said, at: now },
        }
    }
}

/// Reads the Lease as it changes, until the future is dropped.
pub(super) async fn listen(client: kube::Client, place: Place, say: watch::Sender<Statement>) {
    let api: Api<Lease> = Api::namespaced(client, &place.namespace);
    let config = watcher::Config::default().fields(&format!("metadata.name={}", place.name));
    let events = watcher(api, config).default_backoff();
    let mut events = std::pin::pin!(events);
    // A list without it says that there is none.
    let mut listed = None;
    while let Some(event) = events.next().await {
        let lease = match event {
            Ok(Event::Init) => {
                listed = None;
                continue;
            }
            Ok(Event::InitApply(lease)) => {
                listed = Some(lease);
                continue;
            }
            Ok(Event::InitDone) => listed.take(),
            Ok(Event::Apply(lease)) => Some(lease),
            Ok(Event::Delete(_)) => None,
            Err(error) => {
                let error = kuryr_process::chain(&error);
                tracing::warn!(
                    error,
                    lease = place.name,
                    "what is switched on nodes can't be watched; trying again"
                );
                continue;
            }
        };
        say.send_modify(|heard| *heard = heard.then(lease.as_ref(), Instant::now()));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn lease(open: &str, renewed: &str) -> Lease {
        serde_json::from_value(serde_json::json!({
            "metadata": {"annotations": {OPEN_NETWORKS_ANNOTATION: open}},
            "spec": {"leaseDurationSeconds": 60, "renewTime": renewed},
        }))
        .unwrap()
    }

    const FIRST: &str = "2026-01-01T00:00:00.000000Z";
    const SECOND: &str = "2026-01-01T00:00:20.000000Z";

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn a_word_holds_for_as_long_as_it_says_and_is_renewed_by_a_new_one_only() {
        let start = Instant::now();
        let heard = Statement::Unknown.then(Some(&lease("a, b", FIRST)), start);
        let both = BTreeSet::from(["a".to_owned(), "b".to_owned()]);
        assert_eq!(heard.open(start, start + seconds(59)), Some(&both));
        // The same again, of a list after the watch broke.
        let heard = heard.then(Some(&lease("a, b", FIRST)), start + seconds(50));
        assert_eq!(heard.open(start, start + seconds(61)), Some(&*NONE));
        let heard = heard.then(Some(&lease("a, b", SECOND)), start + seconds(70));
        assert_eq!(heard.open(start, start + seconds(129)), Some(&both));
        let heard = heard.then(Some(&lease("", SECOND)), start + seconds(71));
        assert_eq!(heard.open(start, start + seconds(71)), Some(&*NONE));
    }

    #[test]
    fn before_a_word_is_known_nothing_is_changed_for_a_minute() {
        let start = Instant::now();
        assert_eq!(Statement::Unknown.open(start, start + seconds(59)), None);
        assert_eq!(
            Statement::Unknown.open(start, start + seconds(60)),
            Some(&*NONE)
        );
        let absent = Statement::Unknown.then(None, start);
        assert_eq!(absent.open(start, start), Some(&*NONE));
    }

    #[test]
    fn a_lease_that_says_nothing_opens_nothing() {
        let now = Instant::now();
        let heard = Statement::Unknown.then(Some(&Lease::default()), now);
        assert_eq!(heard.open(now, now), Some(&*NONE));
    }
}
