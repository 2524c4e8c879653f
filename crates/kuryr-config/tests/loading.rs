//! What a configuration comes to.
#![allow(clippy::unwrap_used)]

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kuryr_config::options::PoolDriver;
use kuryr_config::{
    AuthMethod, Config, Domain, Identity, Interface, Loaded, Memory, Role, Scope, Sources, report,
};
use proptest::prelude::*;

fn from_text(text: &str) -> Config {
    Config::from_text(text, Role::Any).unwrap().config
}

/// Loads `/a.conf`, or what `sources` names, with that environment.
fn with_env(text: &str, env: &[(&str, &str)]) -> Loaded {
    let sources = Sources {
        config_files: vec!["/a.conf".into()],
        env: env
            .iter()
            .map(|(name, value)| ((*name).into(), value.into()))
            .collect(),
        ..Sources::default()
    };
    Config::load_from(&sources, &Memory::default().with("/a.conf", text)).unwrap()
}

const PASSWORD: &str = "[neutron]\nauth_url = https://k:5000/v3\nusername = u\n\
    user_domain_name = ud\npassword = open sesame\nproject_name = p\nproject_domain_id = pd\n";

#[test]
fn upstreams_defaults_hold() {
    let config = from_text("");
    assert_eq!(
        config.kubernetes.api_root.unwrap().as_str(),
        "https://localhost:6443/"
    );
    assert_eq!(config.vif_pool.ports_pool_min, 5);
    assert_eq!(config.vif_pool.ports_pool_batch, 10);
    assert_eq!(
        config.vif_pool.ports_pool_update_frequency,
        Duration::from_secs(20)
    );
    assert_eq!(config.cni_health_server.port, 8090);
    assert_eq!(config.health_server.port, 8082);
    assert_eq!(config.prometheus_exporter.cni_exporter_port, 9655);
    assert_eq!(
        config.cni_daemon.vif_annotation_timeout,
        Duration::from_secs(60)
    );
    assert!(config.kubernetes.ssl_verify_server_crt);
    assert!(config.openstack.is_none());
}

#[test]
fn an_empty_api_root_means_in_the_cluster() {
    assert_eq!(
        from_text("[kubernetes]\napi_root =\n").kubernetes.api_root,
        None
    );
}

#[test]
fn later_files_come_before_earlier_ones_and_directories_last() {
    let files = Memory::default()
        .with(
            "/a.conf",
            "[kuryr]\ncluster_id = a\nlease_name = a\nstate_dir = /a\n",
        )
        .with("/b.conf", "[kuryr]\nlease_name = b\nstate_dir = /b\n")
        .with("/d/20.conf", "[kuryr]\nstate_dir = /20\n")
        .with("/d/10.conf", "[kuryr]\nstate_dir = /10\n")
        .with("/d/README", "no configuration");
    let sources = Sources {
        config_files: vec!["/a.conf".into(), "/b.conf".into()],
        config_dirs: vec!["/d".into()],
        ..Sources::default()
    };
    let Loaded { config, warnings } = Config::load_from(&sources, &files).unwrap();
    assert_eq!(config.kuryr.cluster_id, "a");
    assert_eq!(config.kuryr.lease_name, "b");
    assert_eq!(config.kuryr.state_dir, Path::new("/20"));
    assert_eq!(warnings, []);
}

#[test]
fn the_file_of_the_system_is_read_when_none_is_named() {
    let files = Memory::default().with("/etc/kuryr/kuryr.conf", "[kuryr]\ncluster_id = here\n");
    let config = Config::load_from(&Sources::default(), &files)
        .unwrap()
        .config;
    assert_eq!(config.kuryr.cluster_id, "here");
    let none = Config::load_from(&Sources::default(), &Memory::default()).unwrap();
    assert_eq!(none.config.kuryr.cluster_id, "kuryr");
}

