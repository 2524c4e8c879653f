//! Quotas and extensions.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A project's quotas by resource (`port`, `subnet`, `security_group`, `trunk`, ...).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quota {
    /// One for each resource.
    #[serde(flatten)]
    pub items: BTreeMap<String, QuotaItem>,
}

impl Quota {
    /// How many more of `resource` may be made. `None` if there is no limit, or use is unknown.
    pub fn free(&self, resource: &str) -> Option<u64> {
        let item = self.items.get(resource)?;
        let limit = u64::try_from(item.limit).ok()?;
        Some(limit.saturating_sub(item.used? + item.reserved.unwrap_or(0)))
    }
}

/// One resource's quota.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Stated")]
pub struct QuotaItem {
    /// The most there may be; negative is without limit.
    pub limit: i64,
    /// How many there are, if the cloud tells.
    pub used: Option<u64>,
    /// How many are being made, if the cloud tells.
    pub reserved: Option<u64>,
}

/// With the extension `quota_details` an object, without it the limit alone.
#[derive(Deserialize)]
#[serde(untagged)]
enum Stated {
    Limit(i64),
    Details {
        limit: i64,
        #[serde(default)]
        used: Option<Count>,
        #[serde(default)]
        reserved: Option<Count>,
    },
}

/// Some releases write counts as text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Count {
    Number(i64),
    Text(String),
}

impl Count {
    fn get(self) -> Option<u64> {
        match self {
            Self::Number(n) => u64::try_from(n).ok(),
            Self::Text(t) => t.parse().ok(),
        }
    }
}

impl From<Stated> for QuotaItem {
    fn from(stated: Stated) -> Self {
        match stated {
            Stated::Limit(limit) => Self {
                limit,
                used: None,
                reserved: None,
            },
            Stated::Details {
                limit,
                used,
                reserved,
            } => Self {
                limit,
                used: used.and_then(Count::get),
                reserved: reserved.and_then(Count::get),
            },
        }
    }
}

/// An extension that Neutron claims to have.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Extension {
    /// What it is known by, such as `trunk`.
    pub alias: String,
    /// Its title.
    pub name: String,
}
