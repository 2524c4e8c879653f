//! Leader election by a Lease, and the fence that every write passes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use k8s_openapi::jiff::Timestamp;
use kube::api::PostParams;
use kube::{Api, Client};
use kuryr_core::Millis;
use kuryr_core::lease::{Candidate, Observed, Step};
use rustix::time::{ClockId, clock_gettime};
use tokio_util::sync::CancellationToken;

/// Which lease, and how fast it is lost.
#[derive(Clone, Debug)]
pub struct LeaseSettings {
    /// Namespace of the Lease.
    pub namespace: String,
    pub name: String,
    /// A leader that does not renew for so long is replaced.
    pub duration: Duration,
    /// How often it is renewed, or looked at.
    pub renew: Duration,
    /// This process, unique among all ever.
    pub identity: String,
}

/// Milliseconds of a clock that goes on while the process, or the machine, sleeps: a
/// process that was stopped finds its lease expired when it wakes.
pub(crate) fn now() -> Millis {
    let t = clock_gettime(ClockId::Boottime);
    let seconds = u64::try_from(t.tv_sec).unwrap_or(0);
    seconds * 1000 + u64::try_from(t.tv_nsec).unwrap_or(0) / 1_000_000
}

/// Says whether this process may write at this moment.
#[derive(Clone, Debug, Default)]
pub struct Fence(Arc<AtomicU64>);

impl Fence {
    /// To be asked immediately before each write.
    #[must_use]
    pub fn open(&self) -> bool {
        now() < self.0.load(Ordering::SeqCst)
    }

    pub(crate) fn set(&self, until: Option<Millis>) {
        self.0.store(until.unwrap_or(0), Ordering::SeqCst);
    }
}

/// Takes part in the election until cancelled, then gives the lease up.
pub(crate) async fn campaign(
    client: Client,
    settings: LeaseSettings,
    fence: Fence,
    stop: CancellationToken,
) {
    let api: Api<Lease> = Api::namespaced(client, &settings.namespace);
    let mut candidate = Candidate::new(settings.identity.clone());
    loop {
        let pause = turn(&api, &settings, &mut candidate).await;
        fence.set(candidate.may_write_until(millis(settings.duration)));
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.cancelled() => break,
        }
    }
    fence.set(None);
    give_up(&api, &settings, &candidate).await;
}

/// One look at the lease, and a write if it is ours to write; gives the time until the next.
async fn turn(api: &Api<Lease>, settings: &LeaseSettings, candidate: &mut Candidate) -> Duration {
    let read = match in_time(settings, api.get_opt(&settings.name)).await {
        Ok(read) => read,
        Err(error) => {
            tracing::warn!(
                error,
                lease = settings.name,
                "can't read the lease; trying again"
            );
            return settings.renew / 5;
        }
    };
    let step = candidate.observe(read.as_ref().map(observed), now());
    if step == Step::Wait {
        return settings.renew / 2;
    }
    let sent = now();
    let mine = renewed(read.clone(), settings);
    let params = PostParams::default();
    let written = match read {
        // The version that was read makes this fail if another was faster.
        Some(_) => in_time(settings, api.replace(&settings.name, &params, &mine)).await,
        None => in_time(settings, api.create(&params, &mine)).await,
    };
    match written {
        Ok(lease) => {
            candidate.written(sent);
            candidate.observe(Some(observed(&lease)), now());
            settings.renew
        }
        Err(error) => {
            tracing::warn!(
                error,
                lease = settings.name,
                "can't write the lease; trying again"
            );
            settings.renew / 5
        }
    }
}

/// A call about the lease is over before the lease is. A connection may be dead without a word (an address that moved to
/// another load balancer): a call that is given up closes it, and the next one opens another.
async fn in_time<T>(
    settings: &LeaseSettings,
    call: impl Future<Output = Result<T, kube::Error>>,
) -> Result<T, String> {
    match tokio::time::timeout(settings.duration / 4, call).await {
        Ok(answer) => answer.map_err(|error| error.to_string()),
        Err(_) => Err(format!(
            "the API server gave no answer within {:?}",
            settings.duration / 4
        )),
    }
}

async fn give_up(api: &Api<Lease>, settings: &LeaseSettings, candidate: &Candidate) {
    let Ok(Some(mut lease)) = in_time(settings, api.get_opt(&settings.name)).await else {
        return;
    };
    let spec = lease.spec.get_or_insert_with(LeaseSpec::default);
    if spec.holder_identity.as_deref() == Some(candidate.name()) {
        spec.holder_identity = Some(String::new());
        let params = PostParams::default();
        let given_up = in_time(settings, api.replace(&settings.name, &params, &lease)).await;
        if let Err(error) = given_up {
            tracing::warn!(error, "can't give the lease up; others wait for its end");
        }
    }
}

fn observed(lease: &Lease) -> Observed {
    let spec = lease.spec.clone().unwrap_or_default();
    let seconds = spec
        .lease_duration_seconds
        .and_then(|s| u64::try_from(s).ok());
    Observed {
        holder: spec.holder_identity.unwrap_or_default(),
        version: lease.metadata.resource_version.clone().unwrap_or_default(),
        duration: seconds.unwrap_or(15) * 1000,
    }
}

/// The lease with us as its holder, from now on.
pub(crate) fn renewed(old: Option<Lease>, settings: &LeaseSettings) -> Lease {
    let mut lease = old.unwrap_or_else(|| Lease {
        metadata: ObjectMeta {
            name: Some(settings.name.clone()),
            namespace: Some(settings.namespace.clone()),
            ..ObjectMeta::default()
        },
        spec: None,
    });
    let at = MicroTime(Timestamp::now());
    let spec = lease.spec.get_or_insert_with(LeaseSpec::default);
    if spec.holder_identity.as_deref() != Some(&settings.identity) {
        spec.holder_identity = Some(settings.identity.clone());
        spec.acquire_time = Some(at.clone());
        spec.lease_transitions = Some(spec.lease_transitions.unwrap_or(0) + 1);
    }
    spec.renew_time = Some(at);
    spec.lease_duration_seconds = i32::try_from(settings.duration.as_secs()).ok();
    lease
}

fn millis(d: Duration) -> Millis {
    u64::try_from(d.as_millis()).unwrap_or(Millis::MAX)
}
