//! Whether a cloud is one that Kuryr can be installed on, and whether it is of use there: pure, of what was seen.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::Id;

/// What was asked for, or why it could not be seen.
pub type Seen<T> = Result<T, String>;

/// What was seen of a cloud.
#[derive(Clone, Debug)]
pub struct Facts {
    /// How many pods there are to be.
    pub pods: u64,
    /// What Keystone said of who we are.
    pub login: Login,
    /// Aliases of Neutron's extensions.
    pub extensions: Seen<BTreeSet<String>>,
    /// The pods' subnets.
    pub subnets: Vec<(Id, Seen<Subnet>)>,
    /// The subnet pools of namespaces' networks, where namespaces have their own.
    pub pools: Vec<(Id, Seen<Pool>)>,
    /// The router that those networks are attached to, by id and name.
    pub router: Option<(Id, Seen<String>)>,
    /// How many more networks the project may have; none without limit.
    pub networks_left: Seen<Option<u64>>,
    /// How many more security groups, and rules of them, the project may have, where policies are to be in force; none without limit.
    pub policies_left: Option<[Seen<Option<u64>>; 2]>,
    /// The networks of the nodes' subnets.
    pub node_networks: Vec<Seen<Network>>,
    /// The security groups of pods: id and name.
    pub groups: Vec<(Id, Seen<String>)>,
    /// How many more ports the project may have; none without limit.
    pub ports_left: Seen<Option<u64>>,
    /// Octavia, where load balancers are wanted.
    pub balancers: Option<Seen<Balancers>>,
    /// The cluster's nodes.
    pub nodes: Seen<Vec<Node>>,
}

/// What Keystone said of who we are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// Names of the roles that the credential has in its project.
    pub roles: Vec<String>,
    /// How far Keystone's clock is ahead of this machine's, seconds.
    pub clock_ahead: i64,
}

/// A subnet of pods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subnet {
    pub cidr: String,
    /// Addresses that are not given out; none where the cloud does not tell.
    pub free: Option<u64>,
    pub has_gateway: bool,
    pub network: Network,
}

/// A pool that namespaces' subnets are cut from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    /// 4 or 6.
    pub version: u8,
    /// Length of its subnets' prefixes, where Neutron tells.
    pub length: Option<u8>,
    /// How many more of them it has room for, where that can be said.
    pub free: Option<u64>,
}

/// A network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    pub id: Id,
    /// Largest packet, bytes.
    pub mtu: Option<u32>,
    /// `geneve`, `vxlan`, `gre`, `vlan`, `flat` or `local`; admins only see it.
    pub kind: Option<String>,
    /// Whether its ports are filtered.
    pub port_security: Option<bool>,
}

/// What Octavia has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Balancers {
    /// Its providers.
    pub providers: BTreeSet<String>,
    /// The one that is configured; none: Octavia's default.
    pub wanted: Option<String>,
    /// How many more load balancers the project may have; none without limit, or why it could not be seen.
    pub left: Seen<Option<u64>>,
}

/// A node of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    pub name: Id,
    pub addresses: Vec<IpAddr>,
    /// Whether a trunk's parent port has one of them.
    pub has_trunk: bool,
    /// Whether its port is filtered by iptables on a bridge of its own (`ovs_hybrid_plug`); admins only see it.
    pub hybrid_firewall: Option<bool>,
}

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// It will not work.
    Problem,
    /// It works, and not as it could.
    Advice,
    /// It could not be seen.
    Unknown,
    /// As it is to be.
    Good,
}

impl Standing {
    /// Its word in reports.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Problem => "problem",
            Self::Advice => "advice",
            Self::Unknown => "unknown",
            Self::Good => "good",
        }
    }
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Its stable name.
    pub name: &'static str,
    pub standing: Standing,
    /// What was seen.
    pub seen: String,
    /// What to do about it; empty where nothing is to be done.
    pub todo: String,
}

