//! What a policy's owner is to know: each becomes an Event of the NetworkPolicy.

use std::fmt;

/// Something to tell. It is told once, until it is over.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Complaint {
    /// The Event's reason.
    pub reason: Reason,
    /// What of the policy it is about; empty for all of it. Of one reason and subject there is one complaint at a time.
    pub about: String,
    /// The Event's text: what can't be, and what happens instead.
    pub message: String,
}

impl Complaint {
    /// A complaint.
    #[must_use]
    pub fn new(reason: Reason, about: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            reason,
            about: about.into(),
            message: message.into(),
        }
    }
}

/// The `reason` of an Event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// A field can't be read, and allows nothing.
    InvalidValue,
    /// A named port beside an ipBlock in egress: addresses have no names.
    PortNameOfAddress,
    /// A pod would need more security groups than a port may have: what this policy allows it is not in force.
    TooManyGroups,
    /// A pod whose egress is limited can't reach a Service, because not all that is behind it is allowed.
    ServiceNotReachable,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
