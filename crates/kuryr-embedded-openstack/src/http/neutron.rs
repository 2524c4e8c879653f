//! Neutron's HTTP: paths to the calls of the model.

use std::time::SystemTime;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::answer::Answer;
use super::call::{Received, Shared, header};
use super::keystone;
use crate::ApiError;
use crate::extensions;
use crate::model::{Caller, Cloud, Fields, Kind, Page, Query};

type Answered = Result<Answer, ApiError>;

/// A call after its token was looked at.
struct Request<'a> {
    method: &'a Method,
    path: &'a str,
    query: Query,
    if_match: &'a str,
    accept: &'a str,
    body: &'a [u8],
    caller: Caller,
    base: &'a str,
}

pub(super) fn answer(call: &Received<'_>, body: &[u8], shared: &Shared) -> Answer {
    dispatch(call, body, shared).unwrap_or_else(|error| refusal(&error, shared))
}

/// `{"NeutronError": {"type", "message", "detail"}}`; a 401 has Keystone's form.
pub(super) fn refusal(error: &ApiError, shared: &Shared) -> Answer {
    if error.status == StatusCode::UNAUTHORIZED {
        let body =
            json!({"error": {"code": 401, "title": "Unauthorized", "message": error.message}});
        return Answer::json(error.status, &body)
            .header("www-authenticate", &keystone::challenge(shared));
    }
    let body =
        json!({"NeutronError": {"type": error.kind, "message": error.message, "detail": ""}});
    Answer::json(error.status, &body)
}

fn dispatch(call: &Received<'_>, body: &[u8], shared: &Shared) -> Answered {
    let path = call
        .path
        .trim_end_matches('/')
        .trim_end_matches(".json")
        .trim_start_matches('/');
    if path.split('/').next() != Some("v2.0") {
        return Ok(outside(path, shared));
    }
    let token = header(call.headers, "x-auth-token");
    shared.handle.with(|state| {
        let caller = state.identity.caller(token, SystemTime::now())?;
        let request = Request {
            method: call.method,
            path: &call.path,
            query: Query::parse(call.query),
            if_match: header(call.headers, "if-match"),
            accept: header(call.headers, "accept"),
            body,
            caller,
            base: &shared.network_url,
        };
        let segments: Vec<&str> = path.split('/').collect();
        match segments.as_slice() {
            ["v2.0"] => Ok(root(request.base)),
            ["v2.0", rest @ ..] => request.route(&mut state.cloud, rest),
            _ => Err(ApiError::no_such_path()),
        }
    })
}

/// The answer to a path that is not below the version.
fn outside(path: &str, shared: &Shared) -> Answer {
    let mut answer = if path.is_empty() {
        let body = json!({"versions": [version(&shared.network_url)]});
        Answer::json(StatusCode::OK, &body)
    } else {
        let body = json!({"code": 404, "title": "Not Found", "description": null});
        Answer::json(StatusCode::NOT_FOUND, &body)
    };
    answer.before_id = true;
    answer
}

fn version(base: &str) -> Value {
    json!({"id": "v2.0", "status": "CURRENT", "links": [{"rel": "self", "href": format!("{base}/v2.0/")}]})
}

fn root(base: &str) -> Answer {
    let resource = |name: &str| {
        let links = json!([{"rel": "self", "href": format!("{base}/v2.0/{name}s")}]);
        json!({"name": name, "collection": format!("{name}s"), "links": links})
    };
    let resources = ["network", "subnet", "subnetpool", "port"].map(resource);
    Answer::json(StatusCode::OK, &json!({ "resources": resources }))
}

fn ok(body: &Value) -> Answered {
    Ok(Answer::json(StatusCode::OK, body))
}

fn done() -> Answered {
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}

