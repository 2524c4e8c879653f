//! Our own ports and networks: made with a mark, and found by it. [`ownership`](crate::ownership) says how.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::join_all;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Neutron;
use super::query::PortQuery;
use super::request::Resource;
use crate::error::{Error, ErrorKind};
use crate::filter::Filter;
use crate::model::{Network, NewPort, Port, PortUpdate};
use crate::ownership::{MarkedBy, OwnershipMark, TagSupport};
use crate::rest::to_value;

/// A port in a bulk takes a quarter of a second of a server that has nothing else to do.
const EACH: Duration = Duration::from_secs(1);

impl Neutron {
    /// Lists the ports of `query` that carry `mark`, by tag or by description, each once.
    ///
    /// What comes back is looked at again: a cloud without tags may leave a filter by them out of account, and
    /// would show us everybody's ports as ours. The list by description is left out once tags are seen to be kept
    /// and a list of everything showed no port without.
    ///
    /// # Errors
    /// If one of the two lists fails, all does: half of what is ours would look like the whole.
    pub async fn list_owned_ports(
        &self,
        mark: &OwnershipMark,
        query: &PortQuery,
    ) -> Result<Vec<Port>, Error> {
        let learned = &self.cloud.shared.tags;
        let mut filter = query.0.clone();
        if filter.selects_fields() {
            filter = filter.with("fields", "tags").with("fields", "description");
        }
        let everything = filter.is_everything();
        let mut found: Vec<Port> = self.list_tagged(Resource::Port, mark, &filter).await?;
        if learned.look_for_descriptions() && !mark.description.is_empty() {
            let described = filter.with("description", &mark.description);
            let described: Vec<Port> = self.list(Resource::Port, &described).await?;
            if everything {
                learned.all_tagged(
                    described
                        .iter()
                        .all(|p| mark.on(p) != Some(MarkedBy::Description)),
                );
            }
            found.extend(described);
        }
        let mut seen = BTreeSet::new();
        found.retain(|port| mark.on(port).is_some() && seen.insert(port.id.clone()));
        Ok(found)
    }

    /// Lists the networks that carry `mark`, by tag or by description, each once. They are made with the description and
    /// tagged by a call after it, and some that others made are tagged only.
    ///
    /// # Errors
    /// If one of the two lists fails, all does.
    pub async fn list_owned_networks(&self, mark: &OwnershipMark) -> Result<Vec<Network>, Error> {
        let filter = Filter::default();
        let described = filter.clone().with("description", &mark.description);
        let (tagged, described) = tokio::try_join!(
            self.list_tagged::<Network>(Resource::Network, mark, &filter),
            self.list::<Network>(Resource::Network, &described),
        )?;
        let mut seen = BTreeSet::new();
        let all = tagged.into_iter().chain(described);
        let ours = all.filter(|n| mark.on(n).is_some() && seen.insert(n.id.clone()));
        Ok(ours.collect())
    }

    async fn list_tagged<T: DeserializeOwned>(
        &self,
        resource: Resource,
        mark: &OwnershipMark,
        filter: &Filter,
    ) -> Result<Vec<T>, Error> {
        if self.tag_support() == TagSupport::None {
            return Ok(Vec::new());
        }
        match self
            .list(resource, &filter.clone().with("tags", &mark.tag))
            .await
        {
            // A cloud that checks filters and has no tags.
            Err(error) if matches!(error.kind(), ErrorKind::BadRequest(_)) => {
                if self.cloud.capabilities().await?.tags() {
                    Err(error)
                } else {
                    Ok(Vec::new())
                }
            }
            outcome => outcome,
        }
    }

    /// Makes ports, all or none, and marks them as ours. The answer is in the order of `ports`.
    ///
    /// How they are marked depends on the cloud: see [`ownership`](crate::ownership). If tags have to be set
    /// after the `POST` and that fails, the ports are given all the same, marked by their description;
    /// [`OwnershipMark::on`] tells.
    ///
    /// # Errors
    /// `Conflict` with `OverQuota` or `IpExhausted`: none was made. With [`Error::maybe_applied`], list what is
    /// ours before another try.
    pub async fn create_ports(
        &self,
        ports: &[NewPort],
        mark: &OwnershipMark,
    ) -> Result<Vec<Port>, Error> {
        let support = self.tag_support();
        let made = match self.post_ports(ports, mark, support).await {
            // A cloud that knows no `tags` in a POST refuses it as an unknown attribute.
            Err(error) if support == TagSupport::Unknown && refuses_tags(&error) => {
                self.cloud.shared.tags.set(TagSupport::ByPut);
                self.post_ports(ports, mark, TagSupport::ByPut).await?
            }
            outcome => outcome?,
        };
        self.learn(&made, mark);
        Ok(join_all(
            made.into_iter()
                .zip(ports)
                .map(|(made, wanted)| self.complete_tags(made, wanted, mark)),
        )
        .await)
    }

