//! How ports are marked in clouds that tag differently, and found again.

use kuryr_openstack::model::{NewPort, Port};
use kuryr_openstack::{Cloud, MarkedBy, PortQuery, TagSupport};
use serde_json::{Value, json};
use wiremock::matchers::{method, path, query_param};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::cloud::*;

/// Whether the cloud keeps the tags of a `POST`.
#[derive(Clone, Copy)]
enum Post {
    Keeps,
    Drops,
    Refuses,
}

async fn neutron(post: Post) -> MockServer {
    let server = server().await;
    let create = move |request: &Request| created(request, post);
    Mock::given(method("POST"))
        .and(path("/network/v2.0/ports"))
        .respond_with(create)
        .mount(&server)
        .await;
    server
}

fn created(request: &Request, post: Post) -> ResponseTemplate {
    let body: Value = request.body_json().unwrap();
    let mut ports = body["ports"].clone();
    for (i, port) in ports.as_array_mut().unwrap().iter_mut().enumerate() {
        if matches!(post, Post::Refuses) && !port["tags"].is_null() {
            return json_answer(
                400,
                neutron_error("HTTPBadRequest", "Unrecognized attribute(s) 'tags'"),
            );
        }
        port["id"] = format!("p{i}").into();
        if !matches!(post, Post::Keeps) {
            port["tags"] = json!([]);
        }
    }
    json_answer(201, json!({ "ports": ports }))
}

async fn accept_put(server: &MockServer) {
    let echo = |request: &Request| json_answer(200, request.body_json().unwrap());
    Mock::given(method("PUT"))
        .and(wiremock::matchers::path_regex(
            "/network/v2.0/ports/p[0-9]+/tags",
        ))
        .respond_with(echo)
        .mount(server)
        .await;
}

async fn create(cloud: &Cloud, count: usize) -> Vec<Port> {
    let new = NewPort {
        network_id: "n".to_owned(),
        tags: vec!["pool".to_owned()],
        ..NewPort::default()
    };
    cloud
        .neutron()
        .create_ports(&vec![new; count], &mark())
        .await
        .unwrap()
}

async fn posted(server: &MockServer) -> Vec<Value> {
    let posts = requests(server)
        .await
        .into_iter()
        .filter(|r| r.method.as_str() == "POST");
    posts
        .map(|r| r.body_json::<Value>().unwrap()["ports"][0].clone())
        .collect()
}

#[tokio::test]
async fn kept_tags_need_no_other_call_and_then_no_description() {
    let server = neutron(Post::Keeps).await;
    let cloud = connect(&server).await;
    let made = create(&cloud, 2).await;
    assert!(made.iter().all(|p| p.tags == ["kuryr:c", "pool"]));
    assert_eq!(cloud.neutron().tag_support(), TagSupport::InPost);
    create(&cloud, 1).await;
    let posts = posted(&server).await;
    assert_eq!(
        posts[0]["description"], "kuryr c",
        "nobody knows yet whether tags are kept"
    );
    assert!(posts[1]["description"].is_null());
    assert_eq!(requests(&server).await.len(), 2);
}

#[tokio::test]
async fn dropped_tags_are_noticed_and_set_after() {
    let server = neutron(Post::Drops).await;
    accept_put(&server).await;
    let cloud = connect(&server).await;
    let made = create(&cloud, 2).await;
    assert!(made.iter().all(|p| p.tags == ["kuryr:c", "pool"]));
    assert_eq!(cloud.neutron().tag_support(), TagSupport::ByPut);
    assert_eq!(cloud.metrics().calls()["set_tags"], 2);
    create(&cloud, 1).await;
    let posts = posted(&server).await;
    assert!(posts[1]["tags"].is_null());
    assert_eq!(
        posts[1]["description"], "kuryr c",
        "between POST and PUT it is all that marks the port"
    );
}

#[tokio::test]
async fn refused_tags_are_left_out() {
    let server = neutron(Post::Refuses).await;
    accept_put(&server).await;
    let cloud = connect(&server).await;
    let made = create(&cloud, 1).await;
    assert_eq!(made[0].tags, ["kuryr:c", "pool"]);
    assert_eq!(cloud.metrics().calls()["create_ports"], 2);
}

#[tokio::test]
async fn without_tags_the_description_marks() {
    let server = neutron(Post::Drops).await;
    let none = json_answer(
        404,
        neutron_error("HTTPNotFound", "The resource could not be found."),
    );
    Mock::given(method("PUT"))
        .respond_with(none)
        .mount(&server)
        .await;
    let cloud = connect(&server).await;
    let made = create(&cloud, 1).await;
    assert_eq!(mark().on(&made[0]), Some(MarkedBy::Description));
    assert_eq!(cloud.neutron().tag_support(), TagSupport::None);
    create(&cloud, 3).await;
    assert_eq!(cloud.metrics().calls()["set_tags"], 1);
}

#[tokio::test]
async fn a_failure_to_tag_loses_no_port() {
    let server = neutron(Post::Drops).await;
    Mock::given(method("PUT"))
        .respond_with(json_answer(500, neutron_error("", "boom")))
        .mount(&server)
        .await;
    let cloud = connect(&server).await;
    let made = create(&cloud, 2).await;
    assert_eq!(made.len(), 2);
    assert!(
        made.iter()
            .all(|p| mark().on(p) == Some(MarkedBy::Description))
    );
    assert_eq!(
        cloud.neutron().tag_support(),
        TagSupport::ByPut,
        "a failure is no proof"
    );
}

