//! Octavia's HTTP: paths to the calls of the model.

use std::time::SystemTime;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::answer::Answer;
use super::call::{Received, Shared, header};
use super::keystone;
use super::state::State;
use crate::ApiError;
use crate::model::{Caller, Fields, Query};
use crate::octavia::{LbKind, LbPage, Provider, no_object, unknown_argument, unreadable};

type Answered = Result<Answer, ApiError>;

/// The newest version that is served.
const NEWEST: u32 = 26;

/// A call after its token was looked at.
struct Request<'a> {
    method: &'a Method,
    path: &'a str,
    query: Query,
    body: &'a [u8],
    caller: Caller,
    base: &'a str,
}

pub(super) fn answer(call: &Received<'_>, body: &[u8], shared: &Shared) -> Answer {
    dispatch(call, body, shared).unwrap_or_else(|error| refusal(&error, shared))
}

/// `{"faultcode", "faultstring", "debuginfo"}`; a 401 has Keystone's form.
pub(super) fn refusal(error: &ApiError, shared: &Shared) -> Answer {
    if error.status == StatusCode::UNAUTHORIZED {
        let body =
            json!({"error": {"code": 401, "title": "Unauthorized", "message": error.message}});
        let mut answer = Answer::json(error.status, &body)
            .header("www-authenticate", &keystone::challenge(shared));
        answer.before_id = true;
        return answer;
    }
    let code = match error.status.is_server_error() {
        true => "Server",
        false => "Client",
    };
    let body = json!({"faultcode": code, "faultstring": error.message, "debuginfo": null});
    Answer::json(error.status, &body)
}

fn dispatch(call: &Received<'_>, body: &[u8], shared: &Shared) -> Answered {
    let path = call.path.trim_matches('/');
    let segments: Vec<&str> = path.split('/').collect();
    let rest = match segments.as_slice() {
        [""] => return Ok(versions(&shared.load_balancer_url)),
        ["v2", "lbaas", rest @ ..] | ["v2.0", "lbaas", rest @ ..] => rest,
        _ => return Err(no_such_path()),
    };
    let token = header(call.headers, "x-auth-token");
    shared.handle.with(|state| {
        let caller = state.identity.caller(token, SystemTime::now())?;
        let request = Request {
            method: call.method,
            path: &call.path,
            query: Query::parse(call.query),
            body,
            caller,
            base: &shared.load_balancer_url,
        };
        request.route(state, rest).or_else(|refused| match rest {
            // What the path itself leads to is looked for before the call is.
            ["pools", pool, "members", ..]
                if state.octavia.get(LbKind::Pool, pool).is_none() && refused.status == 404 =>
            {
                Ok(before_the_call(&refused))
            }
            _ if refused.message.starts_with("Supplied pagination limit") => {
                Ok(before_the_call(&refused))
            }
            _ => Err(refused),
        })
    })
}

/// The form of a refusal that comes before the call is looked at.
fn before_the_call(error: &ApiError) -> Answer {
    let body = json!({"title": "Bad Request", "code": error.status.as_u16(), "description": error.message});
    Answer::json(error.status, &body)
}

fn versions(base: &str) -> Answer {
    let version = |minor: u32| {
        let status = if minor == NEWEST {
            "CURRENT"
        } else {
            "SUPPORTED"
        };
        let links = json!([{"href": format!("{base}/v2"), "rel": "self"}]);
        json!({"id": format!("v2.{minor}"), "status": status, "updated": "2016-12-11T00:00:00Z", "links": links})
    };
    let all: Vec<Value> = (0..=NEWEST).map(version).collect();
    Answer::json(StatusCode::OK, &json!({ "versions": all }))
}

fn no_such_path() -> ApiError {
    ApiError::not_found("", "The resource could not be found.")
}

fn ok(body: &Value) -> Answered {
    Ok(Answer::json(StatusCode::OK, body))
}

fn empty(status: StatusCode) -> Answered {
    Ok(Answer::empty(status))
}