/// All checks, in the order in which an operator makes them.
#[must_use]
pub fn checks(facts: &Facts) -> Vec<Check> {
    let mut all = vec![
        roles(&facts.login.roles),
        clocks(facts.login.clock_ahead),
        extensions(&facts.extensions),
    ];
    all.extend(
        facts
            .subnets
            .iter()
            .map(|(id, seen)| subnet(id, seen, facts.pods)),
    );
    all.extend(
        facts
            .subnets
            .iter()
            .filter_map(|(_, seen)| seen.as_ref().ok())
            .map(network_kind),
    );
    all.extend(
        facts
            .subnets
            .iter()
            .filter_map(|(_, seen)| filtered(&seen.as_ref().ok()?.network)),
    );
    all.extend(facts.pools.iter().map(|(id, seen)| pool(id, seen)));
    all.extend(facts.router.iter().map(|(id, seen)| router(id, seen)));
    if !facts.pools.is_empty() {
        all.push(networks(&facts.networks_left));
    }
    all.push(mtu(facts));
    all.extend(facts.groups.iter().map(|(id, seen)| group(id, seen)));
    if let Some([groups, rules]) = &facts.policies_left {
        all.push(security_groups(groups));
        all.push(security_group_rules(rules));
    }
    all.push(ports(&facts.ports_left, facts.pods));
    all.extend(facts.balancers.as_ref().map(balancers));
    all.push(trunks(&facts.nodes));
    all.extend(firewall(&facts.nodes));
    all
}

fn check(
    name: &'static str,
    standing: Standing,
    seen: impl Into<String>,
    todo: impl Into<String>,
) -> Check {
    Check {
        name,
        standing,
        seen: seen.into(),
        todo: todo.into(),
    }
}

fn good(name: &'static str, seen: impl Into<String>) -> Check {
    check(name, Standing::Good, seen, "")
}

fn unknown(name: &'static str, why: &str, todo: &str) -> Check {
    check(name, Standing::Unknown, why, todo)
}

/// Roles that may make ports: Keystone's own, and those of older clouds.
const WRITERS: [&str; 4] = ["admin", "manager", "member", "_member_"];

fn roles(roles: &[String]) -> Check {
    const NAME: &str = "roles";
    let list = match roles {
        [] => "none".to_owned(),
        _ => roles.join(", "),
    };
    // Names are compared without case, as Keystone does.
    let writes = roles
        .iter()
        .any(|role| WRITERS.contains(&role.to_lowercase().as_str()));
    if writes {
        return good(NAME, format!("the credential has {list}"));
    }
    check(
        NAME,
        Standing::Advice,
        format!(
            "the credential has {list}, none of which is {}",
            WRITERS.join(", ")
        ),
        "give it the role member in the project, unless this cloud's policies let one of its own roles create ports",
    )
}

/// From this many seconds on clocks are no longer one's that are kept by a time server.
const CLOCKS_APART: u64 = 10;
/// From this many seconds on ages of objects are misjudged: what a controller left half made is waited for by age.
const CLOCKS_WRONG: u64 = 60;

fn clocks(ahead: i64) -> Check {
    const NAME: &str = "clocks";
    let apart = ahead.unsigned_abs();
    let direction = if ahead < 0 { "behind" } else { "ahead of" };
    let seen = format!("Keystone's clock is {apart} s {direction} this machine's");
    let todo = "have both kept by a time server, and the nodes' too";
    match apart {
        CLOCKS_WRONG.. => check(NAME, Standing::Problem, seen, todo),
        CLOCKS_APART.. => check(NAME, Standing::Advice, seen, todo),
        _ => good(NAME, seen),
    }
}

/// What nothing works without.
const NEEDED: [&str; 3] = ["trunk", "security-group", "standard-attr-tag"];

fn extensions(seen: &Seen<BTreeSet<String>>) -> Check {
    const NAME: &str = "extensions";
    match seen {
        Err(why) => unknown(
            NAME,
            why,
            "see that `openstack extension list --network` has trunk",
        ),
        Ok(there) => {
            let missing: Vec<&str> = NEEDED.into_iter().filter(|e| !there.contains(*e)).collect();
            if missing.is_empty() {
                return good(NAME, format!("Neutron has {}", NEEDED.join(", ")));
            }
            let todo = "add them to Neutron's service_plugins (trunk) or extension_drivers, and restart it";
            check(
                NAME,
                Standing::Problem,
                format!("Neutron lacks {}", missing.join(", ")),
                todo,
            )
        }
    }
}

