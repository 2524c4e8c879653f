//! What is to be done, and what came of it: effects as data.

use std::net::IpAddr;
use std::sync::Arc;

use super::complaint::Complaint;
use super::model::{Claim, ClaimSpec, ClaimedAddress, FloatingIp, Id, ServiceKey};
use super::observed::{Balancer, Observed};
use super::tree::{BalancerKey, Listener, Member, Monitor, Pool, Tree};
use crate::reconcile::{Effect, Failure, Lane};

/// One call to Kubernetes, Octavia or Neutron.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Create the KuryrLoadBalancer, with its finalizer and the Service as its owner; if there
    /// is one already, read it.
    CreateClaim {
        service: ServiceKey,
        /// The Service's uid.
        uid: Id,
        spec: Arc<ClaimSpec>,
    },
    /// Write spec, status and finalizer of the KuryrLoadBalancer.
    WriteClaim {
        service: ServiceKey,
        /// The KuryrLoadBalancer's uid.
        uid: Id,
        spec: Arc<ClaimSpec>,
        /// The load balancer for its status; none: that part of the status stays.
        observed: Option<Arc<Observed>>,
        /// `service_pub_ip_info`; none: there is none.
        floating: Option<ClaimedAddress>,
    },
    /// Delete the KuryrLoadBalancer and take our finalizer off it.
    DropClaim {
        service: ServiceKey,
        /// The KuryrLoadBalancer's uid.
        uid: Id,
        /// Whether it is being deleted already.
        deleting: bool,
    },
    /// Write `status.loadBalancer.ingress` of the Service.
    WriteServiceStatus {
        service: ServiceKey,
        uid: Id,
        /// Addresses.
        ingress: Vec<IpAddr>,
    },
    /// Take upstream's finalizer off a Service that is being deleted.
    DropServiceFinalizer { service: ServiceKey, uid: Id },
    /// List all load balancers with our tag, and all floating IPs of the project.
    List,
    /// Read one load balancer, and if it is ACTIVE what is in it.
    Look {
        /// The load balancer.
        lb: Id,
    },
    /// Create a load balancer with all that is in the tree, by one call. Never sent twice.
    CreateBalancer {
        /// Which of which Service.
        key: BalancerKey,
        /// What it is to be.
        tree: Arc<Tree>,
    },
    /// Change a load balancer by one call.
    Change {
        /// Which of which Service.
        key: BalancerKey,
        lb: Id,
        /// The call.
        change: Change,
    },
    /// Take a floating IP from the pool for a VIP. Never sent twice.
    CreateFloatingIp {
        service: ServiceKey,
        network: Id,
        subnet: Option<Id>,
        /// Port of the VIP.
        port: Id,
    },
    /// Find the user's floating IP by its address.
    FindFloatingIp {
        service: ServiceKey,
        address: IpAddr,
    },
    /// Let a floating IP lead to a port, or nowhere.
    AssociateFloatingIp {
        service: ServiceKey,
        /// The floating IP.
        id: Id,
        /// Port of the VIP.
        port: Option<Id>,
    },
    /// Give a floating IP back to the pool.
    DeleteFloatingIp {
        service: ServiceKey,
        /// The floating IP.
        id: Id,
    },
    /// Tell the Service's owner.
    Report {
        service: ServiceKey,
        uid: Id,
        /// What.
        complaint: Complaint,
    },
}

/// A change of a load balancer: one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Set name and our tag.
    Update { name: Id },
    /// Delete it with all that is in it (`cascade`).
    Delete,
    /// Make it anew from what Octavia's database says.
    Failover,
    /// Create a listener, without its pool.
    CreateListener {
        /// What it is to be.
        listener: Listener,
    },
    /// Set name, timeouts and access list of a listener.
    UpdateListener {
        /// The listener's id.
        id: Id,
        /// What it is to be.
        listener: Listener,
    },
    /// Delete a listener; its pool stays.
    DeleteListener {
        /// The listener's id.
        id: Id,
    },
    /// Create a listener's default pool, without members and monitor.
    CreatePool {
        listener: Id,
        /// What it is to be.
        pool: Pool,
    },
    /// Set name, algorithm and session persistence of a pool.
    UpdatePool {
        /// The pool's id.
        id: Id,
        /// What it is to be.
        pool: Pool,
    },
    /// Delete a pool with its members and monitor.
    DeletePool {
        /// The pool's id.
        id: Id,
    },
    /// Set all members of a pool by one batch.
    SetMembers {
        pool: Id,
        /// All members.
        members: Arc<[Member]>,
    },
    CreateMember {
        pool: Id,
        /// What it is to be.
        member: Member,
    },
    DeleteMember {
        pool: Id,
        /// The member's id.
        id: Id,
    },
    /// Create a pool's health monitor.
    CreateMonitor {
        pool: Id,
        /// What it is to be.
        monitor: Monitor,
    },
    /// Set numbers of a health monitor.
    UpdateMonitor {
        /// The monitor's id.
        id: Id,
        /// What it is to be.
        monitor: Monitor,
    },
    /// Delete a health monitor.
    DeleteMonitor {
        /// The monitor's id.
        id: Id,
    },
}

