//! When a failed request is sent again, and after how long: a pure decision.

use std::time::Duration;

use crate::call::Safety;
use crate::error::{Error, ErrorKind};

/// How failed requests are repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Pause before the first repetition; it doubles each time.
    pub initial: Duration,
    /// Longest pause of our own choice.
    pub longest: Duration,
    /// Longest `Retry-After` that is waited for; a longer one is the caller's to heed.
    pub longest_retry_after: Duration,
    /// Most requests for one call.
    pub attempts: u32,
    /// No repetition starts later than this after the call's begin.
    pub deadline: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            initial: Duration::from_millis(250),
            longest: Duration::from_secs(8),
            longest_retry_after: Duration::from_secs(60),
            attempts: 5,
            deadline: Duration::from_secs(120),
        }
    }
}

impl RetryPolicy {
    /// The pause before the call is repeated, or `None` if it is not.
    ///
    /// `attempt` counts the requests sent so far from 1, `elapsed` is the time since the first, `jitter` is a
    /// random number in 0..1. The pause is between half and all of the doubled one, so that callers that failed
    /// together come back apart; a `Retry-After` is waited in full, and up to a quarter more.
    pub fn pause(
        &self,
        safety: Safety,
        attempt: u32,
        elapsed: Duration,
        error: &Error,
        jitter: f64,
    ) -> Option<Duration> {
        if attempt >= self.attempts || !may_repeat(safety, error.kind()) {
            return None;
        }
        let pause = match error.retry_after() {
            Some(asked) if asked > self.longest_retry_after => return None,
            Some(asked) => asked.max(self.initial).mul_f64(1.0 + jitter / 4.0),
            None => self.own_pause(attempt).mul_f64(0.5 + jitter / 2.0),
        };
        (elapsed + pause <= self.deadline).then_some(pause)
    }

    fn own_pause(&self, attempt: u32) -> Duration {
        let doubled = self.initial.saturating_mul(1u32 << (attempt - 1).min(16));
        doubled.min(self.longest)
    }
}

/// A request that is not repeatable is repeated only when the cloud says that it did not begin it (429, and
/// 503 with `Retry-After`), or when it was never sent.
fn may_repeat(safety: Safety, kind: &ErrorKind) -> bool {
    match kind {
        ErrorKind::Connect(_) | ErrorKind::RateLimited { .. } => true,
        ErrorKind::Timeout {
            maybe_done: false, ..
        }
        | ErrorKind::Disconnected {
            maybe_done: false, ..
        } => true,
        ErrorKind::Server { .. } | ErrorKind::Timeout { .. } | ErrorKind::Disconnected { .. } => {
            safety != Safety::Once || declined(kind)
        }
        _ => false,
    }
}

fn declined(kind: &ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Server {
            declined: true,
            retry_after: Some(_),
            ..
        }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn error(kind: ErrorKind) -> Error {
        Error::local("test", kind)
    }

    fn server(declined: bool, retry_after: Option<u64>) -> ErrorKind {
        let retry_after = retry_after.map(Duration::from_secs);
        ErrorKind::Server {
            declined,
            retry_after,
            message: String::new(),
        }
    }

    fn limited(seconds: u64) -> ErrorKind {
        ErrorKind::RateLimited {
            retry_after: Some(Duration::from_secs(seconds)),
            message: String::new(),
        }
    }

    fn timeout() -> ErrorKind {
        ErrorKind::Timeout {
            maybe_done: true,
            message: String::new(),
        }
    }

    fn pause(safety: Safety, attempt: u32, kind: ErrorKind) -> Option<Duration> {
        RetryPolicy::default().pause(safety, attempt, Duration::ZERO, &error(kind), 0.0)
    }

    #[test]
    fn a_call_sent_once_is_repeated_only_if_not_begun() {
        assert!(pause(Safety::Once, 1, ErrorKind::Connect(String::new())).is_some());
        assert!(pause(Safety::Once, 1, limited(1)).is_some());
        assert!(pause(Safety::Once, 1, server(true, Some(1))).is_some());
        assert!(pause(Safety::Once, 1, server(true, None)).is_none());
        assert!(pause(Safety::Once, 1, server(false, None)).is_none());
        assert!(pause(Safety::Once, 1, timeout()).is_none());
    }

    #[test]
    fn a_repeatable_call_is_repeated_after_passing_failures() {
        for kind in [
            server(false, None),
            timeout(),
            limited(1),
            ErrorKind::Connect(String::new()),
        ] {
            assert!(
                pause(Safety::Repeatable, 1, kind.clone()).is_some(),
                "{kind:?}"
            );
            assert!(pause(Safety::Delete, 1, kind.clone()).is_some(), "{kind:?}");
        }
    }

    #[test]
    fn what_will_not_pass_is_not_repeated() {
        for kind in [
            ErrorKind::NotFound(String::new()),
            ErrorKind::BadRequest(String::new()),
            ErrorKind::Unsupported {
                provider: None,
                message: String::new(),
            },
            ErrorKind::BadAnswer {
                what: String::new(),
                excerpt: String::new(),
            },
        ] {
            assert_eq!(pause(Safety::Repeatable, 1, kind.clone()), None, "{kind:?}");
        }
    }

    #[test]
    fn pauses_double_up_to_the_longest() {
        let policy = RetryPolicy {
            attempts: 20,
            ..RetryPolicy::default()
        };
        let at = |n| {
            policy
                .pause(
                    Safety::Repeatable,
                    n,
                    Duration::ZERO,
                    &error(timeout()),
                    1.0,
                )
                .unwrap_or_default()
        };
        assert_eq!(at(1), Duration::from_millis(250));
        assert_eq!(at(2), Duration::from_millis(500));
        assert_eq!(at(10), policy.longest);
        assert_eq!(at(19), policy.longest);
    }

    #[test]
    fn retry_after_is_heeded_unless_too_long() {
        assert_eq!(pause(Safety::Once, 1, limited(7)), Some(7 * SECOND));
        assert_eq!(pause(Safety::Once, 1, limited(3600)), None);
    }

    #[test]
    fn attempts_and_deadline_bound_the_call() {
        let policy = RetryPolicy::default();
        assert_eq!(pause(Safety::Repeatable, policy.attempts, timeout()), None);
        let late = policy.deadline;
        assert_eq!(
            policy.pause(Safety::Repeatable, 1, late, &error(timeout()), 0.0),
            None
        );
    }
}
