//! Faults on demand: wrong answers, delays, lost watches, forgotten history, and a server
//! that is down. Each is ordinary in a real cluster, so each must be easy to test.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use axum::http::{Method, Uri};
use serde_json::json;
use tokio::sync::watch;

use crate::model::error::ApiError;

/// What happens to a request that a rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is answered with this status, and is not carried out.
    Answer {
        /// HTTP status: 409, 429, 500, ...
        code: u16,
        /// Seconds in `Retry-After`.
        retry_after: Option<u64>,
    },
    /// It is carried out, and then answered with this status: its answer was lost on the way.
    AnswerLost(u16),
    /// It is carried out after this time.
    Delay(Duration),
}

/// Which requests, how often, what.
#[derive(Debug, Clone)]
pub struct FaultRule {
    /// Method; `None` for all.
    pub method: Option<Method>,
    /// Part of path and query; "" for all.
    pub contains: String,
    /// How many requests; the rule is gone afterwards.
    pub times: u32,
    /// What happens to them.
    pub fault: Fault,
}

impl FaultRule {
    fn is_about(&self, method: &Method, uri: &str) -> bool {
        self.method.as_ref().is_none_or(|wanted| wanted == method) && uri.contains(&self.contains)
    }
}

/// What a request meets.
pub(super) enum Strike {
    /// Nothing: it is carried out and answered.
    Nothing,
    /// This answer; it is not carried out.
    Instead(ApiError),
    /// It is carried out, and this is the answer.
    After(ApiError),
}

/// What happens to open watches; the number makes each one new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Disruption {
    /// Nothing yet.
    None,
    /// They end without a word.
    Drop(u64),
    /// They end with 410.
    Expire(u64),
}

/// The rules in force.
#[derive(Debug)]
pub struct Faults {
    rules: Mutex<Vec<FaultRule>>,
    disruption: watch::Sender<Disruption>,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            rules: Mutex::new(Vec::new()),
            disruption: watch::Sender::new(Disruption::None),
        }
    }
}

impl Faults {
    /// Adds a rule; the oldest one that is about a request strikes.
    pub fn add(&self, rule: FaultRule) {
        self.lock().push(rule);
    }

    /// Takes all rules away.
    pub fn clear(&self) {
        self.lock().clear();
    }

    /// How many requests the rules have still to strike.
    pub fn left(&self) -> u32 {
        self.lock().iter().map(|rule| rule.times).sum()
    }

    /// Ends all open watches without a word, as a restarted server does.
    pub fn drop_watches(&self) {
        self.disrupt(Disruption::Drop);
    }

    /// Ends all open watches with 410.
    pub(crate) fn expire_watches(&self) {
        self.disrupt(Disruption::Expire);
    }

    fn disrupt(&self, make: fn(u64) -> Disruption) {
        self.disruption.send_modify(|disruption| {
            *disruption = make(match *disruption {
                Disruption::None => 1,
                Disruption::Drop(count) | Disruption::Expire(count) => count + 1,
            });
        });
    }

    pub(super) fn disruptions(&self) -> watch::Receiver<Disruption> {
        self.disruption.subscribe()
    }

    /// Lets the rules strike a request: waits, or says what it is answered.
    pub(super) async fn strike(&self, method: &Method, uri: &Uri) -> Strike {
        match self.take(method, &uri.to_string()) {
            None => Strike::Nothing,
            Some(Fault::Delay(time)) => {
                tokio::time::sleep(time).await;
                Strike::Nothing
            }
            Some(Fault::Answer { code, retry_after }) => {
                Strike::Instead(injected(code, retry_after))
            }
            Some(Fault::AnswerLost(code)) => Strike::After(injected(code, None)),
        }
    }

    fn take(&self, method: &Method, uri: &str) -> Option<Fault> {
        let mut rules = self.lock();
        let at = rules
            .iter()
            .position(|rule| rule.times > 0 && rule.is_about(method, uri))?;
        rules[at].times -= 1;
        let fault = rules[at].fault;
        rules.retain(|rule| rule.times > 0);
        Some(fault)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<FaultRule>> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn injected(code: u16, retry_after: Option<u64>) -> ApiError {
    let reason = match code {
        400 => "BadRequest",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "NotFound",
        409 => "Conflict",
        410 => "Expired",
        422 => "Invalid",
        429 => "TooManyRequests",
        503 => "ServiceUnavailable",
        504 => "Timeout",
        _ => "InternalError",
    };
    let mut error = ApiError::new(code, reason, format!("injected fault: {code}"));
    if let Some(seconds) = retry_after {
        error.details = json!({"retryAfterSeconds": seconds});
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_strikes_as_often_as_it_says() {
        let faults = Faults::default();
        faults.add(FaultRule {
            method: Some(Method::POST),
            contains: "/pods".to_owned(),
            times: 2,
            fault: Fault::Answer {
                code: 500,
                retry_after: None,
            },
        });
        assert_eq!(faults.take(&Method::GET, "/api/v1/pods"), None);
        assert!(faults.take(&Method::POST, "/api/v1/pods").is_some());
        assert_eq!(faults.left(), 1);
        assert!(faults.take(&Method::POST, "/api/v1/pods").is_some());
        assert_eq!(faults.take(&Method::POST, "/api/v1/pods"), None);
    }
}
