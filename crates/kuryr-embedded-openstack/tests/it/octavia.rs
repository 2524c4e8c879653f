//! The embedded Octavia: what the contract can't show of it. What it takes, refuses and shows is compared with the real
//! one there.

use std::time::{Duration, SystemTime};

use kuryr_embedded_openstack::{
    ApiError, Effect, Fault, Fields, Kind, Latency, LbKind, Octavia, Provider, Query, Settings,
};
use serde_json::{Value, json};

use crate::support::{Model, Served, admin, fields, id, member};

/// Neutron with a network, and Octavia whose work takes a second.
struct Lbs {
    model: Model,
    octavia: Octavia,
    now: SystemTime,
}

impl Lbs {
    fn new() -> Self {
        Self::with(Settings::default())
    }

    fn with(settings: Settings) -> Self {
        let settings = Settings {
            latency: Latency {
                lb_settle: Duration::from_secs(1),
                ..settings.latency
            },
            seed: Some(1),
            ..settings
        };
        Self {
            model: Model::new(),
            octavia: Octavia::new(settings, SystemTime::UNIX_EPOCH),
            now: SystemTime::UNIX_EPOCH,
        }
    }

    fn wait(&mut self) {
        self.now += Duration::from_secs(2);
        self.octavia.advance(self.now, &mut self.model.cloud);
    }

    fn make(&mut self, asked: Value) -> Result<Fields, ApiError> {
        let mut asked = fields(asked);
        asked.insert("vip_subnet_id".to_owned(), json!(self.model.subnet));
        self.octavia
            .create_load_balancer(&mut self.model.cloud, &member(), asked)
    }

    /// A load balancer of `ovn` with a listener, a pool and a member, at work no more: ids of the first two.
    fn ready(&mut self) -> (String, String) {
        let subnet = self.model.subnet.clone();
        let pool = json!({"name": "p", "protocol": "TCP", "lb_algorithm": "SOURCE_IP_PORT",
            "members": [{"address": "10.0.0.7", "protocol_port": 80, "subnet_id": subnet}]});
        let listener =
            json!({"name": "l", "protocol": "TCP", "protocol_port": 80, "default_pool": pool});
        let made = self
            .make(json!({"name": "lb", "provider": "ovn", "listeners": [listener]}))
            .unwrap();
        self.wait();
        let pool = made["pools"][0]["id"].as_str().unwrap().to_owned();
        (id(&made), pool)
    }

    fn status(&self, kind: LbKind, id: &str) -> &str {
        self.octavia.get(kind, id).map_or("gone", |object| {
            object["provisioning_status"].as_str().unwrap()
        })
    }

    fn members(&mut self, pool: &str, members: Value) -> Result<(), ApiError> {
        let members = members.as_array().cloned().unwrap();
        let cloud = &mut self.model.cloud;
        self.octavia
            .set_members(cloud, &member(), pool, members, false)
    }

    fn ports(&mut self) -> Vec<String> {
        let ports = self.model.list(Kind::Port, "fields=name");
        ports
            .iter()
            .map(|port| port["name"].as_str().unwrap().to_owned())
            .collect()
    }
}

#[test]
fn work_takes_its_time_and_holds_off_other_changes() {
    let mut lbs = Lbs::new();
    let (lb, pool) = lbs.ready();
    lbs.members(&pool, json!([{"address": "10.0.0.8", "protocol_port": 80}]))
        .unwrap();
    for (kind, id) in [(LbKind::LoadBalancer, &lb), (LbKind::Pool, &pool)] {
        assert_eq!(lbs.status(kind, id), "PENDING_UPDATE");
    }
    let refused = lbs.members(&pool, json!([])).unwrap_err();
    assert_eq!(refused.status.as_u16(), 409);
    assert!(refused.message.contains("is immutable"), "{refused}");
    let refused = lbs
        .octavia
        .delete_load_balancer(&member(), &lb, true)
        .unwrap_err();
    let words = format!("Invalid state PENDING_UPDATE of loadbalancer resource {lb}");
    assert_eq!((refused.status.as_u16(), refused.message), (409, words));
    assert_eq!(
        lbs.octavia.next_due(),
        Some(lbs.now + Duration::from_secs(1))
    );
    lbs.wait();
    assert_eq!(lbs.status(LbKind::LoadBalancer, &lb), "ACTIVE");
    lbs.members(&pool, json!([])).unwrap();
    lbs.wait();
    let page = lbs
        .octavia
        .list(&member(), LbKind::Member, Some(&pool), &Query::parse(""))
        .unwrap();
    assert!(page.items.is_empty());
}

