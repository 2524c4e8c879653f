//! Octavia's calls.

use std::net::IpAddr;

use kuryr_openstack::model::{
    ApiLevel, DefaultPool, LbAlgorithm, LbProtocol, ListenerUpdate, MonitorType, NewHealthMonitor,
    NewListener, NewLoadBalancer, NewMember, NewPool, PoolUpdate, ProvisioningStatus,
};
use kuryr_openstack::{
    Cloud, ConflictKind, Error, ErrorKind, LoadBalancerQuery, MemberQuery, Octavia,
};
use serde_json::{Value, json};
use wiremock::matchers::{method, path, query_param, query_param_is_missing};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::cloud::*;

const LB: &str = "607226db-27ef-4d41-ae89-f2a800e9c2db";
const POOL: &str = "c8cec227-410a-4a5b-af13-ecf38c2b0abb";
const OVN: &str = "ovn";

async fn octavia(server: &MockServer) -> Octavia {
    connect(server).await.octavia().unwrap()
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn member(last: u8) -> NewMember {
    NewMember::at(address(&format!("10.0.0.{last}")), 8080)
}

/// A load balancer with a listener, its pool, two members and a monitor.
fn tree() -> NewLoadBalancer {
    let pool = NewPool {
        name: "web".to_owned(),
        protocol: LbProtocol::Tcp,
        lb_algorithm: LbAlgorithm::SourceIpPort,
        members: vec![member(7), member(8)],
        healthmonitor: Some(NewHealthMonitor {
            kind: MonitorType::Tcp,
            delay: 5,
            timeout: 3,
            max_retries: 2,
            ..NewHealthMonitor::default()
        }),
        ..NewPool::default()
    };
    let listener = NewListener {
        name: "web".to_owned(),
        protocol: LbProtocol::Tcp,
        protocol_port: 80,
        default_pool: Some(DefaultPool::New(Box::new(pool))),
        ..NewListener::default()
    };
    NewLoadBalancer {
        name: "web".to_owned(),
        vip_subnet_id: Some("s1".to_owned()),
        vip_address: Some(address("10.1.0.5")),
        provider: Some(OVN.to_owned()),
        tags: vec!["kuryr:c".to_owned()],
        listeners: vec![listener],
        ..NewLoadBalancer::default()
    }
}

fn balancer(status: &str) -> Value {
    json!({
        "id": LB, "name": "web", "provisioning_status": status, "operating_status": "OFFLINE",
        "vip_address": "10.1.0.5", "vip_port_id": "p1", "vip_subnet_id": "s1", "vip_network_id": "n1",
        "additional_vips": [], "provider": OVN, "tags": ["kuryr:c"], "project_id": PROJECT,
        "listeners": [{ "id": "l1", "name": "web", "protocol": "TCP" }], "pools": [{ "id": POOL }],
        "created_at": "2030-01-01T00:00:00", "updated_at": null,
    })
}

async fn create_answered(status: u16, body: Value) -> Error {
    let server = server().await;
    lb_on("POST", "loadbalancers", status, body)
        .expect(1)
        .mount(&server)
        .await;
    let outcome = octavia(&server).await.create_load_balancer(&tree()).await;
    outcome.unwrap_err()
}

#[tokio::test]
async fn a_load_balancer_is_made_whole_in_one_call() {
    let server = server().await;
    let made = json!({ "loadbalancer": balancer("PENDING_CREATE") });
    lb_on("POST", "loadbalancers", 201, made)
        .mount(&server)
        .await;
    let octavia = octavia(&server).await;
    let given = octavia.create_load_balancer(&tree()).await.unwrap();
    assert_eq!(given.provisioning_status, ProvisioningStatus::PendingCreate);
    assert_eq!(given.listeners[0].id, "l1");
    let sent: Value = requests(&server).await[0].body_json().unwrap();
    let want = json!({ "loadbalancer": {
        "name": "web", "vip_subnet_id": "s1", "vip_address": "10.1.0.5", "provider": OVN, "tags": ["kuryr:c"],
        "listeners": [{ "name": "web", "protocol": "TCP", "protocol_port": 80, "default_pool": {
            "name": "web", "protocol": "TCP", "lb_algorithm": "SOURCE_IP_PORT",
            "members": [
                { "address": "10.0.0.7", "protocol_port": 8080 },
                { "address": "10.0.0.8", "protocol_port": 8080 },
            ],
            "healthmonitor": { "type": "TCP", "delay": 5, "timeout": 3, "max_retries": 2 },
        } }],
    } });
    assert_eq!(sent, want);
}

#[tokio::test]
async fn a_pool_may_be_named_where_it_is_shared() {
    let named = DefaultPool::Named {
        name: "web".to_owned(),
    };
    assert_eq!(
        serde_json::to_value(named).unwrap(),
        json!({ "name": "web" })
    );
}

#[tokio::test]
async fn a_creation_is_not_repeated_when_its_answer_may_be_lost() {
    let error = create_answered(500, octavia_error("boom")).await;
    assert!(error.maybe_applied());
    assert_eq!(error.context().attempts, 1);
    let error = create_answered(201, json!({ "loadbalancer": "x" })).await;
    assert!(error.maybe_applied(), "{error}");
}

#[tokio::test]
async fn what_a_provider_cannot_do_is_told_with_its_name() {
    let words = "Provider 'ovn' does not support a requested option: OVN provider does not support ROUND_ROBIN algorithm";
    let error = create_answered(501, octavia_error(words)).await;
    let want = ErrorKind::Unsupported {
        provider: Some(OVN.to_owned()),
        message: "OVN provider does not support ROUND_ROBIN algorithm".to_owned(),
    };
    assert_eq!(error.kind(), &want);
    assert!(
        error.to_string().contains("not supported by provider ovn"),
        "{error}"
    );
    let error = create_answered(501, octavia_error("Provider 'x' was not found.")).await;
    let ErrorKind::Unsupported { provider, message } = error.kind() else {
        panic!("{error}")
    };
    assert_eq!(provider.as_deref(), Some("x"));
    assert_eq!(message, "Provider 'x' was not found.");
}

#[tokio::test]
async fn refusals_are_told_apart_by_octavias_words() {
    for (status, words, want) in [
        (
            403,
            "Quota has been met for resources: Load Balancer",
            "over_quota",
        ),
        (
            403,
            "Policy does not allow this request to be performed.",
            "forbidden",
        ),
        (
            409,
            "IP address 10.1.0.5 already allocated in subnet s1",
            "address_taken",
        ),
        (
            400,
            "Validation failure: Subnet s1 not found.",
            "bad_request",
        ),
        (404, "Subnet s1 not found.", "not_found"),
        (
            500,
            "Provider 'ovn' reports error: IP address 10.1.0.5 already allocated in subnet s1\nNeutron server returns",
            "address_taken",
        ),
        (
            500,
            "Provider 'ovn' reports error: No more IP addresses available on network n1.",
            "ip_exhausted",
        ),
        (
            500,
            "Provider 'ovn' reports error: IP address 10.9.0.5 is not a valid IP for the specified subnet.",
            "bad_request",
        ),
        (500, "Provider 'ovn' reports error: boom", "server_error"),
        (
            503,
            "Project busy.  Unable to lock the project.  Please try again.",
            "server_error",
        ),
    ] {
        let error = create_answered(status, octavia_error(words)).await;
        assert_eq!(error.outcome(), want, "{words}");
    }
}

#[tokio::test]
async fn a_busy_load_balancer_is_not_asked_again() {
    let server = server().await;
    let busy = octavia_error(&format!(
        "Load Balancer {LB} is immutable and cannot be updated."
    ));
    lb_on("PUT", &format!("pools/{POOL}/members"), 409, busy)
        .expect(1)
        .mount(&server)
        .await;
    let error = octavia(&server)
        .await
        .set_members(POOL, &[member(7)])
        .await
        .unwrap_err();
    assert!(error.is_immutable() && error.is_retryable() && !error.maybe_applied());
}

#[tokio::test]
async fn a_deletion_cascades_and_is_repeated() {
    let server = server().await;
    let at = || {
        Mock::given(method("DELETE"))
            .and(path(format!("/lb/v2/lbaas/loadbalancers/{LB}")))
            .and(query_param("cascade", "true"))
    };
    at().respond_with(json_answer(500, octavia_error("boom")))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    at().respond_with(json_answer(404, octavia_error("Load Balancer not found.")))
        .mount(&server)
        .await;
    let octavia = octavia(&server).await;
    octavia.delete_load_balancer(LB, true).await.unwrap();
    assert_eq!(requests(&server).await.len(), 2);
}

#[tokio::test]
async fn without_cascade_nothing_is_said_of_it() {
    let server = server().await;
    Mock::given(method("DELETE"))
        .and(query_param_is_missing("cascade"))
        .respond_with(ResponseTemplate::new(204))
        .expect(1)
        .mount(&server)
        .await;
    let octavia = octavia(&server).await;
    octavia.delete_load_balancer(LB, false).await.unwrap();
}

#[tokio::test]
async fn members_are_set_by_one_call_that_may_be_repeated() {
    let server = server().await;
    let at = format!("pools/{POOL}/members");
    lb_on("PUT", &at, 500, octavia_error("boom"))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    Mock::given(path(format!("/lb/v2/lbaas/{at}")))
        .and(query_param_is_missing("additive_only"))
        .respond_with(ResponseTemplate::new(202))
        .mount(&server)
        .await;
    let cloud = connect(&server).await;
    let octavia = cloud.octavia().unwrap();
    octavia.set_members(POOL, &[member(7)]).await.unwrap();
    octavia.set_members(POOL, &[]).await.unwrap();
    let sent = requests(&server).await;
    let body = |at: usize| sent[at].body_json::<Value>().unwrap();
    assert_eq!(
        body(1),
        json!({ "members": [{ "address": "10.0.0.7", "protocol_port": 8080 }] })
    );
    assert_eq!(body(2), json!({ "members": [] }));
    assert_eq!(cloud.metrics().calls()["set_members"], 3);
}

#[tokio::test]
async fn members_are_added_beside_the_others() {
    let server = server().await;
    Mock::given(path(format!("/lb/v2/lbaas/pools/{POOL}/members")))
        .and(query_param("additive_only", "true"))
        .respond_with(ResponseTemplate::new(202))
        .expect(1)
        .mount(&server)
        .await;
    let octavia = octavia(&server).await;
    octavia.add_members(POOL, &[member(9)]).await.unwrap();
}

fn page(ids: &[&str], tags: &[&str], next: Option<&str>) -> ResponseTemplate {
    let balancers: Vec<Value> = ids
        .iter()
        .map(|id| json!({ "id": id, "tags": tags }))
        .collect();
    let links: Vec<Value> = next
        .iter()
        .map(|id| json!({ "rel": "next", "href": format!("http://other.invalid/v2/lbaas/loadbalancers?limit=2&marker={id}") }))
        .collect();
    json_answer(
        200,
        json!({ "loadbalancers": balancers, "loadbalancers_links": links }),
    )
}

async fn in_pages_of_two(server: &MockServer) -> Octavia {
    let mut config = config(server);
    config.page_size = 2;
    try_connect(config).await.unwrap().octavia().unwrap()
}

#[tokio::test]
async fn what_is_ours_is_listed_in_pages_and_looked_at_again() {
    let server = server().await;
    let list = || {
        Mock::given(path("/lb/v2/lbaas/loadbalancers"))
            .and(query_param("tags", "kuryr:c"))
            .and(query_param("provider", OVN))
    };
    list()
        .and(query_param_is_missing("marker"))
        .respond_with(page(&["a", "b"], &["kuryr:c"], Some("b")))
        .mount(&server)
        .await;
    list()
        .and(query_param("marker", "b"))
        .respond_with(page(&["c"], &["kuryr:other"], None))
        .mount(&server)
        .await;
    let query = LoadBalancerQuery::new().provider(OVN);
    let found = in_pages_of_two(&server)
        .await
        .list_owned_load_balancers(&mark(), &query)
        .await
        .unwrap();
    let ids: Vec<_> = found.iter().map(|b| b.id.as_str()).collect();
    assert_eq!(ids, ["a", "b"]);
}

#[tokio::test]
async fn a_list_begins_again_when_the_marker_is_no_longer_valid() {
    let server = server().await;
    let first =
        || Mock::given(path("/lb/v2/lbaas/loadbalancers")).and(query_param_is_missing("marker"));
    first()
        .respond_with(page(&["a", "b"], &[], Some("b")))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    let gone = octavia_error("Supplied pagination marker 'b' is not valid.");
    Mock::given(query_param("marker", "b"))
        .respond_with(json_answer(400, gone))
        .mount(&server)
        .await;
    first()
        .respond_with(page(&["a"], &[], None))
        .mount(&server)
        .await;
    let octavia = in_pages_of_two(&server).await;
    let found = octavia
        .list_load_balancers(&LoadBalancerQuery::new())
        .await
        .unwrap();
    assert_eq!(found.len(), 1);
}

#[tokio::test]
async fn the_tree_of_statuses_is_read() {
    let server = server().await;
    let member = json!({ "id": "m1", "name": "", "address": "10.0.0.7", "protocol_port": 8080,
        "provisioning_status": "ACTIVE", "operating_status": "ERROR" });
    let pool = json!({ "id": POOL, "name": "web", "provisioning_status": "ACTIVE", "operating_status": "DEGRADED",
        "health_monitor": { "id": "h1", "name": "", "type": "TCP", "provisioning_status": "ACTIVE", "operating_status": "ONLINE" },
        "members": [member] });
    let listener = json!({ "id": "l1", "name": "web", "provisioning_status": "ACTIVE", "operating_status": "ONLINE", "pools": [pool] });
    let tree = json!({ "id": LB, "name": "web", "provisioning_status": "ERROR", "operating_status": "ERROR", "listeners": [listener] });
    lb_on(
        "GET",
        &format!("loadbalancers/{LB}/status"),
        200,
        json!({ "statuses": { "loadbalancer": tree } }),
    )
    .mount(&server)
    .await;
    let read = octavia(&server)
        .await
        .load_balancer_status(LB)
        .await
        .unwrap();
    assert_eq!(read.provisioning_status, ProvisioningStatus::Error);
    let pool = &read.listeners[0].pools[0];
    assert_eq!(pool.members[0].address, address("10.0.0.7"));
    assert_eq!(pool.health_monitor.as_ref().unwrap().kind, MonitorType::Tcp);
}

#[tokio::test]
async fn wrong_shapes_are_bad_answers() {
    for body in [
        json!([]),
        json!({}),
        json!({ "loadbalancers": [{ "name": "without id" }] }),
        json!({ "loadbalancers": [{ "id": "a", "vip_address": "10.1" }] }),
        json!({ "loadbalancers": [{ "id": "a", "listeners": [{}] }] }),
        json!({ "loadbalancers": [{ "id": "a", "tags": "kuryr" }] }),
    ] {
        let server = server().await;
        lb_on("GET", "loadbalancers", 200, body.clone())
            .mount(&server)
            .await;
        let octavia = octavia(&server).await;
        let error = octavia
            .list_load_balancers(&LoadBalancerQuery::new())
            .await
            .unwrap_err();
        assert_eq!(error.outcome(), "bad_answer", "{body}");
    }
    let server = server().await;
    let at = format!("loadbalancers/{LB}/status");
    lb_on("GET", &at, 200, json!({ "statuses": {} }))
        .mount(&server)
        .await;
    let error = octavia(&server)
        .await
        .load_balancer_status(LB)
        .await
        .unwrap_err();
    assert_eq!(error.outcome(), "bad_answer");
}

#[tokio::test]
async fn what_is_left_out_stays_and_what_is_null_goes() {
    let change = ListenerUpdate {
        default_pool_id: Some(None),
        timeout_client_data: Some(Some(9000)),
        ..ListenerUpdate::default()
    };
    assert_eq!(
        serde_json::to_value(change).unwrap(),
        json!({ "default_pool_id": null, "timeout_client_data": 9000 })
    );
    let change = PoolUpdate {
        session_persistence: Some(None),
        ..PoolUpdate::default()
    };
    assert_eq!(
        serde_json::to_value(change).unwrap(),
        json!({ "session_persistence": null })
    );
}

#[tokio::test]
async fn a_failover_is_sent_once_and_without_a_body() {
    let server = server().await;
    lb_on(
        "PUT",
        &format!("loadbalancers/{LB}/failover"),
        500,
        octavia_error("boom"),
    )
    .expect(1)
    .mount(&server)
    .await;
    let error = octavia(&server)
        .await
        .failover_load_balancer(LB)
        .await
        .unwrap_err();
    assert!(error.maybe_applied());
    assert!(requests(&server).await[0].body.is_empty());
}

#[tokio::test]
async fn versions_are_asked_once_above_the_version() {
    let server = server().await;
    let versions = json!({ "versions": [{ "id": "v2.5", "status": "SUPPORTED" }, { "id": "v2.26", "status": "CURRENT" },
        { "id": "v2.12", "status": "SUPPORTED" }] });
    Mock::given(method("GET"))
        .and(path("/lb/"))
        .respond_with(json_answer(200, versions))
        .expect(1)
        .mount(&server)
        .await;
    let octavia = octavia(&server).await;
    let level = octavia.api_level().await.unwrap();
    assert_eq!(level, ApiLevel::ADDITIONAL_VIPS);
    assert!(octavia.api_level().await.unwrap() > ApiLevel::ALLOWED_CIDRS);
}

#[tokio::test]
async fn providers_flavours_and_limits_are_read() {
    let server = server().await;
    let providers = json!({ "providers": [{ "name": OVN, "description": "The OVN driver" }] });
    lb_on("GET", "providers", 200, providers)
        .mount(&server)
        .await;
    let refused = octavia_error("Policy does not allow this request to be performed.");
    lb_on("GET", "providers/ovn/flavor_capabilities", 403, refused)
        .mount(&server)
        .await;
    lb_on(
        "GET",
        "flavors",
        200,
        json!({ "flavors": [{ "id": "f1", "name": "big", "enabled": true }], "flavors_links": [] }),
    )
    .mount(&server)
    .await;
    lb_on(
        "GET",
        &format!("quotas/{PROJECT}"),
        200,
        json!({ "quota": { "load_balancer": 10, "member": -1 } }),
    )
    .mount(&server)
    .await;
    let octavia = octavia(&server).await;
    assert_eq!(octavia.list_providers().await.unwrap()[0].name, OVN);
    let refused = octavia.provider_capabilities(OVN).await.unwrap_err();
    assert_eq!(refused.outcome(), "forbidden");
    assert_eq!(octavia.list_flavors().await.unwrap()[0].name, "big");
    let quota = octavia.load_balancer_quota().await.unwrap();
    assert_eq!(
        (quota.load_balancers(), quota.member, quota.pool),
        (Some(10), Some(-1), None)
    );
}

#[tokio::test]
async fn a_pool_that_is_gone_is_not_found_below_it_too() {
    let server = server().await;
    let gone = json!({ "title": "Bad Request", "code": 404, "description": format!("Pool {POOL} not found.") });
    lb_on("PUT", &format!("pools/{POOL}/members"), 404, gone)
        .mount(&server)
        .await;
    let octavia = octavia(&server).await;
    let error = octavia.set_members(POOL, &[]).await.unwrap_err();
    assert!(error.is_not_found(), "{error}");
}

#[tokio::test]
async fn a_duplicate_is_told() {
    let server = server().await;
    let words =
        "Another Listener on this Load Balancer is already using protocol TCP and protocol_port 80";
    lb_on("POST", "listeners", 409, octavia_error(words))
        .mount(&server)
        .await;
    let octavia = octavia(&server).await;
    let error = octavia
        .create_listener(&NewListener::default())
        .await
        .unwrap_err();
    assert_eq!(error.conflict(), Some(&ConflictKind::Duplicate));
}

#[tokio::test]
async fn ids_that_lead_elsewhere_are_not_sent() {
    let server = server().await;
    let octavia = octavia(&server).await;
    for id in ["", "..", "a/b", "a?b"] {
        for error in [
            octavia.delete_load_balancer(id, true).await.unwrap_err(),
            octavia.set_members(id, &[]).await.unwrap_err(),
            octavia
                .list_members(id, &MemberQuery::new())
                .await
                .unwrap_err(),
            octavia.provider_capabilities(id).await.unwrap_err(),
        ] {
            assert!(matches!(error.kind(), ErrorKind::Argument(_)), "{error}");
        }
    }
    assert!(requests(&server).await.is_empty());
}

fn closed(cloud: &Cloud) -> Octavia {
    cloud.guard_writes(|| false);
    cloud.octavia().unwrap()
}

#[tokio::test]
async fn a_closed_fence_withholds_each_change() {
    let server = server().await;
    lb_on("GET", "loadbalancers", 200, json!({ "loadbalancers": [] }))
        .mount(&server)
        .await;
    let octavia = closed(&connect(&server).await);
    for error in [
        octavia.create_load_balancer(&tree()).await.unwrap_err(),
        octavia.delete_load_balancer(LB, true).await.unwrap_err(),
        octavia.set_members(POOL, &[]).await.unwrap_err(),
        octavia.failover_load_balancer(LB).await.unwrap_err(),
    ] {
        assert!(matches!(error.kind(), ErrorKind::Withheld), "{error}");
    }
    let query = LoadBalancerQuery::new();
    assert!(octavia.list_load_balancers(&query).await.is_ok());
    assert_eq!(requests(&server).await.len(), 1);
}
