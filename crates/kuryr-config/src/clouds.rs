//! `clouds.yaml`: the named cloud's keys become the options of `[neutron]` that
//! they are, so that one table checks both.
//!
//! The form is openstacksdk's: `clouds.<name>` with `auth`, `auth_type`,
//! `region_name`, `interface`, `cacert` and `verify`; a `secure.yaml` of the
//! same form, beside it, adds the secrets.

use std::path::{Path, PathBuf};

use serde_yaml_ng::{Mapping, Value};

use crate::Origin;
use crate::auth::CREDENTIALS;
use crate::error::{ConfigError, OptionName};
use crate::load::{Findings, Raw, Values};
use crate::options::Neutron;
use crate::sources::{ReadFiles, Sources};
use crate::spec::GroupSpec;
use crate::suggest::nearest;
use crate::warning::{Warning, WarningKind};

/// The table of `[neutron]`.
static NEUTRON_TABLE: &GroupSpec = &Neutron::GROUP;

/// Keys of a cloud that have another name in `[neutron]`.
const RENAMED: &[(&str, &str)] = &[
    ("auth_type", "auth_type"),
    ("region_name", "region_name"),
    ("interface", "endpoint_type"),
    ("endpoint_type", "endpoint_type"),
    ("cacert", "cafile"),
    ("cert", "certfile"),
    ("key", "keyfile"),
    ("api_timeout", "timeout"),
    ("network_endpoint_override", "endpoint_override"),
];

/// Keys of a cloud that change nothing here, with the reason.
const UNUSED: &[(&str, &str)] = &[
    (
        "profile",
        "vendor profiles are not read; write its settings into the cloud",
    ),
    ("regions", "one region is used; write it as region_name"),
    (
        "cloud",
        "vendor profiles are not read; write its settings into the cloud",
    ),
];

/// Puts the cloud that `[neutron] cloud` names over the credentials of
/// `[neutron]`.
pub(crate) fn overlay(
    neutron: &Neutron,
    sources: &Sources,
    files: &dyn ReadFiles,
    values: &mut Values,
    findings: &mut Findings,
) {
    let Some(cloud) = neutron.cloud.as_deref() else {
        return;
    };
    let Some((path, bytes)) = find_clouds(neutron, sources, files, values, findings) else {
        return;
    };
    let secure = secure_path(&path, sources);
    let found = match cloud_of(&path, &bytes, cloud) {
        Ok(found) => found,
        Err(error) => return findings.errors.push(error),
    };
    let secrets = match files.read(&secure) {
        Ok(bytes) => cloud_of(&secure, &bytes, cloud),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Mapping::new()),
        Err(source) => Err(ConfigError::Read {
            path: secure.clone(),
            source,
        }),
    };
    let secrets = match secrets {
        // A secure.yaml may leave a cloud out.
        Err(ConfigError::NoSuchCloud { .. }) => Mapping::new(),
        Err(error) => return findings.errors.push(error),
        Ok(secrets) => secrets,
    };
    drop_credentials(cloud, values, findings);
    for (path, keys) in [(&path, found), (&secure, secrets)] {
        Overlay {
            path,
            values,
            findings,
        }
        .cloud(cloud, &keys);
    }
}

/// The file to look the cloud up in.
fn find_clouds(
    neutron: &Neutron,
    sources: &Sources,
    files: &dyn ReadFiles,
    values: &Values,
    findings: &mut Findings,
) -> Option<(PathBuf, Vec<u8>)> {
    let candidates = match &neutron.clouds_file {
        Some(path) => vec![path.clone()],
        None => search_path(sources),
    };
    for path in &candidates {
        match files.read(path) {
            Ok(bytes) => return Some((path.clone(), bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(source) => {
                let path = path.clone();
                findings.errors.push(ConfigError::Read { path, source });
                return None;
            }
        }
    }
    findings.errors.push(ConfigError::NoClouds {
        origin: values.origin("neutron", "cloud"),
        cloud: neutron.cloud.clone().unwrap_or_default(),
        looked_at: candidates
            .iter()
            .map(|path| path.display().to_string())
            .collect(),
    });
    None
}

/// openstacksdk's order.
fn search_path(sources: &Sources) -> Vec<PathBuf> {
    let user = sources
        .variable("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .or_else(|| {
            let home = sources.variable("HOME")?;
            Some(Path::new(home).join(".config"))
        });
    let mut paths = vec![PathBuf::from("clouds.yaml")];
    paths.extend(user.map(|directory| directory.join("openstack/clouds.yaml")));
    paths.push("/etc/openstack/clouds.yaml".into());
    paths
}

fn secure_path(clouds: &Path, sources: &Sources) -> PathBuf {
    sources
        .variable("OS_CLIENT_SECURE_FILE")
        .map_or_else(|| clouds.with_file_name("secure.yaml"), PathBuf::from)
}

/// The keys of one cloud.
fn cloud_of(path: &Path, bytes: &[u8], cloud: &str) -> Result<Mapping, ConfigError> {
    let wrong = |message: String| ConfigError::Clouds {
        path: path.into(),
        message,
    };
    let root: Value =
        serde_yaml_ng::from_slice(bytes).map_err(|error| wrong(format!("is no YAML: {error}")))?;
    let clouds = root
        .get("clouds")
        .and_then(Value::as_mapping)
        .ok_or_else(|| wrong("found no mapping \"clouds\": expected clouds.<name>".into()))?;
    match clouds.get(cloud) {
        Some(Value::Mapping(keys)) => Ok(keys.clone()),
        Some(_) => Err(wrong(format!("clouds.{cloud}: expected a mapping"))),
        None => {
            let known: Vec<_> = clouds.keys().filter_map(Value::as_str).collect();
            Err(ConfigError::NoSuchCloud {
                path: path.into(),
                cloud: cloud.into(),
                suggestion: nearest(cloud, known.iter().copied()).map(str::to_owned),
                known: known.into_iter().map(str::to_owned).collect(),
            })
        }
    }
}

/// Takes the credentials of the files away: they are not mixed with a cloud's.
fn drop_credentials(cloud: &str, values: &mut Values, findings: &mut Findings) {
    for name in CREDENTIALS {
        if let Some(raw) = values.remove("neutron", name) {
            let reason = format!("cloud {cloud:?} of the clouds.yaml is used");
            findings.warnings.push(Warning::new(
                raw.origin,
                OptionName::new("neutron", name).to_string(),
                WarningKind::NoEffect(reason),
            ));
        }
    }
}

struct Overlay<'a> {
    path: &'a Path,
    values: &'a mut Values,
    findings: &'a mut Findings,
}

