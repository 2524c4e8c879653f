//! `[neutron]`: keystoneauth's options, by which upstream reaches OpenStack.

use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use crate::Secret;
use crate::auth::Interface;
use crate::macros::{choices, option_group};
use crate::spec::{Kind, kinds::*};

choices! {
    /// How the caller proves who it is to Keystone; keystoneauth's plugins.
    pub enum AuthType {
        /// User and password.
        Password = "password",
        /// The same, of Keystone v3.
        V3Password = "v3password",
        /// An application credential.
        V3ApplicationCredential = "v3applicationcredential",
        /// A token that was got elsewhere; it can't be renewed.
        Token = "token",
        /// The same, of Keystone v3.
        V3Token = "v3token",
    }
}

const NO_CLIENT_CERT: &str = "client certificates are not sent to OpenStack yet";
const DOCKER: &str = "an option of Kuryr for Docker";
const OWN_RETRIES: &str = "calls are repeated by rules of their own, where repeating is safe";

option_group! {
    /// How OpenStack is reached: keystoneauth's options, and the name of a cloud
    /// in a `clouds.yaml` that is used instead of them.
    pub struct Neutron for "neutron" {
        /// Name of a cloud in a `clouds.yaml`. If set, user, project and Keystone's URL
        /// come from there and those of this group are not used.
        cloud: Option<String> = of(Kind::Id).env("OS_CLOUD");
        /// The `clouds.yaml`. Unset: the first that exists of `./clouds.yaml`,
        /// `~/.config/openstack/clouds.yaml` and `/etc/openstack/clouds.yaml`.
        /// A `secure.yaml` beside it is merged into it.
        clouds_file: Option<PathBuf> = of(Kind::Path).env("OS_CLIENT_CONFIG_FILE");
        /// How the controller proves who it is. With `token` it can't work longer than
        /// the token lives.
        auth_type: AuthType = choice(AuthType::WORDS, "password")
            .aliases(&["auth_plugin"])
            .refuses(&[
                ("v2password", "Keystone's v2 API is gone"),
                ("v2token", "Keystone's v2 API is gone"),
            ]);
        /// URL of Keystone.
        auth_url: Option<Url> = of(Kind::Url);
        /// Name of the user.
        username: Option<String> = of(Kind::Text).aliases(&["user_name"]);
        /// Id of the user, instead of name and domain.
        user_id: Option<String> = of(Kind::Id);
        /// Domain of the user, by name.
        user_domain_name: Option<String> = of(Kind::Text);
        /// Domain of the user, by id.
        user_domain_id: Option<String> = of(Kind::Id);
        /// Password of the user.
        password: Option<Secret> = of(Kind::Secret);
        /// Project to work in, by name.
        project_name: Option<String> = of(Kind::Text).aliases(&["tenant_name"]);
        /// Project to work in, by id.
        project_id: Option<String> = of(Kind::Id).aliases(&["tenant_id"]);
        /// Domain of the project, by name.
        project_domain_name: Option<String> = of(Kind::Text);
        /// Domain of the project, by id.
        project_domain_id: Option<String> = of(Kind::Id);
        /// Domain to work in instead of a project, by name.
        domain_name: Option<String> = of(Kind::Text);
        /// Domain to work in instead of a project, by id.
        domain_id: Option<String> = of(Kind::Id);
        /// Domain of user and project where theirs is unset, by name.
        default_domain_name: Option<String> = of(Kind::Text);
        /// Domain of user and project where theirs is unset, by id.
        default_domain_id: Option<String> = of(Kind::Id);
        /// Application credential, by id.
        application_credential_id: Option<String> = of(Kind::Id);
        /// Application credential, by name; needs the user that it belongs to.
        application_credential_name: Option<String> = of(Kind::Text);
        /// Secret of the application credential.
        application_credential_secret: Option<Secret> = of(Kind::Secret);
        /// A Keystone token.
        token: Option<Secret> = of(Kind::Secret);
        /// Certificate authority of OpenStack's services, PEM. Unset: the system's.
        cafile: Option<PathBuf> = of(Kind::Path);
        /// Do not verify the certificates of OpenStack's services.
        insecure: bool = boolean("false");
        /// How long one OpenStack call may take. Unset: `[kuryr] openstack_timeout`.
        timeout: Option<Duration> = of(Kind::Seconds { min: 1 });
        /// Region whose services are used. Unset: any.
        region_name: Option<String> = of(Kind::Text);
        /// Endpoint of the services that is used. Upstream reads it and uses `public`
        /// all the same; here it counts.
        endpoint_type: Interface = choice(Interface::WORDS, "public").aliases(&["interface"]);
        /// The same, in keystoneauth's newer form; the first is used, and before
        /// `endpoint_type`.
        valid_interfaces: Vec<Interface> = of(Kind::Choices(Interface::WORDS));
        /// URL of Neutron, instead of the one in Keystone's catalogue.
        endpoint_override: Option<Url> = of(Kind::Url);
    }
    accepted {
        /// Client certificate, PEM.
        certfile = of(Kind::Path).ignored(NO_CLIENT_CERT);
        /// Key of the client certificate, PEM.
        keyfile = of(Kind::Path).ignored(NO_CLIENT_CERT);
        /// Another section that these options are read from.
        auth_section = of(Kind::Text)
            .refused("credentials are read from [neutron] itself; move the options here");
        /// Scope of the whole system instead of a project.
        system_scope = of(Kind::Text)
            .refused("ports belong to a project: set project_id or project_name");
        /// A trust to act under.
        trust_id = of(Kind::Id).refused("trusts are not supported; use an application credential");
        /// Where keystonemiddleware kept certificates.
        signing_dir = of(Kind::Path).ignored("Keystone has no PKI tokens any more");
        /// Name of the service in the catalogue.
        service_name = of(Kind::Text).ignored("Neutron is found by its service type");
        /// Type of the service in the catalogue.
        service_type = of(Kind::Text).ignored("Neutron is found by its service type");
        /// Log how long calls take.
        collect_timing = boolean("false").ignored("each call's duration is in the metrics");
        /// Log calls by several loggers.
        split_loggers = boolean("false").ignored("logs have one logger a module");
        /// How often connecting is repeated.
        connect_retries = at_least(0, "0").ignored(OWN_RETRIES);
        /// Pause between two attempts.
        connect_retry_delay = of(Kind::Seconds { min: 0 }).ignored(OWN_RETRIES);
        /// How often a call is repeated for its status code.
        status_code_retries = at_least(0, "0").ignored(OWN_RETRIES);
        /// Pause between two attempts.
        status_code_retry_delay = of(Kind::Seconds { min: 0 }).ignored(OWN_RETRIES);
        /// Status codes for which a call is repeated.
        retriable_status_codes = of(Kind::List).ignored(OWN_RETRIES);
        /// Switch DHCP on.
        enable_dhcp = of(Kind::Text).default("True").ignored(DOCKER);
        /// Subnet pool of IPv4.
        default_subnetpool_v4 = of(Kind::Text).default("kuryr").ignored(DOCKER);
        /// Subnet pool of IPv6.
        default_subnetpool_v6 = of(Kind::Text).default("kuryr6").ignored(DOCKER);
        /// Fail when a port does not become active.
        vif_plugging_is_fatal = boolean("false").ignored(DOCKER);
        /// How long a port may take to become active.
        vif_plugging_timeout = at_least(0, "0").ignored(DOCKER);
    }
}

impl Neutron {
    /// The endpoint that is used.
    pub fn chosen_interface(&self) -> Interface {
        self.valid_interfaces
            .first()
            .copied()
            .unwrap_or(self.endpoint_type)
    }
}
