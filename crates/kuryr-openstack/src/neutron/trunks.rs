//! Trunks and subports (Neutron API, "Trunk networking").

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;

use super::Neutron;
use super::query::TrunkQuery;
use super::request::Resource;
use crate::call::{Call, Service};
use crate::error::Error;
use crate::model::{NewTrunk, SubPort, Trunk};
use crate::rest::{times, to_value};

/// A subport takes 75 ms of a server that has nothing else to do.
const EACH: Duration = Duration::from_millis(500);

impl Neutron {
    /// Lists trunks.
    ///
    /// # Errors
    /// See [`ErrorKind`](crate::ErrorKind); so for all calls.
    pub async fn list_trunks(&self, query: &TrunkQuery) -> Result<Vec<Trunk>, Error> {
        self.list(Resource::Trunk, &query.0).await
    }

    /// Reads a trunk.
    ///
    /// # Errors
    /// `NotFound` if it is not there.
    pub async fn get_trunk(&self, id: &str) -> Result<Trunk, Error> {
        self.get(Resource::Trunk, id).await
    }

    /// Makes a trunk.
    ///
    /// # Errors
    /// `Conflict` with `PortInUse` if the parent has one already.
    pub async fn create_trunk(&self, new: &NewTrunk) -> Result<Trunk, Error> {
        self.create(Resource::Trunk, new).await
    }

    /// Deletes a trunk. Its subports become plain ports, without a word.
    ///
    /// # Errors
    /// `NotFound` if it was not there to begin with.
    pub async fn delete_trunk(&self, id: &str) -> Result<(), Error> {
        self.delete(Resource::Trunk, id).await
    }

    /// Adds subports, all or none. Sent once: a repetition would fail on what the first one did.
    ///
    /// # Errors
    /// `Conflict` with `DuplicateSubPort` if a VLAN is taken, with `PortInUse` if a port is on a trunk already.
    /// With [`Error::maybe_applied`], read the trunk before another try.
    pub async fn add_subports(&self, trunk_id: &str, subports: &[SubPort]) -> Result<Trunk, Error> {
        let body = json!({ "sub_ports": to_value("add_subports", &subports)? });
        let call = self
            .subports_call("add_subports", trunk_id, body, subports.len())?
            .once();
        self.answered_trunk(&call).await
    }

    /// Sees to it that none of `port_ids` is a subport of the trunk, and gives the trunk. Those that are not are
    /// left out of account, though Neutron fails on them (404, and removes none): then the trunk is read and the
    /// rest removed.
    ///
    /// # Errors
    /// `NotFound` if the trunk is not there.
    pub async fn remove_subports(
        &self,
        trunk_id: &str,
        port_ids: &[String],
    ) -> Result<Trunk, Error> {
        match self.remove_once(trunk_id, port_ids).await {
            Err(error) if error.is_not_found() => {
                let trunk = self.get_trunk(trunk_id).await?;
                let on_it: BTreeSet<_> =
                    trunk.sub_ports.iter().map(|s| s.port_id.as_str()).collect();
                let left: Vec<_> = port_ids
                    .iter()
                    .filter(|id| on_it.contains(id.as_str()))
                    .cloned()
                    .collect();
                if left.is_empty() {
                    return Ok(trunk);
                }
                self.remove_once(trunk_id, &left).await
            }
            outcome => outcome,
        }
    }

    async fn remove_once(&self, trunk_id: &str, port_ids: &[String]) -> Result<Trunk, Error> {
        let sub_ports: Vec<_> = port_ids.iter().map(|id| json!({ "port_id": id })).collect();
        let body = json!({ "sub_ports": sub_ports });
        let call = self.subports_call("remove_subports", trunk_id, body, port_ids.len())?;
        self.answered_trunk(&call).await
    }

    fn subports_call(
        &self,
        operation: &'static str,
        trunk_id: &str,
        body: serde_json::Value,
        count: usize,
    ) -> Result<Call, Error> {
        let path = format!(
            "{}/{operation}",
            self.object(operation, Resource::Trunk, trunk_id)?
        );
        let more = times(EACH, count);
        let object = format!("trunk {trunk_id}, {count} subports");
        Ok(Call::put(Service::Network, operation, path, body)
            .on(object)
            .allow(more))
    }

    /// These two calls answer the trunk itself, without a key around it.
    async fn answered_trunk(&self, call: &Call) -> Result<Trunk, Error> {
        let answer = self.cloud.request(call).await?;
        answer.whole()
    }
}
