//! Faults on purpose: what a test can make the services do wrong, as data.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Which calls a fault hits; what is empty matches all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Match {
    /// HTTP method.
    pub method: Option<String>,
    /// Part of the operation's path, with `{id}` for ids: `ports`, `trunks/{id}/add_subports`, `auth/tokens`.
    pub path: Option<String>,
    /// Part of the request's body, such as a port's id.
    pub body: Option<String>,
}

impl Match {
    /// Calls of a method to a path, such as `("POST", "ports")`.
    pub fn call(method: &str, path: &str) -> Self {
        Self {
            method: Some(method.to_owned()),
            path: Some(path.to_owned()),
            body: None,
        }
    }

    fn hits(&self, method: &str, path: &str, body: &str) -> bool {
        self.method
            .as_deref()
            .is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
            && self
                .path
                .as_deref()
                .is_none_or(|wanted| path_matches(path, wanted))
            && self
                .body
                .as_deref()
                .is_none_or(|wanted| body.contains(wanted))
    }
}

/// Whether an operation's path ends with the path wanted, at a segment's boundary.
pub(super) fn path_matches(path: &str, wanted: &str) -> bool {
    let wanted = wanted.trim_matches('/');
    path.strip_suffix(wanted)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// The call is carried out after a while.
    Delay(Duration),
    /// 429, with `Retry-After` where given; nothing is carried out.
    TooManyRequests(Option<Duration>),
    /// 503 as a proxy answers; nothing is carried out.
    Unavailable,
    /// 500 as Neutron answers; nothing is carried out.
    ServerError,
    /// Carried out, and then 500 is answered.
    ServerErrorAfter,
    /// 401; nothing is carried out.
    Unauthorized,
    /// The connection is closed without an answer; nothing is carried out.
    DropBefore,
    /// Carried out, and then the connection is closed without an answer.
    DropAfter,
    /// Carried out; half of the answer arrives, then the connection is closed.
    Truncated,
    /// Carried out; an HTML page comes with status 200.
    Html,
    /// Carried out; the answer has the right names with wrong types.
    WrongTypes,
    /// Carried out; a JSON answer of so many bytes comes.
    Huge(usize),
    /// Only the first so many items of a bulk call are carried out, then 500 is answered.
    Partial(usize),
}

/// A fault: which calls, how often, what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The calls that it hits.
    pub calls: Match,
    /// How many calls it hits before it is spent; `None` is all.
    pub times: Option<u32>,
    /// Calls that it lets pass before it hits.
    pub after: u32,
    /// What happens to them.
    pub effect: Effect,
}

impl Fault {
    /// A fault that hits the next call of a method to a path, once.
    pub fn once(method: &str, path: &str, effect: Effect) -> Self {
        Self {
            calls: Match::call(method, path),
            times: Some(1),
            after: 0,
            effect,
        }
    }

    /// The same fault, so many times.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// The same fault, for good.
    #[must_use]
    pub fn always(mut self) -> Self {
        self.times = None;
        self
    }

    /// The same fault, after so many calls that pass.
    #[must_use]
    pub fn after(mut self, calls: u32) -> Self {
        self.after = calls;
        self
    }
}

/// The faults in force; clones share them.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Mutex<Vec<Fault>>>);

impl Faults {
    /// Puts a fault in force.
    pub fn add(&self, fault: Fault) {
        self.lock().push(fault);
    }

    /// Ends all faults.
    pub fn clear(&self) {
        self.lock().clear();
    }

    /// Faults that are still to hit something.
    pub fn left(&self) -> usize {
        self.lock().len()
    }

    /// The effect on a call, which uses it up once. The first fault that matches wins.
    pub(super) fn effect(&self, method: &str, path: &str, body: &[u8]) -> Option<Effect> {
        let mut faults = self.lock();
        if faults.is_empty() {
            return None;
        }
        let body = String::from_utf8_lossy(body);
        let at = faults
            .iter()
            .position(|fault| fault.calls.hits(method, path, &body))?;
        let fault = &mut faults[at];
        if fault.after > 0 {
            fault.after -= 1;
            return None;
        }
        let effect = fault.effect.clone();
        if let Some(times) = &mut fault.times {
            *times = times.saturating_sub(1);
            if *times == 0 {
                faults.remove(at);
            }
        }
        Some(effect)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Fault>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_hits_as_often_as_it_says() {
        let faults = Faults::default();
        faults.add(
            Fault::once("POST", "ports", Effect::Unavailable)
                .times(2)
                .after(1),
        );
        let hit = || faults.effect("POST", "/v2.0/ports", b"{}");
        assert_eq!(
            (hit(), hit(), hit(), hit()),
            (
                None,
                Some(Effect::Unavailable),
                Some(Effect::Unavailable),
                None
            )
        );
        assert_eq!(faults.left(), 0);
    }

    #[test]
    fn a_path_matches_at_segments() {
        assert!(path_matches(
            "/v2.0/trunks/{id}/add_subports",
            "add_subports"
        ));
        assert!(path_matches("/v2.0/ports/{id}", "ports/{id}"));
        assert!(!path_matches("/v2.0/sub_ports", "ports"));
        assert!(!path_matches("/v2.0/ports/{id}", "ports"));
    }
}