#[tokio::test]
async fn a_server_that_stops_keeping_tags_is_noticed() {
    let server = server().await;
    let post = || Mock::given(method("POST")).and(path("/network/v2.0/ports"));
    post()
        .respond_with(|r: &Request| created(r, Post::Keeps))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    post()
        .respond_with(|r: &Request| created(r, Post::Drops))
        .mount(&server)
        .await;
    accept_put(&server).await;
    let cloud = connect(&server).await;
    create(&cloud, 1).await;
    let made = create(&cloud, 1).await;
    assert_eq!(mark().on(&made[0]), Some(MarkedBy::Tag));
    assert_eq!(cloud.neutron().tag_support(), TagSupport::ByPut);
}

#[tokio::test]
async fn fewer_ports_than_asked_for_is_no_success() {
    let server = server().await;
    on(
        "POST",
        "ports",
        201,
        json!({ "ports": [{ "id": "p0", "tags": ["kuryr:c"] }] }),
    )
    .mount(&server)
    .await;
    let cloud = connect(&server).await;
    let new = NewPort {
        network_id: "n".to_owned(),
        ..NewPort::default()
    };
    let error = cloud
        .neutron()
        .create_ports(&vec![new; 2], &mark())
        .await
        .unwrap_err();
    assert_eq!(error.outcome(), "bad_answer");
    assert!(error.maybe_applied());
}

#[tokio::test]
async fn both_kinds_of_marks_are_found_and_foreign_ports_are_not() {
    let server = server().await;
    let port = |id: &str, tags: Value, description: &str| json!({ "id": id, "tags": tags, "description": description });
    let tagged = json!({ "ports": [
        port("a", json!(["kuryr:c"]), ""),
        port("b", json!(["kuryr:c"]), "kuryr c"),
        port("foreign", json!([]), ""),
    ] });
    let described = json!({ "ports": [port("b", json!(["kuryr:c"]), "kuryr c"), port("c", json!([]), "kuryr c")] });
    let list = || Mock::given(path("/network/v2.0/ports")).and(query_param("network_id", "n"));
    list()
        .and(query_param("tags", "kuryr:c"))
        .respond_with(json_answer(200, tagged))
        .mount(&server)
        .await;
    list()
        .and(query_param("description", "kuryr c"))
        .respond_with(json_answer(200, described))
        .mount(&server)
        .await;
    let cloud = connect(&server).await;
    let query = PortQuery::new().network_id("n").fields(["status"]);
    let found = cloud
        .neutron()
        .list_owned_ports(&mark(), &query)
        .await
        .unwrap();
    assert_eq!(
        found.iter().map(|p| p.id.as_str()).collect::<Vec<_>>(),
        ["a", "b", "c"]
    );
    let asked = requests(&server).await[0].url.query().unwrap().to_owned();
    assert!(asked.contains("fields=tags&fields=description"), "{asked}");
}

#[tokio::test]
async fn a_cloud_that_refuses_the_filter_by_tags_is_asked_by_description() {
    let server = server().await;
    let list = || Mock::given(path("/network/v2.0/ports"));
    let refusal = neutron_error(
        "HTTPBadRequest",
        "['tags'] is invalid attribute for filtering",
    );
    list()
        .and(query_param("tags", "kuryr:c"))
        .respond_with(json_answer(400, refusal))
        .mount(&server)
        .await;
    let body = json!({ "ports": [{ "id": "c", "description": "kuryr c" }] });
    list()
        .and(query_param("description", "kuryr c"))
        .respond_with(json_answer(200, body))
        .mount(&server)
        .await;
    on(
        "GET",
        "extensions",
        200,
        json!({ "extensions": [{ "alias": "trunk" }] }),
    )
    .mount(&server)
    .await;
    let cloud = connect(&server).await;
    assert_eq!(
        cloud
            .neutron()
            .list_owned_ports(&mark(), &PortQuery::new())
            .await
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn descriptions_are_looked_for_until_all_ports_are_seen_to_be_tagged() {
    let server = neutron(Post::Keeps).await;
    let list = || Mock::given(method("GET")).and(path("/network/v2.0/ports"));
    let old = json!({ "ports": [{ "id": "old", "description": "kuryr c" }] });
    let described = || list().and(query_param("description", "kuryr c"));
    described()
        .respond_with(json_answer(200, old))
        .up_to_n_times(2)
        .mount(&server)
        .await;
    list()
        .respond_with(json_answer(200, json!({ "ports": [] })))
        .mount(&server)
        .await;
    let cloud = connect(&server).await;
    create(&cloud, 1).await;
    assert_eq!(cloud.neutron().tag_support(), TagSupport::InPost);
    let mut calls = Vec::new();
    for _ in 0..4 {
        let found = cloud
            .neutron()
            .list_owned_ports(&mark(), &PortQuery::new())
            .await
            .unwrap();
        calls.push((found.len(), cloud.metrics().calls()["list_ports"]));
    }
    assert_eq!(calls, [(1, 2), (1, 4), (0, 6), (0, 7)]);
}
