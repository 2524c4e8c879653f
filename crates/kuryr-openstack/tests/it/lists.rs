//! Lists: pages, many ids.

use kuryr_openstack::model::Port;
use kuryr_openstack::{Error, PortQuery};
use serde_json::json;
use wiremock::matchers::{path, query_param, query_param_is_missing};
use wiremock::{Mock, MockBuilder, MockServer, Request, ResponseTemplate};

use crate::cloud::*;

/// A page with `ids`, and a link to a next one on another host.
fn page(ids: &[&str], next: bool) -> ResponseTemplate {
    let ports: Vec<_> = ids.iter().map(|id| json!({ "id": id })).collect();
    let last = ids.last().unwrap_or(&"none");
    let link = json!([
        { "rel": "previous", "href": "http://other.invalid/v2.0/ports?marker=zzz" },
        { "rel": "next", "href": format!("http://other.invalid/v2.0/ports?limit=2&marker={last}") },
    ]);
    let body = if next {
        json!({ "ports": ports, "ports_links": link })
    } else {
        json!({ "ports": ports })
    };
    json_answer(200, body)
}

fn first() -> MockBuilder {
    Mock::given(path("/network/v2.0/ports")).and(query_param_is_missing("marker"))
}

fn after(marker: &str) -> MockBuilder {
    Mock::given(path("/network/v2.0/ports")).and(query_param("marker", marker))
}

async fn list(server: &MockServer, query: PortQuery) -> Result<Vec<String>, Error> {
    let mut config = config(server);
    config.page_size = 2;
    let cloud = try_connect(config).await.unwrap();
    let ids = |ports: Vec<Port>| ports.into_iter().map(|p| p.id).collect();
    cloud.neutron().list_ports(&query).await.map(ids)
}

#[tokio::test]
async fn pages_are_followed_on_the_same_server_with_the_same_filters() {
    let server = server().await;
    first()
        .respond_with(page(&["a", "b"], true))
        .mount(&server)
        .await;
    after("b")
        .respond_with(page(&["c"], false))
        .mount(&server)
        .await;
    let query = PortQuery::new().network_id("n").tags(["t"]);
    assert_eq!(list(&server, query).await.unwrap(), ["a", "b", "c"]);
    for request in requests(&server).await {
        let query = request.url.query().unwrap();
        assert!(query.starts_with("network_id=n&tags=t&limit=2"), "{query}");
    }
}

#[tokio::test]
async fn a_page_whose_marker_was_deleted_begins_the_list_again() {
    let server = server().await;
    first()
        .respond_with(page(&["a", "b"], true))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    let gone = json_answer(
        404,
        neutron_error("PortNotFound", "Port b could not be found."),
    );
    after("b").respond_with(gone).mount(&server).await;
    first()
        .respond_with(page(&["a", "c"], true))
        .mount(&server)
        .await;
    after("c")
        .respond_with(page(&["d"], false))
        .mount(&server)
        .await;
    assert_eq!(
        list(&server, PortQuery::new()).await.unwrap(),
        ["a", "c", "d"]
    );
}

#[tokio::test]
async fn a_list_that_never_settles_fails() {
    let server = server().await;
    first()
        .respond_with(page(&["a", "b"], true))
        .mount(&server)
        .await;
    after("b")
        .respond_with(json_answer(404, neutron_error("PortNotFound", "gone")))
        .mount(&server)
        .await;
    assert!(
        list(&server, PortQuery::new())
            .await
            .unwrap_err()
            .is_not_found()
    );
}

#[tokio::test]
async fn a_page_that_links_to_itself_fails() {
    let server = server().await;
    Mock::given(path("/network/v2.0/ports"))
        .respond_with(page(&["a"], true))
        .mount(&server)
        .await;
    assert_eq!(
        list(&server, PortQuery::new()).await.unwrap_err().outcome(),
        "bad_answer"
    );
}

#[tokio::test]
async fn many_ids_go_in_several_requests_of_bounded_length() {
    let server = server().await;
    let echo = |request: &Request| {
        let asked = request.url.query_pairs().filter(|(k, _)| k == "id");
        let ports: Vec<_> = asked.map(|(_, id)| json!({ "id": id })).collect();
        json_answer(200, json!({ "ports": ports }))
    };
    Mock::given(path("/network/v2.0/ports"))
        .respond_with(echo)
        .mount(&server)
        .await;
    let ids: Vec<_> = (0..500)
        .map(|i| format!("{i:08}-0000-4000-8000-000000000000"))
        .collect();
    assert_eq!(
        list(&server, PortQuery::new().ids(ids.clone()))
            .await
            .unwrap(),
        ids
    );
    let sent = requests(&server).await;
    assert!(sent.len() > 1);
    assert!(sent.iter().all(|r| r.url.as_str().len() < 8000));
}

#[tokio::test]
async fn asked_for_no_id_nothing_is_sent() {
    let server = server().await;
    assert!(
        list(&server, PortQuery::new().ids(Vec::<String>::new()))
            .await
            .unwrap()
            .is_empty()
    );
    assert!(requests(&server).await.is_empty());
}
