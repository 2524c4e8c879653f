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

use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use openstack_sdk::api::{AsyncClient, RestClient};
use openstack_sdk::auth::AuthError;
use openstack_sdk::config as sdk;
use openstack_sdk::{AsyncOpenStack, OpenStackError};
use openstack_sdk_auth_applicationcredential::ApplicationCredentialAuthenticator;
use openstack_sdk_auth_password::PasswordAuthenticator;
use openstack_sdk_core::catalog::ServiceEndpoint;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};
use tokio::sync::Mutex;
use url::Url;

use crate::call::Service;
use crate::config::{Auth, CloudConfig, Credential, Domain, Scope, User};
use crate::error::{Context, Error, ErrorKind, LOGIN, excerpt};
use crate::wire::causes;

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

/// `url` with the service's version, if it does not end with one.
fn with_version(url: &Url, service: Service) -> Option<Url> {
    let last = url
        .path()
        .trim_end_matches('/')
        .rsplit('/')
        .next()
        .unwrap_or_default();
    let versioned = last
        .strip_prefix('v')
        .is_some_and(|v| v.starts_with(|c: char| c.is_ascii_digit()));
    if versioned {
        return None;
    }
    let mut url = url.clone();
    url.path_segments_mut()
        .ok()?
        .pop_if_empty()
        .push(service.version());
    Some(url)
}

/// Keystone's URL with `/v3/` at its end.
pub(crate) fn keystone(auth_url: &str) -> Result<Url, String> {
    let mut url = Url::parse(auth_url).map_err(|e| format!("auth_url {auth_url:?}: {e}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("auth_url {auth_url:?} is neither http nor https"));
    }
    if let Some(versioned) = with_version(&url, Service::Identity) {
        url = versioned;
    }
    url.path_segments_mut()
        .map_err(|()| format!("auth_url {auth_url:?} has no path"))?
        .pop_if_empty()
        .push("");
    if !url.path().ends_with("/v3/") {
        return Err(format!(
            "auth_url {auth_url:?} is of another version than v3"
        ));
    }
    Ok(url)
}

/// Our settings as the SDK's. Its type is deserialized, because one of its fields is of a crate it does not export.
fn sdk_config(config: &CloudConfig) -> Result<sdk::CloudConfig, String> {
    let url = keystone(&config.auth_url)?;
    let mut auth = Map::new();
    auth.insert("auth_url".to_owned(), url.as_str().into());
    let auth_type = credentials(&config.auth, &mut auth)?;
    if !matches!(config.auth, Auth::ApplicationCredential { .. }) {
        scope(&config.project, &mut auth)?;
    }
    let mut settings = json!({
        "auth": auth,
        "auth_type": auth_type,
        "auth_cache": false,
        "interface": config.interface.as_str(),
        "region_name": config.region,
        "cacert": config.cafile.as_deref().map(Path::to_string_lossy),
        "verify": !config.insecure,
        "identity_endpoint_override": url.as_str(),
        "identity_skip_discovery": true,
    });
    for (key, value) in [
        ("network_endpoint_override", &config.network_endpoint),
        (
            "load_balancer_endpoint_override",
            &config.load_balancer_endpoint,
        ),
    ] {
        if let Some(value) = value {
            settings[key] = value.as_str().into();
        }
    }
    serde_json::from_value(settings).map_err(|e| e.to_string())
}

fn credentials(auth: &Auth, to: &mut Map<String, Value>) -> Result<&'static str, String> {
    let mut set = |key: &str, value: &str| to.insert(key.to_owned(), value.into());
    match auth {
        Auth::Password { user, password } => {
            set("password", password.expose_secret());
            match user {
                User::Id(id) => set("user_id", id),
                User::Name { name, domain } => {
                    set("username", name);
                    let (key, value) = domain_field("user_domain", domain);
                    set(&key, value)
                }
            };
            Ok("v3password")
        }
        Auth::ApplicationCredential {
            credential: Credential::Id(id),
            secret,
        } => {
            set("application_credential_id", id);
            set("application_credential_secret", secret.expose_secret());
            Ok("v3applicationcredential")
        }
        Auth::ApplicationCredential { .. } => {
            Err("an application credential's name was not resolved".to_owned())
        }
        Auth::Token { token } => {
            set("token", token.expose_secret());
            Ok("v3token")
        }
    }
}

fn scope(project: &Scope, to: &mut Map<String, Value>) -> Result<(), String> {
    match project {
        Scope::Unset => return Err("a project is needed with a password or token".to_owned()),
        Scope::Id(id) => {
            to.insert("project_id".to_owned(), id.as_str().into());
        }
        Scope::Name { name, domain } => {
            to.insert("project_name".to_owned(), name.as_str().into());
            let (key, value) = domain_field("project_domain", domain);
            to.insert(key, value.into());
        }
    }
    Ok(())
}

fn domain_field<'a>(prefix: &str, domain: &'a Domain) -> (String, &'a str) {
    match domain {
        Domain::Id(id) => (format!("{prefix}_id"), id),
        Domain::Name(name) => (format!("{prefix}_name"), name),
    }
}

fn local(kind: ErrorKind) -> Error {
    Error::local(LOGIN, kind)
}

/// A failed login in our terms.
fn login_error(error: OpenStackError) -> Error {
    let mut status = None;
    let kind = match error {
        OpenStackError::Communication { source }
        | OpenStackError::AuthError {
            source: AuthError::Reqwest { source },
        } => transport(&source),
        OpenStackError::AuthError {
            source: AuthError::Identity(said),
        } => {
            status = u16::try_from(said.code).ok();
            refused(status.unwrap_or(0), said.message)
        }
        OpenStackError::AuthError {
            source: AuthError::UnknownAuth { code, message },
        } => {
            status = Some(code);
            refused(code, excerpt(message.unwrap_or_default().as_bytes()))
        }
        OpenStackError::AuthError {
            source: AuthError::AuthReceipt(_),
        } => ErrorKind::Unauthorized("the user needs a second factor".to_owned()),
        other => ErrorKind::BadAnswer {
            what: excerpt(other.to_string().as_bytes()),
            excerpt: String::new(),
        },
    };
    let context = Context {
        method: http::Method::POST,
        path: "auth/tokens".to_owned(),
        status,
        attempts: 1,
        ..Context::unsent(LOGIN)
    };
    Error::new(kind, context)
}

fn transport(error: &reqwest::Error) -> ErrorKind {
    let message = causes(error);
    match () {
        () if error.is_connect() => ErrorKind::Connect(message),
        () if error.is_timeout() => ErrorKind::Timeout {
            maybe_done: false,
            message,
        },
        () if error.is_decode() => ErrorKind::BadAnswer {
            what: message,
            excerpt: String::new(),
        },
        () if error.is_builder() => ErrorKind::Config(message),
        () => ErrorKind::Disconnected {
            maybe_done: false,
            message,
        },
    }
}

fn refused(status: u16, message: String) -> ErrorKind {
    match status {
        401 => ErrorKind::Unauthorized(message),
        403 => ErrorKind::Forbidden(message),
        // Never `NotFound`: a caller would take its object for deleted.
        404 => ErrorKind::Catalog(format!("no Keystone at auth_url: {message}")),
        429 => ErrorKind::RateLimited {
            retry_after: None,
            message,
        },
        500..=599 => ErrorKind::Server {
            declined: status == 503,
            retry_after: None,
            message,
        },
        _ => ErrorKind::BadRequest(message),
    }
}
