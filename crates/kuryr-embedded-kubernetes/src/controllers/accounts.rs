//! Every namespace has the service account `default`.

use serde_json::json;

use super::Controller;
use crate::{
    api::{Api, WriteOptions},
    model::error::ApiError,
    store::{ChangeKind, Observed},
};

#[derive(Debug)]
pub(super) struct Accounts;

impl Controller for Accounts {
    fn name(&self) -> &'static str {
        "service accounts"
    }

    fn on_change(&mut self, api: &Api, observed: &Observed) -> Result<(), ApiError> {
        if observed.table.as_str() != "namespaces" || observed.change.kind != ChangeKind::Added {
            return Ok(());
        }
        let namespace = observed.change.object.key().name;
        let account = json!({"metadata": {"name": "default"}});
        let kind = api.kind("", "serviceaccounts")?;
        match api.create(&kind, &namespace, account, &WriteOptions::default()) {
            Err(error) if error.code != 409 => Err(error),
            _ => Ok(()),
        }
    }
}
