//! Neutron over HTTP: lists, tags, quotas, projects, paths.

use kuryr_embedded_openstack::{Settings, TagsInPost};
use serde_json::{Value, json};

use crate::support::Served;

fn ids(list: &Value, plural: &str) -> Vec<String> {
    list[plural]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["id"].as_str().unwrap().to_owned())
        .collect()
}

async fn ports(served: &Served, network: &str, extra: &[Value]) -> Vec<String> {
    let bulk: Vec<Value> = extra
        .iter()
        .map(|extra| {
            let mut port = json!({ "network_id": network });
            port.as_object_mut()
                .unwrap()
                .extend(extra.as_object().unwrap().clone());
            port
        })
        .collect();
    let answer = served
        .call("POST", "/v2.0/ports", Some(json!({ "ports": bulk })))
        .await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    ids(&answer.json(), "ports")
}

#[tokio::test]
async fn ports_are_found_by_filters() {
    let served = Served::new(Settings::default()).await;
    let network = served.network().await;
    let made = ports(
        &served,
        &network,
        &[
            json!({"name": "a", "tags": ["x", "y"], "device_owner": "compute:kuryr", "fixed_ips": [{"ip_address": "10.0.0.9"}]}),
            json!({"name": "b", "tags": ["x"], "description": "d"}),
            json!({"name": "c"}),
        ],
    )
    .await;
    let (first, second, third) = (made[0].clone(), made[1].clone(), made[2].clone());
    let group = served
        .call("GET", "/v2.0/security-groups?name=default", None)
        .await
        .json();
    let group = ids(&group, "security_groups")[0].clone();
    let cases = [
        ("tags=x,y".to_owned(), vec![&first]),
        ("tags=x".to_owned(), vec![&first, &second]),
        ("tags-any=y,z".to_owned(), vec![&first]),
        ("not-tags=x".to_owned(), vec![&third]),
        ("not-tags-any=y".to_owned(), vec![&second, &third]),
        ("device_owner=compute:kuryr".to_owned(), vec![&first]),
        ("status=DOWN&name=b".to_owned(), vec![&second]),
        ("name=a&name=c".to_owned(), vec![&first, &third]),
        ("description=d".to_owned(), vec![&second]),
        ("fixed_ips=ip_address=10.0.0.9".to_owned(), vec![&first]),
        (format!("id={third}&id={first}"), vec![&first, &third]),
        (format!("security_groups={group}&name=a"), vec![&first]),
        ("admin_state_up=False".to_owned(), vec![]),
    ];
    for (filter, expected) in cases {
        let path = format!("/v2.0/ports?network_id={network}&fields=id&{filter}");
        let mut expected: Vec<String> = expected.into_iter().cloned().collect();
        expected.sort();
        assert_eq!(
            ids(&served.call("GET", &path, None).await.json(), "ports"),
            expected,
            "{filter}"
        );
    }
}

#[tokio::test]
async fn bad_queries_are_refused() {
    let served = Served::new(Settings::default()).await;
    let cases = [
        (
            "foo=1",
            "HTTPBadRequest",
            "['foo'] is invalid attribute for filtering",
        ),
        (
            "foo=1&bar=2",
            "HTTPBadRequest",
            "['foo', 'bar'] is invalid attribute for filtering",
        ),
        (
            "limit=x",
            "BadRequest",
            "Bad limit request: Limit must be an integer 0 or greater and not 'x'.",
        ),
        (
            "sort_key=id",
            "HTTPBadRequest",
            "The number of sort_keys and sort_dirs must be same",
        ),
        (
            "fixed_ips=x",
            "InvalidInput",
            "Invalid input for operation: 'x' is not of the form <key>=[value].",
        ),
    ];
    for (query, kind, message) in cases {
        let answer = served
            .call("GET", &format!("/v2.0/ports?{query}"), None)
            .await;
        let error = json!({"NeutronError": {"type": kind, "message": message, "detail": ""}});
        assert_eq!((answer.status, answer.json()), (400, error));
    }
}