    async fn post_ports(
        &self,
        ports: &[NewPort],
        mark: &OwnershipMark,
        support: TagSupport,
    ) -> Result<Vec<Port>, Error> {
        let bodies = ports
            .iter()
            .map(|port| body(port, mark, support))
            .collect::<Result<Vec<_>, _>>()?;
        self.create_bulk("create_ports", Resource::Port, bodies, EACH)
            .await
    }

    /// Marks a port that lost its mark as ours again, keeping the tags that it has, and gives
    /// it. If it can't be tagged its description marks it.
    pub async fn mark_port(&self, port: Port, tags: &[String], mark: &OwnershipMark) -> Port {
        let wanted = NewPort {
            tags: port.tags.iter().chain(tags).cloned().collect(),
            ..NewPort::default()
        };
        self.complete_tags(port, &wanted, mark).await
    }

    /// Draws from an answer whether tags in the `POST` are kept.
    fn learn(&self, made: &[Port], mark: &OwnershipMark) {
        let learned = &self.cloud.shared.tags;
        if made.is_empty() || !learned.get().try_in_post() {
            return;
        }
        let kept = made.iter().all(|port| port.tags.contains(&mark.tag));
        learned.set(if kept {
            TagSupport::InPost
        } else {
            TagSupport::ByPut
        });
    }

    /// Sets the tags that the `POST` left out. Never fails: the port is there, and is ours by its description.
    async fn complete_tags(&self, mut made: Port, wanted: &NewPort, mark: &OwnershipMark) -> Port {
        let tags = mark.tags_with(&wanted.tags);
        let complete = tags.iter().all(|tag| made.tags.contains(tag));
        if complete || self.tag_support() == TagSupport::None {
            return made;
        }
        match self.set_tags(Resource::Port, &made.id, &tags).await {
            Ok(set) => made.tags = set,
            Err(error) => self.without_tags(&mut made, mark, &error).await,
        }
        made
    }

    /// Tags can't be had for `port`: sees to it that its description marks it.
    async fn without_tags(&self, port: &mut Port, mark: &OwnershipMark, error: &Error) {
        // Neutron names the port's absence; a missing extension is an unknown URL.
        let no_such_call = error.context().status == Some(404)
            && error.context().error_type.as_deref() != Some("PortNotFound");
        if no_such_call {
            self.cloud.shared.tags.set(TagSupport::None);
        }
        self.cloud.shared.tags.all_tagged(false);
        tracing::warn!(%error, port = %port.id, "port not tagged, it is marked by its description");
        if port.description == mark.description {
            return;
        }
        let change = PortUpdate {
            description: Some(mark.description.clone()),
            ..PortUpdate::default()
        };
        match self.update_port(&port.id, &change, None).await {
            Ok(updated) => *port = updated,
            Err(error) => tracing::error!(%error, port = %port.id, "port carries no mark of ours"),
        }
    }

    /// What is known of how this cloud tags ports.
    pub fn tag_support(&self) -> TagSupport {
        self.cloud.shared.tags.get()
    }
}

/// A port's part of the `POST`.
fn body(port: &NewPort, mark: &OwnershipMark, support: TagSupport) -> Result<Value, Error> {
    let mut body = to_value("create_ports", port)?;
    if support.try_in_post() {
        body["tags"] = mark.tags_with(&port.tags).into();
    }
    if support.needs_description() && !mark.description.is_empty() {
        body["description"] = mark.description.as_str().into();
    }
    Ok(body)
}

fn refuses_tags(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::BadRequest(message) if message.contains("tags"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    #[test]
    fn the_post_carries_what_the_cloud_can_keep() {
        let mark = OwnershipMark {
            tag: "t".to_owned(),
            description: "d".to_owned(),
        };
        let port = NewPort {
            network_id: "n".to_owned(),
            tags: vec!["u".to_owned()],
            ..NewPort::default()
        };
        let at = |support| body(&port, &mark, support).unwrap();
        assert_eq!(
            at(TagSupport::Unknown),
            json!({"network_id": "n", "tags": ["t", "u"], "description": "d"})
        );
        assert_eq!(
            at(TagSupport::InPost),
            json!({"network_id": "n", "tags": ["t", "u"]})
        );
        assert_eq!(
            at(TagSupport::ByPut),
            json!({"network_id": "n", "description": "d"})
        );
        assert_eq!(
            at(TagSupport::None),
            json!({"network_id": "n", "description": "d"})
        );
    }
}