impl Request<'_> {
    fn route(&self, state: &mut State, segments: &[&str]) -> Answered {
        match segments {
            ["providers", rest @ ..] => self.providers(rest),
            ["flavors"] => ok(&json!({"flavors": [], "flavors_links": []})),
            ["flavors", id] => Err(no_object("Flavor", id)),
            ["quotas", rest @ ..] => self.quotas(state, rest),
            ["loadbalancers"] if *self.method == Method::POST => self.create_balancer(state),
            ["loadbalancers", id] if *self.method == Method::DELETE => {
                let cascade = self.query.all("cascade").next();
                let cascade = cascade.is_some_and(|word| word.eq_ignore_ascii_case("true"));
                state
                    .octavia
                    .delete_load_balancer(&self.caller, id, cascade)?;
                empty(StatusCode::NO_CONTENT)
            }
            ["loadbalancers", id, "status" | "statuses"] => {
                ok(&state.octavia.load_balancer_status(&self.caller, id)?)
            }
            ["loadbalancers", id, "failover"] if *self.method == Method::PUT => {
                state.octavia.failover(&self.caller, id)?;
                empty(StatusCode::ACCEPTED)
            }
            ["pools", pool, "members"] if *self.method == Method::PUT => {
                self.set_members(state, pool)
            }
            ["pools", pool, "members"] => self.collection(state, LbKind::Member, Some(pool)),
            ["pools", pool, "members", id] => self.object(state, LbKind::Member, Some(pool), id),
            [collection] => self.collection(state, kind(collection)?, None),
            [collection, id] => self.object(state, kind(collection)?, None, id),
            _ => Err(no_such_path()),
        }
    }

    fn create_balancer(&self, state: &mut State) -> Answered {
        let asked = self.named(LbKind::LoadBalancer)?;
        let State { cloud, octavia, .. } = state;
        let made = octavia.create_load_balancer(cloud, &self.caller, asked)?;
        Ok(wrapped(StatusCode::CREATED, LbKind::LoadBalancer, made))
    }

    fn collection(&self, state: &mut State, kind: LbKind, pool: Option<&str>) -> Answered {
        match *self.method {
            Method::GET => {
                let page = state.octavia.list(&self.caller, kind, pool, &self.query)?;
                Ok(self.page(kind, page))
            }
            Method::POST => {
                let asked = self.named(kind)?;
                let State { cloud, octavia, .. } = state;
                let made = octavia.create(cloud, &self.caller, kind, pool, asked)?;
                Ok(wrapped(StatusCode::CREATED, kind, made))
            }
            _ => Err(no_such_path()),
        }
    }

    fn object(&self, state: &mut State, kind: LbKind, pool: Option<&str>, id: &str) -> Answered {
        let State { cloud, octavia, .. } = state;
        let caller = &self.caller;
        match *self.method {
            Method::GET => {
                let shown = octavia.show(caller, kind, pool, id, &self.query.fields())?;
                Ok(wrapped(StatusCode::OK, kind, shown))
            }
            Method::PUT => {
                let changed = octavia.update(cloud, caller, kind, pool, id, self.named(kind)?)?;
                Ok(wrapped(StatusCode::OK, kind, changed))
            }
            Method::DELETE => {
                octavia.delete(cloud, caller, kind, pool, id)?;
                empty(StatusCode::NO_CONTENT)
            }
            _ => Err(no_such_path()),
        }
    }

    fn set_members(&self, state: &mut State, pool: &str) -> Answered {
        let additive = self.query.all("additive_only").next();
        let additive = additive.is_some_and(|word| word.eq_ignore_ascii_case("true"));
        let mut body = self.fields()?;
        let members = match body.remove("members") {
            Some(Value::Array(members)) => members,
            _ => {
                let other = body.keys().next().map_or("", String::as_str);
                return Err(unknown_argument("members_", other));
            }
        };
        let State { cloud, octavia, .. } = state;
        octavia.set_members(cloud, &self.caller, pool, members, additive)?;
        empty(StatusCode::ACCEPTED)
    }

    fn providers(&self, rest: &[&str]) -> Answered {
        let described =
            |name: &str, description: &str| json!({"name": name, "description": description});
        match rest {
            [] => {
                let all = Provider::ALL
                    .map(|provider| described(provider.name(), provider.description()));
                ok(&json!({ "providers": all }))
            }
            [name, "flavor_capabilities"] => {
                let all = Provider::capabilities_of(name, &self.caller)?;
                let all: Vec<Value> = all.iter().map(|(name, d)| described(name, d)).collect();
                ok(&json!({ "flavor_capabilities": all }))
            }
            _ => Err(no_such_path()),
        }
    }

    fn quotas(&self, state: &mut State, rest: &[&str]) -> Answered {
        let octavia = &mut state.octavia;
        match (self.method, rest) {
            (&Method::GET, [project]) => {
                ok(&json!({"quota": octavia.show_quota(&self.caller, project)?}))
            }
            (&Method::PUT, [project]) => {
                let mut body = self.fields()?;
                let asked = body.remove("quota");
                let asked = asked.and_then(|quota| quota.as_object().cloned());
                let asked = asked.ok_or_else(|| unreadable("quota"))?;
                let quota = octavia.update_quota(&self.caller, project, &asked)?;
                Ok(Answer::json(
                    StatusCode::ACCEPTED,
                    &json!({ "quota": quota }),
                ))
            }
            (&Method::DELETE, [project]) => {
                octavia.reset_quota(&self.caller, project)?;
                empty(StatusCode::ACCEPTED)
            }
            _ => Err(no_such_path()),
        }
    }

    fn page(&self, kind: LbKind, page: LbPage) -> Answer {
        let link = |(relation, query): (&str, String)| json!({"rel": relation, "href": format!("{}{}?{query}", self.base, self.path)});
        let listed = page.items.len();
        let links: Vec<Value> = page.links.into_iter().map(link).collect();
        let mut body = Fields::new();
        body.insert(kind.plural(), json!(page.items));
        body.insert(format!("{}_links", kind.plural()), json!(links));
        let mut answer = Answer::json(StatusCode::OK, &Value::Object(body));
        answer.listed = listed;
        answer
    }

    fn fields(&self) -> Result<Fields, ApiError> {
        match serde_json::from_slice(self.body) {
            Ok(Value::Object(fields)) => Ok(fields),
            _ => Err(unreadable("body")),
        }
    }

    /// The object inside `{singular: {...}}`.
    fn named(&self, kind: LbKind) -> Result<Fields, ApiError> {
        match self.fields()?.remove(kind.singular()) {
            Some(Value::Object(fields)) => Ok(fields),
            _ => Err(unreadable(kind.singular())),
        }
    }
}

fn kind(collection: &str) -> Result<LbKind, ApiError> {
    LbKind::from_collection(collection)
        .filter(|kind| *kind != LbKind::Member)
        .ok_or_else(no_such_path)
}

fn wrapped(status: StatusCode, kind: LbKind, object: Fields) -> Answer {
    let body: Fields = [(kind.singular().to_owned(), Value::Object(object))]
        .into_iter()
        .collect();
    Answer::json(status, &Value::Object(body))
}
