//! One text for each option that is set: files over files, the environment
//! over files.

use std::collections::BTreeMap;
use std::path::Path;

use super::Findings;
use crate::error::{Found, OptionError, OptionName, Problem};
use crate::ini::Entry;
use crate::options::foreign_group;
use crate::spec::{GroupSpec, OptionSpec};
use crate::suggest::nearest;
use crate::warning::{Warning, WarningKind};
use crate::{Config, Origin, Sources};

/// The text that counts for an option.
#[derive(Debug, Clone)]
pub(crate) struct Raw {
    pub(crate) text: String,
    /// Line of the first continuation line.
    pub(crate) continued_at: Option<usize>,
    pub(crate) origin: Origin,
    /// A `$` stands for itself.
    pub(crate) verbatim: bool,
}

/// Texts by group and option.
#[derive(Debug, Default)]
pub(crate) struct Values(BTreeMap<(&'static str, &'static str), Raw>);

/// The group of that name. As in oslo.config, lower case counts the same,
/// except for `DEFAULT`.
pub(crate) fn find_group(name: &str) -> Option<&'static GroupSpec> {
    let named = |wanted: &str| Config::GROUPS.iter().find(|group| group.name == wanted);
    named(name).or_else(|| named(&name.to_lowercase()))
}

impl Values {
    /// Variables that give defaults.
    pub(crate) fn with_env_defaults(sources: &Sources) -> Self {
        let mut values = Self::default();
        for (group, spec) in every_option() {
            let variable = spec
                .default_env
                .and_then(|name| Some((name, sources.variable(name)?)));
            if let Some((name, text)) = variable {
                values.set(
                    group,
                    spec,
                    Raw::verbatim(text, Origin::Environment(name.into())),
                );
            }
        }
        values
    }

    pub(crate) fn get(&self, group: &str, name: &str) -> Option<&Raw> {
        self.0
            .iter()
            .find(|((of, option), _)| *of == group && *option == name)
            .map(|(_, raw)| raw)
    }

    /// Where an option was set.
    pub(crate) fn origin(&self, group: &str, name: &str) -> Origin {
        self.get(group, name)
            .map_or(Origin::BuiltIn, |raw| raw.origin.clone())
    }

    pub(crate) fn set(&mut self, group: &'static GroupSpec, spec: &'static OptionSpec, raw: Raw) {
        self.0.insert((group.name, spec.name), raw);
    }

    pub(crate) fn remove(&mut self, group: &'static str, name: &'static str) -> Option<Raw> {
        self.0.remove(&(group, name))
    }

    /// Every option that is set.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'static str, &'static str, &Raw)> {
        self.0
            .iter()
            .map(|((group, name), raw)| (*group, *name, raw))
    }

    /// A file over what is there.
    pub(crate) fn add_file(
        &mut self,
        path: &Path,
        entries: Vec<Entry>,
        warnings: &mut Vec<Warning>,
    ) {
        let origin = |line| Origin::File {
            path: path.into(),
            line,
        };
        let mut strangers: BTreeMap<String, (usize, Vec<String>)> = BTreeMap::new();
        for entry in entries {
            let Some(group) = find_group(&entry.section) else {
                let (_, names) = strangers
                    .entry(entry.section)
                    .or_insert((entry.line, Vec::new()));
                names.push(entry.name);
                continue;
            };
            let at = origin(entry.line);
            let Some(spec) = group.find(&entry.name) else {
                warnings.push(unknown_option(at, group, &entry.name));
                continue;
            };
            warnings.extend(older_name(&at, group, spec, &entry.name));
            warnings.extend(self.set_again(path, group, spec, entry.line));
            self.set(group, spec, Raw::of_entry(&entry, at));
        }
        for (name, (line, options)) in strangers {
            warnings.push(unknown_group(origin(line), &name, options));
        }
    }

    /// The warning about an assignment that a later one of the same file undoes.
    fn set_again(
        &self,
        path: &Path,
        group: &GroupSpec,
        spec: &OptionSpec,
        line: usize,
    ) -> Option<Warning> {
        let before = self.get(group.name, spec.name)?;
        let same_file = matches!(&before.origin, Origin::File { path: of, .. } if of == path);
        same_file.then(|| {
            let subject = OptionName::new(group.name, spec.name).to_string();
            Warning::new(
                before.origin.clone(),
                subject,
                WarningKind::SetAgain { line },
            )
        })
    }

    /// The environment over what is there.
    pub(crate) fn add_environment(&mut self, sources: &Sources, findings: &mut Findings) {
        for (variable, value) in &sources.env {
            let Some((group, spec, verbatim)) = option_of_variable(variable, findings) else {
                continue;
            };
            let origin = Origin::Environment(variable.clone());
            let Some(text) = value.to_str() else {
                findings.errors.push(
                    OptionError {
                        origin,
                        option: OptionName::new(group.name, spec.name),
                        found: Found::Nothing,
                        problem: Problem::NotUtf8,
                    }
                    .into(),
                );
                continue;
            };
            // OS_<GROUP>__<OPTION> comes before a variable of another name.
            let outranked = verbatim && sources.env.contains_key(&spec.env_name(group.name));
            if !outranked {
                let raw = Raw {
                    verbatim,
                    ..Raw::verbatim(text, origin)
                };
                self.set(group, spec, raw);
            }
        }
    }
}