impl Action {
    /// Whether it is a changing call to Octavia.
    #[must_use]
    pub fn changes_octavia(&self) -> bool {
        matches!(self, Self::CreateBalancer { .. } | Self::Change { .. })
    }
}

impl Effect for Action {
    fn name(&self) -> &'static str {
        match self {
            Self::CreateClaim { .. } => "create_kuryrloadbalancer",
            Self::WriteClaim { .. } => "write_kuryrloadbalancer",
            Self::DropClaim { .. } => "drop_kuryrloadbalancer",
            Self::WriteServiceStatus { .. } => "write_service_status",
            Self::DropServiceFinalizer { .. } => "drop_service_finalizer",
            Self::List => "list_load_balancers",
            Self::Look { .. } => "look_at_load_balancer",
            Self::CreateBalancer { .. } => "create_load_balancer",
            Self::CreateFloatingIp { .. } => "create_floating_ip",
            Self::FindFloatingIp { .. } => "find_floating_ip",
            Self::AssociateFloatingIp { .. } => "associate_floating_ip",
            Self::DeleteFloatingIp { .. } => "delete_floating_ip",
            Self::Report { .. } => "report_service",
            Self::Change { change, .. } => match change {
                Change::Update { .. } => "update_load_balancer",
                Change::Delete => "delete_load_balancer",
                Change::Failover => "failover_load_balancer",
                Change::CreateListener { .. } => "create_listener",
                Change::UpdateListener { .. } => "update_listener",
                Change::DeleteListener { .. } => "delete_listener",
                Change::CreatePool { .. } => "create_pool",
                Change::UpdatePool { .. } => "update_pool",
                Change::DeletePool { .. } => "delete_pool",
                Change::SetMembers { .. } => "set_members",
                Change::CreateMember { .. } => "create_member",
                Change::DeleteMember { .. } => "delete_member",
                Change::CreateMonitor { .. } => "create_health_monitor",
                Change::UpdateMonitor { .. } => "update_health_monitor",
                Change::DeleteMonitor { .. } => "delete_health_monitor",
            },
        }
    }

    fn subject(&self) -> String {
        match self {
            Self::CreateClaim { service, .. }
            | Self::WriteClaim { service, .. }
            | Self::DropClaim { service, .. }
            | Self::WriteServiceStatus { service, .. }
            | Self::DropServiceFinalizer { service, .. }
            | Self::CreateFloatingIp { service, .. }
            | Self::FindFloatingIp { service, .. }
            | Self::AssociateFloatingIp { service, .. }
            | Self::DeleteFloatingIp { service, .. }
            | Self::Report { service, .. } => format!("service {service}"),
            Self::CreateBalancer { key, .. } => format!("load balancer {key}"),
            Self::Change { key, lb, .. } => format!("load balancer {key}, {lb}"),
            Self::Look { lb } => format!("load balancer {lb}"),
            Self::List => String::new(),
        }
    }

    fn lane(&self) -> Lane {
        match self {
            Self::List | Self::Look { .. } | Self::FindFloatingIp { .. } => Lane::Read,
            Self::Report { .. } => Lane::Patient,
            Self::CreateClaim { .. }
            | Self::WriteClaim { .. }
            | Self::DropClaim { .. }
            | Self::WriteServiceStatus { .. }
            | Self::DropServiceFinalizer { .. } => Lane::Urgent,
            Self::CreateBalancer { .. }
            | Self::Change { .. }
            | Self::CreateFloatingIp { .. }
            | Self::AssociateFloatingIp { .. }
            | Self::DeleteFloatingIp { .. } => Lane::Cloud,
        }
    }
}

/// What came of an action.
pub type Outcome = Result<Answer, Failure>;

/// What an action brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Done; nothing to tell. Deleting what is gone already is done too.
    Done,
    /// The KuryrLoadBalancer as the API server answered it.
    Claim(Box<Claim>),
    /// The load balancer that was created.
    Created(Balancer),
    /// A load balancer as it is.
    Seen(Box<Observed>),
    /// What was looked for is not there.
    Gone,
    /// Everything, as it was at one moment.
    Listed {
        /// Load balancers of ours.
        balancers: Vec<Balancer>,
        /// Floating IPs of the project, ours or not.
        floating: Vec<FloatingIp>,
    },
    /// A floating IP as it is.
    Floating(FloatingIp),
}