#[test]
fn a_deletion_takes_all_that_is_below_and_the_port() {
    let mut lbs = Lbs::new();
    let (lb, _) = lbs.ready();
    assert_eq!(lbs.ports(), [format!("ovn-lb-vip-{lb}")]);
    lbs.octavia
        .delete_load_balancer(&member(), &lb, true)
        .unwrap();
    assert_eq!(lbs.status(LbKind::LoadBalancer, &lb), "PENDING_DELETE");
    lbs.wait();
    for kind in LbKind::ALL {
        assert!(lbs.octavia.ids(kind).is_empty(), "{kind:?}");
        assert_eq!(lbs.octavia.used("p", kind), 0, "{kind:?}");
    }
    assert!(lbs.ports().is_empty());
}

#[test]
fn one_in_error_can_be_deleted_and_built_anew_only() {
    let mut lbs = Lbs::new();
    let (lb, pool) = lbs.ready();
    lbs.octavia.fail_next(1);
    lbs.members(&pool, json!([])).unwrap();
    lbs.wait();
    assert_eq!(lbs.status(LbKind::LoadBalancer, &lb), "ERROR");
    assert!(lbs.members(&pool, json!([])).is_err());
    let refused = lbs.octavia.failover(&admin(), &lb).unwrap_err();
    assert_eq!(refused.status.as_u16(), 501, "ovn has nothing to build");
    lbs.octavia
        .delete_load_balancer(&member(), &lb, true)
        .unwrap();
    lbs.wait();
    let made = lbs.make(json!({"provider": "amphora"})).unwrap();
    lbs.wait();
    lbs.octavia.break_load_balancer(&id(&made));
    assert_eq!(
        lbs.octavia
            .failover(&member(), &id(&made))
            .unwrap_err()
            .status
            .as_u16(),
        403
    );
    lbs.octavia.failover(&admin(), &id(&made)).unwrap();
    lbs.wait();
    assert_eq!(lbs.status(LbKind::LoadBalancer, &id(&made)), "ACTIVE");
}

#[test]
fn one_that_somebody_took_away_is_not_there() {
    let mut lbs = Lbs::new();
    let (lb, pool) = lbs.ready();
    lbs.octavia.vanish(&lb, &mut lbs.model.cloud);
    assert_eq!(lbs.status(LbKind::Pool, &pool), "gone");
    assert_eq!(
        lbs.members(&pool, json!([])).unwrap_err().status.as_u16(),
        404
    );
    assert!(lbs.ports().is_empty());
}

#[test]
fn a_refused_tree_leaves_nothing_but_its_port() {
    let mut lbs = Lbs::new();
    let pool = json!({"name": "p", "protocol": "TCP", "lb_algorithm": "ROUND_ROBIN"});
    let refused = lbs
        .make(json!({"provider": "ovn", "pools": [pool]}))
        .unwrap_err();
    assert_eq!(refused.status.as_u16(), 501);
    for kind in LbKind::ALL {
        assert!(lbs.octavia.ids(kind).is_empty(), "{kind:?}");
        assert_eq!(lbs.octavia.used("p", kind), 0, "{kind:?}");
    }
    assert_eq!(lbs.ports().len(), 1);
}

#[test]
fn nothing_is_changed_by_a_batch_that_is_refused() {
    let mut lbs = Lbs::new();
    let (lb, pool) = lbs.ready();
    let beyond = json!([{"address": "10.0.0.9", "protocol_port": 80}, {"address": "192.0.2.1", "protocol_port": 80}]);
    assert_eq!(lbs.members(&pool, beyond).unwrap_err().status.as_u16(), 501);
    assert_eq!(lbs.status(LbKind::LoadBalancer, &lb), "ACTIVE");
    assert_eq!(lbs.octavia.ids(LbKind::Member).len(), 1);
}

#[test]
fn one_whose_listener_loses_its_pool_is_at_work_for_good() {
    let mut lbs = Lbs::new();
    let (lb, _) = lbs.ready();
    let listener = lbs.octavia.ids(LbKind::Listener).remove(0);
    let change = fields(json!({"default_pool_id": null}));
    lbs.octavia
        .update(
            &mut lbs.model.cloud,
            &member(),
            LbKind::Listener,
            None,
            &listener,
            change,
        )
        .unwrap();
    lbs.wait();
    assert_eq!(lbs.status(LbKind::LoadBalancer, &lb), "PENDING_UPDATE");
}

#[test]
fn a_monitor_without_a_port_to_probe_from_fails() {
    for (dhcp, want) in [(true, "ACTIVE"), (false, "ERROR")] {
        let mut lbs = Lbs::new();
        let subnet = lbs.model.subnet.clone();
        let change = fields(json!({ "enable_dhcp": dhcp }));
        let cloud = &mut lbs.model.cloud;
        cloud
            .update(&member(), Kind::Subnet, &subnet, change, None)
            .unwrap();
        let (_, pool) = lbs.ready();
        let asked =
            json!({"pool_id": pool, "type": "TCP", "delay": 5, "timeout": 3, "max_retries": 2});
        let made = lbs
            .octavia
            .create(
                &mut lbs.model.cloud,
                &member(),
                LbKind::HealthMonitor,
                None,
                fields(asked),
            )
            .unwrap();
        lbs.wait();
        assert_eq!(lbs.status(LbKind::HealthMonitor, &id(&made)), want);
    }
}

