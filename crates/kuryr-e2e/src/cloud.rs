//! Neutron, as the user whom the product works as.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use kuryr_api::names::cluster_tag;
use kuryr_openstack::config::{Auth, Domain, Scope, User};
use kuryr_openstack::model::{
    Direction, EtherType, Network, NewSecurityGroup, NewSecurityGroupRule, Port, SecurityGroup,
    SecurityGroupRule, SubPort,
};
use kuryr_openstack::{
    Cloud, CloudConfig, FloatingIpQuery, LoadBalancerQuery, Metrics, Neutron, Octavia,
    OwnershipMark, PortQuery, SecurityGroupQuery, TrunkQuery,
};
use serde::Deserialize;

use crate::stack::Stack;
use crate::{Outcome, fail};

/// The entry of clouds.yaml that the product uses.
pub const CLOUD: &str = "kuryr";
/// The cluster's name in OpenStack, unlike any other that may use the stack.
pub const CLUSTER: &str = "kuryr-e2e";

#[derive(Deserialize)]
struct Clouds {
    clouds: BTreeMap<String, Entry>,
}

#[derive(Deserialize)]
struct Entry {
    region_name: Option<String>,
    auth: Login,
}

#[derive(Deserialize)]
struct Login {
    auth_url: String,
    username: String,
    password: String,
    project_name: String,
    user_domain_name: String,
    project_domain_name: String,
}

/// The project, with a security group of the tests' own.
#[derive(Debug)]
pub struct Tenant {
    /// Neutron's calls.
    pub neutron: Neutron,
    octavia: Octavia,
    mark: OwnershipMark,
    /// Parent ports of the nodes' trunks.
    parents: Vec<String>,
}

/// A security group: pods get in what its one rule lets in, which is everything over IPv4.
#[derive(Clone, Debug)]
pub struct Group {
    pub id: String,
}

impl Tenant {
    /// Logs in.
    ///
    /// # Errors
    /// clouds.yaml can't be understood, or Keystone refuses.
    pub async fn connect(stack: &Stack) -> Outcome<Self> {
        let cloud = Cloud::connect(config(&stack.clouds)?, Arc::new(Metrics::new())).await?;
        let tag = cluster_tag(CLUSTER);
        let Some(octavia) = cloud.octavia() else {
            return fail("the stack has no Octavia");
        };
        Ok(Self {
            octavia,
            neutron: cloud.neutron(),
            mark: OwnershipMark {
                description: tag.clone(),
                tag,
            },
            parents: stack
                .ids
                .nodes
                .values()
                .map(|node| node.port.clone())
                .collect(),
        })
    }

    /// The ports that carry the cluster's mark.
    ///
    /// # Errors
    /// Neutron's.
    pub async fn ours(&self) -> Outcome<Vec<Port>> {
        Ok(self
            .neutron
            .list_owned_ports(&self.mark, &PortQuery::new())
            .await?)
    }

    /// Networks of namespaces that carry the cluster's mark.
    ///
    /// # Errors
    /// Neutron's.
    pub async fn networks(&self) -> Outcome<Vec<Network>> {
        Ok(self.neutron.list_owned_networks(&self.mark).await?)
    }

    /// Security groups that the cluster's policies came to, by name.
    ///
    /// # Errors
    /// Neutron's.
    pub async fn policy_groups(&self) -> Outcome<Vec<SecurityGroup>> {
        let query = SecurityGroupQuery::new().description(&self.mark.description);
        Ok(self.neutron.list_security_groups(&query).await?)
    }

    /// Load balancers and floating IPs of the cluster's Services, by name.
    ///
    /// # Errors
    /// Octavia's, Neutron's.
    pub async fn balancing(&self) -> Outcome<Vec<String>> {
        let all = LoadBalancerQuery::new();
        let balancers = self.octavia.list_owned_load_balancers(&self.mark, &all);
        let every = FloatingIpQuery::new();
        let addresses = self.neutron.list_floating_ips(&every);
        let (balancers, addresses) = tokio::try_join!(balancers, addresses)?;
        let balancers = balancers
            .into_iter()
            .map(|lb| format!("load balancer {} {}", lb.id, lb.name));
        let addresses = addresses
            .into_iter()
            .filter(|ip| ip.description.starts_with(&self.mark.tag))
            .map(|ip| format!("floating IP {} {}", ip.id, ip.description));
        Ok(balancers.chain(addresses).collect())
    }

    /// The ports in a group, marked or not.
    ///
    /// # Errors
    /// Neutron's.
    pub async fn ports_in(&self, group: &Group) -> Outcome<Vec<Port>> {
        let query = PortQuery::new().security_group(&group.id);
        Ok(self.neutron.list_ports(&query).await?)
    }

    /// The subports of all nodes' trunks, by trunk.
    ///
    /// # Errors
    /// Neutron's.
    pub async fn subports(&self) -> Outcome<Vec<(String, SubPort)>> {
        let query = TrunkQuery::new().port_ids(&self.parents);
        let trunks = self.neutron.list_trunks(&query).await?;
        Ok(trunks
            .into_iter()
            .flat_map(|trunk| {
                let id = trunk.id;
                trunk
                    .sub_ports
                    .into_iter()
                    .map(move |port| (id.clone(), port))
            })
            .collect())
    }

