//! Two tenants. One has Services and lets them be; the other writes whatever ordinary rights on its own namespace let it
//! write: Services with any annotation, endpoints, KuryrLoadBalancers. Nothing of the first one's changes by it.

use std::net::IpAddr;

use super::*;

const VICTIMS: usize = 3;

fn victim(n: usize) -> ServiceKey {
    ServiceKey::new("shop", format!("v{n}"))
}

fn evil(n: usize) -> ServiceKey {
    ServiceKey::new("evil", format!("e{n}"))
}

/// What a hostile tenant writes, and what happens to the controller meanwhile.
#[derive(Clone, Debug)]
enum Deed {
    /// A Service, with a wish.
    Ask(usize, usize, usize),
    Withdraw(usize),
    Endpoints(usize),
    /// A KuryrLoadBalancer, with a Service or without, that names something of a victim's.
    Forge(usize, usize, usize),
    /// It is deleted; a finalizer of the tenant's own may keep it.
    Unforge(usize),
    Plan,
    Wait,
    Answer(usize, Fate),
    Arrive(usize),
    CarryOut(usize, Fate),
    List,
    Restart,
}

fn deed() -> impl Strategy<Value = Deed> {
    let any = 0..12usize;
    prop_oneof![
        4 => (0..3usize, 0..9usize, any.clone()).prop_map(|(n, what, of)| Deed::Ask(n, what, of)),
        2 => (0..3usize).prop_map(Deed::Withdraw),
        1 => (0..3usize).prop_map(Deed::Endpoints),
        4 => (0..4usize, any.clone(), 0..6usize).prop_map(|(n, of, how)| Deed::Forge(n, of, how)),
        2 => (0..4usize).prop_map(Deed::Unforge),
        8 => Just(Deed::Plan),
        3 => Just(Deed::Wait),
        10 => (0..9usize, fate()).prop_map(|(i, f)| Deed::Answer(i, f)),
        2 => (0..9usize).prop_map(Deed::Arrive),
        2 => (0..9usize, fate()).prop_map(|(i, f)| Deed::CarryOut(i, f)),
        1 => Just(Deed::List),
        1 => Just(Deed::Restart),
    ]
}

/// What the first tenant has.
#[derive(Debug, PartialEq)]
struct Had {
    balancers: Vec<Observed>,
    floating: Vec<FloatingIp>,
    claims: Vec<(ClaimSpec, Option<Record>, Option<ClaimedAddress>, bool)>,
    ingress: Vec<Vec<IpAddr>>,
}

fn had(cloud: &Cloud) -> Had {
    let names: Vec<Id> = (0..VICTIMS).map(|n| id(victim(n).to_string())).collect();
    let all = cloud.octavia.balancers.values().map(|lb| &lb.is);
    let balancers: Vec<_> = all
        .filter(|o| names.contains(&o.balancer.name))
        .cloned()
        .collect();
    let ports: Vec<_> = balancers
        .iter()
        .map(|o| o.balancer.vip_port.clone())
        .collect();
    let floating = cloud.floating.values();
    let floating = floating.filter(|f| f.port.is_some() && ports.contains(&f.port));
    let claims = (0..VICTIMS).filter_map(|n| cloud.claims.get(&victim(n)));
    let claims = claims.map(|c| {
        (
            c.spec.clone(),
            c.record.clone(),
            c.floating.clone(),
            c.deleting,
        )
    });
    let ingress = (0..VICTIMS).map(|n| cloud.services[&victim(n)].ingress.clone());
    Had {
        floating: floating.cloned().collect(),
        claims: claims.collect(),
        ingress: ingress.collect(),
        balancers,
    }
}

/// Three Services at rest: with a floating IP from the pool, with one of their own, and inside only.
fn shop(ovn: bool) -> (Cloud, Controller) {
    let mut cloud = Cloud::new();
    for n in 0..VICTIMS {
        let mut s = new_service(n, if n == 2 { 1 } else { 2 });
        s.key = victim(n);
        s.load_balancer_ip = (n == 1).then(|| id(OWN));
        cloud.add(s);
        let slice = Slice {
            namespace: id("shop"),
            name: id(format!("slice{n}")),
            ..many(&victim(n).name, 2)
        };
        cloud.slices.insert((id("shop"), slice.name.clone()), slice);
    }
    let mut c = Controller::start(&mut cloud, settings(ovn), 0);
    c.settle(&mut cloud).expect("rests");
    (cloud, c)
}

/// The name of something of a victim's, or of nothing.
fn named(cloud: &Cloud, of: usize) -> Id {
    let has = had(cloud);
    let lbs = has.balancers.iter().map(|o| o.balancer.id.clone());
    let names = (0..VICTIMS).map(|n| id(victim(n).to_string()));
    let all: Vec<Id> = lbs
        .chain(names)
        .chain([id("nothing"), id("evil/e0")])
        .collect();
    all[of % all.len()].clone()
}

