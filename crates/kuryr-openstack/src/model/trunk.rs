//! Trunks and subports.

use serde::{Deserialize, Serialize};

use super::{id, null_default};

/// A trunk: a parent port, and subports each behind a VLAN of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trunk {
    #[serde(deserialize_with = "id")]
    pub id: String,
    /// Name, not unique.
    #[serde(default, deserialize_with = "null_default")]
    pub name: String,
    /// The parent port.
    #[serde(default, deserialize_with = "null_default")]
    pub port_id: String,
    /// `ACTIVE`, `DOWN`, `BUILD`, `DEGRADED` or `ERROR`. With ML2/OVS it is `BUILD` at each change.
    #[serde(default, deserialize_with = "null_default")]
    pub status: String,
    /// The subports.
    #[serde(default, deserialize_with = "null_default")]
    pub sub_ports: Vec<SubPort>,
    #[serde(default, deserialize_with = "null_default")]
    pub tags: Vec<String>,
    /// Owner.
    pub project_id: Option<String>,
    /// Whether subports may be changed and packets pass.
    pub admin_state_up: Option<bool>,
    /// Counts changes.
    pub revision_number: Option<i64>,
}

/// A subport's place on its trunk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubPort {
    #[serde(deserialize_with = "id")]
    pub port_id: String,
    /// The VLAN, 1 to 4094.
    pub segmentation_id: u16,
    /// How it is told apart.
    #[serde(default)]
    pub segmentation_type: SegmentationType,
}

impl SubPort {
    /// `port_id` behind `vlan`.
    pub fn vlan(port_id: impl Into<String>, vlan: u16) -> Self {
        Self {
            port_id: port_id.into(),
            segmentation_id: vlan,
            segmentation_type: SegmentationType::Vlan,
        }
    }
}

/// How a trunk's packets are told apart.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SegmentationType {
    #[default]
    Vlan,
    /// As the subport's network, by the network's own VLAN.
    Inherit,
    /// Some other way.
    #[serde(other)]
    Other,
}

/// A trunk to be made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct NewTrunk {
    /// The parent port.
    pub port_id: String,
    pub name: String,
    /// Subports to begin with.
    pub sub_ports: Vec<SubPort>,
}