    /// What Neutron counts up at each change: of our ports and of the nodes' trunks.
    ///
    /// # Errors
    /// Neutron's.
    pub async fn revisions(&self) -> Outcome<BTreeMap<String, Option<i64>>> {
        let trunks = TrunkQuery::new().port_ids(&self.parents);
        let ports = self
            .ours()
            .await?
            .into_iter()
            .map(|p| (p.id, p.revision_number));
        let trunks = self.neutron.list_trunks(&trunks).await?;
        Ok(ports
            .chain(trunks.into_iter().map(|t| (t.id, t.revision_number)))
            .collect())
    }

    /// Deletes ports that are left though nobody answers for them any more.
    ///
    /// # Errors
    /// Neutron's.
    pub async fn clear(&self) -> Outcome {
        let ours: BTreeSet<String> = self.ours().await?.into_iter().map(|port| port.id).collect();
        let mut by_trunk: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (trunk, subport) in self.subports().await? {
            if ours.contains(&subport.port_id) {
                by_trunk.entry(trunk).or_default().push(subport.port_id);
            }
        }
        for (trunk, ports) in by_trunk {
            self.neutron.remove_subports(&trunk, &ports).await?;
        }
        for port in ours {
            self.neutron.delete_port(&port).await?;
        }
        Ok(())
    }

    /// Makes the tests' security group, or takes the one that an earlier run left.
    ///
    /// # Errors
    /// Neutron's.
    pub async fn make_group(&self) -> Outcome<Group> {
        let query = SecurityGroupQuery::new().name(CLUSTER);
        let known = self.neutron.list_security_groups(&query).await?.pop();
        let group = match known {
            Some(group) => group,
            None => {
                let new = NewSecurityGroup {
                    name: CLUSTER.to_owned(),
                    description: "made by a test".to_owned(),
                    project_id: None,
                };
                self.neutron.create_security_group(&new).await?
            }
        };
        let is_open = group.rules.iter().any(is_ingress);
        let group = Group { id: group.id };
        if !is_open {
            self.let_in(&group).await?;
        }
        Ok(group)
    }

    /// Deletes every security group of the tests.
    ///
    /// # Errors
    /// Neutron's; a port is still in it.
    pub async fn delete_groups(&self) -> Outcome {
        let query = SecurityGroupQuery::new().name(CLUSTER);
        for group in self.neutron.list_security_groups(&query).await? {
            self.neutron.delete_security_group(&group.id).await?;
        }
        Ok(())
    }

    /// Lets everything in to the members of the group.
    ///
    /// # Errors
    /// Neutron's.
    pub async fn let_in(&self, group: &Group) -> Outcome {
        let rule = NewSecurityGroupRule::any(&group.id, Direction::Ingress, EtherType::IPv4);
        self.neutron.create_security_group_rules(&[rule]).await?;
        Ok(())
    }

    /// Lets everything in that members of the group send.
    ///
    /// # Errors
    /// Neutron's.
    pub async fn let_members_in(&self, group: &Group) -> Outcome {
        let any = NewSecurityGroupRule::any(&group.id, Direction::Ingress, EtherType::IPv4);
        let rule = NewSecurityGroupRule {
            remote_group_id: Some(group.id.clone()),
            ..any
        };
        self.neutron.create_security_group_rules(&[rule]).await?;
        Ok(())
    }

    /// Lets nothing in any more.
    ///
    /// # Errors
    /// Neutron's; the rule was not there.
    pub async fn shut_out(&self, group: &Group) -> Outcome {
        let group = self.neutron.get_security_group(&group.id).await?;
        let Some(rule) = group.rules.iter().find(|rule| is_ingress(rule)) else {
            return fail(format!(
                "security group {} lets nothing in already",
                group.id
            ));
        };
        Ok(self.neutron.delete_security_group_rule(&rule.id).await?)
    }
}

fn is_ingress(rule: &SecurityGroupRule) -> bool {
    rule.direction == Direction::Ingress
}

fn config(file: &Path) -> Outcome<CloudConfig> {
    let text = std::fs::read_to_string(file)?;
    let mut clouds: Clouds = serde_yaml_ng::from_str(&text)?;
    let Some(entry) = clouds.clouds.remove(CLOUD) else {
        return fail(format!("{}: no cloud `{CLOUD}`", file.display()));
    };
    let login = entry.auth;
    let auth = Auth::Password {
        user: User::Name {
            name: login.username,
            domain: Domain::Name(login.user_domain_name),
        },
        password: login.password.into(),
    };
    let mut config = CloudConfig::new(login.auth_url, auth);
    config.project = Scope::Name {
        name: login.project_name,
        domain: Domain::Name(login.project_domain_name),
    };
    config.region = entry.region_name;
    Ok(config)
}
