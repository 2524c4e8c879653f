//! Keystone's state, pure: who may authenticate and which tokens are valid until when.

use std::collections::HashMap;
use std::time::SystemTime;

use http::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use super::ApiError;
use super::model::Caller;
use super::settings::{Account, Settings};

/// A credential that stands for a user in a project without the password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplicationCredential {
    pub id: String,
    /// Its name, unique to the user.
    pub name: String,
    /// Its secret, in clear: it is the lab's own.
    pub secret: String,
    account: usize,
}

#[derive(Debug, Clone)]
struct Token {
    account: usize,
    /// Place of the application credential that it was got by.
    credential: Option<usize>,
    scoped: bool,
    methods: Vec<String>,
    issued: SystemTime,
    expires: SystemTime,
}

/// An issued token: the value for `X-Subject-Token` and the body.
#[derive(Debug, Clone, PartialEq)]
pub struct Issued {
    /// The token itself.
    pub token: String,
    /// The answer's body.
    pub body: Value,
}

/// Keystone's whole state.
#[derive(Debug)]
pub struct Identity {
    settings: Settings,
    /// Id of each account's user.
    users: Vec<String>,
    projects: HashMap<String, String>,
    credentials: Vec<ApplicationCredential>,
    tokens: HashMap<String, Token>,
    endpoints: Vec<(&'static str, &'static str, String)>,
}

/// How our tokens begin.
const FORM: &str = "gAAAAAlab";

fn new_id() -> String {
    Uuid::new_v4().simple().to_string()
}

impl Identity {
    /// Keystone with the accounts of `settings`; `endpoints` are type, name and URL of the catalogue's services.
    pub fn new(settings: Settings, endpoints: Vec<(&'static str, &'static str, String)>) -> Self {
        let users = settings.accounts.iter().map(|_| new_id()).collect();
        let projects = settings
            .accounts
            .iter()
            .map(|account| (account.project.clone(), new_id()))
            .collect();
        Self {
            settings,
            users,
            projects,
            credentials: Vec::new(),
            tokens: HashMap::new(),
            endpoints,
        }
    }

    /// The id of a project by its name.
    pub fn project_id(&self, name: &str) -> Option<&str> {
        self.projects.get(name).map(String::as_str)
    }

    /// Makes an application credential for a user; `None` when there is no such user.
    pub fn create_application_credential(
        &mut self,
        user: &str,
        name: &str,
    ) -> Option<ApplicationCredential> {
        let account = self
            .settings
            .accounts
            .iter()
            .position(|account| account.user == user)?;
        let credential = ApplicationCredential {
            id: new_id(),
            name: name.to_owned(),
            secret: new_id(),
            account,
        };
        self.credentials.push(credential.clone());
        Some(credential)
    }

    /// Makes every token issued so far invalid.
    pub fn revoke_all(&mut self) {
        self.tokens.clear();
    }

    /// Makes one token invalid.
    pub fn revoke(&mut self, token: &str) {
        self.tokens.remove(token);
    }

    /// Whom a token stands for.
    ///
    /// # Errors
    /// 401 when it is unknown, revoked or expired.
    pub fn caller(&self, token: &str, now: SystemTime) -> Result<Caller, ApiError> {
        let token = self.valid(token, now).ok_or_else(ApiError::unauthorized)?;
        let account = &self.settings.accounts[token.account];
        // Without a project nothing is one's own, and there is no role.
        let project = self.projects.get(&account.project).filter(|_| token.scoped);
        Ok(Caller {
            project_id: project.cloned().unwrap_or_default(),
            admin: token.scoped && account.roles.iter().any(|role| role == "admin"),
        })
    }

    fn valid(&self, token: &str, now: SystemTime) -> Option<&Token> {
        self.tokens.get(token).filter(|token| token.expires > now)
    }

