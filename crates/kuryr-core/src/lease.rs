//! Who may write: the decision behind a Kubernetes Lease.
//!
//! A holder renews its lease; who finds it unchanged for its whole duration, on its own
//! clock, may take it. Clocks of different machines are never compared. The holder stops
//! writing before others may take over: it counts from when it *sent* its last good renewal.

use crate::Millis;

/// A Lease as it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// Who has it; empty if it was given up.
    pub holder: String,
    /// Version of the object.
    pub version: String,
    /// How long it lasts without renewal, milliseconds.
    pub duration: Millis,
}

/// What a candidate remembers.
#[derive(Clone, Debug, Default)]
pub struct Candidate {
    me: String,
    seen: Option<(Observed, Millis)>,
    /// When the last renewal that worked was sent.
    held_from: Option<Millis>,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Write the lease: create, renew or take it.
    Write,
    /// Another has it.
    Wait,
}

/// The name of a process that runs in a pod: `life` is its own, the rest its pod's.
///
/// A pod runs one process of a container at a time, and its uid is never used again. So who
/// finds the lease held by an earlier life of its own pod need not wait for its end.
#[must_use]
pub fn name_in_pod(host: &str, pod_uid: &str, life: &str) -> String {
    format!("{host}{IN_POD}{pod_uid}_{life}")
}

/// What stands between host and pod in such a name, and in no other.
const IN_POD: &str = "_pod-";

fn is_earlier_life(holder: &str, me: &str) -> bool {
    pod_of(me).is_some_and(|mine| pod_of(holder) == Some(mine))
}

fn pod_of(name: &str) -> Option<&str> {
    let (pod, _) = name.rsplit_once('_')?;
    pod.contains(IN_POD).then_some(pod)
}

impl Candidate {
    /// A candidate of this name, unique among all processes ever.
    #[must_use]
    pub fn new(me: impl Into<String>) -> Self {
        Self {
            me: me.into(),
            ..Self::default()
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.me
    }

    /// The lease was read; none if there is none.
    pub fn observe(&mut self, lease: Option<Observed>, now: Millis) -> Step {
        let Some(lease) = lease else {
            self.seen = None;
            return Step::Write;
        };
        let changed = self.seen.as_ref().is_none_or(|(old, _)| *old != lease);
        if changed {
            self.seen = Some((lease.clone(), now));
        }
        let since = self.seen.as_ref().map_or(now, |(_, at)| *at);
        let expired = now.saturating_sub(since) >= lease.duration;
        let own = lease.holder == self.me || is_earlier_life(&lease.holder, &self.me);
        if own || lease.holder.is_empty() || expired {
            return Step::Write;
        }
        self.held_from = None;
        Step::Wait
    }

    /// A write that was sent at `sent` worked.
    pub fn written(&mut self, sent: Millis) {
        self.held_from = Some(sent);
    }

    /// The lease was given up, or lost.
    pub fn lost(&mut self) {
        self.held_from = None;
    }

    /// Until when this candidate may write, given how long its lease lasts.
    ///
    /// A fifth of the duration is kept back for what is on its way when time runs out.
    #[must_use]
    pub fn may_write_until(&self, duration: Millis) -> Option<Millis> {
        self.held_from.map(|from| from + duration - duration / 5)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(holder: &str, version: &str) -> Option<Observed> {
        Some(Observed {
            holder: holder.into(),
            version: version.into(),
            duration: 15_000,
        })
    }

    #[test]
    fn a_restarted_container_does_not_wait_for_its_own_earlier_life() {
        let step = |me: &str, holder: &str| Candidate::new(me).observe(lease(holder, "1"), 0);
        let first = name_in_pod("host", "uid-1", "a");
        assert_eq!(
            step(&name_in_pod("host", "uid-1", "b"), &first),
            Step::Write
        );
        assert_eq!(step(&name_in_pod("host", "uid-2", "b"), &first), Step::Wait);
        assert_eq!(step("host_b", "host_a"), Step::Wait);
    }

    #[test]
    fn a_lease_that_is_not_there_or_given_up_is_taken() {
        let mut c = Candidate::new("a");
        assert_eq!(c.observe(None, 0), Step::Write);
        assert_eq!(c.observe(lease("", "1"), 0), Step::Write);
    }

    #[test]
    fn anothers_lease_is_taken_only_after_it_stood_still_for_its_duration() {
        let mut c = Candidate::new("a");
        assert_eq!(c.observe(lease("b", "1"), 1_000), Step::Wait);
        assert_eq!(c.observe(lease("b", "1"), 15_999), Step::Wait);
        assert_eq!(c.observe(lease("b", "2"), 16_000), Step::Wait, "renewed");
        assert_eq!(c.observe(lease("b", "2"), 30_999), Step::Wait);
        assert_eq!(c.observe(lease("b", "2"), 31_000), Step::Write);
    }

    #[test]
    fn the_holder_stops_before_others_may_begin() {
        let mut holder = Candidate::new("a");
        holder.written(1_000);
        // Another sees that write at the earliest when it was sent.
        let mut other = Candidate::new("b");
        other.observe(lease("a", "1"), 1_000);
        let until = holder.may_write_until(15_000).unwrap_or(0);
        assert_eq!(other.observe(lease("a", "1"), until), Step::Wait);
    }

    #[test]
    fn who_sees_another_holder_may_not_write() {
        let mut c = Candidate::new("a");
        c.written(0);
        c.observe(lease("b", "9"), 10);
        assert_eq!(c.may_write_until(15_000), None);
    }
}
