//! What Neutron's lists are asked for.

use std::net::IpAddr;

use crate::filter::{by_ids, query};

query! {
    /// Which ports to list.
    PortQuery {
        /// Those of a network.
        network_id => "network_id";
        /// Those used by something, such as `trunk:subport`.
        device_owner => "device_owner";
        /// Those used by this one.
        device_id => "device_id";
        /// Those in a status, such as `ACTIVE`.
        status => "status";
        /// Those of a name.
        name => "name";
        /// Those of a project.
        project_id => "project_id";
        /// Those with exactly this description.
        description => "description";
        /// Those in a security group.
        security_group => "security_groups";
        /// Those with a MAC address.
        mac_address => "mac_address";
    }
}

impl PortQuery {
    /// Those with this address.
    pub fn ip_address(mut self, address: IpAddr) -> Self {
        self.0.add("fixed_ips", format!("ip_address={address}"));
        self
    }

    /// Those of these networks.
    pub fn network_ids<I: IntoIterator>(mut self, ids: I) -> Self
    where
        I::Item: Into<String>,
    {
        self.0.add_any("network_id", ids);
        self
    }

    /// Those with an address in this subnet.
    pub fn subnet_id(mut self, subnet_id: &str) -> Self {
        self.0.add("fixed_ips", format!("subnet_id={subnet_id}"));
        self
    }
}

query! {
    /// Which trunks to list.
    TrunkQuery {
        /// The one of this parent port.
        port_id => "port_id";
        /// Those in a status.
        status => "status";
        /// Those of a name.
        name => "name";
        /// Those of a project.
        project_id => "project_id";
    }
}

impl TrunkQuery {
    /// Those of these parent ports.
    pub fn port_ids<I: IntoIterator>(mut self, ids: I) -> Self
    where
        I::Item: Into<String>,
    {
        self.0.add_any("port_id", ids);
        self
    }
}

query! {
    /// Which networks to list.
    NetworkQuery {
        /// Those of a name.
        name => "name";
        /// Those of a project.
        project_id => "project_id";
        /// Those with exactly this description.
        description => "description";
    }
}

query! {
    /// Which subnets to list.
    SubnetQuery {
        /// Those of a network.
        network_id => "network_id";
        /// Those of a name.
        name => "name";
        /// Those of a project.
        project_id => "project_id";
        /// Those of a prefix.
        cidr => "cidr";
        /// Those of a pool.
        subnetpool_id => "subnetpool_id";
        /// Those with exactly this description.
        description => "description";
    }
}

impl SubnetQuery {
    /// Those of these networks.
    pub fn network_ids<I: IntoIterator>(mut self, ids: I) -> Self
    where
        I::Item: Into<String>,
    {
        self.0.add_any("network_id", ids);
        self
    }
}

query! {
    /// Which security groups to list.
    SecurityGroupQuery {
        /// Those of a name.
        name => "name";
        /// Those of a project.
        project_id => "project_id";
        /// Those with exactly this description.
        description => "description";
    }
}

query! {
    /// Which floating IPs to list.
    FloatingIpQuery {
        floating_ip_address => "floating_ip_address";
        /// Those of an external network.
        floating_network_id => "floating_network_id";
        /// Those that lead to a port.
        port_id => "port_id";
        /// Those in a status.
        status => "status";
        /// Those of a project.
        project_id => "project_id";
        /// Those with exactly this description.
        description => "description";
    }
}

by_ids!(PortQuery TrunkQuery NetworkQuery SubnetQuery SecurityGroupQuery FloatingIpQuery);