fn subnet(id: &Id, seen: &Seen<Subnet>, pods: u64) -> Check {
    const NAME: &str = "pod-subnet";
    let subnet = match seen {
        Ok(subnet) => subnet,
        Err(why) => {
            let todo = "set [neutron_defaults] pod_subnet to the id of a subnet of this project";
            return check(NAME, Standing::Problem, format!("subnet {id}: {why}"), todo);
        }
    };
    let cidr = &subnet.cidr;
    match subnet.free {
        Some(free) if free < pods => check(
            NAME,
            Standing::Problem,
            format!("{cidr} has {free} addresses left, {pods} pods are planned"),
            "take a larger subnet, or several of one network",
        ),
        _ if !subnet.has_gateway => check(
            NAME,
            Standing::Advice,
            format!("{cidr} has no gateway"),
            "give it one and connect it to a router: without, pods reach their own subnet only",
        ),
        Some(free) => good(
            NAME,
            format!("{cidr} has {free} addresses left, {pods} pods are planned"),
        ),
        None => good(
            NAME,
            format!("{cidr} is there; how many addresses are left is not told"),
        ),
    }
}

fn pool(id: &Id, seen: &Seen<Pool>) -> Check {
    const NAME: &str = "subnet-pool";
    const FEW: u64 = 10;
    let pool = match seen {
        Ok(pool) => pool,
        Err(why) => {
            let todo = "set [namespace_subnet] pod_subnet_pool to ids of subnet pools that this project may use";
            return check(
                NAME,
                Standing::Problem,
                format!("subnet pool {id}: {why}"),
                todo,
            );
        }
    };
    let (version, length) = (
        pool.version,
        pool.length.map_or("?".to_owned(), |l| l.to_string()),
    );
    let Some(free) = pool.free else {
        let seen = format!(
            "subnet pool {id} (IPv{version}) is there; how many subnets are left is not told"
        );
        return good(NAME, seen);
    };
    let seen = format!(
        "subnet pool {id} has room for {free} IPv{version} subnets of /{length}, one a namespace with pods"
    );
    let smallest = if version == 4 { 8 } else { 32 };
    let todo = match free {
        0 => {
            "its default prefix length is that of the whole pool, or it is used up: set default_prefixlen, or add prefixes"
        }
        1..FEW => "add prefixes to it, or name a further pool: namespaces with pods take one each",
        // Neutron's default is the smallest length that it allows, so that one subnet takes everything.
        _ if pool.length.is_some_and(|l| l <= smallest) => {
            "set default_prefixlen: subnets of this size are far too large"
        }
        _ => return good(NAME, seen),
    };
    let standing = if free == 0 {
        Standing::Problem
    } else {
        Standing::Advice
    };
    check(NAME, standing, seen, todo)
}

fn router(id: &Id, seen: &Seen<String>) -> Check {
    const NAME: &str = "pod-router";
    match seen {
        Ok(name) => good(NAME, format!("router {name} ({id}) is there")),
        Err(why) => check(
            NAME,
            Standing::Problem,
            format!("router {id}: {why}"),
            "set [namespace_subnet] pod_router to the router that has the nodes' and Services' subnets",
        ),
    }
}

fn networks(left: &Seen<Option<u64>>) -> Check {
    const NAME: &str = "network-quota";
    const FEW: u64 = 10;
    match left {
        Ok(None) => good(NAME, "networks are without limit"),
        Ok(Some(left)) if *left < FEW => check(
            NAME,
            Standing::Advice,
            format!("{left} more networks"),
            "raise the quotas of networks and subnets: each namespace with pods takes one of each",
        ),
        Ok(Some(left)) => good(
            NAME,
            format!("{left} more networks, one a namespace with pods"),
        ),
        Err(why) => unknown(
            NAME,
            why,
            "see that the quota allows a network for each namespace",
        ),
    }
}

