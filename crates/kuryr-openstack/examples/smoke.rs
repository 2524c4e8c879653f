//! Goes through the calls against a real cloud: makes a network, ports and a trunk, and deletes them again.
//!
//! Settings come from `OS_AUTH_URL`, `OS_USERNAME`, `OS_PASSWORD`, `OS_PROJECT_NAME`, and `OS_CACERT`; the domain
//! is `Default`. With `OS_APPLICATION_CREDENTIAL_NAME` and `..._SECRET` it logs in by that.

use std::env;
use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Instant;

use kuryr_openstack::config::{Auth, Credential, Domain, Scope, User};
use kuryr_openstack::model::{
    Direction, EtherType, NewNetwork, NewPort, NewSecurityGroup, NewSecurityGroupRule, NewSubnet,
    NewTrunk, PortUpdate, SubPort, WantedIp,
};
use kuryr_openstack::{Cloud, CloudConfig, Metrics, Neutron, OwnershipMark, PortQuery, Resource};

type Outcome<T = ()> = Result<T, Box<dyn StdError>>;

#[tokio::main]
async fn main() -> Outcome {
    let metrics = Arc::new(Metrics::new());
    let cloud = Cloud::connect(config()?, metrics.clone()).await?;
    println!(
        "project {}, Octavia: {}",
        cloud.project_id(),
        cloud.octavia().is_some()
    );
    let capabilities = cloud.capabilities().await?;
    println!(
        "trunk {}, tags {}, in POST {}",
        capabilities.trunk(),
        capabilities.tags(),
        capabilities.tags_in_post()
    );
    let neutron = cloud.neutron();
    match neutron.quota().await {
        Ok(quota) => println!(
            "free ports: {:?}, of {:?}",
            quota.free("port"),
            quota.items.get("port")
        ),
        Err(error) => println!("quota: {error}"),
    }
    let network = neutron
        .create_network(&NewNetwork {
            name: "smoke".to_owned(),
            ..NewNetwork::default()
        })
        .await?;
    let outcome = on_network(&neutron, &network.id).await;
    clean(&neutron, &network.id).await?;
    println!("calls: {:?}", metrics.calls());
    outcome
}

fn config() -> Outcome<CloudConfig> {
    let domain = || Domain::Name("Default".to_owned());
    let user = || {
        Outcome::Ok(User::Name {
            name: env::var("OS_USERNAME")?,
            domain: domain(),
        })
    };
    let auth = match env::var("OS_APPLICATION_CREDENTIAL_NAME") {
        Ok(name) => Auth::ApplicationCredential {
            credential: Credential::Name {
                name,
                user: user()?,
            },
            secret: env::var("OS_APPLICATION_CREDENTIAL_SECRET")?.into(),
        },
        Err(_) => Auth::Password {
            user: user()?,
            password: env::var("OS_PASSWORD")?.into(),
        },
    };
    let mut config = CloudConfig::new(env::var("OS_AUTH_URL")?, auth);
    if let Ok(name) = env::var("OS_PROJECT_NAME") {
        config.project = Scope::Name {
            name,
            domain: domain(),
        };
    }
    config.cafile = env::var_os("OS_CACERT").map(Into::into);
    Ok(config)
}

async fn on_network(neutron: &Neutron, network_id: &str) -> Outcome {
    let subnet = NewSubnet {
        name: "smoke".to_owned(),
        network_id: network_id.to_owned(),
        ip_version: 4,
        cidr: Some("10.99.0.0/28".parse()?),
        ..NewSubnet::default()
    };
    let subnet = neutron.create_subnet(&subnet).await?;
    println!(
        "subnet use: {:?}",
        neutron
            .subnet_use(network_id, &subnet.id)
            .await
            .map_err(|e| e.to_string())
    );
    let mark = OwnershipMark {
        tag: "kuryr-smoke".to_owned(),
        description: "kuryr smoke".to_owned(),
    };
    let new = NewPort {
        network_id: network_id.to_owned(),
        name: "smoke".to_owned(),
        fixed_ips: vec![WantedIp::in_subnet(&subnet.id)],
        ..NewPort::default()
    };
    let begin = Instant::now();
    let ports = neutron.create_ports(&vec![new.clone(); 4], &mark).await?;
    println!(
        "4 ports in {:?}, tags by {:?}: {:?}",
        begin.elapsed(),
        neutron.tag_support(),
        ports[0].tags
    );
    println!(
        "owned: {}",
        neutron
            .list_owned_ports(&mark, &PortQuery::new().network_id(network_id))
            .await?
            .len()
    );
    trunk(
        neutron,
        &ports.iter().map(|p| p.id.clone()).collect::<Vec<_>>(),
    )
    .await?;
    let full = neutron.create_ports(&vec![new; 20], &mark).await;
    println!(
        "a full subnet: {}",
        full.err().map_or_else(String::new, |e| e.to_string())
    );
    let revision = neutron.get_port(&ports[0].id).await?.revision_number;
    let change = PortUpdate {
        name: Some("again".to_owned()),
        ..PortUpdate::default()
    };
    neutron.update_port(&ports[0].id, &change, revision).await?;
    let stale = neutron.update_port(&ports[0].id, &change, revision).await;
    println!(
        "a stale revision: {}",
        stale.err().map_or_else(String::new, |e| e.to_string())
    );
    rules(neutron).await
}

