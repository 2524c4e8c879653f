//! From the sources to a [`Config`], in the steps that the crate's page draws.

mod gather;
mod reader;
mod substitute;

use std::path::PathBuf;

pub(crate) use gather::{Raw, Values};
pub(crate) use reader::Reader;

use crate::options::Neutron;
use crate::sources::{DEFAULT_FILE, Disk, Memory, ReadFiles, Role, Sources};
use crate::warning::{Warning, WarningKind};
use crate::{Config, ConfigError, ConfigErrors, auth, check, clouds, ini};

/// A configuration that can be used.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// What the operator should know of it.
    pub warnings: Vec<Warning>,
}

/// What the steps of loading found to say.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) errors: Vec<ConfigError>,
    pub(crate) warnings: Vec<Warning>,
}

impl Config {
    /// Loads a configuration from this machine.
    ///
    /// # Errors
    /// Every error that could be found, not only the first.
    pub fn load(sources: &Sources) -> Result<Loaded, ConfigErrors> {
        Self::load_from(sources, &Disk)
    }

    /// Loads a configuration from one text in the form of `kuryr.conf`, without
    /// the environment.
    ///
    /// # Errors
    /// As [`Config::load`]; the file's name in messages is `kuryr.conf`.
    pub fn from_text(text: &str, role: Role) -> Result<Loaded, ConfigErrors> {
        let path = PathBuf::from("kuryr.conf");
        let sources = Sources {
            config_files: vec![path.clone()],
            role,
            ..Sources::default()
        };
        Self::load_from(&sources, &Memory::default().with(path, text))
    }

    /// Loads a configuration from any file system.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn load_from(sources: &Sources, files: &dyn ReadFiles) -> Result<Loaded, ConfigErrors> {
        let mut findings = Findings::default();
        let mut values = gather_all(sources, files, &mut findings);
        if sources.role != Role::Daemon {
            let mut ahead = Reader::new(&values);
            if let Some(neutron) = Neutron::read(&mut ahead) {
                clouds::overlay(&neutron, sources, files, &mut values, &mut findings);
            }
        }
        let mut reader = Reader::new(&values);
        let config = Self::read(&mut reader);
        let Reader {
            bad,
            findings: read,
            ..
        } = reader;
        findings.errors.extend(read.errors);
        findings.warnings.extend(read.warnings);
        let Some(mut config) = config else {
            return Err(findings.into());
        };
        findings
            .errors
            .extend(check::check(&config, sources.role, &values, &bad));
        findings.warnings.extend(check::warn(&config, &values));
        if sources.role != Role::Daemon && !findings.has_cloud_error() {
            match auth::resolve(&config, sources.role, &values, &bad) {
                Ok(auth) => config.openstack = auth,
                Err(errors) => findings.errors.extend(errors),
            }
        }
        if !findings.errors.is_empty() {
            return Err(findings.into());
        }
        findings
            .warnings
            .sort_by_key(|warning| warning.origin.rank());
        Ok(Loaded {
            config,
            warnings: findings.warnings,
        })
    }
}

impl Findings {
    /// Whether the cloud that was named could not be read, so that nothing can
    /// be said of the credentials.
    fn has_cloud_error(&self) -> bool {
        use ConfigError::{Clouds, NoClouds, NoSuchCloud};
        let of_cloud = |error: &ConfigError| {
            matches!(error, Clouds { .. } | NoClouds { .. } | NoSuchCloud { .. })
        };
        self.errors.iter().any(of_cloud)
    }
}

impl From<Findings> for ConfigErrors {
    fn from(mut findings: Findings) -> Self {
        findings.errors.sort_by_key(ConfigError::rank);
        findings
            .warnings
            .sort_by_key(|warning| warning.origin.rank());
        Self {
            errors: findings.errors,
            warnings: findings.warnings,
        }
    }
}

/// One text for each option that is set, whatever sets it.
fn gather_all(sources: &Sources, files: &dyn ReadFiles, findings: &mut Findings) -> Values {
    let mut values = Values::with_env_defaults(sources);
    for path in config_paths(sources, files, findings) {
        let bytes = match files.read(&path) {
            Ok(bytes) => bytes,
            Err(source) => {
                findings.errors.push(ConfigError::Read { path, source });
                continue;
            }
        };
        let (entries, errors) = ini::parse(&bytes);
        let errors = errors.into_iter().map(|error| ConfigError::Syntax {
            path: path.clone(),
            error,
        });
        findings.errors.extend(errors);
        values.add_file(&path, entries, &mut findings.warnings);
    }
    values.add_environment(sources, findings);
    values
}

/// The files to read, in order.
fn config_paths(sources: &Sources, files: &dyn ReadFiles, findings: &mut Findings) -> Vec<PathBuf> {
    if sources.config_files.is_empty() && sources.config_dirs.is_empty() {
        let default = PathBuf::from(DEFAULT_FILE);
        let exists = !matches!(
            files.read(&default),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound
        );
        return exists.then_some(default).into_iter().collect();
    }
    let mut paths = sources.config_files.clone();
    for directory in &sources.config_dirs {
        match files.list(directory) {
            Ok(mut found) => {
                found.retain(|path| path.extension().is_some_and(|ext| ext == "conf"));
                found.sort();
                paths.extend(found);
            }
            Err(source) => findings.errors.push(ConfigError::Read {
                path: directory.clone(),
                source,
            }),
        }
    }
    paths
}

impl Warning {
    pub(crate) fn new(origin: crate::Origin, subject: String, kind: WarningKind) -> Self {
        Self {
            origin,
            subject,
            kind,
        }
    }
}
