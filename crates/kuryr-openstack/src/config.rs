//! What is needed to reach a cloud.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

use crate::retry::RetryPolicy;

/// A cloud, who we are there, and how to treat it. Debug output shows no secret.
#[derive(Debug, Clone)]
pub struct CloudConfig {
    /// Keystone's URL, with or without `/v3` at its end.
    pub auth_url: String,
    /// Who we are.
    pub auth: Auth,
    /// The project to work in. Application credentials have theirs already: leave it empty then.
    pub project: Scope,
    /// Region of the catalogue entries; none takes the first.
    pub region: Option<String>,
    /// Interface of the catalogue entries.
    pub interface: Interface,
    /// Takes the place of the catalogue's network entry.
    pub network_endpoint: Option<String>,
    /// Takes the place of the catalogue's load-balancer entry.
    pub load_balancer_endpoint: Option<String>,
    /// PEM file of certification authorities that are trusted besides the system's.
    pub cafile: Option<PathBuf>,
    /// Accept any server certificate. For trials only.
    pub insecure: bool,
    /// Longest wait for one answer. Bulk calls get more on their own.
    pub timeout: Duration,
    /// Most requests at a time, all services together.
    pub concurrency: usize,
    /// Most objects asked for in one page of a list.
    pub page_size: usize,
    /// Largest answer read, in bytes.
    pub max_answer: usize,
    /// How failed requests are repeated.
    pub retry: RetryPolicy,
}

impl CloudConfig {
    /// The cloud at `auth_url`, all else at its default.
    pub fn new(auth_url: impl Into<String>, auth: Auth) -> Self {
        Self {
            auth_url: auth_url.into(),
            auth,
            project: Scope::default(),
            region: None,
            interface: Interface::Public,
            network_endpoint: None,
            load_balancer_endpoint: None,
            cafile: None,
            insecure: false,
            timeout: Duration::from_secs(60),
            concurrency: 16,
            page_size: 1000,
            max_answer: 64 << 20,
            retry: RetryPolicy::default(),
        }
    }
}

/// How to log in to Keystone v3.
#[derive(Debug, Clone)]
pub enum Auth {
    /// A user's password.
    Password {
        /// The user.
        user: User,
        password: SecretString,
    },
    ApplicationCredential {
        credential: Credential,
        secret: SecretString,
    },
    /// A token made elsewhere. It can't be renewed: at its end every call fails with `Unauthorized`.
    Token { token: SecretString },
}

/// A user by id, or by name and domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum User {
    Id(String),
    /// By name in a domain.
    Name {
        /// User name.
        name: String,
        domain: Domain,
    },
}

/// An application credential by id, or by name and user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    Id(String),
    /// By name among a user's.
    Name {
        /// Credential name.
        name: String,
        /// Whose it is.
        user: User,
    },
}

/// A domain by id or name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Domain {
    /// By id, such as `default`.
    Id(String),
    /// By name, such as `Default`.
    Name(String),
}

/// The project of a token.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Scope {
    /// What Keystone gives: right for application credentials.
    #[default]
    Unset,
    Id(String),
    /// By name in a domain.
    Name {
        /// Project name.
        name: String,
        domain: Domain,
    },
}

/// Which of a service's URLs the catalogue is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Interface {
    /// `public`
    #[default]
    Public,
    /// `internal`
    Internal,
    /// `admin`
    Admin,
}

impl Interface {
    /// Its name in the catalogue.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Internal => "internal",
            Self::Admin => "admin",
        }
    }
}

impl std::str::FromStr for Interface {
    type Err = String;

    /// Takes the old forms with `URL` at the end too (`internalURL`).
    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_suffix("URL").unwrap_or(text) {
            "public" => Ok(Self::Public),
            "internal" => Ok(Self::Internal),
            "admin" => Ok(Self::Admin),
            _ => Err(format!("{text:?} is not one of public, internal, admin")),
        }
    }
}
