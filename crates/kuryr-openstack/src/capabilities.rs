//! What a Neutron claims that it can do.

use std::collections::BTreeSet;

use crate::model::Extension;

/// Extensions that matter here. A claim is not a proof: tags in a `POST` are judged by
/// [what comes back](crate::ownership), and address groups are claimed by ML2/OVN of release 21 and let everyone in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    aliases: BTreeSet<String>,
}

impl Capabilities {
    pub(crate) fn of(extensions: &[Extension]) -> Self {
        Self {
            aliases: extensions.iter().map(|e| e.alias.clone()).collect(),
        }
    }

    /// Whether the extension is claimed.
    pub fn has(&self, alias: &str) -> bool {
        self.aliases.contains(alias)
    }

    /// Trunks and subports: without them there is nothing for us to do.
    pub fn trunk(&self) -> bool {
        self.has("trunk")
    }

    /// Objects can be tagged, at least by `PUT`.
    pub fn tags(&self) -> bool {
        self.has("standard-attr-tag") || self.has("tag")
    }

    /// `tags` in the `POST` of ports. ML2/OVN hides it where it works: see [`ownership`](crate::ownership).
    pub fn tags_in_post(&self) -> bool {
        self.has("tag-ports-during-bulk-creation")
    }

    /// Security can be switched off by port.
    pub fn port_security(&self) -> bool {
        self.has("port-security")
    }

    /// Address groups are claimed.
    pub fn address_groups(&self) -> bool {
        self.has("address-group") && self.has("security-groups-remote-address-group")
    }

    /// Quotas tell what is used.
    pub fn quota_details(&self) -> bool {
        self.has("quota_details")
    }

    /// `If-Match: revision_number=N` is heeded.
    pub fn revisions(&self) -> bool {
        self.has("revision-if-match")
    }

    /// Lists can be asked for in pages.
    pub fn pagination(&self) -> bool {
        self.has("pagination")
    }

    /// All that is claimed.
    pub fn aliases(&self) -> impl Iterator<Item = &str> {
        self.aliases.iter().map(String::as_str)
    }
}