#[tokio::test]
async fn pages_lead_to_the_end() {
    let served = Served::new(Settings::default()).await;
    let network = served.network().await;
    let mut made = ports(&served, &network, &vec![json!({}); 5]).await;
    made.sort();
    let base = served.openstack.network_url();
    let mut next = Some(format!(
        "/v2.0/ports?limit=2&fields=id&network_id={network}"
    ));
    let mut seen = Vec::new();
    while let Some(path) = next {
        let page = served.call("GET", &path, None).await.json();
        seen.extend(ids(&page, "ports"));
        let links = page["ports_links"].as_array().cloned().unwrap_or_default();
        let link = links.into_iter().find(|link| link["rel"] == "next");
        next = link.map(|link| {
            link["href"]
                .as_str()
                .unwrap()
                .strip_prefix(&base)
                .unwrap()
                .to_owned()
        });
    }
    assert_eq!(seen, made);
    let down = served
        .call(
            "GET",
            "/v2.0/ports?sort_key=id&sort_dir=desc&fields=id",
            None,
        )
        .await
        .json();
    made.reverse();
    assert_eq!(ids(&down, "ports"), made);
}

#[tokio::test]
async fn tags_are_replaced_added_and_removed() {
    let served = Served::new(Settings::default()).await;
    let network = served.network().await;
    let path = format!("/v2.0/networks/{network}/tags");
    let replaced = served
        .call("PUT", &path, Some(json!({"tags": ["a", "b"]})))
        .await;
    assert_eq!(
        (replaced.status, replaced.json()),
        (200, json!({"tags": ["a", "b"]}))
    );
    assert_eq!(
        served
            .call("PUT", &format!("{path}/kuryr:cluster=x"), None)
            .await
            .status,
        201
    );
    assert_eq!(
        served.call("GET", &format!("{path}/a"), None).await.status,
        204
    );
    assert_eq!(
        served
            .call("DELETE", &format!("{path}/a"), None)
            .await
            .status,
        204
    );
    let missing = served.call("DELETE", &format!("{path}/a"), None).await;
    assert_eq!(
        (missing.status, &missing.json()["NeutronError"]["type"]),
        (404, &json!("TagNotFound"))
    );
    let left = served.call("GET", &path, None).await.json();
    assert_eq!(left, json!({"tags": ["b", "kuryr:cluster=x"]}));
    let nowhere = served
        .call("PUT", "/v2.0/ports/nope/tags", Some(json!({"tags": []})))
        .await;
    assert_eq!(
        nowhere.json()["NeutronError"]["message"],
        "Resource ports nope could not be found."
    );
}

#[tokio::test]
async fn tags_in_a_post_may_be_dropped_without_a_word() {
    let served = Served::new(Settings {
        tags_in_post: TagsInPost::Dropped,
        ..Settings::default()
    })
    .await;
    let network = served.network().await;
    let port = json!({"port": {"network_id": network, "tags": ["x"]}});
    let answer = served.call("POST", "/v2.0/ports", Some(port)).await;
    assert_eq!(
        (answer.status, &answer.json()["port"]["tags"]),
        (201, &json!([]))
    );
}

#[tokio::test]
async fn projects_do_not_see_each_other() {
    let mut served = Served::new(Settings::default()).await;
    let network = served.network().await;
    let port = ports(&served, &network, &[json!({})]).await.remove(0);
    let own = served
        .call("GET", &format!("/v2.0/ports/{port}"), None)
        .await
        .json();
    assert!(
        own["port"].get("binding:host_id").is_none(),
        "a member sees no binding"
    );
    served.token = served.login("admin", "admin").await;
    let seen = served
        .call("GET", &format!("/v2.0/ports/{port}"), None)
        .await
        .json();
    assert_eq!(seen["port"]["binding:vif_type"], "unbound");
    let mine = json!({"network": {"name": "theirs"}});
    let theirs = served
        .call("POST", "/v2.0/networks", Some(mine))
        .await
        .json()["network"]["id"]
        .clone();
    served.token = served.login("kuryr", "k8s").await;
    let hidden = served
        .call(
            "GET",
            &format!("/v2.0/networks/{}", theirs.as_str().unwrap()),
            None,
        )
        .await;
    assert_eq!(
        (hidden.status, &hidden.json()["NeutronError"]["type"]),
        (404, &json!("NetworkNotFound"))
    );
}