/// The paper's advice: encapsulation once instead of twice is what is gained, so where the tenant network has none, nothing is.
fn network_kind(subnet: &Subnet) -> Check {
    const NAME: &str = "encapsulation";
    let id = &subnet.network.id;
    match subnet.network.kind.as_deref() {
        Some(kind @ ("geneve" | "vxlan" | "gre")) => good(
            NAME,
            format!(
                "network {id} is encapsulated ({kind}): recommended, an overlay in it would encapsulate twice"
            ),
        ),
        Some(kind) => check(
            NAME,
            Standing::Advice,
            format!("network {id} is not encapsulated ({kind})"),
            "an overlay of the cluster's own encapsulates once here too: little is gained, and ports and load balancers cost \
             more; on provider networks, tenant VLANs and third-party SDNs prefer the overlay",
        ),
        None => unknown(
            NAME,
            &format!("the type of network {id} is for admins to see"),
            "ask for it: recommended on VXLAN, GRE and Geneve, warned against on provider networks, tenant VLANs and \
             third-party SDNs",
        ),
    }
}

fn filtered(network: &Network) -> Option<Check> {
    (network.port_security == Some(false)).then(|| {
        check(
            "port-security",
            Standing::Advice,
            format!("ports of network {} are not filtered", network.id),
            "switch port security on, or security groups and addresses of pods are nobody's to check",
        )
    })
}

fn mtu(facts: &Facts) -> Check {
    const NAME: &str = "mtu";
    let pods = facts
        .subnets
        .iter()
        .filter_map(|(_, s)| s.as_ref().ok()?.network.mtu)
        .max();
    let nodes = facts
        .node_networks
        .iter()
        .filter_map(|n| n.as_ref().ok()?.mtu)
        .min();
    match (pods, nodes) {
        (Some(pods), Some(nodes)) if pods > nodes => check(
            NAME,
            Standing::Problem,
            format!("pods' packets have up to {pods} bytes, those of the nodes' network {nodes}"),
            "give the pods' network an MTU that is not larger, or set [neutron_defaults] network_device_mtu",
        ),
        (Some(pods), Some(nodes)) => {
            good(NAME, format!("{pods} bytes for pods, {nodes} for nodes"))
        }
        _ => unknown(
            NAME,
            "the networks' MTUs are not told",
            "see that the nodes' network has no smaller one than the pods'",
        ),
    }
}

fn group(id: &Id, seen: &Seen<String>) -> Check {
    const NAME: &str = "security-group";
    match seen {
        Err(why) => check(
            NAME,
            Standing::Problem,
            format!("security group {id}: {why}"),
            "set [neutron_defaults] pod_security_groups to ids of groups of this project",
        ),
        Ok(name) if name == "default" => check(
            NAME,
            Standing::Advice,
            format!("security group {id} is the project's default one"),
            "make one for pods: what is added to this one for VMs is open to pods too",
        ),
        Ok(name) => good(NAME, format!("{name} ({id})")),
    }
}

/// Policies need a group for each direction that they have rules for, one for each selector of peers, and one for each node.
fn security_groups(left: &Seen<Option<u64>>) -> Check {
    let todo = "raise the quota, to -1 if you can: openstack quota set --secgroups; what can't be made stays closed";
    policies_room("security-group-quota", "security groups", left, 100, todo)
}

fn security_group_rules(left: &Seen<Option<u64>>) -> Check {
    let todo = "raise the quota, to -1 if you can: openstack quota set --secgroup-rules; what can't be made stays closed";
    let what = "rules of security groups";
    policies_room("security-group-rule-quota", what, left, 1_000, todo)
}

fn policies_room(
    name: &'static str,
    what: &str,
    left: &Seen<Option<u64>>,
    few: u64,
    todo: &str,
) -> Check {
    match left {
        Ok(None) => good(name, format!("{what} are without limit")),
        Ok(Some(0)) => check(name, Standing::Problem, format!("no more {what}"), todo),
        Ok(Some(left)) if *left < few => check(
            name,
            Standing::Advice,
            format!("{left} more {what}: few policies need more"),
            todo,
        ),
        Ok(Some(left)) => good(name, format!("{left} more {what}")),
        Err(why) => unknown(name, why, &format!("see how many {what} the quota allows")),
    }
}

