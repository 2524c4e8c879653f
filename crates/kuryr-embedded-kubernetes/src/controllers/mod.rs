//! What a cluster does by itself: garbage collection, emptying deleted namespaces and
//! CRDs, default service accounts, scheduling.
//!
//! Each controller is a state and a function of one change; one task feeds them all
//! changes in order.

mod accounts;
mod cleanup;
mod garbage;
mod scheduler;

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{
    api::{Api, DeleteOptions, Target},
    model::{error::ApiError, object},
    store::{Object, Observed, TableName},
};

/// Reacts to changes.
pub(crate) trait Controller: Send {
    /// Name for messages.
    fn name(&self) -> &'static str;

    /// Reacts to one change.
    ///
    /// # Errors
    /// What the API answered to its writes.
    fn on_change(&mut self, api: &Api, observed: &Observed) -> Result<(), ApiError>;
}

/// The controllers of every cluster; the scheduler only if wanted.
pub(crate) fn all(scheduler: bool) -> Vec<Box<dyn Controller>> {
    let mut all: Vec<Box<dyn Controller>> = vec![
        Box::new(accounts::Accounts),
        Box::new(garbage::Garbage::default()),
        Box::new(cleanup::Cleanup),
    ];
    if scheduler {
        all.push(Box::new(scheduler::Scheduler::default()));
    }
    all
}

/// Feeds every change to every controller until `stop`.
pub(crate) async fn run(
    api: Arc<Api>,
    mut changes: mpsc::UnboundedReceiver<Observed>,
    mut controllers: Vec<Box<dyn Controller>>,
    stop: CancellationToken,
) {
    loop {
        let observed = tokio::select! {
            () = stop.cancelled() => return,
            observed = changes.recv() => match observed {
                Some(observed) => observed,
                None => return,
            },
        };
        for controller in &mut controllers {
            if let Err(error) = controller.on_change(&api, &observed) {
                let object = observed.change.object.key();
                tracing::debug!(controller = controller.name(), %object, %error, "gave up on a change");
            }
        }
    }
}

fn target(api: &Api, table: &TableName, object: &Object) -> Result<Target, ApiError> {
    Ok(Target {
        kind: api.kind_of_table(table)?,
        key: object.key(),
    })
}

/// Deletes exactly this object; that it is gone already is no error.
fn delete(api: &Api, table: &TableName, object: &Object) -> Result<(), ApiError> {
    let options = DeleteOptions {
        uid: Some(object::uid(&object.value).to_owned()),
        ..DeleteOptions::default()
    };
    ignore_gone(api.delete(&target(api, table, object)?, &options).map(drop))
}

/// A missing object, or another one of its name, is what a deletion wants.
fn ignore_gone(answer: Result<(), ApiError>) -> Result<(), ApiError> {
    match answer {
        Err(error) if matches!(error.code, 404 | 409) => Ok(()),
        answer => answer,
    }
}
