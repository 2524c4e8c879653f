//! What Octavia's lists are asked for. Each filter takes one value.

use crate::filter::query;

query! {
    /// Which load balancers to list.
    LoadBalancerQuery {
        /// Those of a name.
        name => "name";
        /// Those of a project.
        project_id => "project_id";
        /// Those with exactly this description.
        description => "description";
        /// Those of a provider.
        provider => "provider";
        vip_address => "vip_address";
        /// The one whose address this port holds.
        vip_port_id => "vip_port_id";
        /// Those with their address in a subnet.
        vip_subnet_id => "vip_subnet_id";
        /// Those in a provisioning status, such as `ERROR`.
        provisioning_status => "provisioning_status";
    }
}

query! {
    /// Which listeners to list.
    ListenerQuery {
        /// Those of a name.
        name => "name";
        /// Those of a project.
        project_id => "project_id";
        /// Those of a load balancer.
        load_balancer_id => "loadbalancer_id";
    }
}

query! {
    /// Which pools to list.
    PoolQuery {
        /// Those of a name.
        name => "name";
        /// Those of a project.
        project_id => "project_id";
        /// Those of a load balancer.
        load_balancer_id => "loadbalancer_id";
    }
}

query! {
    /// Which members of a pool to list.
    MemberQuery {
        /// Those of a name.
        name => "name";
        /// Those with this address.
        address => "address";
    }
}

query! {
    /// Which health monitors to list.
    HealthMonitorQuery {
        /// Those of a name.
        name => "name";
        /// Those of a project.
        project_id => "project_id";
        pool_id => "pool_id";
    }
}