#[test]
fn the_environment_comes_before_the_files_and_a_default_of_it_after() {
    let text = "[kubernetes]\napi_root = https://file\n[kuryr]\ncluster_id = file\n";
    let env = [
        ("K8S_API", "https://environment"),
        ("OS_KURYR__CLUSTER_ID", "environment"),
        ("KUBERNETES_NODE_NAME", "node-1"),
    ];
    let config = with_env(text, &env).config;
    assert_eq!(
        config.kubernetes.api_root.unwrap().as_str(),
        "https://file/"
    );
    assert_eq!(config.kuryr.cluster_id, "environment");
    assert_eq!(config.kuryr.node_name.as_deref(), Some("node-1"));
    let config = with_env("", &env).config;
    assert_eq!(
        config.kubernetes.api_root.unwrap().as_str(),
        "https://environment/"
    );
}

#[test]
fn a_variable_of_oslo_config_comes_before_one_of_another_name() {
    let env = [("OS_CLOUD", "x"), ("OS_NEUTRON__CLOUD", "y")];
    let sources = Sources {
        env: env.map(|(name, value)| (name.into(), value.into())).into(),
        role: Role::Daemon,
        ..Sources::default()
    };
    let config = Config::load_from(&sources, &Memory::default())
        .unwrap()
        .config;
    assert_eq!(config.neutron.cloud.as_deref(), Some("y"));
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_utf8_is_an_error() {
    use std::os::unix::ffi::OsStringExt;
    let sources = Sources {
        env: [(
            "OS_KURYR__CLUSTER_ID".into(),
            OsString::from_vec(vec![0xff]),
        )]
        .into(),
        ..Sources::default()
    };
    let errors = Config::load_from(&sources, &Memory::default()).unwrap_err();
    assert_eq!(
        errors.to_string(),
        "environment OS_KURYR__CLUSTER_ID: [kuryr] cluster_id: expected text in UTF-8"
    );
}

#[test]
fn references_reach_other_options() {
    let text = "[DEFAULT]\ndeployment_type = deployed\n[kuryr]\n\
        cluster_id = ${deployment_type}-$lease_name\nlease_name = x\n\
        state_dir = ${kuryr.cni_socket}.$$d\n";
    let config = from_text(text);
    assert_eq!(config.kuryr.cluster_id, "deployed-x");
    assert_eq!(config.kuryr.state_dir, Path::new("/run/kuryr/cni.sock.$d"));
}

#[test]
fn a_reference_to_itself_is_an_error() {
    let text = "[kuryr]\ncluster_id = $lease_name\nlease_name = $cluster_id\n";
    let errors = Config::from_text(text, Role::Any).unwrap_err().to_string();
    assert_eq!(errors.matches("leads back to").count(), 2, "{errors}");
}

#[test]
fn pool_drivers_can_be_mapped() {
    let driver = |text: &str| from_text(text).pool_driver();
    assert_eq!(driver(""), PoolDriver::Noop);
    assert_eq!(
        driver("[kubernetes]\nvif_pool_driver = nested\n"),
        PoolDriver::Nested
    );
    assert_eq!(
        driver("[vif_pool]\nvif_pool_mapping = nested-vlan:nested\n"),
        PoolDriver::Nested
    );
    assert_eq!(
        driver("[vif_pool]\npools_vif_drivers = nested:nested-vlan\n"),
        PoolDriver::Nested
    );
}

#[test]
fn a_user_with_a_password() {
    let text =
        format!("{PASSWORD}region_name = r\nvalid_interfaces = internal,public\ntimeout = 2.5\n");
    let auth = from_text(&text).openstack.unwrap();
    assert_eq!(auth.auth_url.as_str(), "https://k:5000/v3");
    let AuthMethod::Password { user, password } = auth.method else {
        panic!("{:?}", auth.method);
    };
    assert_eq!(
        user,
        Identity::Name {
            name: "u".into(),
            domain: Domain::Name("ud".into())
        }
    );
    assert_eq!(password.expose(), "open sesame");
    let project = Identity::Name {
        name: "p".into(),
        domain: Domain::Id("pd".into()),
    };
    assert_eq!(auth.scope, Scope::Project(project));
    assert_eq!(auth.region.as_deref(), Some("r"));
    assert_eq!(auth.interface, Interface::Internal);
    assert_eq!(auth.timeout, Duration::from_millis(2500));
    assert!(!auth.insecure);
}

#[test]
fn a_default_domain_serves_user_and_project() {
    let text = "[neutron]\nauth_url = http://k\nusername = u\npassword = s\nproject_name = p\n\
        default_domain_id = d\n";
    let auth = from_text(text).openstack.unwrap();
    let name = |name: &str| Identity::Name {
        name: name.into(),
        domain: Domain::Id("d".into()),
    };
    assert_eq!(auth.scope, Scope::Project(name("p")));
    assert!(matches!(auth.method, AuthMethod::Password { user, .. } if user == name("u")));
}

#[test]
fn application_credentials_and_tokens() {
    let text = "[neutron]\nauth_url = http://k\nauth_type = v3applicationcredential\n\
        application_credential_id = i\napplication_credential_secret = s\n";
    let auth = from_text(text).openstack.unwrap();
    assert_eq!(auth.scope, Scope::Implied);
    assert!(matches!(auth.method, AuthMethod::ApplicationCredential { id, .. } if id == "i"));

    let text = text.replace("credential_id = i", "credential_name = n\nuser_id = u");
    let auth = from_text(&text).openstack.unwrap();
    assert!(matches!(
        auth.method,
        AuthMethod::NamedApplicationCredential { name, user: Identity::Id(id), .. }
            if name == "n" && id == "u"
    ));

    let text = "[neutron]\nauth_url = http://k\nauth_type = v3token\ntoken = t\nproject_id = p\n";
    let auth = from_text(text).openstack.unwrap();
    assert!(matches!(auth.method, AuthMethod::Token(token) if token.expose() == "t"));
    assert_eq!(auth.scope, Scope::Project(Identity::Id("p".into())));
}

#[test]
fn the_daemon_needs_no_credentials_and_reads_no_cloud() {
    let text = "[neutron]\ncloud = nowhere\nauth_url = http://k\n";
    let loaded = Config::from_text(text, Role::Daemon).unwrap();
    assert_eq!(loaded.config.openstack, None);
}

const CLOUDS: &str = "clouds:\n  prod:\n    auth: {auth_url: 'https://cloud', username: u,\n      \
    user_domain_id: d, project_id: 7}\n    verify: false\n    region_name: west\n    api_timeout: 9\n";

#[test]
fn a_cloud_takes_the_place_of_the_credentials() {
    let secure = "clouds:\n  prod:\n    auth: {password: 'pa$$word'}\n  other: {}\n";
    let files = Memory::default()
        .with("/home/x/.config/openstack/clouds.yaml", CLOUDS)
        .with("/home/x/.config/openstack/secure.yaml", secure)
        .with("/a.conf", format!("{PASSWORD}endpoint_type = admin\n"));
    let sources = Sources {
        config_files: vec!["/a.conf".into()],
        env: [("OS_CLOUD", "prod"), ("HOME", "/home/x")]
            .map(|(name, value)| (name.into(), value.into()))
            .into(),
        role: Role::Any,
        ..Sources::default()
    };
    let auth = Config::load_from(&sources, &files)
        .unwrap()
        .config
        .openstack
        .unwrap();
    assert_eq!(auth.auth_url.as_str(), "https://cloud/");
    assert_eq!(auth.scope, Scope::Project(Identity::Id("7".into())));
    assert!(matches!(
        auth.method,
        AuthMethod::Password { password, user: Identity::Name { domain: Domain::Id(_), .. } }
            if password.expose() == "pa$$word"
    ));
    assert!(auth.insecure);
    assert_eq!(auth.region.as_deref(), Some("west"));
    assert_eq!(auth.interface, Interface::Admin);
    assert_eq!(auth.timeout, Duration::from_secs(9));
}

#[test]
fn what_the_cloud_lacks_is_named_by_its_key() {
    let files = Memory::default().with("/c.yaml", CLOUDS);
    let sources = Sources {
        env: [("OS_CLOUD", "prod"), ("OS_CLIENT_CONFIG_FILE", "/c.yaml")]
            .map(|(name, value)| (name.into(), value.into()))
            .into(),
        ..Sources::default()
    };
    let errors = Config::load_from(&sources, &files).unwrap_err();
    assert_eq!(
        errors.to_string(),
        "/c.yaml: clouds.prod.auth.password is not set: auth_type password needs it"
    );
}

#[test]
fn no_secret_is_printed() {
    let text = "[neutron]\nauth_type = password\nauth_url = http://k\nuser_id = u\nproject_id = p\n\
        password = open-sesame!\ntoken = open-sesame\napplication_credential_secret = open-sesame\n";
    let loaded = Config::from_text(text, Role::Any).unwrap();
    assert!(!format!("{loaded:?} {}", report(&Ok(loaded.clone())).text).contains("sesame"));

    let wrong = "[kuryr]\ncluster_id = ${neutron.password} \nlease_duration = ${neutron.token}\n\
        [kubernetes]\napi_root = ftp://me:open-sesame@x\n[neutron]\npasswrod = open-sesame\n\
        trust_id = open sesame\n sesame\n";
    let outcome = Config::from_text(&format!("{text}{wrong}"), Role::Any);
    let errors = outcome.as_ref().unwrap_err();
    assert_eq!(errors.errors.len(), 4, "{errors}");
    let shown = report(&outcome).text;
    assert!(
        shown.contains("<hidden>") && !shown.contains("open-sesame"),
        "{shown}"
    );
}

#[test]
fn a_file_without_end_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let large = directory.path().join("large.conf");
    std::fs::File::create(&large)
        .unwrap()
        .set_len(10 << 20)
        .unwrap();
    let sources = Sources {
        config_files: vec![large, PathBuf::from("/dev/zero")],
        ..Sources::default()
    };
    let errors = Config::load(&sources).unwrap_err().to_string();
    assert_eq!(
        errors.matches("larger than 4194304 bytes").count(),
        2,
        "{errors}"
    );
}