#[tokio::test]
async fn quotas_tell_limit_and_use() {
    let served = Served::new(Settings {
        quotas: [("port".to_owned(), 7)].into(),
        ..Settings::default()
    })
    .await;
    let network = served.network().await;
    ports(&served, &network, &[json!({}), json!({})]).await;
    let project = served
        .call("GET", "/v2.0/quotas/project", None)
        .await
        .json();
    let project = project["project"]["project_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let details = served
        .call("GET", &format!("/v2.0/quotas/{project}/details"), None)
        .await
        .json();
    assert_eq!(
        details["quota"]["port"],
        json!({"limit": 7, "used": 2, "reserved": 0})
    );
    let quota = served
        .call("GET", &format!("/v2.0/quotas/{project}"), None)
        .await
        .json();
    assert_eq!(quota["quota"]["network"], 100);
    assert_eq!(
        served.call("GET", "/v2.0/quotas/other", None).await.status,
        403
    );
}

#[tokio::test]
async fn a_router_joins_subnets() {
    let served = Served::new(Settings::default()).await;
    let network = served.network().await;
    let subnets = served
        .call("GET", &format!("/v2.0/subnets?network_id={network}"), None)
        .await
        .json();
    let subnet = json!({"subnet_id": subnets["subnets"][0]["id"]});
    let router = served
        .call(
            "POST",
            "/v2.0/routers",
            Some(json!({"router": {"name": "r"}})),
        )
        .await
        .json();
    let path = format!("/v2.0/routers/{}", router["router"]["id"].as_str().unwrap());
    let added = served
        .call(
            "PUT",
            &format!("{path}/add_router_interface"),
            Some(subnet.clone()),
        )
        .await;
    assert_eq!(
        (added.status, &added.json()["subnet_id"]),
        (200, &subnet["subnet_id"])
    );
    let again = served
        .call(
            "PUT",
            &format!("{path}/add_router_interface"),
            Some(subnet.clone()),
        )
        .await;
    assert_eq!(again.status, 400);
    let port = served
        .call(
            "GET",
            "/v2.0/ports?device_owner=network:router_interface",
            None,
        )
        .await
        .json();
    assert_eq!(port["ports"][0]["fixed_ips"][0]["ip_address"], "10.0.0.1");
    assert_eq!(
        served.call("DELETE", &path, None).await.json()["NeutronError"]["type"],
        "RouterInUse"
    );
    assert_eq!(
        served
            .call(
                "PUT",
                &format!("{path}/remove_router_interface"),
                Some(subnet)
            )
            .await
            .status,
        200
    );
    assert_eq!(served.call("DELETE", &path, None).await.status, 204);
}

#[tokio::test]
async fn paths_and_bodies_that_mean_nothing_are_refused() {
    let served = Served::new(Settings::default()).await;
    let error = |answer: crate::support::Answer| {
        let error = answer.json()["NeutronError"].clone();
        (
            answer.status,
            error["type"].as_str().unwrap().to_owned(),
            error["message"].as_str().unwrap().to_owned(),
        )
    };
    let nowhere = error(served.call("GET", "/v2.0/nothere", None).await);
    assert_eq!(
        nowhere,
        (
            404,
            "HTTPNotFound".into(),
            "The resource could not be found.".into()
        )
    );
    let unnamed = error(
        served
            .call("POST", "/v2.0/ports", Some(json!({"nothing": {}})))
            .await,
    );
    assert_eq!(
        unnamed,
        (
            400,
            "HTTPBadRequest".into(),
            "Unable to find 'port' in request body".into()
        )
    );
    let list = error(
        served
            .call("POST", "/v2.0/ports", Some(json!({"port": []})))
            .await,
    );
    assert_eq!(
        list,
        (
            400,
            "HTTPBadRequest".into(),
            "Object 'port' contains invalid data".into()
        )
    );
    assert_eq!(
        served
            .call("PATCH", "/v2.0/ports/x", Some(json!({})))
            .await
            .status,
        405
    );
    let extension = served
        .call("GET", "/v2.0/extensions/trunk", None)
        .await
        .json();
    assert_eq!(extension["extension"]["alias"], "trunk");
    assert_eq!(
        served
            .call("GET", "/v2.0/extensions/nope", None)
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn if_match_is_looked_at() {
    let served = Served::new(Settings::default()).await;
    let network = served.network().await;
    let url = format!("{}/v2.0/networks/{network}", served.openstack.network_url());
    let put = |revision: &str| {
        let body = json!({"network": {"name": "x"}}).to_string();
        served
            .http
            .put(&url)
            .header("x-auth-token", &served.token)
            .header("if-match", revision)
            .body(body)
            .send()
    };
    assert_eq!(put("revision_number=99").await.unwrap().status(), 412);
    assert_eq!(put("revision_number=x").await.unwrap().status(), 400);
    assert_eq!(put("revision_number=1").await.unwrap().status(), 200);
}
