//! Who we are to the cloud now: token, project and catalogue, by the SDK's [`AsyncOpenStack`].
//!
//! The SDK logs in and reads the catalogue. Around it:
//!
//! - Its cache of tokens (memory and disk) is off and emptied before each login: from a token that it still
//!   holds it would ask Keystone for another, whose end is the same as the old one's.
//! - Renewal before the token's end, and once after a 401, is decided here: the SDK's own renewal needs a
//!   background task, and its repetition after a 401 is neither counted nor bounded by our retries.
//! - Its discovery of Keystone's versions is skipped, `/v3` is what we speak. With it, an `interface` other than
//!   `public` finds no Keystone before the first login.
//! - Its methods of login register themselves, which crates that nobody names do not do, being left out by the
//!   linker: [`METHODS`] names them.
//! - Application credentials by name: see [`named_credential`](crate::named_credential).

mod refusal;
mod settings;

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use openstack_sdk::AsyncOpenStack;
use openstack_sdk::api::{AsyncClient, RestClient};
use openstack_sdk_auth_applicationcredential::ApplicationCredentialAuthenticator;
use openstack_sdk_auth_password::PasswordAuthenticator;
use openstack_sdk_core::catalog::ServiceEndpoint;
use secrecy::SecretString;
use tokio::sync::Mutex;

use crate::call::Service;
use crate::config::{Auth, CloudConfig};
use crate::error::{Error, ErrorKind, LOGIN};
use refusal::login_error;
pub(crate) use settings::keystone;
use settings::{sdk_config, with_version};

/// What makes the linker keep the SDK's methods of login. (It names the one by token itself.)
static METHODS: (&PasswordAuthenticator, &ApplicationCredentialAuthenticator) = (
    &openstack_sdk_auth_password::ANCHOR,
    &openstack_sdk_auth_applicationcredential::ANCHOR,
);

/// Renew at the latest this long before the token ends; earlier than half its life never.
const MARGIN: Duration = Duration::from_secs(300);
/// Pause after a renewal that failed while the old token still holds.
const PAUSE: Duration = Duration::from_secs(30);

/// A logged in session.
pub(crate) struct Session {
    sdk: AsyncOpenStack,
    renewable: bool,
    state: std::sync::RwLock<State>,
    renewing: Mutex<()>,
}

/// A token's number and time, by our clock.
#[derive(Debug, Clone, Copy)]
struct State {
    /// Counts logins, so that many calls that saw the same 401 log in once.
    generation: u64,
    renew_at: Instant,
    ends_at: Instant,
}

/// What a request needs of the session.
pub(crate) struct Ticket {
    pub(crate) token: Option<SecretString>,
    pub(crate) generation: u64,
}

impl Session {
    /// Logs in. `auth` must name an application credential by id.
    pub(crate) async fn login(config: &CloudConfig, timeout: Duration) -> Result<Self, Error> {
        std::hint::black_box(&METHODS);
        let settings = sdk_config(config).map_err(|e| local(ErrorKind::Config(e)))?;
        let connected = AsyncOpenStack::builder(&settings)
            .disable_auth_cache(true)
            .max_auth_retries(0)
            .http_timeout(timeout)
            .connect()
            .await;
        let sdk = connected.map_err(login_error)?;
        let state = State::after_login(&sdk, 1);
        Ok(Self {
            sdk,
            renewable: !matches!(config.auth, Auth::Token { .. }),
            state: std::sync::RwLock::new(state),
            renewing: Mutex::new(()),
        })
    }

    fn state(&self) -> State {
        *self
            .state
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
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
        Ok(Ticket {
            generation: self.state().generation,
            token: self.sdk.get_auth_token(),
        })
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
        self.sdk.disable_auth_cache();
        self.sdk
            .authorize(None, false, true)
            .await
            .map_err(login_error)?;
        self.set(State::after_login(&self.sdk, generation + 1));
        Ok(())
    }

    /// Whether a new login is possible at all.
    pub(crate) fn renewable(&self) -> bool {
        self.renewable
    }

    /// The id of the token's project.
    pub(crate) fn project_id(&self) -> Option<String> {
        self.sdk.get_current_project().and_then(|p| p.id)
    }

    /// Where `service` is, its version included.
    ///
    /// # Errors
    /// [`ErrorKind::Catalog`] if the catalogue has no entry for the region and interface.
    pub(crate) async fn endpoint(&self, service: Service) -> Result<ServiceEndpoint, Error> {
        let found = self
            .sdk
            .get_service_endpoint(&service.sdk_type(), None)
            .await;
        let found =
            found.map_err(|e| local(ErrorKind::Catalog(format!("{}: {e}", service.name()))))?;
        let mut endpoint = found.clone();
        if let Some(url) = with_version(found.url(), service) {
            endpoint = ServiceEndpoint::new(url, *found.version());
        }
        Ok(endpoint)
    }
}

impl State {
    /// Life is reckoned from Keystone's two times, so a difference between its clock and ours does no harm.
    fn after_login(sdk: &AsyncOpenStack, generation: u64) -> Self {
        let now = Instant::now();
        let info = sdk.get_auth_info().map(|i| i.token);
        let life = info.map_or(Duration::from_secs(600), |token| {
            let issued = token.issued_at.map_or_else(unix_now, |t| t.timestamp());
            let seconds = token.expires_at.timestamp().saturating_sub(issued);
            // A token of a century is renewed once a day all the same.
            Duration::from_secs(u64::try_from(seconds).unwrap_or(0).min(86_400))
        });
        Self {
            generation,
            renew_at: now + life - MARGIN.min(life / 2),
            ends_at: now + life,
        }
    }
}

fn unix_now() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

fn local(kind: ErrorKind) -> Error {
    Error::local(LOGIN, kind)
}