fn ports(left: &Seen<Option<u64>>, pods: u64) -> Check {
    const NAME: &str = "port-quota";
    match left {
        Err(why) => unknown(
            NAME,
            why,
            &format!("see that the project may have {pods} more ports"),
        ),
        Ok(Some(left)) if *left < pods => check(
            NAME,
            Standing::Problem,
            format!("the project may have {left} more ports, {pods} pods are planned"),
            "raise the quota: openstack quota set --ports",
        ),
        Ok(Some(left)) => good(NAME, format!("{left} more ports, {pods} pods are planned")),
        Ok(None) => good(NAME, "ports are not limited, or their use is not told"),
    }
}

fn balancers(seen: &Seen<Balancers>) -> Check {
    const NAME: &str = "load-balancers";
    let there = match seen {
        Ok(there) => there,
        Err(why) => {
            let todo = "install Octavia, or leave [neutron_defaults] service_subnet out and keep kube-proxy";
            return check(NAME, Standing::Problem, why, todo);
        }
    };
    let list = there
        .providers
        .iter()
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    match (&there.wanted, &there.left) {
        (Some(wanted), _) if !there.providers.contains(wanted) => check(
            NAME,
            Standing::Problem,
            format!("Octavia has no provider {wanted}, it has {list}"),
            "set [kubernetes] endpoints_driver_octavia_provider to one that it has",
        ),
        (_, Err(why)) => check(
            NAME,
            Standing::Problem,
            why,
            "give the credential what Octavia asks for, mostly the role load-balancer_member",
        ),
        (_, Ok(Some(0))) => check(
            NAME,
            Standing::Problem,
            "the project may have no more load balancers",
            "raise Octavia's quota: each Service is one",
        ),
        (wanted, Ok(left)) => {
            let wanted = wanted.as_deref().unwrap_or("its default");
            let left = left.map_or_else(
                || "how many more is not limited, or not told".to_owned(),
                |left| format!("{left} more, each Service is one"),
            );
            good(
                NAME,
                format!("Octavia has {list}; {wanted} is configured; {left}"),
            )
        }
    }
}

fn trunks(nodes: &Seen<Vec<Node>>) -> Check {
    const NAME: &str = "node-trunks";
    let nodes = match nodes {
        Ok(nodes) => nodes,
        Err(why) => return unknown(NAME, why, "see that each node's port is a trunk's parent"),
    };
    let without: Vec<String> = nodes
        .iter()
        .filter(|n| !n.has_trunk)
        .map(|n| {
            let addresses: Vec<String> = n.addresses.iter().map(ToString::to_string).collect();
            format!("{} ({})", n.name, addresses.join(", "))
        })
        .collect();
    match (nodes.is_empty(), without.is_empty()) {
        (true, _) => unknown(
            NAME,
            "the cluster has no nodes yet",
            "make each node's port a trunk's parent when you make the VM",
        ),
        (_, true) => good(NAME, format!("each of {} nodes has a trunk", nodes.len())),
        _ => check(
            NAME,
            Standing::Problem,
            format!(
                "no trunk's parent port has the address of {}",
                without.join(", ")
            ),
            "openstack network trunk create --parent-port PORT; a port that a VM has already must be taken off it first",
        ),
    }
}