async fn trunk(neutron: &Neutron, ports: &[String]) -> Outcome {
    let new = NewTrunk {
        port_id: ports[0].clone(),
        name: "smoke".to_owned(),
        sub_ports: Vec::new(),
    };
    let trunk = neutron.create_trunk(&new).await?;
    let one = SubPort::vlan(&ports[1], 101);
    let with_one = neutron
        .add_subports(&trunk.id, std::slice::from_ref(&one))
        .await?;
    println!("subports: {:?}", with_one.sub_ports);
    let taken = neutron
        .add_subports(&trunk.id, &[SubPort::vlan(&ports[2], 101)])
        .await;
    println!(
        "a taken VLAN: {:?}",
        taken.err().map(|e| (e.to_string(), e.conflict().cloned()))
    );
    let again = neutron.add_subports(&trunk.id, &[one]).await;
    println!(
        "the same again: {:?}",
        again.err().map(|e| (e.to_string(), e.conflict().cloned()))
    );
    let used = neutron.delete_port(&ports[1]).await;
    println!(
        "delete a subport: {:?}",
        used.err().map(|e| (e.to_string(), e.conflict().cloned()))
    );
    let parent = neutron.get_port(&ports[0]).await?;
    println!("trunk of the parent: {:?}", parent.trunk_details);
    let left = neutron
        .remove_subports(&trunk.id, &[ports[1].clone(), ports[2].clone()])
        .await?;
    println!("after removal: {:?}", left.sub_ports);
    neutron.delete_trunk(&trunk.id).await?;
    let gone = neutron.get_trunk(&trunk.id).await;
    println!(
        "gone: {}",
        gone.err().map_or_else(String::new, |e| e.to_string())
    );
    Ok(())
}

async fn rules(neutron: &Neutron) -> Outcome {
    let new = NewSecurityGroup {
        name: "smoke".to_owned(),
        ..NewSecurityGroup::default()
    };
    let group = neutron.create_security_group(&new).await?;
    let mut rule = NewSecurityGroupRule::any(&group.id, Direction::Ingress, EtherType::IPv4);
    rule.protocol = Some("tcp".to_owned());
    (rule.port_range_min, rule.port_range_max) = (Some(80), Some(80));
    let open = NewSecurityGroupRule {
        port_range_min: Some(81),
        port_range_max: Some(81),
        ..rule.clone()
    };
    println!(
        "rules: {}",
        neutron
            .create_security_group_rules(&[rule.clone(), open])
            .await?
            .len()
    );
    let twice = neutron.create_security_group_rules(&[rule]).await;
    println!(
        "a rule again: {}",
        twice.err().map_or_else(String::new, |e| e.to_string())
    );
    println!(
        "tags: {:?}",
        neutron
            .set_tags(Resource::SecurityGroup, &group.id, &["a b".to_owned()])
            .await?
    );
    neutron
        .add_tag(Resource::SecurityGroup, &group.id, "kuryr:c=1")
        .await?;
    neutron
        .remove_tag(Resource::SecurityGroup, &group.id, "a b")
        .await?;
    println!(
        "tags: {:?}",
        neutron.get_security_group(&group.id).await?.tags
    );
    Ok(neutron.delete_security_group(&group.id).await?)
}

async fn clean(neutron: &Neutron, network_id: &str) -> Outcome {
    for port in neutron
        .list_ports(&PortQuery::new().network_id(network_id).name("again"))
        .await?
    {
        neutron.delete_port(&port.id).await?;
    }
    for port in neutron
        .list_ports(&PortQuery::new().network_id(network_id).name("smoke"))
        .await?
    {
        neutron.delete_port(&port.id).await?;
    }
    Ok(neutron.delete_network(network_id).await?)
}