/// Names and values near enough to real ones to get past the first checks.
fn any_file() -> impl Strategy<Value = String> {
    let options: Vec<_> = Config::GROUPS
        .iter()
        .flat_map(|group| group.options.iter().map(|option| (group.name, option.name)))
        .collect();
    let value = prop_oneof![
        Just("true".to_owned()),
        Just("nested:nested-vlan".to_owned()),
        Just("vif,kuryrport".to_owned()),
        Just("$password${kuryr.lease_name}".to_owned()),
        "-?[0-9]{1,20}",
        "https?://[a-z@:]{0,8}",
        "[^\r\n]{0,20}(\n [^\r\n]{1,5})?",
    ];
    let line = (prop::sample::select(options), value)
        .prop_map(|((group, name), value)| format!("[{group}]\n{name} = {value}\n"));
    prop::collection::vec(line, 0..8).prop_map(|lines| lines.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_configuration_panics(text in any_file()) {
        for role in [Role::Any, Role::Controller, Role::Daemon] {
            let outcome = Config::from_text(&text, role);
            let exit = report(&outcome).exit_code;
            prop_assert_eq!(exit == 0, outcome.is_ok());
            if let Err(failed) = outcome {
                prop_assert!(!failed.errors.is_empty());
            }
        }
    }

    #[test]
    fn no_clouds_file_panics(
        bytes in prop::collection::vec(any::<u8>(), 0..80),
        value in "(\\[|\\{|!|&a|\\*a|[a-z: '\"]){0,20}",
    ) {
        let near = format!("clouds:\n  x:\n    auth:\n      auth_url: {value}\n      {value}\n");
        for content in [bytes, near.into_bytes()] {
            let files = Memory::default().with("clouds.yaml", content);
            let sources = Sources {
                env: [("OS_CLOUD".into(), "x".into())].into(),
                ..Sources::default()
            };
            prop_assert!(Config::load_from(&sources, &files).is_err());
        }
    }

    #[test]
    fn each_error_names_the_line_of_its_option(
        before in 0usize..20, name in prop::sample::select(vec!["ports_pool_max", "ports_pool_min"]),
    ) {
        let text = format!("[vif_pool]\n{}{name} = x\n", "# comment\n".repeat(before));
        let errors = Config::from_text(&text, Role::Any).unwrap_err().to_string();
        let start = format!("kuryr.conf:{}: [vif_pool] {name} = \"x\": expected ", before + 2);
        prop_assert!(errors.starts_with(&start), "{}", errors);
    }
}
