//! The words of Octavia: statuses, protocols, algorithms (Octavia API v2 reference, "Status codes" and each resource).

use super::word::words;

words! {
    /// Whether Octavia is at work on an object.
    ProvisioningStatus {
        /// It is as asked for.
        Active = "ACTIVE",
        /// Being made.
        PendingCreate = "PENDING_CREATE",
        /// Being changed.
        PendingUpdate = "PENDING_UPDATE",
        /// Being deleted.
        PendingDelete = "PENDING_DELETE",
        /// Gone; only some releases show it.
        Deleted = "DELETED",
        /// It could not be made as asked for.
        Error = "ERROR",
    }
}

impl ProvisioningStatus {
    /// Octavia is at work: changes of the whole load balancer are refused until it is done.
    pub fn is_pending(&self) -> bool {
        matches!(
            self,
            Self::PendingCreate | Self::PendingUpdate | Self::PendingDelete
        )
    }
}

words! {
    /// Whether an object carries traffic, as far as Octavia knows.
    OperatingStatus {
        /// It does.
        Online = "ONLINE",
        /// It is switched off.
        Offline = "OFFLINE",
        /// It takes no new connections.
        Draining = "DRAINING",
        /// Some of what is below it fails.
        Degraded = "DEGRADED",
        /// It fails.
        Error = "ERROR",
        /// Nothing watches it.
        NoMonitor = "NO_MONITOR",
    }
}

words! {
    /// What a listener or pool speaks. Not every provider takes every one.
    LbProtocol {
        Tcp = "TCP",
        Udp = "UDP",
        Sctp = "SCTP",
        Http = "HTTP",
        /// TLS that is passed through.
        Https = "HTTPS",
        /// TLS that ends in a listener.
        TerminatedHttps = "TERMINATED_HTTPS",
        /// TCP with a header of the PROXY protocol, pools only.
        Proxy = "PROXY",
        /// The same of version 2.
        ProxyV2 = "PROXYV2",
    }
}

words! {
    /// How a pool picks a member.
    LbAlgorithm {
        /// In turn.
        RoundRobin = "ROUND_ROBIN",
        /// The least busy.
        LeastConnections = "LEAST_CONNECTIONS",
        /// By the client's address.
        SourceIp = "SOURCE_IP",
        /// By the client's address and port: the only one of the provider `ovn`.
        SourceIpPort = "SOURCE_IP_PORT",
    }
}

words! {
    /// What keeps a client on its member.
    PersistenceType {
        /// The client's address.
        SourceIp = "SOURCE_IP",
        /// A cookie of the load balancer.
        HttpCookie = "HTTP_COOKIE",
        /// A cookie of the application.
        AppCookie = "APP_COOKIE",
    }
}

words! {
    /// How a member is probed.
    MonitorType {
        /// A TCP connection.
        Tcp = "TCP",
        /// A datagram that must not be refused.
        UdpConnect = "UDP-CONNECT",
        /// An SCTP association.
        Sctp = "SCTP",
        /// An HTTP request.
        Http = "HTTP",
        /// An HTTP request over TLS.
        Https = "HTTPS",
        /// The beginning of TLS.
        TlsHello = "TLS-HELLO",
        /// ICMP echo.
        Ping = "PING",
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_and_written_as_they_are() {
        for word in ["PENDING_UPDATE", "ACTIVE", "SOMETHING_NEW", ""] {
            let status: ProvisioningStatus = serde_json::from_value(word.into()).unwrap();
            assert_eq!(serde_json::to_value(&status).unwrap(), word);
        }
        assert_eq!(
            LbAlgorithm::from("SOURCE_IP_PORT"),
            LbAlgorithm::SourceIpPort
        );
        assert_eq!(MonitorType::UdpConnect.to_string(), "UDP-CONNECT");
    }

    #[test]
    fn only_work_under_way_is_pending() {
        let pending = |word| ProvisioningStatus::from(word).is_pending();
        assert!(
            pending("PENDING_CREATE") && pending("PENDING_UPDATE") && pending("PENDING_DELETE")
        );
        assert!(!pending("ACTIVE") && !pending("ERROR") && !pending("DELETED"));
    }
}