    /// `POST /v3/auth/tokens`.
    ///
    /// # Errors
    /// 400 when the body lacks what the API requires, 401 for wrong credentials of any sort.
    pub fn authenticate(&mut self, body: &Value, now: SystemTime) -> Result<Issued, ApiError> {
        let auth = body.get("auth").ok_or_else(no_auth)?;
        let identity = required(auth, "identity")?;
        let asked = required(identity, "methods")?.as_array();
        let asked = asked.into_iter().flatten().filter_map(Value::as_str);
        let mut methods = Vec::new();
        let (mut account, mut credential) = (None, None);
        for method in asked {
            let details = &identity[method];
            let found = match method {
                "password" => self.by_password(&details["user"]),
                "application_credential" => {
                    credential = Some(self.by_application_credential(details)?);
                    credential.map(|at| self.credentials[at].account)
                }
                "token" => {
                    let before = self.subject(details["id"].as_str().unwrap_or_default(), now)?;
                    methods.extend(before.methods.iter().cloned());
                    Some(before.account)
                }
                _ => None,
            };
            methods.push(method.to_owned());
            account = Some(found.ok_or_else(ApiError::unauthorized)?);
        }
        let account = account.ok_or_else(ApiError::unauthorized)?;
        let scoped = self.check_scope(account, &methods, auth.get("scope"))?;
        let expires = now + self.settings.token_lifetime;
        let token = format!("{FORM}{}{}", new_id(), new_id());
        methods.sort();
        methods.dedup();
        let issued = Token {
            account,
            credential,
            scoped,
            methods,
            issued: now,
            expires,
        };
        let body = self.describe(&issued);
        self.tokens.retain(|_, token| token.expires > now);
        self.tokens.insert(token.clone(), issued);
        Ok(Issued { token, body })
    }

    fn by_password(&self, user: &Value) -> Option<usize> {
        let matches = |(index, account): &(usize, &Account)| {
            let named = user["name"] == account.user && default_domain(&user["domain"]);
            (named || user["id"] == self.users[*index]) && user["password"] == account.password
        };
        self.settings
            .accounts
            .iter()
            .enumerate()
            .find(matches)
            .map(|(index, _)| index)
    }

    /// The credential of that id; 404 if there is none, 401 for all that is wrong otherwise.
    fn by_application_credential(&self, details: &Value) -> Result<usize, ApiError> {
        let named = |credential: &ApplicationCredential| {
            let account = &self.settings.accounts[credential.account];
            let user = &details["user"];
            let of_user =
                user["id"] == self.users[credential.account] || user["name"] == account.user;
            details["name"] == credential.name && of_user
        };
        let of_id = |credential: &ApplicationCredential| details["id"] == credential.id;
        let found = self.credentials.iter().position(|c| of_id(c) || named(c));
        match (found, details["id"].as_str()) {
            (Some(at), _) if details["secret"] == self.credentials[at].secret => Ok(at),
            (None, Some(id)) => {
                let message = format!("Could not find Application Credential: {id}.");
                Err(ApiError::not_found("Not Found", message))
            }
            _ => Err(ApiError::unauthorized()),
        }
    }

    /// A token that somebody asks about, or logs in with.
    fn subject(&self, token: &str, now: SystemTime) -> Result<&Token, ApiError> {
        let message = if token.starts_with(FORM) {
            "Failed to validate token"
        } else {
            "Could not recognize Fernet token"
        };
        let unknown = || ApiError::not_found("Not Found", message);
        self.valid(token, now).ok_or_else(unknown)
    }

    /// Whether the token gets a project: by application credential always, else when the scope names the user's own.
    fn check_scope(
        &self,
        account: usize,
        methods: &[String],
        scope: Option<&Value>,
    ) -> Result<bool, ApiError> {
        if methods
            .iter()
            .any(|method| method == "application_credential")
        {
            return Ok(true);
        }
        let Some(project) = scope.and_then(|scope| scope.get("project")) else {
            return Ok(false);
        };
        let name = &self.settings.accounts[account].project;
        let own = project["id"] == self.projects[name].as_str();
        let named = project["name"] == name.as_str() && default_domain(&project["domain"]);
        if own || named {
            Ok(true)
        } else {
            Err(ApiError::unauthorized())
        }
    }

