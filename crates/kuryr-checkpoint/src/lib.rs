//! A place that each call passes twice, where a test can look at it, and hold it for good.
//!
//! Both embedded services have one. It lets a test act at an exact point of a program's life: kill it just
//! before its fifth change is carried out, or just after, before it reads the answer.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use http::{HeaderMap, Method};

/// When a call is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// It has arrived; nothing of it is carried out.
    Before,
    /// It is carried out, and logged; nothing of the answer is sent.
    After,
}

/// A call at the checkpoint.
#[derive(Debug, Clone, Copy)]
pub struct Passing<'a> {
    /// When.
    pub moment: Moment,
    /// HTTP method.
    pub method: &'a Method,
    /// Path and query.
    pub uri: &'a str,
    /// Headers of the request.
    pub headers: &'a HeaderMap,
}

impl Passing<'_> {
    /// Whether the call is to change something.
    pub fn changes(&self) -> bool {
        let reads = matches!(*self.method, Method::GET | Method::HEAD | Method::OPTIONS);
        !reads && !self.uri.ends_with("/auth/tokens")
    }
}

/// What becomes of a call at the checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on.
    Pass,
    /// It stays where it is until its client gives up, or the service ends.
    Hold,
}

type Guard = Arc<dyn Fn(&Passing<'_>) -> Verdict + Send + Sync>;

/// The checkpoint of one service; clones are the same one. Without a guard all calls pass.
#[derive(Clone, Default)]
pub struct Checkpoint(Arc<RwLock<Option<Guard>>>);

impl Checkpoint {
    /// Sets the guard, which sees each call from now on. It must not block.
    pub fn guard(&self, guard: impl Fn(&Passing<'_>) -> Verdict + Send + Sync + 'static) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(guard));
    }

    /// Takes the guard away. Calls that are held stay so.
    pub fn leave(&self) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// A call comes by.
    pub async fn pass(&self, passing: Passing<'_>) {
        let guard = self
            .0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if guard.is_some_and(|guard| guard(&passing) == Verdict::Hold) {
            std::future::pending::<()>().await;
        }
    }
}

impl fmt::Debug for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Checkpoint")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn passes(checkpoint: &Checkpoint, moment: Moment, method: Method) -> bool {
        let headers = HeaderMap::new();
        let passing = Passing {
            moment,
            method: &method,
            uri: "/v2.0/ports",
            headers: &headers,
        };
        checkpoint.pass(passing).now_or_never().is_some()
    }

    #[test]
    fn a_guard_holds_what_it_says_until_it_leaves() {
        let checkpoint = Checkpoint::default();
        assert!(passes(&checkpoint, Moment::Before, Method::POST));
        checkpoint.guard(|call| match call.moment {
            Moment::After if call.changes() => Verdict::Hold,
            _ => Verdict::Pass,
        });
        assert!(passes(&checkpoint, Moment::Before, Method::POST));
        assert!(passes(&checkpoint, Moment::After, Method::GET));
        assert!(!passes(&checkpoint, Moment::After, Method::POST));
        checkpoint.leave();
        assert!(passes(&checkpoint, Moment::After, Method::POST));
    }
}