#[test]
fn amphora_has_further_addresses_and_ovn_forgets_them() {
    for (provider, has) in [("amphora", true), ("ovn", false)] {
        let mut lbs = Lbs::new();
        let six = json!({"network_id": lbs.model.network, "cidr": "fd00::/64", "ip_version": 6});
        let six = id(&lbs.model.create(Kind::Subnet, six).unwrap());
        let vips = json!([{ "subnet_id": six }]);
        let made = lbs
            .make(json!({"provider": provider, "additional_vips": vips}))
            .unwrap();
        let address = &made["additional_vips"][0]["ip_address"];
        assert_eq!(address.is_string(), has, "{provider}");
    }
}

#[test]
fn members_of_other_projects_see_nothing() {
    let mut lbs = Lbs::new();
    let (lb, _) = lbs.ready();
    let stranger = kuryr_embedded_openstack::Caller {
        project_id: "q".to_owned(),
        admin: false,
    };
    let refused = lbs.octavia.load_balancer_status(&stranger, &lb);
    assert_eq!(refused.unwrap_err().status.as_u16(), 403);
    let list = |caller, query: &str| {
        let page = lbs
            .octavia
            .list(caller, LbKind::LoadBalancer, None, &Query::parse(query));
        page.map(|page| page.items.len())
    };
    assert_eq!(list(&stranger, "").unwrap(), 0);
    assert!(list(&stranger, "project_id=p").is_err());
    assert_eq!(list(&admin(), "project_id=p").unwrap(), 1);
}

#[test]
fn the_provider_that_is_not_asked_for_is_the_settings() {
    let mut lbs = Lbs::with(Settings {
        lb_provider: Provider::Ovn,
        ..Settings::default()
    });
    assert_eq!(lbs.make(json!({})).unwrap()["provider"], "ovn");
}

async fn balancer(served: &Served) -> Value {
    let network = served.network().await;
    json!({"loadbalancer": {"name": "lb", "vip_network_id": network, "provider": "ovn"}})
}

const LBS: &str = "/v2/lbaas/loadbalancers";

#[tokio::test]
async fn calls_to_octavia_are_logged_held_to_faults_and_told_from_others() {
    let served = Served::new(Settings::default()).await;
    let lb = balancer(&served).await;
    served.openstack.calls().clear();
    let faults = served.openstack.faults();
    faults.add(Fault::once("POST", "loadbalancers", Effect::ServerError));
    let failed = served.call("POST", LBS, Some(lb.clone())).await;
    assert_eq!(failed.status, 500);
    assert_eq!(failed.json()["faultcode"], "Server");
    faults.add(Fault::once("POST", "loadbalancers", Effect::DropAfter));
    assert!(served.try_call("POST", LBS, Some(lb)).await.is_err());
    let list = served.call("GET", LBS, None).await.json();
    let made = list["loadbalancers"].as_array().unwrap();
    assert_eq!(made.len(), 1, "carried out, and its answer lost");
    let one = format!("{LBS}/{}", made[0]["id"].as_str().unwrap());
    served
        .call("DELETE", &format!("{one}?cascade=true"), None)
        .await;
    let calls = served.openstack.calls();
    assert_eq!(calls.count("DELETE", "loadbalancers/{id}"), 1);
    assert_eq!(calls.to_octavia(), 4);
    assert_eq!(calls.to_neutron(), 0, "its port is no call");
}

#[tokio::test]
async fn watchers_see_work_that_ends_by_itself() {
    let latency = Latency {
        lb_settle: Duration::from_millis(20),
        ..Latency::none()
    };
    let served = Served::new(Settings {
        latency,
        ..Settings::default()
    })
    .await;
    let lb = balancer(&served).await;
    let mut changes = served.openstack.handle().changes();
    let made = served.call("POST", LBS, Some(lb)).await.json();
    assert_eq!(
        made["loadbalancer"]["provisioning_status"],
        "PENDING_CREATE"
    );
    let id = made["loadbalancer"]["id"].as_str().unwrap().to_owned();
    loop {
        let active = served.openstack.handle().with(|state| {
            let object = state.octavia.get(LbKind::LoadBalancer, &id);
            object.unwrap()["provisioning_status"] == "ACTIVE"
        });
        if active {
            return;
        }
        changes.changed().await.unwrap();
    }
}