    /// `GET /v3/auth/tokens`: what another token stands for.
    ///
    /// # Errors
    /// 401 when the caller's own token is not valid, 404 when the other is not.
    pub fn validate(&self, own: &str, subject: &str, now: SystemTime) -> Result<Value, ApiError> {
        self.valid(own, now).ok_or_else(ApiError::unauthorized)?;
        Ok(self.describe(self.subject(subject, now)?))
    }

    fn describe(&self, token: &Token) -> Value {
        let account = &self.settings.accounts[token.account];
        let domain = json!({"id": "default", "name": "Default"});
        let mut body = json!({
            "methods": token.methods,
            "user": {"domain": domain, "id": self.users[token.account], "name": account.user, "password_expires_at": null},
            "audit_ids": [&new_id()[..22]],
            "expires_at": microseconds(token.expires),
            "issued_at": microseconds(token.issued),
        });
        if token.scoped {
            let roles: Vec<Value> = account
                .roles
                .iter()
                .map(|role| json!({"id": stable_id(role), "name": role}))
                .collect();
            body["project"] = json!({"domain": domain, "id": self.projects[&account.project], "name": account.project});
            body["is_domain"] = json!(false);
            body["roles"] = json!(roles);
            body["catalog"] = self.catalog();
        }
        if let Some(credential) = token.credential.map(|at| &self.credentials[at]) {
            body["application_credential"] =
                json!({"id": credential.id, "name": credential.name, "restricted": true});
        }
        json!({ "token": body })
    }

    /// The services with their endpoints by region and interface.
    pub fn catalog(&self) -> Value {
        let service = |(kind, name, url): &(&str, &str, String)| {
            let endpoint = |region: &String, interface: &str| {
                let id = stable_id(&format!("{region}{interface}{name}"));
                json!({"id": id, "interface": interface, "region": region, "region_id": region, "url": url})
            };
            let of_region = |region| {
                ["admin", "public", "internal"].map(|interface| endpoint(region, interface))
            };
            let endpoints: Vec<Value> = self.settings.regions.iter().flat_map(of_region).collect();
            json!({"endpoints": endpoints, "id": stable_id(name), "type": kind, "name": name})
        };
        json!(self.endpoints.iter().map(service).collect::<Vec<_>>())
    }
}

fn default_domain(domain: &Value) -> bool {
    domain["id"] == "default" || domain["name"] == "Default" || domain["name"] == "default"
}

const MALFORMED: &str = "The server could not comply with the request since it is either malformed or otherwise \
                         incorrect. The client is assumed to be in error.";

/// 400 for a body that lacks what Keystone looks for.
pub(super) fn expecting(what: &str) -> ApiError {
    let message = format!("Expecting to find {what} in request body. {MALFORMED}");
    ApiError::new(StatusCode::BAD_REQUEST, "Bad Request", message)
}

fn no_auth() -> ApiError {
    expecting("auth")
}

fn required<'a>(body: &'a Value, name: &str) -> Result<&'a Value, ApiError> {
    let missing = || {
        ApiError::new(
            StatusCode::BAD_REQUEST,
            "Bad Request",
            format!("'{name}' is a required property"),
        )
    };
    body.get(name).ok_or_else(missing)
}

fn microseconds(time: SystemTime) -> String {
    let time = jiff::Timestamp::try_from(time).unwrap_or_default();
    time.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

/// An id that a name always gets.
fn stable_id(name: &str) -> String {
    let hash = |seed: u64| {
        name.bytes().fold(seed, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
    };
    format!(
        "{:016x}{:016x}",
        hash(0xcbf2_9ce4_8422_2325),
        hash(0x9e37_79b9_7f4a_7c15)
    )
}
