//! Watches: a list of changes that goes on, one JSON object a line.

use std::{collections::VecDeque, convert::Infallible, sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes},
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use futures::stream;
use rand::Rng as _;
use tokio::{
    sync::watch,
    time::{Instant, Interval, MissedTickBehavior},
};

use super::{
    Call, Server,
    encode::{self, Shape},
    faults::Disruption,
};
use crate::{
    api::{Filter, ListQuery},
    kinds::Kind,
    model::error::ApiError,
    store::{Change, ChangeKind, Object, with_version},
};

/// A watch without `timeoutSeconds` ends after this to twice this many seconds.
const DEFAULT_TIMEOUT: u64 = 1800;

pub(super) fn answer(call: &Call) -> Result<Response, ApiError> {
    call.query.check_watch()?;
    let mut filter = call.query.filter(&call.kind, &call.path.namespace)?;
    if !call.path.name.is_empty() {
        let only = format!("metadata.name={}", call.path.name);
        filter.fields = crate::model::selector::FieldSelector::parse(&only, &["metadata.name"])
            .map_err(|error| ApiError::bad_request(error.to_string()))?;
    }
    let session = Session::start(call, filter)?;
    let lines = stream::unfold(session, |mut session| async {
        session
            .next()
            .await
            .map(|line| (Ok::<_, Infallible>(line), session))
    });
    let mut response = Response::new(Body::from_stream(lines));
    *response.status_mut() = StatusCode::OK;
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(response)
}

/// One open watch.
struct Session {
    server: Arc<Server>,
    kind: Arc<Kind>,
    filter: Filter,
    shape: Shape,
    /// Changes up to here are in `pending` or sent.
    seen: u64,
    pending: VecDeque<Bytes>,
    wake: watch::Receiver<u64>,
    disruption: watch::Receiver<Disruption>,
    bookmarks: Option<Interval>,
    deadline: Instant,
    /// A line was made before: later tables need no column definitions.
    begun: bool,
    over: bool,
}

impl Session {
    fn start(call: &Call, filter: Filter) -> Result<Self, ApiError> {
        let server = Arc::clone(&call.server);
        let random =
            || Duration::from_secs(DEFAULT_TIMEOUT + rand::rng().random_range(0..DEFAULT_TIMEOUT));
        let timeout = call.query.timeout()?.unwrap_or_else(random);
        let bookmarks = call.query.flag("allowWatchBookmarks").then(|| {
            let every = server.bookmark_every;
            let mut interval = tokio::time::interval_at(Instant::now() + every, every);
            interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
            interval
        });
        // Subscribed before the state is read, so that no change falls between.
        let wake = server.api.store().wake(&call.kind.table);
        let mut session = Self {
            kind: Arc::clone(&call.kind),
            shape: Shape::wanted(call),
            seen: 0,
            pending: VecDeque::new(),
            wake,
            disruption: server.faults.disruptions(),
            bookmarks,
            deadline: Instant::now() + timeout,
            begun: false,
            over: false,
            filter,
            server,
        };
        match call.query.version()? {
            Some(version) => session.seen = version,
            None => session.begin_with_state()?,
        }
        Ok(session)
    }

    /// A watch without a version starts with all objects as if they were new.
    fn begin_with_state(&mut self) -> Result<(), ApiError> {
        let query = ListQuery {
            filter: self.filter.clone(),
            ..ListQuery::default()
        };
        let listed = self.server.api.list(&self.kind, &query)?;
        for object in &listed.objects {
            self.push("ADDED", object);
        }
        self.seen = listed.version;
        Ok(())
    }

    fn push(&mut self, name: &str, object: &Object) {
        let first = !self.begun;
        self.begun = true;
        self.pending
            .push_back(encode::event(&self.kind, name, object, self.shape, first));
    }

