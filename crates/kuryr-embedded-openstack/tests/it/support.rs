//! A cloud without sockets, and one with.

use std::time::{Duration, SystemTime};

use kuryr_embedded_openstack::{
    Activation, Allocation, ApiError, Backend, Caller, Cloud, Fields, Kind, OpenStack, Query,
    Settings,
};
use serde_json::{Value, json};

/// An object out of a literal.
pub(crate) fn fields(value: Value) -> Fields {
    value.as_object().cloned().unwrap()
}

/// A member of project `p`.
pub(crate) fn member() -> Caller {
    Caller {
        project_id: "p".to_owned(),
        admin: false,
    }
}

/// An admin of project `a`.
pub(crate) fn admin() -> Caller {
    Caller {
        project_id: "a".to_owned(),
        admin: true,
    }
}

/// The pure model with a network and a subnet.
pub(crate) struct Model {
    pub(crate) cloud: Cloud,
    pub(crate) network: String,
    pub(crate) subnet: String,
    pub(crate) caller: Caller,
}

impl Model {
    pub(crate) fn new() -> Self {
        Self::with(Settings::default())
    }

    pub(crate) fn ovs(delay: Duration) -> Self {
        Self::with(Settings {
            backend: Backend::Ovs,
            activation: Activation::After(delay),
            ..Settings::default()
        })
    }

    pub(crate) fn with(settings: Settings) -> Self {
        let settings = Settings {
            allocation: Allocation::Sequential,
            seed: Some(1),
            ..settings
        };
        let mut cloud = Cloud::new(settings, SystemTime::UNIX_EPOCH);
        let caller = member();
        let network = id(&cloud
            .create(&caller, Kind::Network, fields(json!({"name": "n"})))
            .unwrap());
        let subnet = json!({"network_id": network, "cidr": "10.0.0.0/24", "ip_version": 4});
        let subnet = id(&cloud.create(&caller, Kind::Subnet, fields(subnet)).unwrap());
        Self {
            cloud,
            network,
            subnet,
            caller,
        }
    }

    pub(crate) fn create(&mut self, kind: Kind, asked: Value) -> Result<Fields, ApiError> {
        self.cloud.create(&self.caller, kind, fields(asked))
    }

    pub(crate) fn port(&mut self) -> String {
        let network = self.network.clone();
        id(&self
            .create(Kind::Port, json!({ "network_id": network }))
            .unwrap())
    }

    /// A trunk: its id and its parent's.
    pub(crate) fn trunk(&mut self) -> (String, String) {
        let parent = self.port();
        let trunk = id(&self
            .create(Kind::Trunk, json!({ "port_id": parent }))
            .unwrap());
        (trunk, parent)
    }

    pub(crate) fn add(
        &mut self,
        trunk: &str,
        subports: &[(&str, u16)],
    ) -> Result<Fields, ApiError> {
        self.cloud.add_subports(
            &self.caller,
            trunk,
            &json!({"sub_ports": subports.iter().map(subport).collect::<Vec<_>>()}),
        )
    }

    pub(crate) fn take(&mut self, trunk: &str, ports: &[&str]) -> Result<Fields, ApiError> {
        let ports: Vec<Value> = ports
            .iter()
            .map(|port| json!({ "port_id": port }))
            .collect();
        self.cloud
            .remove_subports(&self.caller, trunk, &json!({ "sub_ports": ports }))
    }

    pub(crate) fn show(&mut self, kind: Kind, id: &str) -> Fields {
        self.cloud.show(&admin(), kind, id, &[]).unwrap()
    }

    pub(crate) fn list(&mut self, kind: Kind, query: &str) -> Vec<Fields> {
        self.cloud
            .list(&self.caller, kind, &Query::parse(query))
            .unwrap()
            .items
    }

    /// Lets time pass, counted from the beginning.
    pub(crate) fn at(&mut self, time: Duration) {
        self.cloud.advance(SystemTime::UNIX_EPOCH + time);
    }
}

fn subport((port, vlan): &(&str, u16)) -> Value {
    json!({"port_id": port, "segmentation_type": "vlan", "segmentation_id": vlan})
}

/// The id of an object.
pub(crate) fn id(object: &Fields) -> String {
    object["id"].as_str().unwrap().to_owned()
}

/// The served cloud with a client that has a token of user `kuryr`.
pub(crate) struct Served {
    pub(crate) openstack: OpenStack,
    pub(crate) http: reqwest::Client,
    pub(crate) token: String,
}

/// Status, headers and body of an answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    pub(crate) async fn of(response: reqwest::Response) -> reqwest::Result<Self> {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Self {
            status,
            headers,
            text: response.text().await?,
        })
    }
}

impl Served {
    pub(crate) async fn new(settings: Settings) -> Self {
        let openstack = OpenStack::start(settings).await.unwrap();
        let mut served = Self {
            openstack,
            http: reqwest::Client::new(),
            token: String::new(),
        };
        served.token = served.login("kuryr", "k8s").await;
        served
    }

    pub(crate) async fn login(&self, user: &str, project: &str) -> String {
        let answer = self.authenticate(&password(user, user, project)).await;
        answer.headers["x-subject-token"]
            .to_str()
            .unwrap()
            .to_owned()
    }

    pub(crate) async fn authenticate(&self, body: &Value) -> Answer {
        let url = format!("{}/auth/tokens", self.openstack.auth_url());
        Answer::of(
            self.http
                .post(url)
                .body(body.to_string())
                .send()
                .await
                .unwrap(),
        )
        .await
        .unwrap()
    }

    pub(crate) async fn call(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        self.try_call(method, path, body).await.unwrap()
    }

    pub(crate) async fn try_call(
        &self,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> reqwest::Result<Answer> {
        // Octavia's paths begin with its version, as Neutron's do with another.
        let base = match path.starts_with("/v2/") {
            true => self.openstack.load_balancer_url(),
            false => self.openstack.network_url(),
        };
        let url = format!("{base}{path}");
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let request = self
            .http
            .request(method, url)
            .header("x-auth-token", &self.token);
        let request = match body {
            Some(body) => request.body(body.to_string()),
            None => request,
        };
        Answer::of(request.send().await?).await
    }

    /// A network with a subnet: the network's id.
    pub(crate) async fn network(&self) -> String {
        let network = self
            .call(
                "POST",
                "/v2.0/networks",
                Some(json!({"network": {"name": "n"}})),
            )
            .await
            .json();
        let network = network["network"]["id"].as_str().unwrap().to_owned();
        let subnet =
            json!({"subnet": {"network_id": network, "cidr": "10.0.0.0/24", "ip_version": 4}});
        assert_eq!(
            self.call("POST", "/v2.0/subnets", Some(subnet))
                .await
                .status,
            201
        );
        network
    }
}

/// A request for a token by password.
pub(crate) fn password(user: &str, password: &str, project: &str) -> Value {
    json!({"auth": {
        "identity": {"methods": ["password"], "password": {
            "user": {"name": user, "domain": {"id": "default"}, "password": password}}},
        "scope": {"project": {"name": project, "domain": {"id": "default"}}},
    }})
}
