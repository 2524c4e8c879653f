//! The embedded services.

use std::collections::BTreeMap;
use std::time::Duration;

use kuryr_embedded_kubernetes::{KubeApi, KubeOptions};
use kuryr_embedded_openstack::{Account, Backend, OpenStack, Settings, TagsInPost};
use serde_json::json;

use super::plug::Hypervisor;
use super::{Keep, Target, TargetError, openstack};
use crate::case::Setting;

/// Which service, with which backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    /// Neutron with ML2/OVN.
    NeutronOvn,
    /// Neutron with ML2/OVS.
    NeutronOvs,
    /// Octavia, with the providers `ovn` and `amphora`.
    Octavia,
    /// Keystone, and Neutron's view of its tokens.
    Keystone,
    Kubernetes,
}

impl Flavour {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::NeutronOvn,
        Self::NeutronOvs,
        Self::Octavia,
        Self::Keystone,
        Self::Kubernetes,
    ];

    /// The service: folder of its cases.
    pub fn service(self) -> &'static str {
        match self {
            Self::NeutronOvn | Self::NeutronOvs => "neutron",
            Self::Octavia => "octavia",
            Self::Keystone => "keystone",
            Self::Kubernetes => "kubernetes",
        }
    }

    /// Folder of its golden transcripts.
    pub fn folder(self) -> &'static str {
        match self {
            Self::NeutronOvn => "neutron-ovn",
            Self::NeutronOvs => "neutron-ovs",
            Self::Octavia => "octavia-ovn",
            other => other.service(),
        }
    }

    /// Its word in a case's `flavours`.
    pub fn word(self) -> &'static str {
        match self {
            Self::NeutronOvn | Self::Octavia => "ovn",
            Self::NeutronOvs => "ovs",
            other => other.service(),
        }
    }
}

pub(super) async fn start(flavour: Flavour, setting: Setting) -> Result<Target, TargetError> {
    match flavour {
        Flavour::Kubernetes => kubernetes().await,
        Flavour::NeutronOvs => cloud(flavour, Backend::Ovs, setting).await,
        Flavour::NeutronOvn | Flavour::Octavia | Flavour::Keystone => {
            cloud(flavour, Backend::Ovn, setting).await
        }
    }
}

async fn cloud(
    flavour: Flavour,
    backend: Backend,
    setting: Setting,
) -> Result<Target, TargetError> {
    let settings = settings(flavour, backend, setting);
    let failed = |error: std::io::Error| TargetError::Embedded(error.to_string());
    let cloud = OpenStack::start(settings).await.map_err(failed)?;
    let client = reqwest::Client::new();
    let identity = cloud.auth_url().trim_end_matches("/v3").to_owned();
    let (network, balancer) = (cloud.network_url(), cloud.load_balancer_url());
    let mut tokens = BTreeMap::new();
    let mut names = openstack::names("");
    for (who, user, password, project) in [
        ("admin", "admin", "admin", "admin"),
        (
            "member",
            openstack::USER,
            openstack::PASSWORD,
            openstack::PROJECT,
        ),
    ] {
        let body = openstack::login(user, password, project);
        let token = openstack::token(&client, &identity, &body).await?;
        names.insert(format!("{who}-project"), token.project.clone());
        tokens.insert(who, token.value);
    }
    names.insert("project".to_owned(), names["member-project"].clone());
    let credential = cloud.handle().with(|state| {
        let identity = &mut state.identity;
        identity.create_application_credential(openstack::USER, openstack::CREDENTIAL)
    });
    if let Some(credential) = credential {
        names.insert("credential-id".to_owned(), credential.id);
        names.insert("credential-name".to_owned(), credential.name);
        names.insert("credential-secret".to_owned(), credential.secret);
    }
    Ok(Target {
        client,
        places: openstack::places(&identity, &network, &balancer),
        bases: openstack::bases(flavour, identity, network, balancer),
        names,
        tokens,
        made: Vec::new(),
        real: false,
        ordered: false,
        hypervisor: Hypervisor::default(),
        keep: Keep::OpenStack(Box::new(cloud)),
    })
}

fn settings(flavour: Flavour, backend: Backend, setting: Setting) -> Settings {
    let mut settings = Settings {
        backend,
        metadata_ports: true,
        ..Settings::default()
    };
    settings.accounts.retain(|account| account.user == "admin");
    settings.accounts.push(Account {
        user: openstack::USER.to_owned(),
        password: openstack::PASSWORD.to_owned(),
        project: openstack::PROJECT.to_owned(),
        roles: openstack::roles(flavour)
            .iter()
            .chain(&["reader"])
            .map(|role| (*role).to_owned())
            .collect(),
    });
    if setting == Setting::Busy {
        // Longer than any case takes: nothing is waited for.
        settings.latency.lb_settle = Duration::from_secs(3600);
    }
    if setting == Setting::Bare {
        settings.tags_in_post = TagsInPost::Dropped;
        settings.missing_extensions = openstack::MISSING.iter().map(|e| (*e).to_owned()).collect();
    }
    settings
}

async fn kubernetes() -> Result<Target, TargetError> {
    let failed = |error: String| TargetError::Embedded(error);
    let api = KubeApi::start(KubeOptions::default())
        .await
        .map_err(|e| failed(e.to_string()))?;
    let client = reqwest::Client::new();
    let url = api.url();
    let name = "contract-embedded";
    let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    let made = client
        .post(format!("{url}/api/v1/namespaces"))
        .header("content-type", "application/json")
        .body(body.to_string())
        .send()
        .await
        .map_err(|e| failed(e.to_string()))?;
    if !made.status().is_success() {
        return Err(failed(format!("namespace {name}: {}", made.status())));
    }
    Ok(Target {
        client,
        places: vec![(url.clone(), "kubernetes".to_owned())],
        bases: vec![("", url)],
        names: BTreeMap::from([("namespace".to_owned(), name.to_owned())]),
        tokens: BTreeMap::new(),
        made: Vec::new(),
        real: false,
        ordered: true,
        hypervisor: Hypervisor::default(),
        keep: Keep::Kubernetes(api),
    })
}
