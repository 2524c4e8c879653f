//! Who we are to the cloud now: token, project and catalogue.
//!
//! - [`login`] what Keystone v3 is asked and answers
//! - [`catalog`], [`url`] where services are
//!
//! A token is renewed before its end by a whole login: from a token that we still hold Keystone would make another, whose
//! end is the same as the old one's. After a 401 it is renewed once.

mod catalog;
mod login;
mod url;

use std::sync::Arc;
use std::time::{Duration, Instant};

use ::url::Url;
use secrecy::SecretString;
use tokio::sync::Mutex;

use self::catalog::Entry;
use self::login::Login;
pub use self::login::LoginFacts;
use crate::call::Service;
use crate::config::{Auth, CloudConfig};
use crate::error::{Error, ErrorKind, LOGIN};
use crate::wire::Wire;

/// Renew at the latest this long before the token ends; earlier than half its life never.
const MARGIN: Duration = Duration::from_secs(300);
/// Pause after a renewal that failed while the old token still holds.
const PAUSE: Duration = Duration::from_secs(30);

/// A logged in session.
pub(crate) struct Session {
    config: CloudConfig,
    http: reqwest::Client,
    renewable: bool,
    state: std::sync::RwLock<State>,
    renewing: Mutex<()>,
}

/// A token, what came with it, and its number and time, by our clock.
#[derive(Clone)]
struct State {
    /// Counts logins, so that many calls that saw the same 401 log in once.
    generation: u64,
    token: SecretString,
    facts: LoginFacts,
    project: Option<String>,
    catalog: Arc<[Entry]>,
    renew_at: Instant,
    ends_at: Instant,
}

/// What a request needs of the session.
pub(crate) struct Ticket {
    pub(crate) token: SecretString,
    pub(crate) generation: u64,
}

impl Session {
    /// Logs in.
    pub(crate) async fn login(config: &CloudConfig, http: &reqwest::Client) -> Result<Self, Error> {
        let state = State::after_login(logged_in(config, http).await?, 1);
        Ok(Self {
            config: config.clone(),
            http: http.clone(),
            renewable: !matches!(config.auth, Auth::Token { .. }),
            state: std::sync::RwLock::new(state),
            renewing: Mutex::new(()),
        })
    }

    fn state(&self) -> State {
        self.state
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone()
    }

    fn set(&self, state: State) {
        *self
            .state
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = state;
    }

    /// A token that is good for a request now, renewed if it ends soon. `count` is called before each login.
    pub(crate) async fn ticket(&self, count: impl Fn()) -> Result<Ticket, Error> {
        let state = self.state();
        let now = Instant::now();
        if self.renewable && now >= state.renew_at {
            self.renew_early(state, now, count).await?;
        }
        let State {
            token, generation, ..
        } = self.state();
        Ok(Ticket { token, generation })
    }

    /// While the old token holds, one caller renews and the others go on with it; a failure is put off.
    async fn renew_early(&self, seen: State, now: Instant, count: impl Fn()) -> Result<(), Error> {
        if now >= seen.ends_at {
            return self.renew(seen.generation, count).await;
        }
        let Ok(_guard) = self.renewing.try_lock() else {
            return Ok(());
        };
        if self.state().generation != seen.generation {
            return Ok(());
        }
        if let Err(error) = self.authorize(seen.generation, count).await {
            tracing::warn!(%error, "token not renewed, the old one still holds; trying again in {PAUSE:?}");
            self.set(State {
                renew_at: now + PAUSE,
                ..seen
            });
        }
        Ok(())
    }

    /// Logs in again unless that was done since `generation`.
    ///
    /// # Errors
    /// As a login; `Unauthorized` for a token that we can't renew.
    pub(crate) async fn renew(&self, generation: u64, count: impl Fn()) -> Result<(), Error> {
        if !self.renewable {
            let message = "the token that was given has ended or was revoked, and can't be renewed";
            return Err(local(ErrorKind::Unauthorized(message.to_owned())));
        }
        let _guard = self.renewing.lock().await;
        if self.state().generation != generation {
            return Ok(());
        }
        self.authorize(generation, count).await
    }

    async fn authorize(&self, generation: u64, count: impl Fn()) -> Result<(), Error> {
        count();
        let login = logged_in(&self.config, &self.http).await?;
        self.set(State::after_login(login, generation + 1));
        Ok(())
    }

    /// Whether a new login is possible at all.
    pub(crate) fn renewable(&self) -> bool {
        self.renewable
    }

    /// The id of the token's project.
    pub(crate) fn project_id(&self) -> Option<String> {
        self.state().project
    }

    /// What the last login told.
    pub(crate) fn facts(&self) -> LoginFacts {
        self.state().facts
    }

    /// Where `service` is, its version included.
    ///
    /// # Errors
    /// [`ErrorKind::Catalog`] if the catalogue has no entry for the region and interface.
    pub(crate) fn endpoint(&self, service: Service) -> Result<Url, Error> {
        let catalog = self.state().catalog;
        catalog::endpoint(&self.config, &catalog, service).map_err(|e| local(ErrorKind::Catalog(e)))
    }
}

async fn logged_in(config: &CloudConfig, http: &reqwest::Client) -> Result<Login, Error> {
    let at = url::keystone(&config.auth_url).map_err(|e| local(ErrorKind::Config(e)))?;
    let wire = Wire {
        http: http.clone(),
        token: None,
        timeout: config.timeout,
        max_answer: config.max_answer,
    };
    login::login(config, &at, &wire).await
}

impl State {
    fn after_login(login: Login, generation: u64) -> Self {
        let (now, life) = (Instant::now(), login.life);
        Self {
            generation,
            token: login.token,
            facts: login.facts,
            project: login.project,
            catalog: login.catalog.into(),
            renew_at: now + life - MARGIN.min(life / 2),
            ends_at: now + life,
        }
    }
}

fn local(kind: ErrorKind) -> Error {
    Error::local(LOGIN, kind)
}