fn ask(cloud: &mut Cloud, n: usize, what: usize, of: usize) {
    let mut s = new_service(n, 2);
    s.key = evil(n);
    s.cluster_ips = vec![ip(&format!("10.96.2.{}", n + 10))];
    s.ports[0].port = [80, 81, 443][of % 3];
    let address = had(cloud).floating.get(of % 2).map(|f| f.address);
    match what {
        0 => s.kind = Kind::ClusterIp,
        1 => s.load_balancer_ip = address.map(|a| id(a.to_string())),
        2 => s.annotations.address = address.map(|a| id(a.to_string())),
        3 => s.annotations.shared = Some(named(cloud, of)),
        4 => s.annotations.shared_with = vec![id("*")],
        5 => s.source_ranges = vec![id("192.0.2.0/24")],
        6 => s.annotations.provider = Some(id(["amphora", "ovn", "gold"][of % 3])),
        7 => {
            s.ports = (1..60)
                .map(|p| port(&format!("p{p}"), Protocol::Tcp, p))
                .collect()
        }
        _ => s.class = Some(id("example.com/other")),
    }
    let old = cloud.services.get(&s.key).map(|s| (s.uid.clone(), s.age));
    cloud.add(s);
    // It is changed and not made anew; and an older one asks with the same right as a younger.
    if let (Some((uid, age)), Some(s)) = (old, cloud.services.get_mut(&evil(n))) {
        (s.uid, s.age) = (uid, age);
    } else if of.is_multiple_of(2)
        && let Some(s) = cloud.services.get_mut(&evil(n))
    {
        s.age = 0;
    }
}

fn forge(cloud: &mut Cloud, n: usize, of: usize, how: usize) {
    let has = had(cloud);
    let balancer = has.balancers[of % has.balancers.len()].clone();
    let address = &has.floating[of % has.floating.len()];
    let version = cloud.next();
    let key = evil(n);
    let owner = cloud.services.get(&key).map(|s| s.uid.clone());
    let victims = cloud.services[&victim(of % VICTIMS)].uid.clone();
    let claim = Claim {
        service: key.clone(),
        uid: id(format!("forged{version}")),
        owner: [owner, None, Some(victims)][how % 3].clone(),
        deleting: false,
        finalizer: how < 3,
        version,
        spec: ClaimSpec {
            ip: Some(balancer.balancer.address),
            external: true,
            ..ClaimSpec::default()
        },
        record: Some(Record {
            balancer: balancer.balancer.id.clone(),
            provider: Some(balancer.balancer.provider.clone()),
            address: Some(balancer.balancer.address),
            children: balancer.children(),
        }),
        floating: Some(ClaimedAddress {
            id: address.id.clone(),
            address: address.address,
            from_pool: true,
        }),
    };
    cloud.claims.insert(key, claim);
}

fn take(deed: &Deed, cloud: &mut Cloud, c: &mut Controller, ovn: bool) {
    match deed {
        Deed::Ask(n, what, of) => ask(cloud, *n, *what, *of),
        Deed::Withdraw(n) => cloud.delete(&evil(*n)),
        Deed::Endpoints(n) => {
            // Labelled with a Service of the other tenant's name, in its own namespace.
            let of = if n.is_multiple_of(2) {
                victim(*n)
            } else {
                evil(*n)
            };
            let slice = Slice {
                namespace: id("evil"),
                name: id(format!("slice{n}")),
                ..many(&of.name, 3)
            };
            cloud.slices.insert((id("evil"), slice.name.clone()), slice);
        }
        Deed::Forge(n, of, how) => forge(cloud, *n, *of, *how),
        Deed::Unforge(n) => {
            let version = cloud.next();
            if let Some(claim) = cloud.claims.get_mut(&evil(*n)) {
                (claim.deleting, claim.version) = (true, version);
            }
        }
        Deed::Plan => {
            c.watch(cloud);
            c.plan();
        }
        Deed::Wait => c.now = c.world.next_wake().unwrap_or(c.now).max(c.now),
        Deed::Answer(i, fate) => c.answer(*i, cloud, *fate),
        Deed::Arrive(i) => c.arrive(*i),
        Deed::CarryOut(i, fate) => c.carry_out(*i, cloud, *fate),
        Deed::List => c.world.look_anew(),
        Deed::Restart => {
            let now = c.die(cloud);
            *c = Controller::start(cloud, settings(ovn), now);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_tenant_changes_nothing_of_anothers(
        deeds in proptest::collection::vec(deed(), 0..80),
        ovn: bool,
    ) {
        let (mut cloud, mut c) = shop(ovn);
        let before = had(&cloud);
        for deed in &deeds {
            take(deed, &mut cloud, &mut c, ovn);
            prop_assert_eq!(&had(&cloud), &before, "after {:?}", deed);
        }
        for _ in 0..2 {
            c.world.look_anew();
            prop_assert!(c.settle(&mut cloud).is_some(), "never rests");
        }
        prop_assert_eq!(&had(&cloud), &before);
    }
}
