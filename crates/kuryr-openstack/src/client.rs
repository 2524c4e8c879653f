//! Sends calls: one way for every call of every service, with limit, retries, renewal and metrics.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Method, Response};
use tokio::sync::Semaphore;

use crate::call::{Answer, Call, Safety, Service};
use crate::config::CloudConfig;
use crate::error::{Error, ErrorKind, LOGIN, classify, request_id};
use crate::metrics::Metrics;
use crate::retry::RetryPolicy;
use crate::session::{LoginFacts, Session, Ticket};
use crate::wire::{Wire, WireError, http_client};

/// The one way to the cloud.
pub(crate) struct Client {
    session: Session,
    http: reqwest::Client,
    permits: Semaphore,
    metrics: Arc<Metrics>,
    retry: RetryPolicy,
    timeout: Duration,
    max_answer: usize,
    pub(crate) page_size: usize,
    /// See [`Cloud::guard_writes`](crate::Cloud::guard_writes).
    guard: OnceLock<WriteGuard>,
}

/// Says at the moment of sending whether this process may still change something.
pub(crate) type WriteGuard = Box<dyn Fn() -> bool + Send + Sync>;

impl Client {
    /// Logs in, which is repeated as a repeatable call is.
    pub(crate) async fn connect(config: CloudConfig, metrics: Arc<Metrics>) -> Result<Self, Error> {
        let http = http_client(&config)?;
        let retry = config.retry.clone();
        let session = {
            let mut again = Again::new(&retry, Safety::Repeatable);
            loop {
                metrics.login();
                match Session::login(&config, &http).await {
                    Ok(session) => break session,
                    Err(error) => again.after(error).await?,
                }
                metrics.retry(Service::Identity.name(), LOGIN);
            }
        };
        Ok(Self {
            session,
            http,
            permits: Semaphore::new(config.concurrency.max(1)),
            metrics,
            retry,
            timeout: config.timeout,
            max_answer: config.max_answer,
            page_size: config.page_size.max(1),
            guard: OnceLock::new(),
        })
    }

    /// Has `guard` asked before each write, also a repeated one. The first guard stays.
    pub(crate) fn guard_writes(&self, guard: WriteGuard) {
        let _ = self.guard.set(guard);
    }

    /// Whether the call may go out now: after all waiting, for a permit, a token or another try.
    fn may_send(&self, call: &Call) -> bool {
        call.method == Method::GET || self.guard.get().is_none_or(|open| open())
    }

    pub(crate) fn project_id(&self) -> Option<String> {
        self.session.project_id()
    }

    pub(crate) fn login_facts(&self) -> LoginFacts {
        self.session.facts()
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Fails unless the catalogue has `service`.
    pub(crate) fn require(&self, service: Service) -> Result<(), Error> {
        self.session.endpoint(service).map(|_| ())
    }

    /// Whether the catalogue has `service`.
    pub(crate) fn has(&self, service: Service) -> bool {
        self.session.endpoint(service).is_ok()
    }

    /// Sends `call`, again as its [`Safety`] allows.
    pub(crate) async fn send(&self, call: &Call) -> Result<Answer, Error> {
        let mut again = Again::new(&self.retry, call.safety);
        loop {
            let error = match self.attempt(call).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            // Ours was the deletion that made it go, or somebody else's: it is gone.
            if call.safety == Safety::Delete && again.attempts > 1 && error.is_not_found() {
                return Ok(Answer::gone(error.context().clone()));
            }
            again.after(error).await?;
            self.metrics.retry(call.service.name(), call.operation);
        }
    }

    /// Sends it once, or twice if the first token is refused.
    async fn attempt(&self, call: &Call) -> Result<Answer, Error> {
        let login = || self.metrics.login();
        let ticket = self.session.ticket(login).await?;
        let generation = ticket.generation;
        match self.exchange(call, ticket).await {
            Err(refused)
                if matches!(refused.kind(), ErrorKind::Unauthorized(_))
                    && self.session.renewable() =>
            {
                tracing::info!(call = ?call, "token refused, logging in again");
                self.session.renew(generation, login).await?;
                let ticket = self.session.ticket(login).await?;
                self.exchange(call, ticket).await
            }
            outcome => outcome,
        }
    }

    async fn exchange(&self, call: &Call, ticket: Ticket) -> Result<Answer, Error> {
        let timeout = self.timeout + call.more_time;
        let endpoint = self.session.endpoint(call.service)?;
        let wire = Wire {
            http: self.http.clone(),
            token: Some(ticket.token),
            timeout,
            max_answer: self.max_answer,
        };
        // The semaphore is never closed, so there is always a permit in the end.
        let _permit = self.permits.acquire().await.ok();
        if !self.may_send(call) {
            return Err(call.fail(ErrorKind::Withheld));
        }
        let _in_flight = self.metrics.begin(call.operation);
        let begin = Instant::now();
        let response = wire.send(call, &endpoint).await;
        let outcome = read(call, response, timeout);
        let took = begin.elapsed();
        let word = outcome.as_ref().map_or_else(Error::outcome, |_| "ok");
        self.metrics
            .end(call.service.name(), call.operation, word, took);
        tracing::debug!(call = ?call, outcome = word, ?took, "request");
        outcome
    }
}

fn read(
    call: &Call,
    response: Result<Response<Bytes>, WireError>,
    timeout: Duration,
) -> Result<Answer, Error> {
    let response = response.map_err(|error| call.fail(error.kind(timeout)))?;
    let (parts, body) = response.into_parts();
    if !parts.status.is_success() {
        return Err(classify(call, parts.status, &parts.headers, &body));
    }
    let mut context = call.context();
    context.status = Some(parts.status.as_u16());
    context.request_id = request_id(&parts.headers);
    Ok(Answer {
        status: parts.status,
        headers: parts.headers,
        body,
        context,
    })
}

/// Counts the attempts of one call and waits between them.
struct Again<'a> {
    policy: &'a RetryPolicy,
    safety: Safety,
    begin: Instant,
    attempts: u32,
}

impl<'a> Again<'a> {
    fn new(policy: &'a RetryPolicy, safety: Safety) -> Self {
        Self {
            policy,
            safety,
            begin: Instant::now(),
            attempts: 1,
        }
    }

    /// Waits until the call may be sent again.
    ///
    /// # Errors
    /// `error` itself if it may not.
    async fn after(&mut self, error: Error) -> Result<(), Error> {
        let jitter = rand::random::<f64>();
        // A login may always be repeated: the call that needs it was not carried out.
        let safety = if error.is_login() {
            Safety::Repeatable
        } else {
            self.safety
        };
        let Some(pause) =
            self.policy
                .pause(safety, self.attempts, self.begin.elapsed(), &error, jitter)
        else {
            return Err(error.with_attempts(self.attempts));
        };
        tracing::debug!(%error, ?pause, "trying again");
        tokio::time::sleep(pause).await;
        self.attempts += 1;
        Ok(())
    }
}
