//! How OpenStack is reached: the credentials, made of `[neutron]`.

use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use crate::error::{ConfigError, Found, OptionError, OptionName, Problem};
use crate::load::Values;
use crate::macros::choices;
use crate::options::{AuthType, Neutron};
use crate::{Config, Origin, Role, Secret};

choices! {
    /// Which endpoint of a service in Keystone's catalogue is used. As in
    /// keystoneauth, `URL` may follow.
    pub enum Interface {
        /// The one for everybody.
        Public = "public" | "publicURL",
        /// The one inside the cloud.
        Internal = "internal" | "internalURL",
        /// The one for administrators.
        Admin = "admin" | "adminURL",
    }
}

/// How OpenStack is reached.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenStackAuth {
    /// URL of Keystone, as it was written.
    pub auth_url: Url,
    /// How the caller proves who it is.
    pub method: AuthMethod,
    /// What the token is for.
    pub scope: Scope,
    /// Region whose services are used; any if `None`.
    pub region: Option<String>,
    /// Which of a service's endpoints is used.
    pub interface: Interface,
    /// URL of Neutron instead of the catalogue's.
    pub network_endpoint: Option<Url>,
    /// Certificate authority of the services, PEM; the system's if `None`.
    pub cafile: Option<PathBuf>,
    /// Certificates are not verified.
    pub insecure: bool,
    /// How long one call may take.
    pub timeout: Duration,
}

/// How the caller proves who it is to Keystone v3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthMethod {
    /// User and password.
    Password {
        /// The user.
        user: Identity,
        /// The password.
        password: Secret,
    },
    /// An application credential, by id.
    ApplicationCredential {
        /// Its id.
        id: String,
        /// Its secret.
        secret: Secret,
    },
    /// An application credential, by name and owner.
    NamedApplicationCredential {
        /// Its name.
        name: String,
        /// The user that it belongs to.
        user: Identity,
        /// Its secret.
        secret: Secret,
    },
    /// A token that was got elsewhere.
    Token(Secret),
}

/// A user or project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// By id.
    Id(String),
    /// By name in a domain.
    Name {
        /// The name.
        name: String,
        /// The domain.
        domain: Domain,
    },
}

/// A Keystone domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Domain {
    /// By id.
    Id(String),
    /// By name.
    Name(String),
}

/// What a token is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// A project.
    Project(Identity),
    /// A domain.
    Domain(Domain),
    /// Whatever the application credential or token is for.
    Implied,
}

/// Options of `[neutron]` that say who the caller is. If one but `auth_type` is
/// set, OpenStack is meant to be reached.
pub(crate) const CREDENTIALS: &[&str] = &[
    "auth_type",
    "auth_url",
    "username",
    "user_id",
    "user_domain_name",
    "user_domain_id",
    "password",
    "project_name",
    "project_id",
    "project_domain_name",
    "project_domain_id",
    "domain_name",
    "domain_id",
    "default_domain_name",
    "default_domain_id",
    "application_credential_id",
    "application_credential_name",
    "application_credential_secret",
    "token",
];

/// Makes the credentials; `None` if they are neither set nor needed.
///
/// # Errors
/// Each option that is missing.
pub(crate) fn resolve(
    config: &Config,
    role: Role,
    values: &Values,
    bad: &[(&'static str, &'static str)],
) -> Result<Option<OpenStackAuth>, Vec<ConfigError>> {
    let is_set = |name: &&str| *name != "auth_type" && values.get("neutron", name).is_some();
    let is_wanted = role == Role::Controller
        || config.neutron.cloud.is_some()
        || CREDENTIALS.iter().any(is_set);
    // Which options are missing can't be said of an unknown auth_type.
    if !is_wanted || bad.contains(&("neutron", "auth_type")) {
        return Ok(None);
    }
    let mut missing = Missing(Vec::new());
    let auth = build(config, &mut missing);
    missing
        .0
        .retain(|(name, _)| !bad.contains(&("neutron", name)));
    if !missing.0.is_empty() {
        let errors = missing
            .0
            .into_iter()
            .map(|(name, why)| error(name, why, values));
        return Err(errors.collect());
    }
    Ok(auth)
}

/// Options that have to be set, and why.
struct Missing(Vec<(&'static str, &'static str)>);

impl Missing {
    fn need<T: Clone>(
        &mut self,
        value: Option<&T>,
        name: &'static str,
        why: &'static str,
    ) -> Option<T> {
        if value.is_none() {
            self.0.push((name, why));
        }
        value.cloned()
    }
}

/// The whole; every part is tried before one that is missing ends it.
fn build(config: &Config, missing: &mut Missing) -> Option<OpenStackAuth> {
    let neutron = &config.neutron;
    let auth_url = missing.need(
        neutron.auth_url.as_ref(),
        "auth_url",
        "needed: the URL of Keystone",
    );
    let method = method(neutron, missing);
    let scope = scope(neutron, missing);
    Some(OpenStackAuth {
        auth_url: auth_url?,
        method: method?,
        scope: scope?,
        region: neutron.region_name.clone(),
        interface: neutron.chosen_interface(),
        network_endpoint: neutron.endpoint_override.clone(),
        cafile: neutron.cafile.clone(),
        insecure: neutron.insecure,
        timeout: neutron.timeout.unwrap_or(config.kuryr.openstack_timeout),
    })
}