impl Request<'_> {
    fn route(&self, cloud: &mut Cloud, segments: &[&str]) -> Answered {
        let lacks = |alias| extensions::is_missing(cloud.settings(), alias);
        match segments {
            ["trunks", ..] if lacks("trunk") => Err(ApiError::no_such_path()),
            [_, _, "tags", ..] if lacks("standard-attr-tag") => Err(ApiError::no_such_path()),
            ["extensions", rest @ ..] => self.extensions(cloud, rest),
            ["quotas", rest @ ..] => self.quotas(cloud, rest),
            ["network-ip-availabilities", rest @ ..] => self.availabilities(cloud, rest),
            ["agents"] if *self.method == Method::GET => ok(&json!({"agents": []})),
            [collection, rest @ ..] => {
                let kind = Kind::from_collection(collection).ok_or_else(ApiError::no_such_path)?;
                match rest {
                    [] => self.collection(cloud, kind),
                    [id] => self.object(cloud, kind, id),
                    [id, "tags", tag @ ..] => self.tags(cloud, kind, id, tag),
                    [id, action] => self.action(cloud, kind, id, action),
                    _ => Err(ApiError::no_such_path()),
                }
            }
            [] => Err(ApiError::no_such_path()),
        }
    }

    fn collection(&self, cloud: &mut Cloud, kind: Kind) -> Answered {
        match *self.method {
            Method::GET => {
                let page = cloud.list(&self.caller, kind, &self.query)?;
                Ok(self.page(kind, page))
            }
            Method::POST => self.create(cloud, kind),
            Method::PUT | Method::DELETE => Err(kind.not_found("None")),
            _ => Err(ApiError::method_not_allowed()),
        }
    }

    fn page(&self, kind: Kind, page: Page) -> Answer {
        let listed = page.items.len();
        let mut body = Fields::new();
        let link = |(relation, query): (&str, Query)| json!({"rel": relation, "href": format!("{}{}?{}", self.base, self.path, query.encode())});
        let links: Vec<Value> = page.links.into_iter().map(link).collect();
        body.insert(kind.plural(), json!(page.items));
        if !links.is_empty() {
            body.insert(format!("{}_links", kind.plural()), json!(links));
        }
        let mut answer = Answer::json(StatusCode::OK, &Value::Object(body));
        answer.listed = listed;
        answer
    }

    fn create(&self, cloud: &mut Cloud, kind: Kind) -> Answered {
        let mut body = self.object_body()?;
        if let Some(bulk) = body.remove(&kind.plural()) {
            let items = bulk.as_array().cloned().unwrap_or_default();
            let items = items
                .into_iter()
                .map(fields_of)
                .collect::<Result<Vec<_>, _>>()?;
            let created = cloud.create_bulk(&self.caller, kind, items)?;
            let body: Fields = [(kind.plural(), json!(created))].into_iter().collect();
            return Ok(Answer::json(StatusCode::CREATED, &Value::Object(body)));
        }
        let asked = self.named(kind, body)?;
        let created = cloud.create(&self.caller, kind, asked)?;
        Ok(Answer::json(StatusCode::CREATED, &wrapped(kind, created)))
    }

    fn object(&self, cloud: &mut Cloud, kind: Kind, id: &str) -> Answered {
        match *self.method {
            Method::GET => ok(&wrapped(
                kind,
                cloud.show(&self.caller, kind, id, &self.query.fields())?,
            )),
            Method::PUT => {
                let asked = self.named(kind, self.object_body()?)?;
                let revision = self.revision()?;
                ok(&wrapped(
                    kind,
                    cloud.update(&self.caller, kind, id, asked, revision)?,
                ))
            }
            Method::DELETE => {
                let revision = self.revision()?;
                cloud.delete(&self.caller, kind, id, revision)?;
                done()
            }
            _ => Err(ApiError::method_not_allowed()),
        }
    }

    fn action(&self, cloud: &mut Cloud, kind: Kind, id: &str, action: &str) -> Answered {
        let caller = &self.caller;
        match (self.method, kind, action) {
            (&Method::GET, Kind::Trunk, "get_subports") => {
                let trunk = cloud.show(caller, kind, id, &["sub_ports".to_owned()])?;
                ok(&Value::Object(trunk))
            }
            (&Method::PUT, Kind::Trunk, "add_subports") => ok(&Value::Object(cloud.add_subports(
                caller,
                id,
                &self.action_body()?,
            )?)),
            (&Method::PUT, Kind::Trunk, "remove_subports") => ok(&Value::Object(
                cloud.remove_subports(caller, id, &self.action_body()?)?,
            )),
            (&Method::PUT, Kind::Router, "add_router_interface") => ok(&Value::Object(
                cloud.add_router_interface(caller, id, &self.object_body()?)?,
            )),
            (&Method::PUT, Kind::Router, "remove_router_interface") => ok(&Value::Object(
                cloud.remove_router_interface(caller, id, &self.object_body()?)?,
            )),
            _ => Err(ApiError::no_such_path()),
        }
    }

    fn tags(&self, cloud: &mut Cloud, kind: Kind, id: &str, tag: &[&str]) -> Answered {
        let caller = &self.caller;
        match (self.method, tag) {
            (&Method::GET, []) => ok(&json!({"tags": cloud.tags(caller, kind, id)?})),
            (&Method::PUT, []) => ok(&cloud.replace_tags(caller, kind, id, &self.json_body()?)?),
            (&Method::DELETE, []) => cloud.clear_tags(caller, kind, id).and_then(|()| done()),
            (&Method::GET, [tag]) => cloud
                .has_tag(caller, kind, id, &decoded(tag))
                .and_then(|()| done()),
            (&Method::DELETE, [tag]) => cloud
                .remove_tag(caller, kind, id, &decoded(tag))
                .and_then(|()| done()),
            (&Method::PUT, [tag]) => {
                cloud.add_tag(caller, kind, id, &decoded(tag))?;
                Ok(Answer::json(StatusCode::CREATED, &Value::Null))
            }
            _ => Err(ApiError::no_such_path()),
        }
    }

    fn extensions(&self, cloud: &Cloud, rest: &[&str]) -> Answered {
        let list = extensions::list(cloud.settings());
        match rest {
            [] => ok(&json!({ "extensions": list })),
            [alias] => match list
                .into_iter()
                .find(|extension| extension["alias"] == *alias)
            {
                Some(extension) => ok(&json!({ "extension": extension })),
                None => Ok(self.no_such_extension(alias)),
            },
            _ => Err(ApiError::no_such_path()),
        }
    }

    /// What webob answers, in the form that the client takes.
    fn no_such_extension(&self, alias: &str) -> Answer {
        let what = "The resource could not be found.";
        let about = format!("Extension with alias {alias} does not exist");
        if self.accept.contains("application/json") {
            let message = format!("{what}<br /><br />\n{about}\n\n");
            let body = json!({"code": "404 Not Found", "message": message, "title": "Not Found"});
            return Answer::json(StatusCode::NOT_FOUND, &body);
        }
        let page = format!("404 Not Found\n\n{what}\n\n {about}  ");
        Answer::text(StatusCode::NOT_FOUND, "text/plain; charset=UTF-8", page)
    }

    fn quotas(&self, cloud: &mut Cloud, rest: &[&str]) -> Answered {
        let quota = |quota: Fields| ok(&json!({ "quota": quota }));
        let own = &self.caller.project_id;
        match (self.method, rest) {
            (&Method::GET, ["tenant"]) => ok(&json!({"tenant": {"tenant_id": own}})),
            (&Method::GET, ["project"]) => ok(&json!({"project": {"project_id": own}})),
            (&Method::GET, [project]) => quota(cloud.show_quota(&self.caller, project, false)?),
            (&Method::GET, [project, "default"]) => {
                quota(cloud.show_quota(&self.caller, project, true)?)
            }
            (&Method::GET, [project, "details"]) => {
                quota(cloud.quota_details(&self.caller, project)?)
            }
            (&Method::PUT, [project]) => {
                let body = self.object_body()?;
                let asked = body.get("quota").and_then(Value::as_object).cloned();
                let missing = || ApiError::bad_request("Unable to find 'quota' in request body");
                quota(cloud.update_quota(&self.caller, project, &asked.ok_or_else(missing)?)?)
            }
            (&Method::DELETE, [project]) => cloud
                .reset_quota(&self.caller, project)
                .and_then(|()| done()),
            (&Method::GET, []) if !self.caller.admin => Err(ApiError::forbidden("rule:get_quota")),
            (&Method::GET, []) => ok(&json!({"quotas": []})),
            _ => Err(ApiError::no_such_path()),
        }
    }

    fn availabilities(&self, cloud: &Cloud, rest: &[&str]) -> Answered {
        let asked = self.query.all("network_id").next();
        match rest {
            [] => {
                let list = match self.caller.admin {
                    true => cloud.ip_availability(&self.caller, asked)?,
                    false => Vec::new(),
                };
                ok(&json!({ "network_ip_availabilities": list }))
            }
            [id] => {
                let list = cloud.ip_availability(&self.caller, Some(id))?;
                ok(&json!({"network_ip_availability": list.first()}))
            }
            _ => Err(ApiError::no_such_path()),
        }
    }

    fn json_body(&self) -> Result<Value, ApiError> {
        serde_json::from_slice(self.body)
            .map_err(|_| ApiError::bad_request("Body contains invalid data"))
    }

    /// The body of an action, which another layer reads.
    fn action_body(&self) -> Result<Value, ApiError> {
        let message = "Malformed request body: Cannot understand JSON.";
        serde_json::from_slice(self.body)
            .map_err(|_| ApiError::new(StatusCode::BAD_REQUEST, "MalformedRequestBody", message))
    }

    fn object_body(&self) -> Result<Fields, ApiError> {
        if self.body.is_empty() {
            return Ok(Fields::new());
        }
        match self.json_body()? {
            Value::Object(fields) => Ok(fields),
            _ => Err(ApiError::bad_request("Body contains invalid data")),
        }
    }

    /// The object inside `{singular: {...}}`.
    fn named(&self, kind: Kind, mut body: Fields) -> Result<Fields, ApiError> {
        let name = kind.singular();
        let missing = || ApiError::bad_request(format!("Unable to find '{name}' in request body"));
        named_object(kind, body.remove(name).ok_or_else(missing)?)
    }

    /// The revision that `If-Match: revision_number=N` asks for; any other condition is none.
    fn revision(&self) -> Result<Option<i64>, ApiError> {
        let asked = self
            .if_match
            .trim_matches('"')
            .strip_prefix("revision_number=");
        let reason = "Revision number etag must be in the format of revision_number=<int>";
        asked
            .map(|number| {
                number
                    .parse()
                    .map_err(|_| ApiError::bad_resource("if-match", reason))
            })
            .transpose()
    }
}

/// One object of a bulk.
fn fields_of(value: Value) -> Result<Fields, ApiError> {
    match value {
        Value::Object(fields) => Ok(fields),
        _ => Err(ApiError::bad_request("Body contains invalid data")),
    }
}

fn named_object(kind: Kind, value: Value) -> Result<Fields, ApiError> {
    match value {
        Value::Object(fields) => Ok(fields),
        _ => Err(ApiError::bad_request(format!(
            "Object '{}' contains invalid data",
            kind.singular()
        ))),
    }
}

fn wrapped(kind: Kind, object: Fields) -> Value {
    Value::Object(
        [(kind.singular().to_owned(), Value::Object(object))]
            .into_iter()
            .collect(),
    )
}

/// A path segment without its percent escapes.
fn decoded(segment: &str) -> String {
    let escaped = format!("x={}", segment.replace('+', "%2B").replace('&', "%26"));
    url::form_urlencoded::parse(escaped.as_bytes())
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}
