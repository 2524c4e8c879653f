//! A log of the calls that arrived, for tests that say how many calls something takes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use super::faults::path_matches;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// When it arrived.
    pub at: SystemTime,
    /// HTTP method.
    pub method: String,
    /// The path with its query as it was asked.
    pub uri: String,
    /// The path with `{id}` for ids: what [`CallLog::count`] counts by.
    pub path: String,
    /// Status of the answer; 0 when the connection was dropped instead.
    pub status: u16,
    /// `User-Agent` of the request.
    pub user_agent: String,
    /// `X-Openstack-Request-Id` of the answer.
    pub request_id: String,
    /// Objects in the request's body: items of a bulk POST, subports.
    pub items: usize,
}

impl Call {
    /// Whether the call was to change something.
    pub fn changes(&self) -> bool {
        self.method != "GET" && self.method != "HEAD" && !self.path.ends_with("/auth/tokens")
    }
}

/// The calls so far; clones share them.
#[derive(Debug, Clone, Default)]
pub struct CallLog(Arc<Mutex<Vec<Call>>>);

impl CallLog {
    pub(super) fn push(&self, call: Call) {
        self.lock().push(call);
    }

    /// All calls, in the order of their answers.
    pub fn all(&self) -> Vec<Call> {
        self.lock().clone()
    }

    /// All calls, which are forgotten: for who counts a long run.
    pub fn take(&self) -> Vec<Call> {
        std::mem::take(&mut self.lock())
    }

    /// Forgets all calls.
    pub fn clear(&self) {
        self.lock().clear();
    }

    /// How many calls of a method went to a path, such as `("PUT", "trunks/{id}/add_subports")`.
    pub fn count(&self, method: &str, path: &str) -> usize {
        self.lock()
            .iter()
            .filter(|call| call.method == method && path_matches(&call.path, path))
            .count()
    }

    /// How many calls there were to Neutron.
    pub fn to_neutron(&self) -> usize {
        self.lock()
            .iter()
            .filter(|call| call.path.starts_with("/v2.0"))
            .count()
    }

    /// How many calls there were to Octavia.
    pub fn to_octavia(&self) -> usize {
        self.lock()
            .iter()
            .filter(|call| call.path.starts_with("/v2/"))
            .count()
    }

    /// How many calls were to change something.
    pub fn changing(&self) -> usize {
        self.lock().iter().filter(|call| call.changes()).count()
    }

    /// Calls by operation (method and path).
    pub fn by_operation(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for call in self.lock().iter() {
            *counts
                .entry(format!("{} {}", call.method, call.path))
                .or_default() += 1;
        }
        counts
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Call>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A path with `{id}` for what names one object.
pub(super) fn normalised(path: &str) -> String {
    let segments: Vec<&str> = path
        .trim_end_matches('/')
        .trim_end_matches(".json")
        .split('/')
        .collect();
    let mut normal: Vec<&str> = Vec::with_capacity(segments.len());
    let octavia = segments.get(2) == Some(&"lbaas");
    for (at, segment) in segments.iter().enumerate() {
        let named = match at {
            4 | 6 if octavia => true,
            3 => segments.get(1) == Some(&"v2.0"),
            5 => segments.get(4) == Some(&"tags"),
            _ => false,
        };
        normal.push(if named { "{id}" } else { segment });
    }
    normal.join("/")
}

#[cfg(test)]
mod tests {
    use super::normalised;

    #[test]
    fn ids_are_taken_out_of_paths() {
        assert_eq!(normalised("/v2.0/ports"), "/v2.0/ports");
        assert_eq!(normalised("/v2.0/ports.json"), "/v2.0/ports");
        assert_eq!(normalised("/v2.0/ports/4dcf7f32"), "/v2.0/ports/{id}");
        assert_eq!(
            normalised("/v2.0/trunks/x/add_subports"),
            "/v2.0/trunks/{id}/add_subports"
        );
        assert_eq!(
            normalised("/v2.0/ports/x/tags/a"),
            "/v2.0/ports/{id}/tags/{id}"
        );
        assert_eq!(
            normalised("/v2/lbaas/pools/x/members/y"),
            "/v2/lbaas/pools/{id}/members/{id}"
        );
        assert_eq!(
            normalised("/v2/lbaas/loadbalancers/x/status"),
            "/v2/lbaas/loadbalancers/{id}/status"
        );
        assert_eq!(normalised("/v3/auth/tokens"), "/v3/auth/tokens");
    }
}