fn method(neutron: &Neutron, missing: &mut Missing) -> Option<AuthMethod> {
    match neutron.auth_type {
        AuthType::Password | AuthType::V3Password => {
            let why = match neutron.application_credential_secret {
                None => "auth_type password needs it",
                Some(_) => {
                    "auth_type password needs it; for an application credential, \
                     auth_type is v3applicationcredential"
                }
            };
            let user = user(neutron, missing);
            let password = missing.need(neutron.password.as_ref(), "password", why);
            Some(AuthMethod::Password {
                user: user?,
                password: password?,
            })
        }
        AuthType::V3ApplicationCredential => application_credential(neutron, missing),
        AuthType::Token | AuthType::V3Token => {
            let why = "auth_type token needs it";
            let token = missing.need(neutron.token.as_ref(), "token", why);
            token.map(AuthMethod::Token)
        }
    }
}

fn application_credential(neutron: &Neutron, missing: &mut Missing) -> Option<AuthMethod> {
    let secret = missing.need(
        neutron.application_credential_secret.as_ref(),
        "application_credential_secret",
        "auth_type v3applicationcredential needs it",
    );
    if let Some(id) = neutron.application_credential_id.clone() {
        return Some(AuthMethod::ApplicationCredential {
            id,
            secret: secret?,
        });
    }
    let name = missing.need(
        neutron.application_credential_name.as_ref(),
        "application_credential_id",
        "auth_type v3applicationcredential needs it, or application_credential_name with the user",
    )?;
    let user = user(neutron, missing);
    Some(AuthMethod::NamedApplicationCredential {
        name,
        user: user?,
        secret: secret?,
    })
}

fn user(neutron: &Neutron, missing: &mut Missing) -> Option<Identity> {
    if let Some(id) = neutron.user_id.clone() {
        return Some(Identity::Id(id));
    }
    let name = missing.need(
        neutron.username.as_ref(),
        "username",
        "it or user_id is needed",
    )?;
    let own = domain(
        neutron.user_domain_id.as_ref(),
        neutron.user_domain_name.as_ref(),
    );
    let domain = missing.need(
        own.or_else(|| default_domain(neutron)).as_ref(),
        "user_domain_name",
        "a user by name needs it, or user_domain_id",
    )?;
    Some(Identity::Name { name, domain })
}

fn scope(neutron: &Neutron, missing: &mut Missing) -> Option<Scope> {
    if neutron.auth_type == AuthType::V3ApplicationCredential {
        return Some(Scope::Implied);
    }
    if let Some(id) = neutron.project_id.clone() {
        return Some(Scope::Project(Identity::Id(id)));
    }
    if let Some(name) = neutron.project_name.clone() {
        let own = domain(
            neutron.project_domain_id.as_ref(),
            neutron.project_domain_name.as_ref(),
        );
        let domain = missing.need(
            own.or_else(|| default_domain(neutron)).as_ref(),
            "project_domain_name",
            "a project by name needs it, or project_domain_id",
        )?;
        return Some(Scope::Project(Identity::Name { name, domain }));
    }
    if let Some(domain) = domain(neutron.domain_id.as_ref(), neutron.domain_name.as_ref()) {
        return Some(Scope::Domain(domain));
    }
    if matches!(neutron.auth_type, AuthType::Token | AuthType::V3Token) {
        return Some(Scope::Implied);
    }
    missing.0.push((
        "project_id",
        "it or project_name is needed: the project to work in",
    ));
    None
}

fn default_domain(neutron: &Neutron) -> Option<Domain> {
    domain(
        neutron.default_domain_id.as_ref(),
        neutron.default_domain_name.as_ref(),
    )
}

fn domain(id: Option<&String>, name: Option<&String>) -> Option<Domain> {
    let by_name = || name.cloned().map(Domain::Name);
    id.cloned().map(Domain::Id).or_else(by_name)
}

/// The cloud that the credentials come from, if any: its file and key.
fn cloud_origin(values: &Values) -> Option<Origin> {
    let cloud = &values.get("neutron", "cloud")?.text;
    values.iter().find_map(|(group, _, raw)| match &raw.origin {
        Origin::Cloud { path, .. } if group == "neutron" => Some(Origin::Cloud {
            path: path.clone(),
            key: format!("clouds.{cloud}.auth"),
        }),
        _ => None,
    })
}

/// Where an option that is missing is expected: where it is set to nothing,
/// else in the cloud that is used, else nowhere.
fn place(name: &str, values: &Values) -> Origin {
    if let Some(raw) = values.get("neutron", name) {
        return raw.origin.clone();
    }
    match cloud_origin(values) {
        Some(Origin::Cloud { path, key }) => Origin::Cloud {
            path,
            key: format!("{key}.{name}"),
        },
        _ => Origin::BuiltIn,
    }
}

fn error(name: &str, why: &str, values: &Values) -> ConfigError {
    OptionError {
        origin: place(name, values),
        option: OptionName::new("neutron", name),
        found: Found::Nothing,
        problem: Problem::Missing(why.into()),
    }
    .into()
}