    /// The next line; `None` ends the watch.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(line) = self.pending.pop_front() {
                return Some(line);
            }
            if self.over {
                return None;
            }
            self.wake.mark_unchanged();
            self.collect();
            if self.pending.is_empty() {
                self.wait().await;
            }
        }
    }

    /// Turns the changes since the last time into lines.
    fn collect(&mut self) {
        let changes = self
            .server
            .api
            .store()
            .changes_since(&self.kind.table, self.seen);
        match changes {
            Ok(changes) => {
                for change in changes {
                    self.seen = self.seen.max(change.version);
                    if let Some((name, object)) = visible(&change, &self.filter) {
                        self.push(name, &object);
                    }
                }
            }
            Err(forgotten) => {
                let message = format!(
                    "too old resource version: {} ({})",
                    self.seen, forgotten.oldest
                );
                self.fail(&ApiError::expired(message));
            }
        }
    }

    fn fail(&mut self, error: &ApiError) {
        let status = error.to_status().to_string();
        self.pending
            .push_back(encode::line("ERROR", status.as_bytes()));
        self.over = true;
    }

    /// Waits for a change, a bookmark's time, the end, or a fault.
    async fn wait(&mut self) {
        let bookmark = async {
            match &mut self.bookmarks {
                Some(interval) => drop(interval.tick().await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            changed = self.wake.changed() => self.over = changed.is_err(),
            () = bookmark => self.push_bookmark(),
            () = tokio::time::sleep_until(self.deadline) => {
                if self.bookmarks.is_some() {
                    self.push_bookmark();
                }
                self.over = true;
            }
            disrupted = self.disruption.changed() => {
                let disruption = *self.disruption.borrow_and_update();
                match disruption {
                    Disruption::Expire(_) if disrupted.is_ok() => {
                        self.fail(&ApiError::expired("The resourceVersion for the provided watch is too old."));
                    }
                    _ => self.over = true,
                }
            }
        }
    }

    fn push_bookmark(&mut self) {
        // Read first: what happens in this table up to then is collected before the bookmark.
        let version = self.server.api.store().version();
        self.collect();
        if !self.over {
            self.seen = self.seen.max(version);
            let line = encode::bookmark(&self.kind, self.seen, self.shape);
            self.pending.push_back(line);
        }
    }
}

/// What a watcher with this filter sees of a change: an object that begins or ceases to
/// match is added or deleted for it.
fn visible(change: &Change, filter: &Filter) -> Option<(&'static str, Object)> {
    let matches = |object: &Object| filter.matches(&object.value);
    let before = change
        .previous
        .as_ref()
        .filter(|previous| matches(previous));
    match (before, matches(&change.object), change.kind) {
        (_, true, ChangeKind::Added) => Some(("ADDED", Arc::clone(&change.object))),
        (Some(_), _, ChangeKind::Deleted) => Some(("DELETED", Arc::clone(&change.object))),
        (Some(_), true, ChangeKind::Modified) => Some(("MODIFIED", Arc::clone(&change.object))),
        (None, true, ChangeKind::Modified) => Some(("ADDED", Arc::clone(&change.object))),
        (Some(before), false, ChangeKind::Modified) => {
            Some(("DELETED", with_version(before, change.version)))
        }
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        model::{object, selector::LabelSelector},
        store::{Expect, Store, TableName},
    };

    fn pod(app: &str) -> Value {
        json!({"metadata": {"name": "a", "labels": {"app": app}}})
    }

    #[test]
    fn an_object_that_ceases_to_match_is_deleted_for_the_watcher() {
        let (store, table) = (Store::new(10), TableName::from("pods"));
        let mut expect = Expect::Absent;
        for app in ["web", "db", "web", "web"] {
            let object = store.put(&table, expect, pod(app)).unwrap();
            expect = Expect::Version(object.version);
        }
        store.remove(&table, expect, pod("web")).unwrap();
        let filter = Filter {
            labels: LabelSelector::parse("app=web").unwrap(),
            ..Filter::default()
        };
        let seen: Vec<(&str, String)> = store
            .changes_since(&table, 0)
            .unwrap()
            .iter()
            .filter_map(|change| visible(change, &filter))
            .map(|(name, object)| {
                (
                    name,
                    object::label(&object.value, "app").unwrap().to_owned(),
                )
            })
            .collect();
        let web = || "web".to_owned();
        assert_eq!(
            seen,
            [
                ("ADDED", web()),
                ("DELETED", web()),
                ("ADDED", web()),
                ("MODIFIED", web()),
                ("DELETED", web())
            ]
        );
    }
}