impl Overlay<'_> {
    fn cloud(&mut self, cloud: &str, keys: &Mapping) {
        for (key, value) in keys {
            let name = key.as_str().unwrap_or_default();
            let full = format!("clouds.{cloud}.{name}");
            match (name, value) {
                ("auth", Value::Mapping(auth)) => self.auth(&full, auth),
                ("auth", _) => self.wrong(&full, "expected a mapping"),
                ("verify" | "insecure", value) => self.verify(name, &full, value),
                _ => self.key(name, full, value),
            }
        }
    }

    fn auth(&mut self, parent: &str, auth: &Mapping) {
        for (key, value) in auth {
            let name = key.as_str().unwrap_or_default();
            let full = format!("{parent}.{name}");
            let known = Neutron::GROUP.find(name);
            match known.filter(|spec| CREDENTIALS.contains(&spec.name)) {
                Some(spec) => self.option(spec.name, full, value),
                None => {
                    let suggestion = nearest(name, CREDENTIALS.iter().copied());
                    self.unknown(full, suggestion);
                }
            }
        }
    }

    fn key(&mut self, name: &str, full: String, value: &Value) {
        let find = |table: &[(&str, &'static str)]| {
            let (_, found) = table.iter().find(|(key, _)| *key == name)?;
            Some(*found)
        };
        if let Some(option) = find(RENAMED) {
            self.option(option, full, value);
        } else if let Some(reason) = find(UNUSED) {
            self.warn(full, WarningKind::NoEffect(reason.into()));
        } else if !name.ends_with("_api_version") {
            let keys = RENAMED.iter().map(|(key, _)| *key);
            self.unknown(full, nearest(name, keys.chain(["auth", "verify"])));
        }
    }

    /// `verify: false` is `insecure = true`.
    fn verify(&mut self, name: &str, full: &str, value: &Value) {
        let Value::Bool(flag) = value else {
            return self.wrong(full, "expected true or false");
        };
        let insecure = Value::Bool(*flag == (name == "insecure"));
        self.option("insecure", full.into(), &insecure);
    }

    /// Sets an option of `[neutron]` to a scalar.
    fn option(&mut self, name: &'static str, full: String, value: &Value) {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Bool(flag) => flag.to_string(),
            Value::Number(number) if !number.is_f64() => number.to_string(),
            Value::Number(_) => {
                return self.wrong(&full, "found a decimal number: write it in quotes");
            }
            Value::Null => return,
            _ => return self.wrong(&full, "expected one value, not a list or mapping"),
        };
        let Some(spec) = NEUTRON_TABLE.find(name) else {
            return;
        };
        let origin = Origin::Cloud {
            path: self.path.into(),
            key: full,
        };
        self.values
            .set(NEUTRON_TABLE, spec, Raw::verbatim(&text, origin));
    }

    fn wrong(&mut self, full: &str, expected: &str) {
        self.findings.errors.push(ConfigError::Clouds {
            path: self.path.into(),
            message: format!("{full}: {expected}"),
        });
    }

    fn unknown(&mut self, full: String, suggestion: Option<&str>) {
        let suggestion = suggestion.map(str::to_owned);
        self.warn(full, WarningKind::Unknown { suggestion });
    }

    fn warn(&mut self, key: String, kind: WarningKind) {
        let origin = Origin::Cloud {
            path: self.path.into(),
            key,
        };
        self.findings
            .warnings
            .push(Warning::new(origin, String::new(), kind));
    }
}