impl Raw {
    /// A text in which `$` stands for itself.
    pub(crate) fn verbatim(text: &str, origin: Origin) -> Self {
        Self {
            text: text.to_owned(),
            continued_at: None,
            origin,
            verbatim: true,
        }
    }

    fn of_entry(entry: &Entry, origin: Origin) -> Self {
        Self {
            text: entry.lines.join("\n"),
            continued_at: (entry.lines.len() > 1).then_some(entry.line + 1),
            origin,
            verbatim: false,
        }
    }
}

/// Every option of the table with its group.
pub(crate) fn every_option() -> impl Iterator<Item = (&'static GroupSpec, &'static OptionSpec)> {
    Config::GROUPS
        .iter()
        .flat_map(|group| group.options.iter().map(move |spec| (group, spec)))
}

/// The option that a variable overrides, and whether a `$` in it stands for
/// itself. A variable of oslo.config's form that names no option is a warning.
fn option_of_variable(
    variable: &str,
    findings: &mut Findings,
) -> Option<(&'static GroupSpec, &'static OptionSpec, bool)> {
    if let Some((group, spec)) = every_option().find(|(_, spec)| spec.env == Some(variable)) {
        return Some((group, spec, true));
    }
    let (group, name) = variable.strip_prefix("OS_")?.split_once("__")?;
    let group = find_group(group)?;
    let name = name.to_lowercase();
    let Some(spec) = group.find(&name) else {
        let origin = Origin::Environment(variable.into());
        findings.warnings.push(unknown_option(origin, group, &name));
        return None;
    };
    Some((group, spec, false))
}

fn unknown_option(origin: Origin, group: &GroupSpec, name: &str) -> Warning {
    let here = nearest(name, group.options.iter().map(|spec| spec.name));
    let elsewhere = || {
        let same = |(_, spec): &(&GroupSpec, &OptionSpec)| spec.name == name;
        let (of, spec) = every_option().find(same)?;
        Some(OptionName::new(of.name, spec.name).to_string())
    };
    let suggestion = elsewhere().or_else(|| here.map(str::to_owned));
    let subject = OptionName::new(group.name, name).to_string();
    Warning::new(origin, subject, WarningKind::Unknown { suggestion })
}

fn unknown_group(origin: Origin, name: &str, options: Vec<String>) -> Warning {
    let kind = match foreign_group(name) {
        Some(reason) => WarningKind::NoEffect(reason.into()),
        None => WarningKind::UnknownGroup {
            options,
            suggestion: nearest(name, Config::GROUPS.iter().map(|group| group.name))
                .map(|group| format!("[{group}]")),
        },
    };
    Warning::new(origin, format!("[{name}]"), kind)
}

fn older_name(
    origin: &Origin,
    group: &GroupSpec,
    spec: &OptionSpec,
    name: &str,
) -> Option<Warning> {
    let older = name.replace('-', "_") != spec.name;
    older.then(|| {
        let subject = OptionName::new(group.name, name).to_string();
        let current = spec.name.to_owned();
        Warning::new(origin.clone(), subject, WarningKind::OlderName { current })
    })
}
