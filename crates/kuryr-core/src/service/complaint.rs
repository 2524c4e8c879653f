//! What can't be, and what happens instead: each becomes an Event of the Service.

use std::fmt;

/// Something that the Service's owner is to know. It is told once, until it is over.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Complaint {
    /// The Event's reason.
    pub reason: Reason,
    /// What of the Service it is about: a port, an annotation; empty for all of it. Of one
    /// reason and subject there is one complaint at a time.
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

    /// What makes it the same complaint: texts may carry request ids and counts.
    pub(crate) fn identity(&self) -> (Reason, String) {
        (self.reason, self.about.clone())
    }
}

/// The `reason` of an Event; names with Kuryr in them are upstream's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The Service gets no load balancer.
    KuryrServiceSkipped,
    /// A port of the Service gets no listener.
    KuryrSkipListener,
    /// Endpoints are no members.
    KuryrSkipMember,
    /// An annotation or field can't be read, and is as if absent.
    InvalidValue,
    /// An annotation asks for what the operator does not let Services ask for, and is as if absent.
    NotAllowed,
    /// An annotation of the cloud provider's that has no effect here.
    AnnotationNotServed,
    /// `externalIPs` are not served.
    ExternalIpsNotServed,
    /// Node ports are not opened.
    NodePortNotServed,
    /// `loadBalancerSourceRanges` is not enforced by the load balancer.
    SourceRangesNotEnforced,
    /// `sessionAffinity` is not kept.
    SessionAffinityNotKept,
    TrafficPolicyNotKept,
    /// The provider has no health monitor for the protocol.
    HealthMonitorNotSupported,
    /// No subnet for VIPs has the cluster address.
    NoServiceSubnet,
    /// The Service asks for a load balancer that it can't share.
    SharedLoadBalancerRefused,
    /// There is no network to take a floating IP from.
    NoExternalNetwork,
    /// Another Service, or something else, has the address.
    AddressInUse,
    /// No floating IP could be had.
    FloatingIpFailed,
    /// The project's quota is used up.
    QuotaReached,
    /// The provider does not take an option.
    OptionRefused,
    /// Octavia refused or failed.
    OctaviaFailed,
    LoadBalancerError,
    /// The load balancer stays in a state in which nothing can be changed.
    LoadBalancerStuck,
    /// A load balancer that is not ours is where ours is to be.
    LoadBalancerNotOurs,
    /// A change was accepted and did not show.
    ChangeNotTaken,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
