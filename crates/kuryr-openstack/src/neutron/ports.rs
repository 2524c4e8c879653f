//! Ports.

use http::HeaderValue;
use http::header::IF_MATCH;

use super::Neutron;
use super::query::PortQuery;
use super::request::Resource;
use crate::call::{Call, Service};
use crate::error::Error;
use crate::model::{Port, PortUpdate};

impl Neutron {
    /// Lists ports.
    ///
    /// # Errors
    /// See [`ErrorKind`](crate::ErrorKind); so for all calls.
    pub async fn list_ports(&self, query: &PortQuery) -> Result<Vec<Port>, Error> {
        self.list(Resource::Port, &query.0).await
    }

    /// Reads a port.
    ///
    /// # Errors
    /// `NotFound` if it is not there.
    pub async fn get_port(&self, id: &str) -> Result<Port, Error> {
        self.get(Resource::Port, id).await
    }

    /// Changes a port. With `if_revision`, only if its revision is that still.
    ///
    /// # Errors
    /// `Conflict` with `RevisionMismatch` if it was changed meanwhile. That may have been this very call, whose
    /// first answer was lost: read the port before deciding.
    pub async fn update_port(
        &self,
        id: &str,
        change: &PortUpdate,
        if_revision: Option<i64>,
    ) -> Result<Port, Error> {
        self.update(Resource::Port, id, change, |call| {
            at_revision(call, if_revision)
        })
        .await
    }

    /// Deletes a port.
    ///
    /// # Errors
    /// `NotFound` if it was not there to begin with; `Conflict` with `PortInUse` if a trunk has it.
    pub async fn delete_port(&self, id: &str) -> Result<(), Error> {
        self.delete(Resource::Port, id).await
    }

    /// Deletes a port if its revision is that still.
    ///
    /// # Errors
    /// As [`delete_port`](Self::delete_port); `Conflict` with `RevisionMismatch` if it was changed meanwhile.
    pub async fn delete_port_at(&self, id: &str, revision: Option<i64>) -> Result<(), Error> {
        const OPERATION: &str = "delete_port";
        let path = self.object(OPERATION, Resource::Port, id)?;
        let call = Call::delete(Service::Network, OPERATION, path).on(format!("port {id}"));
        self.cloud
            .request(&at_revision(call, revision))
            .await
            .map(|_| ())
    }
}

/// The call, refused by Neutron if the object is at another revision ("revision-if-match").
fn at_revision(call: Call, revision: Option<i64>) -> Call {
    let condition = revision.map(|r| HeaderValue::try_from(format!("revision_number={r}")));
    match condition {
        Some(Ok(value)) => call.header(IF_MATCH, value),
        _ => call,
    }
}
