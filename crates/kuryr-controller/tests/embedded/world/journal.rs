//! Who changed what: the changing calls of controllers, in the order in which they were
//! carried out, over both services.

use std::sync::{Arc, Mutex};

use http::HeaderName;
use kuryr_checkpoint::{Moment, Passing, Verdict};

use super::World;

/// By this header a controller tells the Kubernetes API its name.
pub(crate) const CONTROLLER: HeaderName = HeaderName::from_static("x-controller");
const TOKEN: HeaderName = HeaderName::from_static("x-auth-token");

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    /// The controller's name to Kubernetes, its token to OpenStack.
    pub(crate) who: String,
    /// Method and path.
    pub(crate) what: String,
}

/// The changes so far.
#[derive(Clone, Default)]
pub(crate) struct Journal(Arc<Mutex<Vec<Change>>>);

impl Journal {
    /// All of them.
    pub(crate) fn all(&self) -> Vec<Change> {
        self.0.lock().unwrap().clone()
    }

    /// Those to OpenStack.
    pub(crate) fn to_openstack(&self) -> Vec<Change> {
        let mut all = self.all();
        all.retain(|c| c.what.contains("/v2.0/") || c.what.contains("/v2/lbaas/"));
        all
    }

    /// How often somebody created ports.
    pub(crate) fn creates_by(&self, who: &str) -> usize {
        let all = self.all();
        let create = |c: &&Change| c.who == who && c.what.starts_with("POST /v2.0/ports");
        all.iter().filter(create).count()
    }

    /// How many are by a controller, to Kubernetes.
    pub(crate) fn by(&self, controller: &str) -> usize {
        let all = self.all();
        all.iter().filter(|c| c.who == controller).count()
    }
}

/// Whether a call is a controller's and changes something besides the Lease.
pub(crate) fn is_change(call: &Passing<'_>) -> bool {
    let controllers = call.headers.contains_key(CONTROLLER) || call.headers.contains_key(TOKEN);
    controllers && call.changes() && !call.uri.contains("/leases")
}

impl World {
    /// Has both services look at each call by `guard`.
    pub(crate) fn guard(
        &self,
        guard: impl Fn(&Passing<'_>) -> Verdict + Clone + Send + Sync + 'static,
    ) {
        self.openstack.checkpoint().guard(guard.clone());
        self.kube.checkpoint().guard(guard);
    }

    /// Takes the guards away.
    pub(crate) fn unguard(&self) {
        self.openstack.checkpoint().leave();
        self.kube.checkpoint().leave();
    }

    /// Notes all changes from now on.
    pub(crate) fn journal(&self) -> Journal {
        let journal = Journal::default();
        let notes = journal.clone();
        self.guard(move |call| {
            if call.moment == Moment::After && is_change(call) {
                let header = |name| call.headers.get(name).and_then(|v| v.to_str().ok());
                let who = header(CONTROLLER).or(header(TOKEN)).unwrap_or_default();
                notes.0.lock().unwrap().push(Change {
                    who: who.to_owned(),
                    what: format!("{} {}", call.method, call.uri),
                });
            }
            Verdict::Pass
        });
        journal
    }
}