/// The hybrid driver's bridges know no VLANs of subports.
fn firewall(nodes: &Seen<Vec<Node>>) -> Option<Check> {
    const NAME: &str = "firewall-driver";
    let nodes = nodes.as_ref().ok()?;
    let hybrid: Vec<&str> = nodes
        .iter()
        .filter(|n| n.hybrid_firewall == Some(true))
        .map(|n| &*n.name)
        .collect();
    if !hybrid.is_empty() {
        return Some(check(
            NAME,
            Standing::Problem,
            format!(
                "the hypervisors of {} use iptables_hybrid",
                hybrid.join(", ")
            ),
            "set [securitygroup] firewall_driver = openvswitch on them: with the hybrid driver subports are not filtered",
        ));
    }
    let is_seen = nodes.iter().any(|n| n.hybrid_firewall.is_some());
    is_seen.then(|| good(NAME, "not the hybrid one"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        let network = |id: &str| Network {
            id: id.into(),
            mtu: Some(1442),
            kind: Some("geneve".to_owned()),
            port_security: Some(true),
        };
        let subnet = Subnet {
            cidr: "10.1.0.0/16".to_owned(),
            free: Some(65_000),
            has_gateway: true,
            network: network("pods"),
        };
        Facts {
            pods: 1000,
            login: Login {
                roles: vec!["Member".to_owned()],
                clock_ahead: -2,
            },
            extensions: Ok(NEEDED.map(str::to_owned).into()),
            subnets: vec![("s".into(), Ok(subnet))],
            pools: vec![],
            router: None,
            networks_left: Ok(None),
            policies_left: None,
            node_networks: vec![Ok(network("nodes"))],
            groups: vec![("g".into(), Ok("pods".to_owned()))],
            ports_left: Ok(Some(5000)),
            balancers: Some(Ok(Balancers {
                providers: ["ovn".to_owned(), "amphora".to_owned()].into(),
                wanted: Some("ovn".to_owned()),
                left: Ok(None),
            })),
            nodes: Ok(vec![Node {
                name: "n1".into(),
                addresses: vec![],
                has_trunk: true,
                hybrid_firewall: Some(false),
            }]),
        }
    }

    /// What is not good.
    fn told(facts: &Facts) -> Vec<(&'static str, Standing)> {
        let all = checks(facts);
        assert!(
            all.iter()
                .all(|c| c.todo.is_empty() == (c.standing == Standing::Good)),
            "{all:?}"
        );
        all.into_iter()
            .filter(|c| c.standing != Standing::Good)
            .map(|c| (c.name, c.standing))
            .collect()
    }

    #[test]
    fn a_cloud_that_is_ready_has_nothing_to_do() {
        assert_eq!(told(&facts()), []);
        assert_eq!(checks(&facts()).len(), 11);
    }

    type Break = fn(&mut Facts);

    #[test]
    fn each_lack_is_told_by_its_own_check_and_by_no_other() {
        fn subnet(facts: &mut Facts) -> &mut Subnet {
            match &mut facts.subnets[0].1 {
                Ok(subnet) => subnet,
                Err(why) => panic!("{why}"),
            }
        }
        fn node(facts: &mut Facts) -> &mut Node {
            match &mut facts.nodes {
                Ok(nodes) => &mut nodes[0],
                Err(why) => panic!("{why}"),
            }
        }
        use Standing::{Advice, Problem, Unknown};
        fn balancers(facts: &mut Facts) -> &mut Balancers {
            match &mut facts.balancers {
                Some(Ok(balancers)) => balancers,
                other => panic!("{other:?}"),
            }
        }
        let lacks: [(Break, &str, Standing); 24] = [
            (
                |f| f.login.roles = vec!["reader".to_owned()],
                "roles",
                Advice,
            ),
            (|f| f.login.roles.clear(), "roles", Advice),
            (|f| f.login.clock_ahead = -10, "clocks", Advice),
            (|f| f.login.clock_ahead = 3600, "clocks", Problem),
            (
                |f| balancers(f).left = Ok(Some(0)),
                "load-balancers",
                Problem,
            ),
            (
                |f| balancers(f).left = Err("403".to_owned()),
                "load-balancers",
                Problem,
            ),
            (
                |f| f.extensions = Ok(["trunk".to_owned()].into()),
                "extensions",
                Problem,
            ),
            (
                |f| f.extensions = Err("403".to_owned()),
                "extensions",
                Unknown,
            ),
            (|f| subnet(f).free = Some(999), "pod-subnet", Problem),
            (|f| subnet(f).has_gateway = false, "pod-subnet", Advice),
            (
                |f| subnet(f).network.kind = Some("vlan".to_owned()),
                "encapsulation",
                Advice,
            ),
            (|f| subnet(f).network.kind = None, "encapsulation", Unknown),
            (
                |f| subnet(f).network.port_security = Some(false),
                "port-security",
                Advice,
            ),
            (|f| subnet(f).network.mtu = Some(1500), "mtu", Problem),
            (|f| f.node_networks.clear(), "mtu", Unknown),
            (
                |f| f.groups[0].1 = Err("not found".to_owned()),
                "security-group",
                Problem,
            ),
            (
                |f| f.groups[0].1 = Ok("default".to_owned()),
                "security-group",
                Advice,
            ),
            (|f| f.ports_left = Ok(Some(999)), "port-quota", Problem),
            (
                |f| f.ports_left = Err("404".to_owned()),
                "port-quota",
                Unknown,
            ),
            (
                |f| f.balancers = Some(Err("no Octavia".to_owned())),
                "load-balancers",
                Problem,
            ),
            (
                |f| {
                    f.balancers = Some(Ok(Balancers {
                        providers: ["amphora".to_owned()].into(),
                        wanted: Some("ovn".to_owned()),
                        left: Ok(None),
                    }))
                },
                "load-balancers",
                Problem,
            ),
            (|f| node(f).has_trunk = false, "node-trunks", Problem),
            (
                |f| node(f).hybrid_firewall = Some(true),
                "firewall-driver",
                Problem,
            ),
            (|f| f.nodes = Ok(vec![]), "node-trunks", Unknown),
        ];
        for (lack, name, standing) in lacks {
            let mut facts = facts();
            lack(&mut facts);
            assert_eq!(told(&facts), [(name, standing)]);
        }
    }

    #[test]
    fn a_subnet_that_is_not_there_is_told_once() {
        let mut facts = facts();
        facts.subnets[0].1 = Err("not found".to_owned());
        assert_eq!(
            told(&facts),
            [
                ("pod-subnet", Standing::Problem),
                ("mtu", Standing::Unknown)
            ]
        );
    }

    #[test]
    fn where_namespaces_have_networks_pool_router_and_quota_are_looked_at() {
        let pool = |length, free| Pool {
            version: 4,
            length: Some(length),
            free: Some(free),
        };
        let with = |pool: Seen<Pool>| Facts {
            subnets: vec![],
            pools: vec![("p".into(), pool)],
            router: Some(("r".into(), Ok("k8s".to_owned()))),
            networks_left: Ok(Some(3)),
            ..facts()
        };
        let standing = |facts: &Facts, name: &str| {
            let all = checks(facts);
            all.iter().find(|c| c.name == name).unwrap().standing
        };
        let right = with(Ok(pool(24, 200)));
        assert_eq!(standing(&right, "subnet-pool"), Standing::Good);
        assert_eq!(standing(&right, "pod-router"), Standing::Good);
        assert_eq!(standing(&right, "network-quota"), Standing::Advice);
        for (wrong, expected) in [
            (Ok(pool(24, 3)), Standing::Advice),
            (Ok(pool(24, 0)), Standing::Problem),
            (Ok(pool(8, 100)), Standing::Advice),
            (Err("404".to_owned()), Standing::Problem),
        ] {
            assert_eq!(standing(&with(wrong), "subnet-pool"), expected);
        }
    }

    #[test]
    fn policies_need_room_for_groups_and_rules() {
        let with = |groups: Seen<Option<u64>>, rules: Seen<Option<u64>>| {
            let facts = Facts {
                policies_left: Some([groups, rules]),
                ..facts()
            };
            let all = checks(&facts).into_iter();
            let about = all.filter(|check| check.name.starts_with("security-group-"));
            about.map(|check| check.standing).collect::<Vec<_>>()
        };
        assert_eq!(with(Ok(None), Ok(Some(1_000))), [Standing::Good; 2]);
        let few = with(Ok(Some(9)), Ok(Some(99)));
        assert_eq!(few, [Standing::Advice; 2], "Neutron's usual quota");
        assert_eq!(with(Ok(Some(0)), Ok(Some(0))), [Standing::Problem; 2]);
        let unseen = || Err("404".to_owned());
        assert_eq!(with(unseen(), unseen()), [Standing::Unknown; 2]);
        assert!(
            checks(&facts())
                .iter()
                .all(|c| !c.name.starts_with("security-group-"))
        );
    }
}
