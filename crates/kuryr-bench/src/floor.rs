//! Neutron's own floor: the same ports as bare bulk calls in their best order.
//!
//! Neutron takes about the same time for a port whether it is asked for one or for many, and
//! works on as many calls at once as it has workers. So the best that anyone can do is to
//! keep two creates under way, and add each batch to its trunk while the next is created.

use std::time::Instant;

use kuryr_openstack::model::{NewPort, PortStatus, SubPort, WantedIp};
use kuryr_openstack::{Neutron, OwnershipMark, PortQuery};

use crate::BenchError;

/// Where and how many.
#[derive(Clone, Debug)]
pub struct Options {
    /// Network of the ports.
    pub network: String,
    /// Subnet of the ports.
    pub subnet: String,
    /// Security groups of the ports.
    pub security_groups: Vec<String>,
    /// Trunks that they are added to in turn.
    pub trunks: Vec<String>,
    /// How many ports.
    pub ports: usize,
    /// Ports in one bulk create.
    pub batch: usize,
}

/// Seconds until the first batch, and until all, were ACTIVE.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Floor {
    /// The first batch.
    pub first: f64,
    /// All.
    pub last: f64,
}

/// Measures it, and removes what it made.
///
/// # Errors
/// If a call fails; what was made is removed all the same.
pub async fn run(neutron: &Neutron, options: &Options) -> Result<Floor, BenchError> {
    let mark = OwnershipMark {
        tag: format!("kuryr-bench-floor={}", std::process::id()),
        description: String::new(),
    };
    let measured = measure(neutron, options, &mark).await;
    clean(neutron, options, &mark).await?;
    measured
}

async fn measure(
    neutron: &Neutron,
    options: &Options,
    mark: &OwnershipMark,
) -> Result<Floor, BenchError> {
    let begun = Instant::now();
    let batches = options.ports.div_ceil(options.batch.max(1));
    let mut trunks = options.trunks.iter().cycle();
    let mut creating = Vec::new();
    for i in 0..batches {
        let size = options.batch.min(options.ports - i * options.batch);
        let trunk = trunks.next().cloned().unwrap_or_default();
        creating.push((i, size, trunk));
    }
    let gate = tokio::sync::Semaphore::new(2);
    let locks: Vec<_> = options
        .trunks
        .iter()
        .map(|_| tokio::sync::Mutex::new(()))
        .collect();
    let work = creating.into_iter().map(|(i, size, trunk)| {
        let (gate, lock) = (&gate, &locks[i % locks.len()]);
        async move {
            let made = {
                let _turn = gate.acquire().await;
                let ports = vec![new_port(options); size];
                neutron.create_ports(&ports, mark).await?
            };
            let first_vlan = 2000 + u16::try_from(i * options.batch).unwrap_or(0);
            let subports: Vec<SubPort> = made
                .iter()
                .zip(first_vlan..)
                .map(|(p, vlan)| SubPort::vlan(p.id.clone(), vlan))
                .collect();
            let _one_at_a_time = lock.lock().await;
            neutron.add_subports(&trunk, &subports).await?;
            wait_active(
                neutron,
                &made.iter().map(|p| p.id.clone()).collect::<Vec<_>>(),
            )
            .await?;
            Ok::<f64, BenchError>(begun.elapsed().as_secs_f64())
        }
    });
    let times = futures::future::try_join_all(work).await?;
    Ok(Floor {
        first: times.iter().copied().fold(f64::INFINITY, f64::min),
        last: times.iter().copied().fold(0.0, f64::max),
    })
}

fn new_port(options: &Options) -> NewPort {
    NewPort {
        network_id: options.network.clone(),
        fixed_ips: vec![WantedIp::in_subnet(options.subnet.clone())],
        security_groups: Some(options.security_groups.clone()),
        ..NewPort::default()
    }
}

async fn wait_active(neutron: &Neutron, ids: &[String]) -> Result<(), BenchError> {
    let query = PortQuery::new().ids(ids.iter().cloned()).fields(["status"]);
    for _ in 0..200 {
        let ports = neutron.list_ports(&query).await?;
        if ports.iter().all(|p| p.status == PortStatus::Active) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    Ok(())
}

async fn clean(
    neutron: &Neutron,
    options: &Options,
    mark: &OwnershipMark,
) -> Result<(), BenchError> {
    let ports = neutron.list_owned_ports(mark, &PortQuery::new()).await?;
    for id in &options.trunks {
        let trunk = neutron.get_trunk(id).await?;
        let ours: Vec<String> = trunk
            .sub_ports
            .iter()
            .map(|s| s.port_id.clone())
            .filter(|p| ports.iter().any(|port| port.id == *p))
            .collect();
        if !ours.is_empty() {
            neutron.remove_subports(id, &ours).await?;
        }
    }
    for port in ports {
        neutron.delete_port(&port.id).await?;
    }
    Ok(())
}
