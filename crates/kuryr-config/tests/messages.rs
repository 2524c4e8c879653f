//! What an operator reads when something is wrong.

use std::path::PathBuf;

use kuryr_config::{Config, ConfigErrors, Disk, Loaded, Memory, Role, Sources, report};

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

fn load(role: Role, name: &str) -> Result<Loaded, ConfigErrors> {
    let sources = Sources {
        config_files: vec![fixture(name)],
        role,
        ..Sources::default()
    };
    Config::load(&sources)
}

/// The report, without the directory of the fixtures.
fn printed(outcome: &Result<Loaded, ConfigErrors>) -> String {
    let directory = fixture("").display().to_string();
    let report = report(outcome);
    format!(
        "{}exit {}\n",
        report.text.replace(&directory, ""),
        report.exit_code
    )
}

#[test]
fn a_configuration_as_upstream_generates_it() {
    insta::assert_snapshot!(printed(&load(Role::Controller, "upstream.conf")));
}

#[test]
fn wrong_values() {
    insta::assert_snapshot!(printed(&load(Role::Any, "wrong-values.conf")));
}

#[test]
fn malformed_lines() {
    insta::assert_snapshot!(printed(&load(Role::Any, "malformed.conf")));
}

#[test]
fn unknown_and_idle_options() {
    insta::assert_snapshot!(printed(&load(Role::Daemon, "strangers.conf")));
}

#[test]
fn a_controller_with_nothing_set() {
    insta::assert_snapshot!(printed(&Config::from_text("", Role::Controller)));
}

#[test]
fn limits_that_contradict_each_other() {
    let text = "[vif_pool]\nports_pool_max = 10\nports_pool_min = 11\nvif_pool_mapping = nested-macvlan:nested\n\
                [kuryr]\nlease_renew = 15\n[kubernetes]\nssl_client_crt_file = /x\n\
                [cni_daemon]\ndocker_mode = yes\n[health_server]\nport = 9655\n";
    insta::assert_snapshot!(printed(&Config::from_text(text, Role::Any)));
}

#[test]
fn incomplete_credentials() {
    let texts = [
        "auth_url = http://k\nusername = u\nproject_name = p\n",
        "auth_type = v3applicationcredential\n auth_url = x",
        "auth_type = v3applicationcredential\nauth_url = http://k\napplication_credential_name = n\n",
        "auth_type = token\nauth_url = http://k\n",
        "auth_url = http://k\napplication_credential_id = i\napplication_credential_secret = s\n",
    ];
    let outcomes = texts.map(|text| {
        let text = format!("[neutron]\n{text}");
        printed(&Config::from_text(&text, Role::Any))
    });
    insta::assert_snapshot!(outcomes.join("--\n"));
}

#[test]
fn clouds() {
    let load = |cloud: &str, clouds_file: PathBuf| {
        let path = PathBuf::from("kuryr.conf");
        let text = format!(
            "[neutron]\ncloud = {cloud}\nclouds_file = {}\nusername = other\n",
            clouds_file.display()
        );
        let sources = Sources {
            config_files: vec![path.clone()],
            ..Sources::default()
        };
        let mut files = Memory::default().with(path, text);
        for name in ["clouds.yaml", "secure.yaml", "wrong-values.conf"] {
            let content = std::fs::read(fixture(name)).unwrap_or_default();
            files = files.with(fixture(name), content);
        }
        printed(&Config::load_from(&sources, &files))
    };
    let outcomes = [
        load("prod", fixture("clouds.yaml")),
        load("credential", fixture("clouds.yaml")),
        load("broken", fixture("clouds.yaml")),
        load("credentials", fixture("clouds.yaml")),
        load("prod", fixture("wrong-values.conf")),
        load("prod", fixture("none.yaml")),
    ];
    insta::assert_snapshot!(outcomes.join("--\n"));
}

#[test]
fn the_environment() {
    let env = [
        ("OS_VIF_POOL__PORTS_POOL_MAX", "many"),
        ("OS_VIF_POOL__PORT_POOL_MIN", "1"),
        ("OS_NEUTRON__PASSWORD", "open$sesame"),
        ("OS_BINDING__DRIVER", "kuryr.lib.binding.drivers.ipvlan"),
        ("OS_PLACEMENT__AUTH_URL", "not ours"),
        ("K8S_API", "6443"),
        ("KUBERNETES_NODE_NAME", "Node 1"),
    ];
    let sources = Sources {
        env: env.map(|(name, value)| (name.into(), value.into())).into(),
        ..Sources::default()
    };
    let outcome = Config::load_from(&sources, &Memory::default());
    insta::assert_snapshot!(printed(&outcome));
}

#[test]
fn files_that_are_not_there() {
    let sources = Sources {
        config_files: vec![fixture("none.conf"), fixture(".")],
        config_dirs: vec![fixture("none.d")],
        ..Sources::default()
    };
    insta::assert_snapshot!(printed(&Config::load_from(&sources, &Disk)));
}

#[test]
fn policies_with_ports_of_other_projects() {
    let text = "[kubernetes]\npod_subnets_driver = namespace\npod_project_driver = annotation\npod_security_groups_driver = policy\n\
                [namespace_subnet]\npod_router = 0aa11111-0000-4000-8000-000000000001\npod_subnet_pool = 0aa11111-0000-4000-8000-000000000002\n\
                [neutron_defaults]\npod_security_groups = 0aa11111-0000-4000-8000-000000000003\n\
                [pod_vif_nested]\nworker_nodes_subnets = 0aa11111-0000-4000-8000-000000000004\n";
    insta::assert_snapshot!(printed(&Config::from_text(text, Role::Controller)));
}
